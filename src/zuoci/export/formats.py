"""A saved model → a file to give away: a web page, an ONNX graph, or a zip of the model's folder.

`zuoci export` and the studio's download call `export_model`, which finds all that belongs into the file.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from zuoci.errors import ModelFolderError
from zuoci.export.archive import export_zip
from zuoci.export.html import export_html, rhyme_table
from zuoci.export.onnx import export_onnx
from zuoci.model.base import model_folder
from zuoci.model.checkpoint import load
from zuoci.model.figures import load_report
from zuoci.text.fingerprint import Fingerprint
from zuoci.text.sources import readable
from zuoci.text.window_filter import WindowFilter
from zuoci.writing.line_judge import LineJudge

if TYPE_CHECKING:
    from zuoci.export.quantisation import Precision

Format: TypeAlias = Literal["html", "onnx", "zip"]


@dataclass(frozen=True)
class Exported:
    """What `export_model` has written.

    Attributes:
        size: the bytes of the file.
        loss: of a page for which a text was given: the scores of the model on that text `before` and `after` its
            weights were written in fewer bits.
        notes: what was left out, one line each.
    """

    size: int
    loss: dict[str, dict[str, Any]] | None = None
    notes: tuple[str, ...] = ()


def export_model(
    folder: str | os.PathLike[str],
    file: str | os.PathLike[str],
    kind: Format,
    *,
    precision: Precision = "int8",
    title: str = "",
    text: str = "",
    overwrite: bool = False,
) -> Exported:
    """Writes a saved model into one file.

    Args:
        folder: the model's folder.
        file: the file to write.
        kind: what the file is to be.
        precision: the type of the weights in a page.
        title: the title of a page; "": the name of the model.
        text: a text that the model was not trained on, to measure what a page's precision costs; "": not measured.
        overwrite: replace a file that exists.

    Raises:
        ModelFolderError: the folder holds no model, or a damaged one.
        SettingsError: the file exists or cannot be written, the precision cannot hold the weights, or an extra that
            the format needs is not installed.
        CorpusError: the text has fewer than two characters that the model knows.
    """
    if kind == "zip":
        return Exported(export_zip(Path(folder), file, overwrite=overwrite))
    model = load(folder)
    if kind == "onnx":
        notes = ("the graph is the network alone: the counts that the model is mixed with are not in it",)
        return Exported(export_onnx(model, file, overwrite=overwrite), notes=notes if model.mixture else ())
    report, notes = _report(folder)
    path = model_folder(folder)
    windows = WindowFilter.find(path)
    figures = export_html(
        model,
        file,
        precision=precision,
        title=readable(title or Path(folder).resolve().name),
        report=report,
        text=text,
        rhymes=rhyme_table(model.vocabulary.characters),
        fingerprint=Fingerprint.find(path),
        judge=LineJudge.of_base(windows.about.name) if windows else None,
        overwrite=overwrite,
    )
    return Exported(figures["bytes"], figures["loss"], notes)


def _report(folder: str | os.PathLike[str]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The figures of the training run for a page, and a note if they are damaged: a page can do without them."""
    try:
        report = load_report(folder)
        json.dumps(report, allow_nan=False)
    except ModelFolderError as error:
        return {}, (f"the page has no training figures: {error}",)
    except ValueError:
        return {}, (f"the page has no training figures: those in {os.fspath(folder)} hold numbers that are not finite",)
    return report, ()
