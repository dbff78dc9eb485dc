"""The one way in which a command writes a file that the user named.

What exists is replaced only if that is asked for, and then only a regular file that is no part of a model. A symbolic
link is never followed and never replaced. The file appears whole or not at all.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from zuoci.errors import SettingsError
from zuoci.model.checkpoint import replace_durably
from zuoci.text.folder import FILES, is_model
from zuoci.text.sources import holds_model


def check_output(file: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Makes sure, before any work, that a file can be written.

    Raises:
        SettingsError: it exists and `overwrite` is false; it is no regular file, or part of a model; there is no such
            folder.
    """
    path = Path(file)
    try:
        found = stat.S_IFMT(path.lstat().st_mode)
    except FileNotFoundError:
        found = None
    except (OSError, ValueError) as error:  # a name can be too long, or hold a character 0
        reason = error.strerror if isinstance(error, OSError) else error
        raise SettingsError(f"{str(path)!r} cannot be written: {reason}") from None
    if found == stat.S_IFLNK:
        raise SettingsError(f"{path} is a symbolic link; name the file itself, or choose another name")
    if found == stat.S_IFDIR or not path.absolute().parent.is_dir():
        raise SettingsError(f"{path} cannot be written: name a file in a folder that exists")
    if found not in {None, stat.S_IFREG}:
        raise SettingsError(f"{path} cannot be written: it is no regular file; choose another name")
    if _belongs_to_model(path):
        raise SettingsError(f"{path} is the name of a part of the model in that folder; choose another name")
    if found and not overwrite:
        raise SettingsError(f"{path} exists already; choose another name, or ask for an overwrite")
    return path


def _belongs_to_model(path: Path) -> bool:
    """Whether a file has the name of a file of the format, in the folder of a model or of a run."""
    path = Path(os.path.realpath(path.parent), path.name)
    for folder in (path.parent, path.parent.parent):
        name = path.relative_to(folder).as_posix().casefold()  # some systems take large and small letters for the same
        if name in {known.casefold() for known in FILES} and (holds_model(folder) or is_model(folder)):
            return True
    return False


def write_output(file: str | os.PathLike[str], data: bytes, *, overwrite: bool = False) -> None:
    """Writes a file, whole or not at all.

    Raises:
        SettingsError: `check_output` refuses it, or it cannot be written.
    """
    path = check_output(file, overwrite=overwrite)  # again: it may have come while the data were made
    try:
        replace_durably(path, data)
    except OSError as error:
        raise SettingsError(f"{path} cannot be written: {error.strerror or error}") from None
