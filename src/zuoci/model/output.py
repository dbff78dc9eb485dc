"""Writes a file that the user named: all commands with such a file use `check_output` and `write_output`.

A file that exists is replaced only if the user asks for it, and only if it is a regular file that is not part of a
model. Symbolic links are neither followed nor replaced. The file appears whole or not at all.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from zuoci.errors import SettingsError
from zuoci.model.replacing import replace_durably
from zuoci.text.folder import FILES, is_model
from zuoci.text.sources import holds_model


def check_output(file: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Checks, before any work, that a file can be written.

    Args:
        file: the file.
        overwrite: whether it may be replaced.

    Returns:
        The path of the file.

    Raises:
        SettingsError: the file exists and `overwrite` is false; it is not a regular file, or is part of a model; or
            its folder does not exist.
    """
    path = Path(file)
    try:
        found = stat.S_IFMT(path.lstat().st_mode)
    except FileNotFoundError:
        found = None
    except (OSError, ValueError) as error:  # the name may be too long, or hold a null character
        reason = error.strerror if isinstance(error, OSError) else error
        raise SettingsError(f"{str(path)!r} cannot be written: {reason}") from None
    if found == stat.S_IFLNK:
        raise SettingsError(f"{path} is a symbolic link; name the file itself, or choose another name")
    if found == stat.S_IFDIR or not path.absolute().parent.is_dir():
        raise SettingsError(f"{path} cannot be written: name a file in a folder that exists")
    if found not in {None, stat.S_IFREG}:
        raise SettingsError(f"{path} cannot be written: it is not a regular file; choose another name")
    if _belongs_to_model(path):
        raise SettingsError(f"{path} is the name of a part of the model in that folder; choose another name")
    if found and not overwrite:
        raise SettingsError(f"{path} exists already; choose another name, or set overwrite to replace it")
    return path


def _belongs_to_model(path: Path) -> bool:
    """Whether a file is in the folder of a model or a run, and has the name of one of its files."""
    path = Path(os.path.realpath(path.parent), path.name)
    for folder in (path.parent, path.parent.parent):
        name = path.relative_to(folder).as_posix().casefold()  # some file systems ignore case
        if name in {known.casefold() for known in FILES} and (holds_model(folder) or is_model(folder)):
            return True
    return False


def write_output(file: str | os.PathLike[str], data: bytes, *, overwrite: bool = False) -> None:
    """Writes a file, whole or not at all.

    Args:
        file: the file.
        data: its contents.
        overwrite: whether it may be replaced.

    Raises:
        SettingsError: as in `check_output`, or the file cannot be written.
    """
    path = check_output(file, overwrite=overwrite)  # again, because the file may have appeared meanwhile
    try:
        replace_durably(path, data)
    except OSError as error:
        raise SettingsError(f"{path} cannot be written: {error.strerror or error}") from None
