"""The models that can be asked for, by name. A name is a key of a table: no path is ever made of it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import OrderedDict
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from zuoci.errors import ModelFolderError
from zuoci.model.checkpoint import is_model, load_metrics, load_report
from zuoci.model.config import ModelConfig
from zuoci.studio.failures import ApiError, not_found
from zuoci.text.fingerprint import FILE, Fingerprint
from zuoci.text.vocabulary import Vocabulary
from zuoci.training.recipe import describe

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

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
        self._writers: OrderedDict[tuple[Path, int], asyncio.Task[Writer]] = OrderedDict()
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
        key = (folder, self._saved(name))
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
        return self._saved(name) // 10**9

    def _saved(self, name: str) -> int:
        """The same in nanoseconds.

        Raises:
            ModelFolderError: the folder cannot be read.
        """
        folder = self.folder(name)
        with readable(folder):
            return (folder / "config.json").stat().st_mtime_ns

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
        """What a model is, for a list."""
        folder = self.folder(name)
        with readable(folder):
            return {
                "id": name,
                "created": self.created(name),
                "figures": load_report(folder),
                "model": _config(folder)["model"],
                "originality": (folder / FILE).is_file(),
            }

    def details(self, name: str) -> dict[str, Any]:
        """All that is known of a model."""
        folder = self.folder(name)
        fingerprint = Fingerprint.find(folder)
        names = fingerprint.names if fingerprint else []
        card = folder / "README.md"
        with readable(folder):
            return {
                **self.about(name),
                "training": _config(folder)["training"],
                "card": _text(card) if card.is_file() else "",
                "rounds": load_metrics(folder),
                "vocabulary": Vocabulary.from_json(_text(folder / "vocabulary.json")).characters,
                "sources": list(names),
            }


def _is_model(folder: Path) -> bool:
    """Whether a folder looks like a model, or does not let anybody look: who asks for it is told."""
    try:
        return is_model(folder)
    except OSError:
        return True


@contextmanager
def readable(folder: Path) -> Generator[None]:
    """Turns what the system says of a folder that cannot be read into an error of the package's.

    Raises:
        ModelFolderError: it cannot be read.
    """
    try:
        yield
    except OSError as error:
        raise ModelFolderError(f"{error.filename or folder} cannot be read: {error.strerror or error}") from None


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise ModelFolderError(f"{file} is damaged: it is not UTF-8 from byte {error.start} on") from None


def _config(folder: Path) -> dict[str, Any]:
    try:
        config: dict[str, Any] = json.loads(_text(folder / "config.json"))
        model = ModelConfig.model_validate(config["model"]).model_dump(mode="json")
        return {"model": model, "training": dict(config["training"])}
    except ValidationError as error:
        raise ModelFolderError(f"{folder / 'config.json'} is damaged: {describe(error)}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise ModelFolderError(f"{folder / 'config.json'} is damaged: {error}") from None
