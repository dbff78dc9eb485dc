"""A run on disk, to go on from: one file, replaced as a whole.

It holds two states of the run. One is where it stopped; the other is where a loss that is not finite would send
it back to, without which a resumed run could end differently from one that was never stopped.
"""

from __future__ import annotations

import dataclasses
import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from zuoci.errors import ModelFolderError, SettingsError
from zuoci.model.checkpoint import UNFINISHED, is_model, is_unfinished, recover, replace_durably
from zuoci.model.language_model import CharLM
from zuoci.text.vocabulary import Vocabulary
from zuoci.training.recipe import Settings
from zuoci.training.split import split
from zuoci.training.trainer import Progress, Run, Snapshot

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from os import PathLike

    import torch
    from torch import Tensor

    from zuoci.text.corpus import Corpus

_FORMAT, _VERSION = "zuoci-run", 1


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
            SettingsError: the corpus is not the one that the run was trained on.
        """
        if split(corpus, self.settings.training).digest != self.digest:
            raise SettingsError(
                f"{self.path} was trained on another text than this one of {len(corpus.text):,} characters; name the "
                "sources as they were when it began, or begin a new run in another folder"
            )
        model = CharLM(self.settings.model, self.vocabulary)
        model.load_state_dict({name: self.now.tensors[f"model.{name}"] for name in model.state_dict()})
        run = Run(corpus, self.settings, model=model, device=device)
        run.restore(self.good)
        run.good = run.capture()
        run.restore(self.now)
        run.best = dict(self.best)
        return run


def save_run(run: Run, folder: str | PathLike[str], *, sources: Sequence[str] = ()) -> Path:
    """Saves where a run is, in the folder where its model will be.

    Args:
        run: between two of its reports.
        folder: made if it does not exist.
        sources: to find the corpus again.

    Returns:
        The file.

    Raises:
        ModelFolderError: it cannot be written.
    """
    path = Path(folder) / UNFINISHED
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
    data = save_tensors(
        {name: value.cpu().contiguous() for name, value in tensors.items()},
        {"zuoci": json.dumps(about, allow_nan=False)},
    )
    try:
        replace_durably(path, data)
    except OSError as error:
        raise ModelFolderError(f"{path} cannot be saved: {error.strerror or error}") from None
    return path


@contextmanager
def locked(folder: Path) -> Generator[None]:
    """Keeps other processes off a folder.

    Raises:
        ModelFolderError: another process has it, or its parent cannot be written to.
    """
    path = folder.with_name(f".{folder.name}.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("wb")
    except OSError as error:
        raise ModelFolderError(f"{folder} cannot be locked: {error.strerror or error}") from None
    with file:
        try:
            if fcntl:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ModelFolderError(f"another zuoci trains into {folder}; wait, or choose another folder") from None
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def load_run(folder: str | PathLike[str]) -> StoredRun:
    """Reads a run that was stopped.

    Raises:
        ModelFolderError: there is none, or it is damaged.
    """
    recover(Path(folder))
    path = Path(folder) / UNFINISHED
    if not is_unfinished(Path(folder)):
        state = "its run is finished" if is_model(Path(folder)) else "there is no run in it"
        raise ModelFolderError(f"{folder} holds nothing to resume: {state}; name the folder of a run that was stopped")
    try:
        data = path.read_bytes()
        tensors = load_tensors(data)
        header: Any = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        about = json.loads(header["__metadata__"]["zuoci"])
        if (about["format"], about["version"]) != (_FORMAT, _VERSION):
            raise ModelFolderError(f"{path} was written by another version of zuoci; begin the run anew")

        def named(prefix: str) -> dict[str, Tensor]:
            return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}

        return StoredRun(
            path,
            Settings.model_validate(about["settings"]),
            about["sources"],
            about["digest"],
            Vocabulary.from_json(about["vocabulary"]),
            Snapshot(Progress(**about["now"]), named("now.")),
            Snapshot(Progress(**about["good"]), named("good.") or named("now.")),
            named("best."),
        )
    except OSError as error:
        raise ModelFolderError(f"{path} cannot be read: {error.strerror or error}") from None
    except (ValueError, KeyError, TypeError, ValidationError, SafetensorError) as error:
        reason = str(error).strip().splitlines()[0].rstrip(":")
        raise ModelFolderError(f"{path} is damaged: {reason}; begin the run anew") from None
