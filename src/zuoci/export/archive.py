"""A saved model → a zip of its folder, and back."""

from __future__ import annotations

import json
import zipfile
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from zuoci.errors import CorpusError, Message, ModelFolderError
from zuoci.model.checkpoint import load
from zuoci.model.output import write_output
from zuoci.text.folder import CONFIG, FILES, UNFINISHED, WEIGHTS, read_files
from zuoci.text.formats.archive import unpack
from zuoci.text.read_config import ReadConfig

if TYPE_CHECKING:
    import os

MAX_IMPORT_BYTES = 512 * 2**20  # of a zip, and of what it unpacks to
_GIVEN = [name for name in FILES if name != UNFINISHED]  # what is given away
_LIMITS = ReadConfig(max_members=1000, max_unpacked_mb=MAX_IMPORT_BYTES // 2**20)


def export_zip(folder: Path, file: str | os.PathLike[str], *, overwrite: bool) -> int:
    """Writes the files of a model's folder that docs/format.md names, and nothing else that may lie there.

    The archive holds no times and no paths of this machine, so that the same model gives the same bytes: of the model
    that this one started from, it has the name and not the folder.

    Returns:
        The bytes of the file.

    Raises:
        ModelFolderError: the folder holds no model, or a damaged one.
        SettingsError: the file exists or cannot be written.
    """
    load(folder)  # a damaged model is not given away
    names = [name for name in _GIVEN if not (folder / name).is_symlink()]
    data = BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, contents in read_files(folder, names).items():
            contents = _without_path(contents) if name == CONFIG else contents
            archive.writestr(zipfile.ZipInfo(f"{folder.name}/{name}"), contents, zipfile.ZIP_DEFLATED)
    write_output(file, data.getvalue(), overwrite=overwrite)
    return len(data.getvalue())


def read_zip(file: Path) -> tuple[str, dict[str, bytes]]:
    """Reads a zip that `export_zip` has written, which may have been packed again, within limits.

    Members that are not files of a model are left out. `model.manage.add_model` makes sure that the rest is a model.

    Returns:
        The name of the folder in it, "" if there is none, and the contents of the model's files by name.

    Raises:
        ModelFolderError: the file is no zip, holds no model or several, or is too large.
        OSError: it cannot be read.
    """
    suffixes = frozenset(PurePosixPath(name).suffix for name in _GIVEN)
    failed: dict[str, Message] = {}
    try:
        found = {name: data for name, data in unpack(file, suffixes, _LIMITS, failed) if data is not None}
    except CorpusError as error:
        raise ModelFolderError(error.message) from None
    roots = {name[: -len(CONFIG)] for name in found if PurePosixPath(name).name == CONFIG}
    if len(roots) != 1 or f"{(root := roots.pop())}{WEIGHTS}" not in found:
        told = "the zip must hold one model, as zuoci exports it: {config} and {weights} in one folder"
        raise ModelFolderError(Message("no_model_in_zip", told, config=CONFIG, weights=WEIGHTS))
    contents = {name: found[root + name] for name in _GIVEN if root + name in found}
    contents[CONFIG] = _without_path(contents[CONFIG])
    return PurePosixPath(root).name, contents


def _without_path(config: bytes) -> bytes:
    """The configuration of a model without the folder of the model that it started from."""
    try:
        document = json.loads(config)
        training = document.get("training")
    except (ValueError, AttributeError, RecursionError):  # the model is damaged, as loading it says
        return config
    base = training.get("base") if isinstance(training, dict) else None
    if not isinstance(base, str) or Path(base).name == base:
        return config
    training["base"] = Path(base).name
    return (json.dumps(document, ensure_ascii=False, indent=2) + "\n").encode()
