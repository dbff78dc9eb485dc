"""A model's folder: which files it has, and how they are read while another process may replace them.

A save fills a folder beside or inside (`.NAME.<8 hex>.tmp`, `.zuoci.<8 hex>.new`), flushes it, and renames it to
`.zuoci.new` inside the model's folder. From that moment the new files are the model. Then they are moved to their
places one by one: first the files that the new model does not have are removed, then the weights are moved, then the
others, the configuration last, and `.zuoci.new` is removed when it is empty. Whoever is killed on the way leaves the
rest to the next writer. A reader looks into `.zuoci.new` first, and reads again if the folder changed meanwhile, so
that what it gets is of one save. It never changes anything.
"""

from __future__ import annotations

import json
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from zuoci.errors import ModelFolderError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike, stat_result

CONFIG, WEIGHTS, VOCABULARY, CARD = "config.json", "model.safetensors", "vocabulary.json", "README.md"
FINGERPRINT = "fingerprint.safetensors"
TRAINING = "training"
REPORT, METRICS = f"{TRAINING}/report.json", f"{TRAINING}/metrics.jsonl"
UNFINISHED = f"{TRAINING}/unfinished.safetensors"
FILES = (WEIGHTS, VOCABULARY, CARD, FINGERPRINT, REPORT, METRICS, UNFINISHED, CONFIG)  # in the order of moving them
NEW = ".zuoci.new"
_TRIES, _PAUSE = 100, 0.01  # of reading a folder that is being replaced, and seconds between two

State: TypeAlias = tuple[int, tuple[int, int, int]]


def is_model(folder: str | PathLike[str]) -> bool:
    """Whether a folder looks like a saved model."""
    return all(_is_there(Path(folder), name) for name in (CONFIG, WEIGHTS))


def is_unfinished(folder: str | PathLike[str]) -> bool:
    """Whether a folder holds a run that was stopped."""
    path = Path(folder)
    return not is_directory(path / NEW) and _is_file(path / UNFINISHED)


def read_files(folder: str | PathLike[str], names: Sequence[str]) -> dict[str, bytes]:
    """Reads files of a model's folder, all of the same save.

    Args:
        folder: of the model.
        names: of `FILES`.

    Returns:
        The contents of those that are there.

    Raises:
        ModelFolderError: one cannot be read.
    """
    path = Path(folder)
    for _ in range(_TRIES):
        before = state_of(path)
        files = _read(path, names)
        if files is not None and state_of(path) == before:
            return files
        time.sleep(_PAUSE)
    raise ModelFolderError(f"{path} is replaced again and again while it is read; try again later")


def parse_json(file: Path, data: bytes) -> Any:
    """A document that zuoci wrote, which can be written again: without NaN, infinity and halves of characters.

    Raises:
        ModelFolderError: it is none.
    """
    try:
        document = json.loads(data.decode())
        json.dumps(document, ensure_ascii=False, allow_nan=False).encode()
    except UnicodeDecodeError:
        reason = "it is not UTF-8"
    except UnicodeEncodeError:
        reason = "it holds half of a character, a surrogate"
    except RecursionError:
        reason = "it is nested too deeply"
    except ValueError as error:
        reason = str(error)
    else:
        return document
    raise ModelFolderError(f"{file} is damaged: {reason}")


def state_of(path: Path) -> State:
    """Changes with each save: identifies `.zuoci.new`, if it is there, and the configuration."""
    new = _status(path / NEW)
    config = _status(path / NEW / CONFIG) or _status(path / CONFIG)
    return (
        new.st_ino if new and stat.S_ISDIR(new.st_mode) else 0,
        (config.st_ino, config.st_mtime_ns, config.st_size) if config else (0, 0, 0),
    )


def _read(path: Path, names: Sequence[str]) -> dict[str, bytes] | None:
    """The contents of some files; None: they were moved meanwhile."""
    new = path / NEW
    there = {name for name in FILES if _is_file(new / name)}
    # The weights are moved first. As long as they are there, all that is not there is no part of the new model.
    whole = _is_file(new / WEIGHTS)
    files: dict[str, bytes] = {}
    for name in names:
        for place in (new,) if whole else (new, path):
            try:
                files[name] = _contents(place / name)
                break
            except (FileNotFoundError, NotADirectoryError):
                if whole and name in there:
                    return None
            except OSError as error:
                raise ModelFolderError(f"{path / name} cannot be read: {error.strerror or error}") from None
    return files


def _contents(file: Path) -> bytes:
    if not stat.S_ISREG(file.stat().st_mode):  # a pipe would be waited for
        raise OSError(f"{file.name} is no file")
    return file.read_bytes()


def _is_there(path: Path, name: str) -> bool:
    return _is_file(path / NEW / name) or _is_file(path / name)


def _status(entry: Path) -> stat_result | None:
    try:
        return entry.lstat()
    except (OSError, ValueError):
        return None


def is_directory(path: Path) -> bool:
    """Whether a path is a folder, and not a link to one."""
    status = _status(path)
    return bool(status and stat.S_ISDIR(status.st_mode))


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long
        return False
