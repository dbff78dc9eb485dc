"""The files of a model's folder, and how they are read while another process may replace them.

`model/checkpoint.py` and the fingerprint read through this file; `model/replacing.py` writes. A save takes these steps:

1. It fills a temporary folder, beside the model's (`.NAME.<8 hex>.tmp`) or inside it (`.zuoci.<8 hex>.new`).
2. It flushes that folder and renames it to `.zuoci.new` inside the model's folder. From now on its files are the model.
3. It removes the old files that the new model does not have. Then it moves the new files out of `.zuoci.new` one by
   one: the weights first, the configuration last. It removes `.zuoci.new` when that is empty.

If a writer is killed on the way, the next writer does the rest. A reader looks into `.zuoci.new` first, and reads again
if the folder changed meanwhile, so that all it returns is of the same save. It never changes anything.
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
FINGERPRINT, COUNTS, BASE_WINDOWS = "fingerprint.safetensors", "counts.safetensors", "base-windows.safetensors"
TRAINING = "training"
REPORT, METRICS = f"{TRAINING}/report.json", f"{TRAINING}/metrics.jsonl"
UNFINISHED = f"{TRAINING}/unfinished.safetensors"
# In the order in which they are moved.
FILES = (WEIGHTS, VOCABULARY, CARD, FINGERPRINT, COUNTS, BASE_WINDOWS, REPORT, METRICS, UNFINISHED, CONFIG)
NEW = ".zuoci.new"
_TRIES, _PAUSE = 100, 0.01  # attempts to read a folder that is being replaced, and seconds between two

State: TypeAlias = tuple[int, tuple[int, int, int]]


def is_model(folder: str | PathLike[str]) -> bool:
    """Whether a folder looks like a saved model."""
    return all(_is_there(Path(folder), name) for name in (CONFIG, WEIGHTS))


def is_unfinished(folder: str | PathLike[str]) -> bool:
    """Whether a folder holds a training run that was stopped."""
    path = Path(folder)
    return not is_directory(path / NEW) and _is_file(path / UNFINISHED)


def read_files(folder: str | PathLike[str], names: Sequence[str]) -> dict[str, bytes]:
    """Reads files of a model's folder, all from the same save.

    Args:
        folder: the model's folder.
        names: names from `FILES`.

    Returns:
        The contents of the files that exist, by name.

    Raises:
        ModelFolderError: a file cannot be read, or the folder is replaced all the time.
    """
    path = Path(folder)
    for _ in range(_TRIES):
        before = state_of(path)
        files = _read(path, names)
        if files is not None and state_of(path) == before:
            return files
        time.sleep(_PAUSE)
    raise ModelFolderError(f"{path} is replaced again and again while it is read; try again later")


def safetensors_metadata(data: bytes) -> dict[str, str]:
    """The metadata in the header of a safetensors file. The library itself only gives those of a file on disk.

    Raises:
        ValueError, KeyError: the header is damaged, or has no metadata.
    """
    return json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]


def parse_json(file: Path, data: bytes) -> Any:
    """Parses a JSON document that zuoci wrote. It must not hold NaN, infinity or lone surrogates.

    Raises:
        ModelFolderError: the document is damaged.
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
    """A value that changes with each save. It identifies `.zuoci.new`, if that exists, and the configuration."""
    new = _status(path / NEW)
    config = _status(path / NEW / CONFIG) or _status(path / CONFIG)
    return (
        new.st_ino if new and stat.S_ISDIR(new.st_mode) else 0,
        (config.st_ino, config.st_mtime_ns, config.st_size) if config else (0, 0, 0),
    )


def _read(path: Path, names: Sequence[str]) -> dict[str, bytes] | None:
    """The contents of the files that exist; None if a file was moved meanwhile."""
    new = path / NEW
    there = {name for name in FILES if _is_file(new / name)}
    # The weights are moved first. While they are still in `.zuoci.new`, a file that is not there is not part of the new
    # model.
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
    """Reads a regular file."""
    if not stat.S_ISREG(file.stat().st_mode):  # reading a pipe could wait forever
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
    """Whether a path is a folder, and not a symbolic link to one."""
    status = _status(path)
    return bool(status and stat.S_ISDIR(status.st_mode))


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long
        return False
