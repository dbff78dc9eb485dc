"""One writer at a time for each folder of a model. Training and saving use it through `locked` and `writing`.

The lock is a system lock (`flock`, on Windows `LockFileEx`) on the file `.NAME.lock` beside the folder. The system
releases it when the process ends, however it ends. The holder removes the file at the end. Another process may have
opened the file just before that, and then gets the lock of a file that no longer has a name. So a process that gets a
lock checks that the file still has its name, and starts again if not. There is never more than one holder. A file that
was there before and does not hold `_MARK` belongs to somebody else, and is not removed.
"""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from zuoci.errors import ModelFolderError
from zuoci.model.replacing import install, is_regular, is_reserved, sweep
from zuoci.text.folder import State, state_of

if TYPE_CHECKING:
    from collections.abc import Generator


class InUseError(ModelFolderError):
    """Another process, or another part of this one, has the lock of a folder."""


@dataclass
class Hold:
    """What the process that holds the lock of a folder knows about the folder.

    Attributes:
        path: the folder without links.
        pid: the number of the process.
        existed: whether the folder existed when it was locked, or after a save.
        accepted: whether `check_destination` has accepted it.
        state: identifies the model in it, as this process left it.
    """

    path: Path
    pid: int
    existed: bool
    accepted: bool
    state: State


_holds: dict[Path, Hold] = {}
_MARK = b"zuoci\n"


def resolve(folder: str | os.PathLike[str]) -> Path:
    """The real path of a folder, without links, `.` and `..`, so that each folder has one path.

    Raises:
        ModelFolderError: no folder of a model can have that name.
    """
    try:
        path = Path(os.path.realpath(folder))
    except (OSError, ValueError) as error:
        raise ModelFolderError(
            f"{os.fspath(folder)!r} cannot be the name of a folder: {error}; choose another name"
        ) from None
    if not path.name:
        raise ModelFolderError(f"{path} cannot hold a model; name a folder below it")
    if is_reserved(path.name):
        raise ModelFolderError(f"{path.name!r} is a name that zuoci uses while it saves a model; choose another name")
    return path


def hold_of(folder: str | os.PathLike[str]) -> Hold | None:
    """What this process knows about a folder that it has locked; None if it has not locked the folder."""
    hold = _holds.get(resolve(folder))
    return hold if hold and hold.pid == os.getpid() else None


@contextmanager
def locked(folder: str | os.PathLike[str]) -> Generator[None]:
    """Locks a folder for the block. First it completes or removes what a writer that was killed left unfinished.

    The folder itself may be missing; its parent folders are created.

    Raises:
        InUseError: another process, or another part of this one, has the lock.
        ModelFolderError: the lock file cannot be created, or the rest of a former save cannot be put right.
    """
    path = resolve(folder)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError:
        nearest = next(parent for parent in path.parents if os.path.lexists(parent))
        raise ModelFolderError(f"{folder} cannot be made: {nearest} is not a folder that you may write to") from None
    lock = path.with_name(f".{path.name}.lock")
    descriptor, made = _acquire(lock, folder)
    try:
        try:
            install(path)
            sweep(path)
        except OSError as error:
            raise ModelFolderError(f"{folder} cannot be put right: {error.strerror or error}") from None
        _holds[path] = Hold(path, os.getpid(), path.is_dir(), accepted=False, state=state_of(path))
        yield
    finally:
        _holds.pop(path, None)
        _release(lock, descriptor, made=made)


@contextmanager
def writing(folder: str | os.PathLike[str]) -> Generator[Hold]:
    """Locks a folder for the block, unless this process has locked it already.

    Raises:
        ModelFolderError: as in `locked`.
    """
    hold = hold_of(folder)
    if hold:
        yield hold
        return
    with locked(folder):
        yield _holds[resolve(folder)]


def _acquire(file: Path, folder: str | os.PathLike[str]) -> tuple[int, bool]:
    """Locks a file. Returns its descriptor, and whether this process created the file."""
    from filelock import lock_descriptor  # unlike `FileLock`, it does not open, truncate or remove the file

    while True:
        descriptor = -1
        try:
            descriptor, made = _open(file, folder)
            if not lock_descriptor(descriptor, blocking=False):
                raise InUseError(f"another zuoci trains into {folder}; wait, or choose another folder")
            if _is_open(file, descriptor):
                locked, descriptor = descriptor, -1
                return locked, made
        except OSError as error:
            raise ModelFolderError(f"{folder} cannot be locked: {file}: {error.strerror or error}") from None
        finally:
            if descriptor >= 0:
                os.close(descriptor)


def _open(file: Path, folder: str | os.PathLike[str]) -> tuple[int, bool]:
    """Opens a lock file, without following a link or changing the file, or creates it.

    Returns:
        The descriptor, and whether the file was created.

    Raises:
        OSError: the file cannot be opened.
    """
    flags = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    while True:
        if not is_regular(file, or_missing=True):
            raise ModelFolderError(
                f"{folder} cannot be locked: {file} is a link or not a file; move it away, or choose another folder"
            )
        try:
            descriptor = os.open(file, flags | os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        except FileExistsError:
            with suppress(FileNotFoundError):  # removed since
                # A file of another user may be read-only; on most file systems that is enough for a lock.
                return os.open(file, flags | (os.O_RDWR if os.access(file, os.W_OK) else os.O_RDONLY)), False
        else:
            with suppress(OSError):  # on a full disk; the file is then not removed if this process is killed
                os.write(descriptor, _MARK)
            return descriptor, True


def _is_open(file: Path, descriptor: int) -> bool:
    """Whether a path still belongs to the file that is open."""
    try:
        return os.path.samestat(file.lstat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _release(file: Path, descriptor: int, *, made: bool) -> None:
    os.lseek(descriptor, 0, os.SEEK_SET)
    ours = (made or os.read(descriptor, len(_MARK) + 1) == _MARK) and _is_open(file, descriptor)
    if os.name == "nt":  # Windows does not remove open files, so the file of another holder is safe
        os.close(descriptor)
        descriptor = -1
    if ours:
        with suppress(OSError):
            file.unlink()
    if descriptor >= 0:
        os.close(descriptor)
