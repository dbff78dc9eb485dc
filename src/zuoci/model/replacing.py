"""How the files of a model's folder are replaced: see `zuoci.text.folder`. All of it is done under the lock.

Only entries with zuoci's own names, of the right kind and with nothing else in them, are ever moved or removed.
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
_INSIDE = ".zuoci."
_TOKEN = r"\.[0-9a-f]{8}\.tmp"
_PATIENCE = 2.0  # seconds that Windows is given to close a file that a reader has open


def temporary_name(name: str) -> str:
    """A new name for what is being written, and will be called `name`."""
    return f".{name}.{secrets.token_hex(4)}.tmp"


def staging_folder(path: Path) -> Path:
    """Where the next save of a model is written: in its folder, or beside it if there is none yet.

    In the folder it has a name that is not `temporary_name` of any: a model in that folder may have any name.
    """
    return path / f"{_INSIDE}{secrets.token_hex(4)}.new" if path.is_dir() else path.with_name(temporary_name(path.name))


def is_reserved(name: str) -> bool:
    """Whether zuoci gives a name to what it writes on the way, and would take a model there for that."""
    return name.casefold().startswith(_INSIDE) or bool(re.fullmatch(rf"\..+{_TOKEN}", name, re.DOTALL))


def commit(stage: Path, path: Path) -> None:
    """Makes a folder that was filled and flushed the model.

    Raises:
        OSError: the former model is as it was; or, as the error says, the folder holds the new one, and the next
            writer moves the rest of its files to their places.
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
    return [(path / name).lstat().st_ino if os.path.lexists(path / name) else 0 for name in FILES]


def fixed(path: Path) -> Path | None:
    """A file of a model that this user must not replace: of another user, in a folder with a sticky bit."""
    for name in (*FILES, NEW):
        entry = path / name
        if os.name != "nt" and os.path.lexists(entry):
            folder = entry.parent.stat()
            if folder.st_mode & stat.S_ISVTX and os.geteuid() not in (0, folder.st_uid, entry.lstat().st_uid):
                return entry
    return None


def install(path: Path) -> None:
    """Moves the files of `.zuoci.new` to their places, or what a process that was killed left of them.

    Raises:
        OSError: one cannot be moved.
    """
    new = path / NEW
    if not only_files_of_the_format(new):
        return
    there = [name for name in FILES if (new / name).exists()]
    if WEIGHTS in there:  # else this was done before they were moved
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
    """Removes what processes that were killed while they wrote left in a model's folder and beside it.

    Raises:
        OSError: it cannot be removed.
    """
    inside = rf"{re.escape(_INSIDE)}[0-9a-f]{{8}}\.new"
    left = [*_matching(path.parent, _temporary(path.name)), *_matching(path, inside)]
    for stage in left:
        if only_files_of_the_format(stage):
            remove(stage)
    for file in _matching((path / UNFINISHED).parent, _temporary((path / UNFINISHED).name)):
        if is_regular(file):
            file.unlink()


def _temporary(name: str) -> str:
    return rf"\.{re.escape(name)}{_TOKEN}"


def _matching(folder: Path, pattern: str) -> Iterator[Path]:
    if folder.is_dir() and (folder.name != TRAINING or is_directory(folder)):
        yield from sorted(entry for entry in folder.iterdir() if re.fullmatch(pattern, entry.name))


def only_files_of_the_format(folder: Path) -> bool:
    """Whether a path is a folder, no link, in which there is nothing that a save does not write."""
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
    """Removes a folder of files of the format; it fails if anything else is in it.

    Raises:
        OSError: it cannot be removed.
    """
    for name in FILES:
        (folder / name).unlink(missing_ok=True)
    with suppress(FileNotFoundError):
        (folder / TRAINING).rmdir()
    folder.rmdir()


def in_the_way(path: Path, names: Sequence[str] = FILES) -> Path | None:
    """What stands where a file of the format would be written, and is none of zuoci's."""
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
    """Writes a file, and waits until it is on the disk, and its name in its folder.

    Raises:
        OSError: it cannot be written.
    """
    with file.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    sync_folder(file.parent)


def discard(stage: Path) -> None:
    """Removes what was begun, as far as that is possible."""
    with suppress(OSError):
        remove(stage)
    with suppress(OSError):  # it may be that nothing in it can be named, since there is nothing
        stage.rmdir()


def is_ours(path: Path) -> bool:
    """Whether the configuration in a folder is one that zuoci wrote.

    Raises:
        OSError: it cannot be read.
    """
    file = next((place / CONFIG for place in (path / NEW, path) if is_regular(place / CONFIG)), None)
    try:
        config: Any = json.loads(file.read_bytes()) if file else None
    except (ValueError, RecursionError):
        return False
    return isinstance(config, dict) and config.get("format") == FORMAT  # pyright: ignore[reportUnknownMemberType]


def is_regular(file: Path, *, or_missing: bool = False) -> bool:
    """Whether a path is a file, and not a link to one."""
    try:
        return stat.S_ISREG(file.lstat().st_mode)
    except FileNotFoundError:
        return or_missing
    except OSError:
        return False


def _replace(source: Path, target: Path) -> None:
    """Renames a file; Windows refuses that as long as a reader has the former one open."""
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
        OSError: the disk says no.
    """
    if os.name == "nt":  # Windows cannot open a folder, and needs no flush to keep a rename
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
