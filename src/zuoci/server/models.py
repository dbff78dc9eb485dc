"""The models that can be asked for, by name. A name is a key of a table: no path is ever made of it."""

from __future__ import annotations

import asyncio
import os
import sys
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError, safe_open

from zuoci.errors import ModelFolderError
from zuoci.model.checkpoint import load_description
from zuoci.model.config import ModelConfig
from zuoci.model.figures import load_card, load_metrics, load_report
from zuoci.model.language_model import CharLM
from zuoci.server.errors import ApiError, not_found
from zuoci.text.fingerprint import Fingerprint
from zuoci.text.folder import FINGERPRINT, WEIGHTS, State, is_model, read_files, state_of
from zuoci.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zuoci.writing.writer import Writer

_LOADED = 8  # models that are kept in memory


def default_home() -> Path:
    """Where programs keep a user's data, by the customs of the system."""
    if sys.platform == "win32":
        data = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        data = Path.home() / "Library" / "Application Support"
    else:
        data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return data / "zuoci" / "models"


class Library:
    """Models on disk, and those of them that are loaded."""

    def __init__(self, folders: Sequence[Path], home: Path | None = None) -> None:
        """Takes what there is.

        Args:
            folders: of models.
            home: a folder that holds folders of models, and may get more.
        """
        self.home = home
        self._named = [folder.absolute() for folder in folders]
        self._table: dict[str, Path] = {}
        self._writers: OrderedDict[tuple[Path, State], asyncio.Task[Writer]] = OrderedDict()
        self.look()

    def look(self) -> dict[str, Path]:
        """Looks again for what there is: names, sorted, and their folders."""
        folders = list(self._named)
        if self.home:
            with suppress(OSError):  # it is not there yet, or cannot be read
                folders += sorted(folder for folder in self.home.iterdir() if not folder.name.startswith("."))
        table: dict[str, Path] = {}
        for folder in folders:
            if _is_model(folder) and folder not in table.values():
                name, number = folder.name, 1
                while name in table:
                    number += 1
                    name = f"{folder.name}-{number}"
                table[name] = folder
        self._table = dict(sorted(table.items()))
        return self._table

    def folder(self, name: str) -> Path:
        """Where a model is.

        Raises:
            ApiError: there is none of that name.
        """
        folder = self._table.get(name) or self.look().get(name)
        if folder is None or not _is_model(folder):
            raise not_found("model", name)
        return folder

    async def writer(self, name: str) -> Writer:
        """A model, ready to write.

        Raises:
            ApiError: there is none of that name.
            ModelFolderError: it is damaged.
        """
        folder = self.folder(name)
        key = (folder, state_of(folder))
        if key not in self._writers:
            from zuoci.writing.writer import Writer

            self._writers[key] = asyncio.create_task(asyncio.to_thread(Writer.load, folder))
        self._writers.move_to_end(key)
        while len(self._writers) > _LOADED:
            self._writers.popitem(last=False)
        try:
            return await asyncio.shield(self._writers[key])
        except Exception:
            self._writers.pop(key, None)
            raise

    def created(self, name: str) -> int:
        """When a model was saved, in seconds since 1970."""
        _, (_, saved, _) = state_of(self.folder(name))
        return saved // 10**9

    def all(self) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
        """What there is: the models, and of those that are damaged what is wrong with them."""
        found: list[dict[str, Any]] = []
        damaged: list[dict[str, str]] = []
        for name in self.look():
            try:
                found.append(self.about(name))
            except ModelFolderError as error:
                damaged.append({"id": name, "error": str(error)})
            except ApiError:  # it is gone meanwhile
                continue
        return found, damaged

    def about(self, name: str) -> dict[str, Any]:
        """What a model is, for a list.

        Raises:
            ApiError: there is none of that name.
            ModelFolderError: it is damaged, as far as can be seen without loading its weights.
        """
        folder = self.folder(name)
        state = state_of(folder)
        description = load_description(folder)
        fault = _fault_of_weights(folder / WEIGHTS, description)
        if fault and state_of(folder) == state:  # else a new save came in between
            raise ModelFolderError(f"{folder / WEIGHTS} is damaged: {fault}")
        return {
            "id": name,
            "created": self.created(name),
            "figures": load_report(folder),
            "model": description["model"],
            "originality": bool(read_files(folder, [FINGERPRINT])),
        }

    def details(self, name: str) -> dict[str, Any]:
        """All that is known of a model."""
        folder = self.folder(name)
        fingerprint = Fingerprint.find(folder)
        return {
            **self.about(name),
            **load_description(folder),
            "card": load_card(folder),
            "rounds": load_metrics(folder),
            "sources": list(fingerprint.names) if fingerprint else [],
        }


def _is_model(folder: Path) -> bool:
    """Whether a folder looks like a model, or does not let anybody look: who asks for it is told."""
    return is_model(folder) or (folder.is_dir() and not os.access(folder, os.R_OK | os.X_OK))


def _fault_of_weights(file: Path, description: dict[str, Any]) -> str | None:
    """What is wrong with a file of weights by its header, in words."""
    with torch.device("meta"):  # which takes no memory
        model = CharLM(ModelConfig.model_validate(description["model"]), Vocabulary(description["vocabulary"]))
    expected = {name: list(value.shape) for name, value in model.state_dict().items()}
    try:
        with safe_open(file, "pt") as weights:  # which compares the header with the size of the file
            found = {name: list(weights.get_slice(name).get_shape()) for name in weights.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        return str(error)
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            return f"{name} must have the shape {expected.get(name)}: got {found.get(name)}"
    return None
