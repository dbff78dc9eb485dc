"""`zuoci export`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

import typer

from zuoci.cli import say, say_notes
from zuoci.cli.score import saved_report
from zuoci.errors import SettingsError


def command(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A folder that training has written.")],
    page: Annotated[
        Path | None,
        typer.Option("--html", help="A page that writes with the model in any browser, offline.", metavar="FILE"),
    ] = None,
    onnx: Annotated[
        Path | None, typer.Option("--onnx", help="An ONNX graph of one step, for other programs.", metavar="FILE")
    ] = None,
    precision: Annotated[Literal["int8", "float16"], typer.Option(help="Of the weights in the page.")] = "int8",
    text: Annotated[
        Path | None,
        typer.Option(
            help="A text that the model was not trained on, to measure what the precision costs.", metavar="FILE"
        ),
    ] = None,
    title: Annotated[str, typer.Option(help="Of the page; by default the model's name.")] = "",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")] = False,
) -> None:
    """Gives a model away."""
    if not (page or onnx):
        raise SettingsError("nothing to export: name a file with --html, --onnx or both")
    if text and not page:
        raise SettingsError("a text is there to measure the page's precision: give --html too, or leave it out")
    from zuoci.export.html import export_html, rhymes_of
    from zuoci.export.onnx import export_onnx
    from zuoci.model.checkpoint import load
    from zuoci.model.output import check_output
    from zuoci.text.corpus import read_corpus
    from zuoci.text.fingerprint import Fingerprint
    from zuoci.text.sources import readable

    for file in filter(None, (page, onnx)):
        check_output(file, overwrite=overwrite)
    if page and onnx and os.path.realpath(page) == os.path.realpath(onnx):
        raise SettingsError(f"{page} cannot be both the page and the graph: name two files")
    loaded = load(model)
    if page:
        songs = read_corpus(text) if text else None
        say_notes(songs.notes if songs else ())
        figures = export_html(
            loaded,
            page,
            precision=precision,
            title=readable(title or model.resolve().name),
            report=saved_report(model),
            text=songs.text if songs else "",
            rhymes=rhymes_of(loaded.vocabulary.characters),
            fingerprint=Fingerprint.find(model),
            overwrite=overwrite,
        )
        say(f"the page is in {page}: {figures['bytes'] / 1e6:.2f} MB, weights in {precision}; {_loss(figures['loss'])}")
    if onnx:
        size = export_onnx(loaded, onnx, overwrite=overwrite)
        say(f"the ONNX graph is in {onnx}: {size / 1e6:.2f} MB")


def _loss(loss: dict[str, dict[str, float]] | None) -> str:
    if not loss:
        return "what that costs was not measured: no --text was given"
    before, after = (loss[when]["perplexity"] for when in ("before", "after"))
    return f"perplexity {before:.2f} before and {after:.2f} after, over {loss['after']['characters']:,} characters"
