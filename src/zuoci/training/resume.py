"""A run on disk, to go on from: one file, replaced as a whole.

It holds two states of the run. One is where it stopped; the other is where a loss that is not finite would send
it back to, without which a resumed run could end differently from one that was never stopped.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from pydantic import TypeAdapter
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from zuoci.errors import ModelFolderError, SettingsError, ZuociError
from zuoci.model.checkpoint import reason_of, save_unfinished
from zuoci.model.figures import Round
from zuoci.model.language_model import CharLM
from zuoci.model.lock import locked as locked
from zuoci.text.folder import UNFINISHED, is_model, read_files
from zuoci.text.vocabulary import Vocabulary
from zuoci.training.recipe import Settings
from zuoci.training.split import split
from zuoci.training.trainer import Progress, Run, Snapshot

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from os import PathLike

    from torch import Tensor

    from zuoci.text.corpus import Corpus

_FORMAT, _VERSION = "zuoci-run", 3


@dataclasses.dataclass(frozen=True)
class StoredRun:
    """A run as it was saved.

    Attributes:
        path: its file.
        settings: its settings.
        sources: where its corpus came from; what the caller of `save_run` said.
        digest: identifies its text.
        vocabulary: its characters.
        now: where it stopped.
        good: where it would go back to.
        best: the best weights so far.
    """

    path: Path
    settings: Settings
    sources: Sequence[str]
    digest: str
    vocabulary: Vocabulary
    now: Snapshot
    good: Snapshot
    best: dict[str, Tensor]

    def resume(self, corpus: Corpus, *, device: torch.device | str | None = None) -> Run:
        """A run that goes on from there, and ends with the same bytes as if it had not been stopped.

        Raises:
            ModelFolderError: it is damaged.
            SettingsError: the corpus is not the one that the run was trained on.
        """
        if split(corpus, self.settings.training).digest != self.digest:
            raise SettingsError(
                f"{self.path} was trained on another text than this one of {len(corpus.text):,} characters; name the "
                "sources as they were when it began, or begin a new run in another folder"
            )
        model = CharLM(self.settings.model, self.vocabulary)
        run = Run(corpus, self.settings, model=model, device=device)
        try:
            self._check(run)
        except ValueError as error:
            raise _damaged(self.path, error) from None
        run.restore(self.good)
        run.good = run.capture()
        run.restore(self.now)
        run.best = dict(self.best)
        return run

    def _check(self, run: Run) -> None:
        """Makes sure that a run can go on from what was stored.

        Raises:
            ValueError: it cannot.
        """
        fresh = run.capture().tensors
        for snapshot in (self.now, self.good):
            progress = snapshot.progress
            size = len(run.batches)
            if progress.batch > size or (progress.epoch - 1) * size + progress.batch != progress.step:
                raise ValueError(f"step {progress.step} is not in epoch {progress.epoch}, batch {progress.batch}")
            _check_tensors(fresh | (_optimizer_state(run) if progress.step else {}), snapshot.tensors)
        if self.best:
            _check_tensors(run.model.state_dict(), self.best)
        elif self.settings.training.keep == "best" and self.now.progress.rounds:
            raise ValueError("the best weights are missing")


def save_run(run: Run, folder: str | PathLike[str], *, sources: Sequence[str] = (), keep: bool = False) -> Path:
    """Saves where a run is, in the folder where its model will be.

    Args:
        run: between two of its reports.
        folder: made if it does not exist.
        sources: to find the corpus again.
        keep: if it cannot be saved there, save it beside, or else where temporary files are; the error says where.

    Returns:
        The file.

    Raises:
        ModelFolderError: it cannot be written.
    """
    now, good = run.capture(), run.good
    tensors = {f"now.{name}": value for name, value in now.tensors.items()}
    tensors |= {f"best.{name}": value for name, value in run.best.items()}
    if good.progress.step != now.progress.step:
        tensors |= {f"good.{name}": value for name, value in good.tensors.items()}
    about = {
        "format": _FORMAT,
        "version": _VERSION,
        "settings": run.settings.model_dump(mode="json"),
        "sources": list(sources),
        "digest": run.digest,
        "vocabulary": run.model.vocabulary.to_json(),
        "now": dataclasses.asdict(now.progress),
        "good": dataclasses.asdict(good.progress),
    }
    tensors = {name: value.cpu().contiguous() for name, value in tensors.items()}
    about["sha256"] = _checksum(about, tensors)
    # In ASCII: the name of a source may be no Unicode. One entry: safetensors writes several in any order.
    data = save_tensors(tensors, {"zuoci": json.dumps(about, allow_nan=False)})
    return save_unfinished(folder, data, keep=keep)


def load_run(folder: str | PathLike[str]) -> StoredRun:
    """Reads a run that was stopped.

    Raises:
        ModelFolderError: there is none, or it is damaged.
    """
    data = read_files(folder, [UNFINISHED]).get(UNFINISHED)
    if data is None:
        state = "its run is finished" if is_model(folder) else "there is no run in it"
        raise ModelFolderError(f"{folder} holds nothing to resume: {state}; name the folder of a run that was stopped")
    return parse_run(Path(folder) / UNFINISHED, data)


def parse_run(path: Path, data: bytes) -> StoredRun:
    """The run that the bytes of a file are.

    Raises:
        ModelFolderError: it is damaged.
    """
    try:
        tensors = load_tensors(data)
        header: Any = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        about: dict[str, Any] = json.loads(header["__metadata__"]["zuoci"])
        if (about["format"], about["version"]) != (_FORMAT, _VERSION):
            raise ModelFolderError(f"{path} was written by another version of zuoci; begin the run anew")
        if about.pop("sha256") != _checksum(about, tensors):
            raise ValueError("its contents are not those that were saved")  # noqa: TRY301
        return StoredRun(
            path,
            Settings.model_validate(about["settings"]),
            _strings(about["sources"]),
            about["digest"],
            Vocabulary.from_json(about["vocabulary"]),
            Snapshot(_progress(about["now"]), _named(tensors, "now.")),
            Snapshot(_progress(about["good"]), _named(tensors, "good.") or _named(tensors, "now.")),
            _named(tensors, "best."),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, ZuociError, SafetensorError) as error:
        if isinstance(error, ModelFolderError) and str(path) in str(error):
            raise
        raise _damaged(path, error) from None


def _damaged(path: Path, error: Exception) -> ModelFolderError:
    return ModelFolderError(f"{path} is damaged: {reason_of(error)}; begin the run anew")


def _progress(figures: object) -> Progress:
    """How far a run has come, from a file.

    Raises:
        ValueError: it cannot have come there.
    """
    progress = TypeAdapter(Progress).validate_json(json.dumps(figures), strict=True)
    if figures != dataclasses.asdict(progress):
        raise ValueError("the progress has other figures than those of a run")
    for name, value in dataclasses.asdict(progress).items():
        least = 1 if name == "epoch" else 0
        for number in value if isinstance(value, list) and name != "rounds" else [value]:  # pyright: ignore
            if isinstance(number, int | float) and not least <= number < math.inf:
                raise ValueError(f"{name} must be a finite number of at least {least}: got {number}")
    if progress.evaluated > progress.step or bool(progress.evaluated) != bool(progress.rounds):
        raise ValueError(f"evaluated must be a step of an evaluation: got {progress.evaluated}")
    for of_round in progress.rounds:
        Round.model_validate(of_round)
    return progress


def _strings(values: object) -> list[str]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):  # pyright: ignore
        raise ValueError("sources must be names")
    return values  # pyright: ignore


def _optimizer_state(run: Run) -> dict[str, Tensor]:
    """What an optimizer keeps after its first step: tensors of these names and shapes."""
    if not isinstance(run.optimizer, torch.optim.AdamW):
        return {}
    params: list[Tensor] = [param for group in run.optimizer.param_groups for param in group["params"]]
    return {
        f"optimizer.{k}.{key}": torch.zeros(()) if key == "step" else param
        for k, param in enumerate(params)
        for key in ("step", "exp_avg", "exp_avg_sq")
    }


def _check_tensors(expected: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> None:
    if different := sorted(expected.keys() ^ found.keys()):
        raise ValueError(f"{different[0]} is missing, or does not belong in it")
    for name, value in expected.items():
        same_kind = found[name].dtype == value.dtype or (value.is_floating_point() and found[name].is_floating_point())
        if found[name].shape != value.shape or not same_kind:
            raise ValueError(f"{name} must have the shape {list(value.shape)} and hold {value.dtype}")


def _named(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _checksum(about: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> str:
    """Of all that a run is: without it, a tensor that is missing or changed would be found out at some later step."""
    digest = hashlib.sha256(json.dumps(about).encode())
    for name, value in sorted(tensors.items()):
        digest.update(f"\n{name} {value.dtype} {list(value.shape)}\n".encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
