"""A run on disk, to be resumed: `training/unfinished.safetensors` in the folder of its model.

The file holds two snapshots of the run: where it stopped, and the state that it would go back to if the loss were
not finite. Without the second one a resumed run could end differently from a run that was never stopped. The file is
replaced as a whole, and carries a checksum. `job` writes and reads it; docs/format.md describes it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import time
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
from zuoci.model.mixture import Mixture
from zuoci.text.folder import UNFINISHED, is_model, read_files, safetensors_metadata
from zuoci.text.read_config import ReadConfig
from zuoci.text.vocabulary import Vocabulary
from zuoci.training.recipe import Settings
from zuoci.training.reports import EvalReport
from zuoci.training.snapshot import Progress, Snapshot, select
from zuoci.training.split import split
from zuoci.training.trainer import Run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from os import PathLike

    from torch import Tensor

    from zuoci.text.corpus import Corpus
    from zuoci.training.distributed import Ranks

_FORMAT, _VERSION = "zuoci-run", 6


@dataclasses.dataclass(frozen=True)
class StoredRun:
    """A run as it was saved.

    Attributes:
        path: the file.
        settings: the settings of the run.
        sources: where the corpus came from, as the caller of `save_run` named it.
        digest: identifies the text of the run.
        vocabulary: the characters by id.
        now: the state in which the run stopped.
        good: the state to go back to if the loss is not finite.
        best: the best weights so far; {} if the settings do not keep them.
        counts: the counts of the model that the run started from, as `Mixture.to_arrays` gave them; {}: it has none.
        reading: the settings with which the corpus was read.
    """

    path: Path
    settings: Settings
    sources: Sequence[str]
    digest: str
    vocabulary: Vocabulary
    now: Snapshot
    good: Snapshot
    best: dict[str, Tensor]
    counts: dict[str, Tensor]
    reading: ReadConfig

    def resume(
        self,
        corpus: Corpus,
        *,
        device: torch.device | str | None = None,
        clock: Callable[[], float] = time.perf_counter,
        since: float | None = None,
        ranks: Ranks | None = None,
    ) -> Run:
        """Continues the run. It ends with the same bytes as if it had not been stopped.

        The number of processes may be another one. Where that changes `threads`, the order of minibatches stays, and
        the dropout masks become others.

        Args:
            corpus: the songs that the run was started with.
            device: default: CUDA if it is available, else the CPU.
            clock: returns seconds.
            since: the time on that clock from which the rest of a time budget counts; default: now.
            ranks: the processes that train together; default: this one alone.

        Raises:
            ModelFolderError: the file is damaged.
            SettingsError: the corpus is not the one that the run was started with.
        """
        if split(corpus, self.settings.training).digest != self.digest:
            raise SettingsError(
                f"{self.path} was trained on another text than this one of {len(corpus.text):,} characters; name the "
                "sources as they were when it began, or begin a new run in another folder"
            )
        model = CharLM(self.settings.model, self.vocabulary)
        if self.counts:
            arrays = {name: value.numpy() for name, value in self.counts.items()}
            model.mixture = Mixture.from_arrays(arrays, len(self.vocabulary))
        run = Run(corpus, self.settings, model=model, device=device, clock=clock, since=since, ranks=ranks)
        now, good = (self._for_threads_of(run, snapshot) for snapshot in (self.now, self.good))
        try:
            self._check(run, (now, good))
        except ValueError as error:
            raise _damaged(self.path, error) from None
        run.restore(good)
        run.good = run.capture()
        run.restore(now)
        run.best = dict(self.best)
        return run

    def _for_threads_of(self, run: Run, snapshot: Snapshot) -> Snapshot:
        """A snapshot with a stream of dropout masks for each thread, where a run has more or fewer than it had."""
        if run.config.threads == self.settings.training.threads:
            return snapshot
        fresh = {f"dropout.{name}": stream for name, stream in run.gradients.state_dict().items()}
        kept = {
            name: value for name, value in snapshot.tensors.items() if name in fresh or not name.startswith("dropout.")
        }
        return Snapshot(snapshot.progress, fresh | kept)

    def _check(self, run: Run, snapshots: Iterable[Snapshot]) -> None:
        """Raises a ValueError if a run cannot continue from what was stored."""
        fresh = run.capture().tensors
        for snapshot in snapshots:
            progress = snapshot.progress
            size = len(run.batches)
            if progress.batch > size or (progress.epoch - 1) * size + progress.batch != progress.step:
                raise ValueError(f"step {progress.step} is not in epoch {progress.epoch}, batch {progress.batch}")
            _check_tensors(fresh | (_optimizer_tensors(run) if progress.step else {}), snapshot.tensors)
        if self.best:
            _check_tensors(run.model.state_dict(), self.best)
        elif self.settings.training.keep == "best" and self.now.progress.rounds:
            raise ValueError("the best weights are missing")


def save_run(run: Run, folder: str | PathLike[str], *, sources: Sequence[str] = (), keep: bool = False) -> Path:
    """Saves the state of a run in the folder where its model will be.

    Args:
        run: a run between two of its reports.
        folder: created if it does not exist.
        sources: where the corpus came from, to read it again.
        keep: if the run cannot be saved there, save it beside that folder, or else among the temporary files. The
            error says where.

    Returns:
        The file.

    Raises:
        ModelFolderError: the file cannot be written.
    """
    return save_unfinished(folder, run_to_bytes(run, sources), keep=keep)


def run_to_bytes(run: Run, sources: Sequence[str] = ()) -> bytes:
    """The file of a run, which `parse_run` reads; the arguments are those of `save_run`."""
    now, good = run.capture(), run.good
    tensors = {f"now.{name}": value for name, value in now.tensors.items()}
    tensors |= {f"best.{name}": value for name, value in run.best.items()}
    if run.model.mixture:
        arrays = run.model.mixture.to_arrays()
        tensors |= {f"counts.{name}": torch.from_numpy(value) for name, value in arrays.items()}
    if good.progress.step != now.progress.step:
        tensors |= {f"good.{name}": value for name, value in good.tensors.items()}
    about = {
        "format": _FORMAT,
        "version": _VERSION,
        "settings": run.settings.model_dump(mode="json"),
        "sources": list(sources),
        "reading": run.corpus.config.model_dump(),
        "digest": run.split.digest,
        "vocabulary": run.model.vocabulary.to_json(),
        "now": _progress_to_json(now.progress),
        "good": _progress_to_json(good.progress),
    }
    tensors = {name: value.cpu().contiguous() for name, value in tensors.items()}
    about["sha256"] = _checksum(about, tensors)
    # ASCII, because the name of a source may not be Unicode; one entry, because safetensors does not order several.
    return save_tensors(tensors, {"zuoci": json.dumps(about, allow_nan=False)})


def load_run(folder: str | PathLike[str]) -> StoredRun:
    """Reads the run that was stopped in a folder.

    Raises:
        ModelFolderError: there is none, or its file is damaged.
    """
    data = read_files(folder, [UNFINISHED]).get(UNFINISHED)  # in one go, since a save may replace the file meanwhile
    if data is None:
        state = "its run is finished" if is_model(folder) else "there is no run in it"
        raise ModelFolderError(f"{folder} holds nothing to resume: {state}; name the folder of a run that was stopped")
    return parse_run(Path(folder) / UNFINISHED, data)


def parse_run(path: Path, data: bytes) -> StoredRun:
    """Reads the bytes of the file of a stopped run.

    Raises:
        ModelFolderError: they are damaged, or another version of zuoci wrote them.
    """
    try:
        tensors = load_tensors(data)
        return _parse(path, json.loads(safetensors_metadata(data)["zuoci"]), tensors)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, SafetensorError) as error:
        raise _damaged(path, error) from None
    except ZuociError as error:
        if str(path) in str(error):
            raise
        raise _damaged(path, error) from None


def _parse(path: Path, about: dict[str, Any], tensors: Mapping[str, Tensor]) -> StoredRun:
    if (about["format"], about["version"]) != (_FORMAT, _VERSION):
        raise ModelFolderError(f"{path} was written by another version of zuoci; start a new run")
    if about.pop("sha256") != _checksum(about, tensors):
        raise ValueError("the checksum does not match its contents")
    now, good = select(tensors, "now."), select(tensors, "good.")
    return StoredRun(
        path,
        Settings.model_validate(about["settings"]),
        _strings(about["sources"]),
        about["digest"],
        Vocabulary.from_json(about["vocabulary"]),
        Snapshot(_progress_from_json(about["now"]), now),
        Snapshot(_progress_from_json(about["good"]), good or now),
        select(tensors, "best."),
        select(tensors, "counts."),
        ReadConfig.model_validate(about["reading"]),
    )


def _damaged(path: Path, error: Exception) -> ModelFolderError:
    return ModelFolderError(f"{path} is damaged: {reason_of(error)}; start a new run")


def _progress_to_json(progress: Progress) -> dict[str, Any]:
    return {**vars(progress), "rounds": [report.as_dict() for report in progress.rounds]}


def _progress_from_json(figures: dict[str, Any]) -> Progress:
    """Reads what `_progress_to_json` returned, and checks that a run can have come there.

    Raises:
        ValueError: it cannot.
    """
    counters = {**figures, "rounds": []}
    progress = TypeAdapter(Progress).validate_json(json.dumps(counters), strict=True)
    if counters != vars(progress):
        raise ValueError("the progress has other figures than those of a run")
    for name, value in vars(progress).items():
        least = 1 if name == "epoch" else 0
        for number in value if isinstance(value, list) else [value]:  # pyright: ignore
            if not least <= number < math.inf:
                raise ValueError(f"{name} must be a finite number of at least {least}: got {number}")
    for figures_of_round in figures["rounds"]:
        Round.model_validate(figures_of_round)
        progress.rounds.append(EvalReport.from_dict(figures_of_round))
    evaluated = progress.last_evaluation_step
    if evaluated > progress.step or evaluated != (progress.rounds[-1].step if progress.rounds else 0):
        raise ValueError(f"last_evaluation_step must be the step of an evaluation: got {evaluated}")
    return progress


def _strings(values: object) -> list[str]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):  # pyright: ignore
        raise ValueError("sources must be a list of names")
    return values  # pyright: ignore


def _optimizer_tensors(run: Run) -> dict[str, Tensor]:
    """What the optimizer keeps after its first step: tensors of the same names and shapes."""
    if not isinstance(run.optimizer, torch.optim.AdamW):
        return {}
    params: list[Tensor] = [param for group in run.optimizer.param_groups for param in group["params"]]
    return {
        f"optimizer.{k}.{key}": torch.zeros(()) if key == "step" else param
        for k, param in enumerate(params)
        for key in ("step", "exp_avg", "exp_avg_sq")
    }


def _check_tensors(expected: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> None:
    """Raises a ValueError if some tensors have other names, shapes or kinds of numbers than expected."""
    if different := sorted(expected.keys() ^ found.keys()):
        raise ValueError(f"{different[0]} is missing, or does not belong in it")
    for name, value in expected.items():
        same_kind = found[name].dtype == value.dtype or (value.is_floating_point() and found[name].is_floating_point())
        if found[name].shape != value.shape or not same_kind:
            raise ValueError(f"{name} must have the shape {list(value.shape)} and hold {value.dtype}")


def _checksum(about: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 of everything that a run consists of. It finds a tensor that is missing or was changed."""
    digest = hashlib.sha256(json.dumps(about).encode())
    for name, value in sorted(tensors.items()):
        digest.update(f"\n{name} {value.dtype} {list(value.shape)}\n".encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
