"""The course of a run, for the eye."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from zuoci.errors import ModelFolderError, SettingsError
from zuoci.model.checkpoint import METRICS, is_model, is_unfinished, load_metrics
from zuoci.model.output import check_output, write_output
from zuoci.training.reports import EvalReport, StepReport
from zuoci.training.resume import load_run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from os import PathLike


_DATELESS = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}  # so that the same figures give the same bytes


class _Figures(BaseModel):
    nll: float | None
    perplexity: float | None

    model_config = ConfigDict(allow_inf_nan=False)


class _Round(BaseModel):
    characters: int = Field(ge=0, lt=2**63)
    train: _Figures
    validation: _Figures | None


def read_metrics(folder: str | PathLike[str]) -> list[dict[str, Any]]:
    """The figures of each evaluation of a run, finished or stopped.

    Raises:
        ModelFolderError: the folder holds no run, or one that was never evaluated; or its figures are damaged.
    """
    path = Path(folder)
    stopped = is_unfinished(path) and not is_model(path)
    rounds = load_run(path).now.progress.rounds if stopped else load_metrics(path)
    if not rounds:
        raise ModelFolderError(f"{path / METRICS} holds nothing to draw: the run was not evaluated yet")
    try:
        TypeAdapter(list[_Round]).validate_python(rounds)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ModelFolderError(f"{path / METRICS} is damaged: {where}: {first['msg']}") from None
    return rounds


def draw_curve(rounds: Sequence[Mapping[str, Any]], file: str | PathLike[str], *, overwrite: bool = False) -> None:
    """Draws training and held-out perplexity over characters seen; the same figures give the same bytes.

    Args:
        rounds: from `read_metrics`.
        file: an image; its ending says which kind.
        overwrite: replace a file.

    Raises:
        SettingsError: matplotlib is not installed, or knows no such kind; the file exists or cannot be written.
    """
    kind = check_output(file, overwrite=overwrite).suffix[1:].lower()
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError:
        raise SettingsError("drawing needs matplotlib: pip install 'zuoci[plot]'") from None
    with mpl.rc_context({"svg.hashsalt": "zuoci", "svg.fonttype": "none"}):
        figure = Figure(figsize=(7, 4), layout="constrained")
        axes = figure.add_subplot()
        for name, label in (("train", "training"), ("validation", "held out")):
            points = [
                (figures["characters"], figures[name]["perplexity"])
                for figures in rounds
                if figures[name] and figures[name]["perplexity"] is not None
            ]
            if points:
                axes.plot(*zip(*points, strict=True), label=label, marker="o", markersize=3)
        axes.set(xlabel="characters seen", ylabel="perplexity", yscale="log")
        axes.grid(visible=True, which="both", alpha=0.3)
        axes.legend()
        image = io.BytesIO()
        try:
            figure.savefig(image, format=kind, metadata=_DATELESS.get(kind))
        except ValueError as error:
            raise SettingsError(f"{file} cannot be drawn: {str(error).splitlines()[0]}") from None
    write_output(file, image.getvalue(), overwrite=overwrite)


class TensorBoard:
    """Writes the reports of a run for TensorBoard."""

    def __init__(self, folder: str | PathLike[str]) -> None:
        """Opens a log.

        Raises:
            SettingsError: tensorboard is not installed, or the folder cannot be written.
        """
        try:
            from torch.utils.tensorboard.writer import SummaryWriter
        except ImportError:
            raise SettingsError("--tensorboard needs tensorboard: pip install 'zuoci[tensorboard]'") from None
        try:
            self._writer = SummaryWriter(str(folder))
        except OSError as error:
            raise SettingsError(f"{folder} cannot be written: {error.strerror or error}") from None

    def after(self, report: object) -> None:
        """Logs a report."""
        if isinstance(report, StepReport):
            self._writer.add_scalar("step/nll", report.nll, report.step)
        elif isinstance(report, EvalReport):
            self._writer.add_scalar("learning_rate", report.learning_rate, report.step)
            self._writer.add_scalar("perplexity/training", report.train.perplexity, report.step)
            if report.validation:
                self._writer.add_scalar("perplexity/held_out", report.validation.perplexity, report.step)

    def close(self) -> None:
        """Writes what is left."""
        self._writer.close()
