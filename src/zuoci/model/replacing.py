"""How the files in the folder of a model are replaced; `zuoci.text.folder` describes the steps.

Everything here is done under the lock of the folder (`lock`), by `checkpoint` and by `locked` itself. Only entries with
zuoci's own names, of the right kind and with nothing else in them, are ever moved or removed.

A save of the model `m` uses these names, where `<8 hex>` is a random token:

| name                                             | what it is                                                    |
| ------------------------------------------------ | ------------------------------------------------------------- |
| `.m.<8 hex>.tmp/`, beside `m`                    | a new model that is being written; becomes `m`                |
| `m/.zuoci.<8 hex>.new/`                          | the same where `m` exists already; becomes `m/.zuoci.new`     |
| `m/.zuoci.new/`                                  | a complete model, whose files are being moved to their places |
| `m/training/.unfinished.safetensors.<8 hex>.tmp` | a stopped run that is being written; becomes that file        |

What a killed process left is dealt with when the folder is locked next: `install` moves the rest of `m/.zuoci.new`, and
`sweep` removes the names with a token, which are incomplete.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import stat
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from zuoci.text.folder import CONFIG, FILES, NEW, TRAINING, UNFINISHED, WEIGHTS, is_directory

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

FORMAT = "zuoci-model"
_STAGE = ".zuoci."  # how the names of temporary folders inside that of a model begin
_TOKEN_AND_END = r"\.[0-9a-f]{8}\.tmp"
_PATIENCE = 2.0  # seconds to wait on Windows for a reader to close a file


def temporary_name(name: str) -> str:
    """A new name for a file or folder that is being written and will be renamed to `name`."""
    return f".{name}.{secrets.token_hex(4)}.tmp"


def staging_folder(path: Path) -> Path:
    """A new folder in which a model is written before it moves to `path`: inside `path`, or beside it if it is new.

    Inside `path` its name does not have the form of `temporary_name`, so that it cannot be the temporary folder of a
    model in there.
    """
    return path / f"{_STAGE}{secrets.token_hex(4)}.new" if path.is_dir() else path.with_name(temporary_name(path.name))


def is_reserved(name: str) -> bool:
    """Whether a name has the form of zuoci's temporary files and folders, and so must not be that of a model."""
    return name.casefold().startswith(_STAGE) or bool(re.fullmatch(rf"\..+{_TOKEN_AND_END}", name, re.DOTALL))


def commit(stage: Path, path: Path) -> None:
    """Moves a written and flushed model to its folder.

    Args:
        stage: from `staging_folder`, with all files of the model.
        path: the folder of the model.

    Raises:
        OSError: the former model is unchanged; or, if the error says so, the folder holds the new model, and the next
            writer moves the rest of its files.
    """
    if stage.parent == path:
        before = _identities(path)
        stage.rename(path / NEW)
        try:
            sync_folder(path)
            install(path)
        except OSError as error:
            if _identities(path) != before:
                reason = f"{error.strerror or error}; but {path} holds the new model, and the next save completes it"
                raise OSError(error.errno, reason) from None
            (path / NEW).rename(stage)
            raise
    else:
        stage.rename(path)
        sync_folder(path.parent)


def _identities(path: Path) -> list[int]:
    """The inode numbers of the files of a model; 0 for those that are missing."""
    return [(path / name).lstat().st_ino if os.path.lexists(path / name) else 0 for name in FILES]


def undeletable(path: Path) -> Path | None:
    """A file of a model that this user may not delete, nor replace; None if there is none.

    In a folder with the sticky bit (`/tmp`), these are the files of other users.
    """
    for name in (*FILES, NEW):
        entry = path / name
        if os.name != "nt" and os.path.lexists(entry):
            folder = entry.parent.stat()
            if folder.st_mode & stat.S_ISVTX and os.geteuid() not in (0, folder.st_uid, entry.lstat().st_uid):
                return entry
    return None


def install(path: Path) -> None:
    """Moves the files in `.zuoci.new` to their places, also those that a killed process left there.

    Raises:
        OSError: a file cannot be moved.
    """
    new = path / NEW
    if not only_files_of_the_format(new):
        return
    there = [name for name in FILES if (new / name).exists()]
    if WEIGHTS in there:  # else a former attempt has removed the old files, and moved the weights
        for name in FILES:
            if name not in there:
                (path / name).unlink(missing_ok=True)
    for name in there:
        (path / name).parent.mkdir(exist_ok=True)
        _replace(new / name, path / name)
    sync_folder(path)
    if (path / TRAINING).is_dir():
        sync_folder(path / TRAINING)
        if not any((path / TRAINING).iterdir()):
            (path / TRAINING).rmdir()
    remove(new)
    sync_folder(path)


