"""Learning curves: an image of a run's figures (`zuoci plot`), and a log for TensorBoard (`zuoci train`).

`zuoci lesson --save-plot` writes its image with `save_figure` as well.
"""

from __future__ import annotations

import io
import re
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zuoci.errors import ModelFolderError, SettingsError
from zuoci.model.figures import parse_metrics
from zuoci.model.output import check_output, write_output
from zuoci.text.folder import CONFIG, METRICS, UNFINISHED, read_files
from zuoci.training.reports import EvalReport, StepReport
from zuoci.training.resume import parse_run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from os import PathLike

    from matplotlib.figure import Figure


# The image formats that matplotlib writes without other programs.
_KINDS = ("eps", "jpeg", "jpg", "pdf", "png", "ps", "svg", "tif", "tiff", "webp")
# No dates in the files, so that the same figures give the same bytes. `draw_curve` removes the date of PostScript.
_DATELESS = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
_STYLE: dict[Any, Any] = {
    "svg.hashsalt": "zuoci",
    "svg.fonttype": "none",
    "text.usetex": False,
    "ps.usedistiller": None,
}


def read_metrics(folder: str | PathLike[str]) -> list[dict[str, Any]]:
    """The figures of each evaluation of a run that has finished or was stopped.

    Args:
        folder: the folder of its model.

    Returns:
        One dictionary per evaluation, as `EvalReport.as_dict` makes it.

    Raises:
        ModelFolderError: the folder holds no run, or a run that was not evaluated yet, or the figures are damaged.
    """
    path = Path(folder)
    files = read_files(path, [CONFIG, METRICS, UNFINISHED])  # in one go, since the run may end meanwhile
    if UNFINISHED in files and CONFIG not in files:
        stored = parse_run(path / UNFINISHED, files[UNFINISHED])
        rounds = [report.as_dict() for report in stored.now.progress.rounds]
    else:
        rounds = parse_metrics(path / METRICS, files.get(METRICS, b""))
    if not rounds:
        raise ModelFolderError(f"{path / METRICS} holds nothing to draw: the run was not evaluated yet")
    return rounds


def check_image(file: str | PathLike[str], *, overwrite: bool = False) -> str:
    """Checks, before any work, that an image can be drawn and written.

    Args:
        file: the image. Its suffix selects the format: eps, jpeg, jpg, pdf, png, ps, svg, tif, tiff or webp.
        overwrite: whether it may be replaced.

    Returns:
        The format.

    Raises:
        SettingsError: matplotlib is not installed, the format is unknown, or the file exists or cannot be written.
    """
    kind = check_output(file, overwrite=overwrite).suffix[1:].lower()
    if kind not in _KINDS:
        raise SettingsError(f"{file} cannot be drawn: its suffix must be one of .{', .'.join(_KINDS)}")
    if find_spec("matplotlib") is None:
        raise SettingsError("drawing needs matplotlib: pip install 'zuoci[plot]'")
    return kind


def draw_curve(rounds: Sequence[Mapping[str, Any]], file: str | PathLike[str], *, overwrite: bool = False) -> None:
    """Draws training and held-out perplexity over the characters trained on. The same figures give the same bytes.

    Args:
        rounds: from `read_metrics`.
        file: the image, as in `check_image`.
        overwrite: replace a file that exists.

    Raises:
        SettingsError: as in `check_image`.
    """
    check_image(file, overwrite=overwrite)
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    _plot(figure.add_subplot(), rounds)
    save_figure(figure, file, overwrite=overwrite)


def save_figure(figure: Figure, file: str | PathLike[str], *, overwrite: bool = False) -> None:
    """Writes a figure as an image. The same figure gives the same bytes.

    Raises:
        SettingsError: as in `check_image`.
    """
    import matplotlib as mpl

    kind = check_image(file, overwrite=overwrite)
    image = io.BytesIO()
    with mpl.rc_context(_STYLE):
        try:
            figure.savefig(image, format=kind, metadata=_DATELESS.get(kind))
        except ValueError as error:
            raise SettingsError(f"{file} cannot be drawn: {str(error).splitlines()[0]}") from None
    data = image.getvalue()
    if kind in ("eps", "ps"):
        data = re.sub(rb"(?m)^%%CreationDate: .*\n", b"", data, count=1)
    write_output(file, data, overwrite=overwrite)


def _plot(axes: Any, rounds: Sequence[Mapping[str, Any]]) -> None:
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


class TensorBoard:
    """Logs the reports of a run for TensorBoard."""

    def __init__(self, folder: str | PathLike[str]) -> None:
        """Opens a log.

        Args:
            folder: created if it does not exist.

        Raises:
            SettingsError: tensorboard is not installed, or the folder cannot be written.
        """
        try:
            from torch.utils.tensorboard.writer import SummaryWriter
        except ImportError:
            raise SettingsError("--tensorboard needs tensorboard: pip install 'zuoci[tensorboard]'") from None
        self._folder = folder
        try:
            self._writer = SummaryWriter(str(folder))
        except OSError as error:
            raise SettingsError(f"{folder} cannot be written: {error.strerror or error}") from None

    def after(self, report: object) -> str:
        """Logs a report.

        Returns:
            "" if it was logged, else the reason why it could not be written.
        """
        try:
            self._log(report)
        except OSError as error:  # of an earlier report: a thread writes them
            return f"the log in {self._folder} cannot be written: {error.strerror or error}"
        return ""

    def _log(self, report: object) -> None:
        if isinstance(report, StepReport):
            self._writer.add_scalar("step/nll", report.nll, report.step)
        elif isinstance(report, EvalReport):
            self._writer.add_scalar("learning_rate", report.learning_rate, report.step)
            self._writer.add_scalar("perplexity/training", report.train.perplexity, report.step)
            if report.validation:
                self._writer.add_scalar("perplexity/held_out", report.validation.perplexity, report.step)

    def close(self) -> None:
        """Writes what is still in memory, and closes the log. Errors are ignored."""
        with suppress(OSError):
            self._writer.close()
