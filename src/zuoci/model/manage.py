"""Models as a whole: they are deleted, renamed, and added from elsewhere. The studio does so for its user."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from zuoci.errors import Message, ModelFolderError
from zuoci.model.checkpoint import load, reason_of, write_folder
from zuoci.model.lock import locked, resolve
from zuoci.model.replacing import is_regular
from zuoci.text.folder import FILES, is_directory
from zuoci.text.sources import holds_model

if TYPE_CHECKING:
    from collections.abc import Mapping


def delete_model(folder: str | os.PathLike[str]) -> None:
    """Deletes the files of a model, also of a damaged one, and its folder if nothing else is in it.

    Raises:
        ModelFolderError: zuoci did not write the folder, another process trains into it, or a file cannot be deleted.
    """
    path = resolve(folder)
    with locked(folder):
        _check_ours(Path(folder))
        try:
            for name in reversed(FILES):  # the configuration first: what is left is no model
                if is_regular(path / name):
                    (path / name).unlink()
        except OSError as error:
            raise ModelFolderError(f"{folder} cannot be deleted: {reason_of(error)}") from None
        for place in (path / "training", path):
            with suppress(OSError):  # something else is in it
                place.rmdir()


def rename_model(folder: str | os.PathLike[str], target: str | os.PathLike[str]) -> None:
    """Gives the folder of a model another name.

    Raises:
        ModelFolderError: the name is taken, zuoci did not write the folder, or another process trains into it.
    """
    path, goal = resolve(folder), resolve(target)
    with locked(folder), locked(target):
        _check_ours(Path(folder))
        _check_free(goal)
        try:
            path.rename(goal)
        except OSError as error:
            raise ModelFolderError(f"{folder} cannot be renamed: {reason_of(error)}") from None


def add_model(folder: str | os.PathLike[str], contents: Mapping[str, bytes]) -> None:
    """Writes a model that comes from elsewhere into a new folder, after it has been loaded once.

    Args:
        folder: the folder; it must not exist.
        contents: the contents of its files, by names from `FILES`.

    Raises:
        ModelFolderError: the folder exists, the contents are not a sound model, or they cannot be written.
    """
    path = resolve(folder)
    with locked(folder):
        _check_free(path)
        try:
            write_folder(path, contents, check=load)
        except OSError as error:
            raise ModelFolderError(f"{folder} cannot be saved: {reason_of(error)}") from None


def _check_ours(path: Path) -> None:
    if not is_directory(path) or not holds_model(path):
        raise ModelFolderError(Message("not_ours", "{folder} holds no model that zuoci wrote", folder=str(path)))


def _check_free(path: Path) -> None:
    if os.path.lexists(path):
        raise ModelFolderError(Message("taken", "{folder} exists already; choose another name", folder=str(path)))
