"""One writer at a time for each model's folder.

The lock is a lock of the system (`flock`, on Windows `LockFileEx`) on the empty file `.NAME.lock` beside the folder.
The system lets go of it when the process ends, however it ends. The file stays: if it were removed, one who waits with
the file open and one who makes it anew could both hold the lock.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from zuoci.errors import ModelFolderError
from zuoci.model.replacing import install, is_regular, sweep
from zuoci.text.folder import State, state_of

if TYPE_CHECKING:
    from collections.abc import Generator


@dataclass
class Hold:
    """What the process that holds the lock of a folder knows of it.

    Attributes:
        path: the folder, without links.
        pid: of the process.
        existed: whether the folder was there, at the beginning or after a save.
        accepted: whether `check_destination` found that a model can be saved in it.
        state: of the model in it, as this process knows it.
    """

    path: Path
    pid: int
    existed: bool
    accepted: bool
    state: State


_holds: dict[Path, Hold] = {}


def resolve(folder: str | os.PathLike[str]) -> Path:
    """A folder without links and without `.` and `..`, so that each has one name only.

    Raises:
        ModelFolderError: no folder can have that name.
    """
    try:
        path = Path(os.path.realpath(folder))
    except (OSError, ValueError) as error:
        raise ModelFolderError(f"{os.fspath(folder)!r} is no name of a folder: {error}; choose another name") from None
    if not path.name:
        raise ModelFolderError(f"{path} cannot hold a model; name a folder below it")
    return path


def hold_of(folder: str | os.PathLike[str]) -> Hold | None:
    """The hold of this process on a folder, if it has one."""
    hold = _holds.get(resolve(folder))
    return hold if hold and hold.pid == os.getpid() else None


@contextmanager
def locked(folder: str | os.PathLike[str]) -> Generator[None]:
    """Keeps other writers off a folder; at the beginning, ends what a writer that was killed began.

    The folders that it is in are made. The folder itself may be missing.

    Raises:
        ModelFolderError: another process or another part of this one has it, or its parent cannot be written to.
    """
    path = resolve(folder)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError:
        nearest = next(parent for parent in path.parents if os.path.lexists(parent))
        raise ModelFolderError(f"{folder} cannot be made: {nearest} is not a folder that you may write to") from None
    descriptor = _open(path.with_name(f".{path.name}.lock"), folder)
    try:
        _lock(descriptor, folder)
        try:
            install(path)
            sweep(path)
        except OSError as error:
            raise ModelFolderError(f"{folder} cannot be put right: {error.strerror or error}") from None
        _holds[path] = Hold(path, os.getpid(), path.is_dir(), accepted=False, state=state_of(path))
        try:
            yield
        finally:
            del _holds[path]
    finally:
        os.close(descriptor)  # and lets go of the lock


@contextmanager
def writing(folder: str | os.PathLike[str]) -> Generator[Hold]:
    """The hold of this process on a folder, which it gets for as long as this lasts if it has none.

    Raises:
        ModelFolderError: as `locked`.
    """
    hold = hold_of(folder)
    if hold:
        yield hold
        return
    with locked(folder):
        yield _holds[resolve(folder)]


def _open(file: Path, folder: str | os.PathLike[str]) -> int:
    """Opens a lock file without following a link, and without changing a file that is there."""
    if os.path.lexists(file) and not is_regular(file):
        raise ModelFolderError(
            f"{folder} cannot be locked: {file} is a link or no file; move that away, or choose another folder"
        )
    flags = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        try:
            return os.open(file, flags | os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        except FileExistsError:
            # Another user's may be read only, which is enough to lock it on most disks.
            return os.open(file, flags | (os.O_RDWR if os.access(file, os.W_OK) else os.O_RDONLY))
    except OSError as error:
        raise ModelFolderError(f"{folder} cannot be locked: {file}: {error.strerror or error}") from None


def _lock(descriptor: int, folder: str | os.PathLike[str]) -> None:
    from filelock import lock_descriptor  # it neither opens, truncates nor removes anything, as `FileLock` may

    try:
        free = lock_descriptor(descriptor, blocking=False)
    except OSError as error:
        raise ModelFolderError(f"{folder} cannot be locked: {error.strerror or error}") from None
    if not free:
        raise ModelFolderError(f"another zuoci trains into {folder}; wait, or choose another folder")
