"""The models that a server has, by id: on disk, and those of them that are loaded.

An id is a key of a table that is made by listing folders; no path is ever made of what a client sends.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError, safe_open

from zuoci.errors import Message, ModelFolderError, SettingsError
from zuoci.model.base import BASES, NO_BASE, base_folder, base_name, bundled_folder, model_folder
from zuoci.model.checkpoint import load_description
from zuoci.model.config import ModelConfig
from zuoci.model.figures import load_card, load_metrics, load_report
from zuoci.model.quantisation import is_scale_of
from zuoci.model.weights import shapes_of
from zuoci.server.errors import ApiError, not_found
from zuoci.text.fingerprint import Fingerprint
from zuoci.text.folder import BASE_WINDOWS, FINGERPRINT, WEIGHTS, State, is_model, read_files, state_of
from zuoci.training.verdict import verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zuoci.writing.writer import Writer

_MAX_LOADED = 8  # models in memory
_MAX_VOICES = 3  # of one model among them


def default_home() -> Path:
    """The folder of models where the system's programs keep a user's data."""
    if sys.platform == "win32":
        data = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        data = Path.home() / "Library" / "Application Support"
    else:
        data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return data / "zuoci" / "models"


class Models:
    """Models on disk, and a cache of the loaded ones."""

    def __init__(
        self, folders: Sequence[Path], home: Path | None = None, *, bases: bool = False, voice: float = 1.0
    ) -> None:
        """Lists the models.

        Args:
            folders: folders of models; or `zh` and `en`, the base models that come with zuoci.
            home: a folder whose folders are models, too; it may get more of them at any time.
            bases: list the base models in any case.
            voice: how far texts follow a model rather than the one that it started from, where nobody says.
        """
        self.home = home
        self._voice = voice
        self._named = [model_folder(folder).absolute() for folder in folders]
        self._bases = [bundled_folder(name).absolute() for name in BASES] if bases else []
        self._table: dict[str, Path] = {}
        self._writers: OrderedDict[tuple[Path, State, float], asyncio.Task[Writer]] = OrderedDict()
        self.refresh()

    def refresh(self) -> dict[str, Path]:
        """Lists the models anew: their ids, sorted, and their folders.

        An id is the name of the folder, or of the base model. Of several models with the same name, one has it, and
        the others get a number. Base models come last, so that none takes the name of a user's model.
        """
        folders = list(self._named)
        if self.home:
            with suppress(OSError):  # it does not exist yet, or cannot be read
                folders += sorted(folder for folder in self.home.iterdir() if not folder.name.startswith("."))
        table: dict[str, Path] = {}
        for folder in sorted([*folders, *self._bases], key=lambda folder: base_name(folder) is not None):
            if _is_model(folder) and folder not in table.values():
                name = base_name(folder) or folder.name
                numbered = (name if number == 1 else f"{name}-{number}" for number in itertools.count(1))
                table[next(free for free in numbered if free not in table)] = folder
        self._table = dict(sorted(table.items()))
        return self._table

    def folder(self, name: str) -> Path:
        """The folder of a model.

        Raises:
            ApiError: there is no model with this id.
        """
        folder = self._table.get(name) or self.refresh().get(name)
        if folder is None or not _is_model(folder):
            raise not_found("model", name)
        return folder

    async def writer(self, name: str, voice: float | None = None) -> Writer:
        """A model, loaded and ready to write.

        Args:
            name: its id.
            voice: how far it follows itself rather than the model that it started from, from 0 to 1, rounded to
                hundredths; None: as the server was told.

        Raises:
            ApiError: there is no model with this id, or it has no such voice.
            ModelFolderError: the model is damaged.
        """
        folder = self.folder(name)
        voice = round(self._voice if voice is None else voice, 2)
        key = (folder, state_of(folder), voice)
        if key not in self._writers:
            from zuoci.writing.writer import Writer

            self._writers[key] = asyncio.create_task(asyncio.to_thread(Writer.load, folder, voice=voice))
        self._writers.move_to_end(key)
        voices = [other for other in self._writers if other[0] == folder]
        for other in [*voices[:-_MAX_VOICES], *list(self._writers)[:-_MAX_LOADED]]:
            self._writers.pop(other, None)
        try:
            return await asyncio.shield(self._writers[key])
        except SettingsError as error:
            self._writers.pop(key, None)
            raise ApiError(400, error.message, param="voice") from None
        except Exception:
            self._writers.pop(key, None)
            raise

    def created(self, name: str) -> int:
        """When a model was saved, in seconds since 1970.

        Raises:
            ApiError: there is no model with this id.
        """
        _, (_, saved, _) = state_of(self.folder(name))
        return saved // 10**9

    def forget(self, folder: Path) -> None:
        """Drops what is loaded of a model that was deleted or renamed."""
        for key in [key for key in self._writers if key[0] == folder]:
            self._writers.pop(key, None)

    def own_folder(self, name: str) -> Path:
        """The folder of a model that lies in the folder of models, and so may be deleted and renamed.

        Raises:
            ApiError: there is no model with this id, or it lies elsewhere.
        """
        folder = self.folder(name)
        if not self._is_own(folder):
            told = "{model} does not lie in the studio's folder of models; delete or rename its folder yourself"
            raise ApiError(409, Message("not_own", told, model=name))
        return folder

    def _is_own(self, folder: Path) -> bool:
        return self.home is not None and folder.parent == self.home and base_name(folder) is None

    def summaries(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """A summary of each sound model, and of each damaged one its `id`, its `error`, and whether it is `own`."""
        sound: list[dict[str, Any]] = []
        damaged: list[dict[str, Any]] = []
        for name, folder in self.refresh().items():
            try:
                sound.append(self.summary(name))
            except ModelFolderError as error:
                damaged.append({"id": name, "error": str(error), "own": self._is_own(folder)})
            except ApiError:  # it has been deleted since
                continue
        return sound, damaged

    def summary(self, name: str) -> dict[str, Any]:
        """What a list of models shows of one.

        Raises:
            ApiError: there is no model with this id.
            ModelFolderError: the model is damaged, as far as this shows without reading the weights.
        """
        folder = self.folder(name)
        state = state_of(folder)
        description = load_description(folder)
        fault = _fault_of_weights(folder / WEIGHTS, description)
        if fault and state_of(folder) == state:  # else the model was saved anew in between
            raise ModelFolderError(f"{folder / WEIGHTS} is damaged: {fault}")
        report = load_report(folder)
        return {
            "id": name,
            "created": self.created(name),
            "figures": report,
            "verdict": _verdict(report, description["training"]),
            "model": description["model"],
            "originality": bool(read_files(folder, [FINGERPRINT, BASE_WINDOWS])),
            "base": base_name(folder) is not None,
            "own": self._is_own(folder),
            "voice": _has_voice(description["training"]),
        }

    def details(self, name: str) -> dict[str, Any]:
        """The summary of a model and all else that is known of it.

        Raises:
            ApiError: there is no model with this id.
            ModelFolderError: the model is damaged.
        """
        folder = self.folder(name)
        fingerprint = Fingerprint.find(folder)
        return {
            **self.summary(name),
            **load_description(folder),
            "card": load_card(folder),
            "rounds": load_metrics(folder),
            "sources": list(fingerprint.names) if fingerprint else [],
        }


def _is_model(folder: Path) -> bool:
    """Whether a folder looks like a model. One that cannot be read does, so that whoever asks for it is told why."""
    return is_model(folder) or (folder.is_dir() and not os.access(folder, os.R_OK | os.X_OK))


def _verdict(report: dict[str, Any], training: dict[str, Any]) -> dict[str, Any] | None:
    """What the figures of a model say about its text, for JSON; None: they do not say."""
    try:
        return verdict(report, str(training.get("base", NO_BASE))).as_dict()
    except (KeyError, TypeError, ValueError):  # there are none, or a damaged file holds anything
        return None


def _has_voice(training: dict[str, Any]) -> bool:
    """Whether the model that a run started from is there, so that texts can follow it too."""
    base = str(training.get("base", NO_BASE))  # a damaged file may hold anything
    return base != NO_BASE and is_model(base_folder(base))


def _fault_of_weights(file: Path, description: dict[str, Any]) -> str | None:
    """What is wrong with a file of weights, by its header; None: nothing."""
    shapes = shapes_of(ModelConfig.model_validate(description["model"]), len(description["vocabulary"]))
    expected = {name: list(shape) for name, shape in shapes.items()}
    try:
        with safe_open(file, "np") as weights:  # compares the header with the size of the file
            found = {name: list(weights.get_slice(name).get_shape()) for name in weights.keys()}  # noqa: SIM118
        found = {name: shape for name, shape in found.items() if not is_scale_of(name, expected)}
    except (OSError, SafetensorError) as error:
        return str(error)
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            return f"{name} must have the shape {expected.get(name)}: got {found.get(name)}"
    return None
