"""Whether and where a model can be saved: checks before any work, and other places for a save that failed.

`checkpoint` and `zuoci.training.job` call it; the files themselves are written by `replacing`.
"""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from zuoci.errors import ModelFolderError
from zuoci.model.lock import Hold, hold_of, resolve
from zuoci.model.replacing import discard, in_the_way, staging_folder, undeletable, write_durably
from zuoci.text.folder import CONFIG, TRAINING, is_directory, is_model, is_unfinished, state_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def check_destination(folder: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Checks, before any work, that a model can be saved in a folder.

    If the caller holds the lock of the folder (`locked`), files that appear in the folder later are accepted.

    Args:
        folder: the folder; it may be missing.
        overwrite: whether a model or a stopped run in it may be replaced.

    Returns:
        The folder.

    Raises:
        ModelFolderError: the folder holds something else; it holds a model or a stopped run, and `overwrite` is
            false; something else has the name of a file of the model; or the folder cannot be written.
    """
    path = resolve(folder)
    try:
        refuse(folder, path, overwrite=overwrite, among_others=False)
        nearest = next(parent for parent in (path, *path.parents) if parent.exists())
        if nearest in (path, path.parent):
            stage = staging_folder(path)
            stage.mkdir()
            try:
                write_durably(stage / CONFIG, b"")
                (stage / CONFIG).read_bytes()
            finally:
                discard(stage)
        writable = [nearest, *filter(Path.exists, [path / TRAINING])]
        if not all(place.is_dir() and os.access(place, os.W_OK | os.X_OK) for place in writable):
            raise PermissionError(None, "not a folder that you may write to", str(writable[-1]))
    except OSError as error:
        raise ModelFolderError(f"{folder} cannot be made: {error.strerror or error}; choose another folder") from None
    if hold := hold_of(path):
        hold.accepted = True
    return Path(folder)


def refuse(folder: str | os.PathLike[str], path: Path, *, overwrite: bool, among_others: bool) -> None:
    """Raises an error if a model must not be saved in a folder.

    Args:
        folder: the folder as the user named it.
        path: the same without links.
        overwrite: whether a model or a stopped run may be replaced.
        among_others: whether a folder with other files is accepted.

    Raises:
        ModelFolderError: as in `check_destination`.
        OSError: the folder cannot be read.
    """
    if os.path.lexists(folder) and not path.is_dir():
        raise ModelFolderError(f"{folder} exists and is not a folder; choose another name")
    if not path.is_dir():
        return
    model, unfinished = is_model(path), is_unfinished(path)
    if unfinished and not overwrite:
        raise ModelFolderError(
            f"{folder} holds a run that was stopped; continue it with --resume, set overwrite to replace it, or "
            "choose another folder"
        )
    if model and not overwrite:
        raise ModelFolderError(f"{folder} holds a model already; choose another folder, or set overwrite to replace it")
    others = (entry for entry in path.iterdir() if not (entry.name == TRAINING and _is_empty(entry)))
    if not (model or unfinished or among_others) and any(others):
        raise ModelFolderError(f"{folder} exists and holds something that is not a model; choose another folder")
    if entry := in_the_way(path):
        raise ModelFolderError(
            f"{entry} is in the way: zuoci did not write it, and a model needs a file of that name; move it away, or "
            "choose another folder"
        )
    if entry := undeletable(path):
        raise ModelFolderError(
            f"{entry} cannot be replaced: it belongs to another user, and in {entry.parent} only the owner of a file "
            "may do that; choose another folder"
        )


def _is_empty(folder: Path) -> bool:
    return is_directory(folder) and not any(folder.iterdir())


def check_unchanged(folder: str | os.PathLike[str], hold: Hold) -> None:
    """Raises a ModelFolderError if a folder was moved, removed or replaced after this process locked it."""
    if not hold.path.parent.is_dir() or (hold.existed and not hold.path.is_dir()):
        raise ModelFolderError(f"{folder} is gone: it was moved or removed meanwhile")
    if state_of(hold.path) != hold.state:
        raise ModelFolderError(f"{folder} holds another model than before: another program changed it meanwhile")


def or_elsewhere(
    folder: str | os.PathLike[str], keep: bool, what: str, write: Callable[[str | os.PathLike[str]], None]
) -> None:
    """Saves into a folder; if that fails and `keep` is true, into another one, which the error names.

    Args:
        folder: the folder.
        keep: whether to try other places.
        what: model or run, for the message.
        write: saves into the folder that it is called with.

    Raises:
        ModelFolderError: the save into `folder` failed.
    """
    try:
        write(folder)
    except ModelFolderError as error:
        if not keep:
            raise
        kept = next((place for place in _other_places(resolve(folder)) if _succeeds(write, place)), None)
        where = f"the {what} is kept in {kept}" if kept else "and there is no other place to keep it"
        raise ModelFolderError(f"{error}; {where}") from None


def _other_places(path: Path) -> Iterator[Path]:
    """Other places for a folder, which do not exist yet: beside it, and among the temporary files."""
    if path.parent.is_dir():
        beside = (path.with_name(f"{path.name}-{number}") for number in itertools.count(2))
        yield next(place for place in beside if not os.path.lexists(place))
    with suppress(OSError):
        temporary = Path(tempfile.mkdtemp(prefix="zuoci-"))
        yield temporary / path.name
        shutil.rmtree(temporary)  # reached only if the save failed there too


def _succeeds(write: Callable[[str | os.PathLike[str]], None], place: Path) -> bool:
    try:
        write(place)
    except ModelFolderError:
        return False
    return True
