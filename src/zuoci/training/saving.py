"""A trained model → its folder: weights, settings, figures, model card, fingerprint, windows of what its base has read.

`job` calls this at the end of a run; a program calls it as `zuoci.save_trained`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zuoci.errors import ModelFolderError
from zuoci.model.base import NO_BASE, base_folder
from zuoci.model.checkpoint import save
from zuoci.text.corpus import Corpus
from zuoci.text.fingerprint import Fingerprint
from zuoci.text.window_filter import WindowFilter
from zuoci.training.card import model_card

if TYPE_CHECKING:
    from os import PathLike
    from pathlib import Path

    from zuoci.training.reports import EndReport


def save_trained(end: EndReport, folder: str | PathLike[str], *, overwrite: bool = False) -> Path:
    """Saves the model of a finished run with its settings, figures, metrics, model card and fingerprint.

    Args:
        end: the last report of the run.
        folder: must not exist, or be empty.
        overwrite: replace the model in that folder.

    Returns:
        The folder.

    Raises:
        ModelFolderError: the folder is taken or cannot be written. The message says where the model was saved instead.
    """
    training = end.settings.training
    settings, figures = training.model_dump(mode="json"), end.as_dict()
    return save(
        end.model,
        folder,
        training=settings,
        report=figures,
        metrics=[report.as_dict() for report in end.rounds],
        card=model_card(figures, settings),
        fingerprint=_fingerprint_of(end),
        base_windows=_windows_of(training.base),
        overwrite=overwrite,
        keep=True,
        in_8_bits=training.in_8_bits,
    )


def _fingerprint_of(end: EndReport) -> Fingerprint | None:
    """The fingerprint of the corpus; None if it is not wanted, or the corpus is not in memory."""
    if not end.settings.training.fingerprint or not isinstance(end.corpus, Corpus):
        return None
    return Fingerprint.of(end.corpus, join_lines=end.settings.training.join_lines)


def _windows_of(base: str) -> WindowFilter | None:
    """What a base model has read; None if nothing says so. A model is never lost for it."""
    try:
        return WindowFilter.find(base_folder(base)) if base != NO_BASE else None
    except ModelFolderError:
        return None