def sweep(path: Path) -> None:
    """Removes the temporary files and folders that killed processes left in the folder of a model and beside it.

    Raises:
        OSError: one cannot be removed.
    """
    inside = rf"{re.escape(_STAGE)}[0-9a-f]{{8}}\.new"
    stages = [*_matching(path.parent, _temporary(path.name)), *_matching(path, inside)]
    for stage in stages:
        if only_files_of_the_format(stage):
            remove(stage)
    for file in _matching((path / UNFINISHED).parent, _temporary((path / UNFINISHED).name)):
        if is_regular(file):
            file.unlink()


def _temporary(name: str) -> str:
    """A regular expression for `temporary_name(name)`."""
    return rf"\.{re.escape(name)}{_TOKEN_AND_END}"


def _matching(folder: Path, pattern: str) -> Iterator[Path]:
    if folder.is_dir() and (folder.name != TRAINING or is_directory(folder)):
        yield from sorted(entry for entry in folder.iterdir() if re.fullmatch(pattern, entry.name))


def only_files_of_the_format(folder: Path) -> bool:
    """Whether a path is a folder (not a link) that holds only files which a save writes."""
    if not is_directory(folder):
        return False
    for entry in folder.iterdir():
        if entry.name == TRAINING and is_directory(entry):
            if any(f"{TRAINING}/{file.name}" not in FILES or not is_regular(file) for file in entry.iterdir()):
                return False
        elif entry.name not in FILES or not is_regular(entry):
            return False
    return True


def remove(folder: Path) -> None:
    """Removes a folder that holds only files of a model.

    Raises:
        OSError: it cannot be removed, or holds something else.
    """
    for name in FILES:
        (folder / name).unlink(missing_ok=True)
    with suppress(FileNotFoundError):
        (folder / TRAINING).rmdir()
    folder.rmdir()


def in_the_way(path: Path, names: Sequence[str] = FILES) -> Path | None:
    """An entry that zuoci did not write and that has the name of a file to be saved; None if there is none.

    Args:
        path: the folder of the model.
        names: the files to be saved.
    """
    if os.path.lexists(path / TRAINING) and not is_directory(path / TRAINING):
        return path / TRAINING
    if os.path.lexists(path / NEW) and not only_files_of_the_format(path / NEW):
        return path / NEW
    ours = is_ours(path)
    for name in names:
        entry = path / name
        if os.path.lexists(entry) and not (is_regular(entry) and (ours or name == UNFINISHED)):
            return entry
    return None


def write_durably(file: Path, data: bytes) -> None:
    """Writes a file, and waits until its contents and its name are on the disk.

    Raises:
        OSError: the file cannot be written.
    """
    with file.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    sync_folder(file.parent)


def replace_durably(file: Path, data: bytes) -> None:
    """Writes a file or replaces it, so that a crash leaves the former file or the new one, and nothing in between.

    Raises:
        OSError: the file cannot be written. The former one is unchanged, unless only the last flush of the folder
            failed.
    """
    temporary = file.with_name(temporary_name(file.name))
    try:
        write_durably(temporary, data)
        temporary.replace(file)
        sync_folder(file.parent)
    except BaseException:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def discard(stage: Path) -> None:
    """Removes the staging folder of a save that failed, as far as possible."""
    with suppress(OSError):
        remove(stage)
    with suppress(OSError):  # again, because `remove` may fail on names in an empty folder
        stage.rmdir()


def is_ours(path: Path) -> bool:
    """Whether zuoci wrote the configuration in a folder.

    Raises:
        OSError: the configuration cannot be read.
    """
    file = next((place / CONFIG for place in (path / NEW, path) if is_regular(place / CONFIG)), None)
    try:
        config: Any = json.loads(file.read_bytes()) if file else None
    except (ValueError, RecursionError):
        return False
    return isinstance(config, dict) and config.get("format") == FORMAT  # pyright: ignore[reportUnknownMemberType]


def is_regular(file: Path, *, or_missing: bool = False) -> bool:
    """Whether a path is a regular file, not a link; `or_missing`: or does not exist."""
    try:
        return stat.S_ISREG(file.lstat().st_mode)
    except FileNotFoundError:
        return or_missing
    except OSError:
        return False


def _replace(source: Path, target: Path) -> None:
    """Renames a file. On Windows it waits a moment for readers that have the former file open."""
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            source.replace(target)
        except PermissionError:
            if os.name != "nt" or time.monotonic() > end:
                raise
            time.sleep(0.01)
        else:
            return


def sync_folder(folder: Path) -> None:
    """Waits until the names in a folder are on the disk.

    Raises:
        OSError: the folder cannot be flushed.
    """
    if os.name == "nt":  # Windows cannot open folders, and keeps renames without a flush
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
