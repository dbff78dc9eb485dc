"""Whether and where a model can be saved."""

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
from zuoci.model.replacing import discard, fixed, in_the_way, staging_folder, write_durably
from zuoci.text.folder import CONFIG, TRAINING, is_directory, is_model, is_unfinished, state_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def check_destination(folder: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Makes sure, before any work, that a model can be saved in a folder.

    Under its lock (`locked`), whatever other files come into the folder later will be no obstacle.

    Raises:
        ModelFolderError: it exists and holds something else; or it holds a model or an unfinished run, and
            `overwrite` is false; or something else stands where a file of the model has to be.
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
    """Raises an error if a model must not be saved in a folder as it is now."""
    if os.path.lexists(folder) and not path.is_dir():
        raise ModelFolderError(f"{folder} exists and is not a folder; choose another name")
    if not path.is_dir():
        return
    model, unfinished = is_model(path), is_unfinished(path)
    if unfinished and not overwrite:
        raise ModelFolderError(
            f"{folder} holds a run that was stopped; go on with --resume, ask for an overwrite, or choose another "
            "folder"
        )
    if model and not overwrite:
        raise ModelFolderError(f"{folder} holds a model already; choose another folder, or ask for an overwrite")
    others = (entry for entry in path.iterdir() if not (entry.name == TRAINING and _is_empty(entry)))
    if not (model or unfinished or among_others) and any(others):
        raise ModelFolderError(f"{folder} exists and holds something that is no model; choose another folder")
    if entry := in_the_way(path):
        raise ModelFolderError(
            f"{entry} is in the way: zuoci did not write it, and a model has a file there; move it away, or choose "
            "another folder"
        )
    if entry := fixed(path):
        raise ModelFolderError(
            f"{entry} cannot be replaced: it belongs to another user, and {entry.parent} lets only its owner do that; "
            "choose another folder"
        )


def _is_empty(folder: Path) -> bool:
    return is_directory(folder) and not any(folder.iterdir())


def check_unchanged(folder: str | os.PathLike[str], hold: Hold) -> None:
    """Makes sure that nobody has moved, removed or replaced a folder since its lock was taken."""
    if not hold.path.parent.is_dir() or (hold.existed and not hold.path.is_dir()):
        raise ModelFolderError(f"{folder} is gone: it was moved or removed meanwhile")
    if state_of(hold.path) != hold.state:
        raise ModelFolderError(f"{folder} holds another model than before: another program changed it meanwhile")


def or_elsewhere(
    folder: str | os.PathLike[str], keep: bool, what: str, write: Callable[[str | os.PathLike[str]], None]
) -> None:
    """Writes to a folder, or if that fails and `keep` is true, to another one, which the error names."""
    try:
        write(folder)
    except ModelFolderError as error:
        if not keep:
            raise
        kept = next((place for place in _other_places(resolve(folder)) if _succeeds(write, place)), None)
        where = f"the {what} is kept in {kept}" if kept else "and there is no other place to keep it"
        raise ModelFolderError(f"{error}; {where}") from None


def _other_places(path: Path) -> Iterator[Path]:
    """Folders that do not exist: beside a folder, or else where temporary files are."""
    if path.parent.is_dir():
        beside = (path.with_name(f"{path.name}-{number}") for number in itertools.count(2))
        yield next(place for place in beside if not os.path.lexists(place))
    with suppress(OSError):
        temporary = Path(tempfile.mkdtemp(prefix="zuoci-"))
        yield temporary / path.name
        shutil.rmtree(temporary)  # nothing could be kept there


def _succeeds(write: Callable[[str | os.PathLike[str]], None], place: Path) -> bool:
    try:
        write(place)
    except ModelFolderError:
        return False
    return True
