"""A trained model → its folder: weights, settings, figures, model card and fingerprint.

`job` calls this at the end of a run; a program calls it as `zuoci.save_trained`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zuoci.model.checkpoint import save
from zuoci.text.fingerprint import Fingerprint
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
        fingerprint=Fingerprint.of(end.corpus, join_lines=training.join_lines) if training.fingerprint else None,
        overwrite=overwrite,
        keep=True,
    )
