"""One writer at a time for each model's folder.

The lock is a lock of the system (`flock`, on Windows `LockFileEx`) on the file `.NAME.lock` beside the folder. The
system lets go of it when the process ends, however it ends. Its holder removes the file at the end. Another process may
have opened it just before, and gets the lock of a file that has no name any more: whoever gets a lock looks whether the
file still has its name, and else begins again. So there is never more than one holder. A file that it
found and that does not hold `_MARK` is somebody's, and stays as it is.
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
_MARK = b"zuoci\n"


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
    if is_reserved(path.name):
        raise ModelFolderError(f"{path.name!r} is a name that zuoci uses while it saves a model; choose another name")
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
        InUseError: another process or another part of this one has it.
        ModelFolderError: no file can be made beside it, or what is there cannot be put right.
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


def _acquire(file: Path, folder: str | os.PathLike[str]) -> tuple[int, bool]:
    """The descriptor of a lock file, of which this process has the lock; and whether this process made the file."""
    from filelock import lock_descriptor  # it neither opens, truncates nor removes anything, as `FileLock` may

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
    """Opens a lock file without following a link, and without changing a file that is there, or makes it.

    Raises:
        OSError: it cannot be opened.
    """
    flags = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    while True:
        if not is_regular(file, or_missing=True):
            raise ModelFolderError(
                f"{folder} cannot be locked: {file} is a link or no file; move that away, or choose another folder"
            )
        try:
            descriptor = os.open(file, flags | os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        except FileExistsError:
            with suppress(FileNotFoundError):  # removed since
                # Another user's may be read only, which is enough to lock it on most disks.
                return os.open(file, flags | (os.O_RDWR if os.access(file, os.W_OK) else os.O_RDONLY)), False
        else:
            with suppress(OSError):  # the disk is full: the file would stay after a kill
                os.write(descriptor, _MARK)
            return descriptor, True


def _is_open(file: Path, descriptor: int) -> bool:
    """Whether a name is that of an open file."""
    try:
        return os.path.samestat(file.lstat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _release(file: Path, descriptor: int, *, made: bool) -> None:
    os.lseek(descriptor, 0, os.SEEK_SET)
    ours = (made or os.read(descriptor, len(_MARK) + 1) == _MARK) and _is_open(file, descriptor)
    if os.name == "nt":  # where a file that is open cannot be removed, and thus not one that another process has
        os.close(descriptor)
        descriptor = -1
    if ours:
        with suppress(OSError):
            file.unlink()
    if descriptor >= 0:
        os.close(descriptor)
