"""`zuoci export`: a model as a web page or an ONNX graph."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from zuoci.cli import say, say_notes
from zuoci.cli.options import Encoding
from zuoci.errors import SettingsError
from zuoci.text.read_config import ReadConfig


def command(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="Folder of a model; or zh or en, the base models.")],
    page: Annotated[
        Path | None,
        typer.Option("--html", help="Write a web page that writes with the model, offline.", metavar="FILE"),
    ] = None,
    onnx: Annotated[
        Path | None, typer.Option("--onnx", help="Write an ONNX graph of one step, for other programs.", metavar="FILE")
    ] = None,
    precision: Annotated[Literal["int8", "float16"], typer.Option(help="Type of the weights in the page.")] = "int8",
    text: Annotated[
        Path | None,
        typer.Option(
            help="A text that the model was not trained on, to measure what the precision costs.", metavar="FILE"
        ),
    ] = None,
    encoding: Encoding = "",
    title: Annotated[str, typer.Option(help="Title of the page; by default the model's name.")] = "",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")] = False,
) -> None:
    """Exports a model to give it away: as a web page, as an ONNX graph, or as both."""
    if not (page or onnx):
        raise SettingsError("nothing to export: name a file with --html, --onnx or both")
    if text and not page:
        raise SettingsError("--text measures the precision of a page: give --html too, or leave --text out")
    from zuoci.export.formats import export_model
    from zuoci.model.output import check_output
    from zuoci.text.corpus import read_corpus

    for file in filter(None, (page, onnx)):
        check_output(file, overwrite=overwrite)
    if page and onnx and os.path.realpath(page) == os.path.realpath(onnx):
        raise SettingsError(f"{page} cannot be both the page and the graph: name two files")
    if page:
        corpus = read_corpus(text, ReadConfig(encoding=encoding)) if text else None
        say_notes(corpus.notes if corpus else ())
        exported = export_model(
            model,
            page,
            "html",
            precision=precision,
            title=title,
            text=corpus.text if corpus else "",
            overwrite=overwrite,
        )
        say_notes(exported.notes)
        say(f"the page is in {page}: {exported.size / 1e6:.2f} MB, weights in {precision}; {_cost(exported.loss)}")
    if onnx:
        exported = export_model(model, onnx, "onnx", overwrite=overwrite)
        say_notes(exported.notes)
        say(f"the ONNX graph is in {onnx}: {exported.size / 1e6:.2f} MB")


def _cost(loss: dict[str, dict[str, Any]] | None) -> str:
    if not loss:
        return "what that costs was not measured: no --text was given"
    before, after = (loss[when]["perplexity"] for when in ("before", "after"))
    return f"perplexity {before:.2f} before and {after:.2f} after, over {loss['after']['characters']:,} characters"
