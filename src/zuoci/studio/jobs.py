"""A training job of the studio: what it was asked to do, its state, and events for everybody who watches it.

`zuoci.studio.runs` moves jobs from state to state:

    queued → running → finished
                     → failed
                     → pausing → paused → queued …
                     → stopping → finished

A job that is queued, paused or failed can be deleted.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, ValidationError

from zuoci.errors import Message
from zuoci.studio.worker import JOB
from zuoci.text.folder import is_unfinished
from zuoci.training.metrics import read_metrics

if TYPE_CHECKING:
    from pathlib import Path

State: TypeAlias = Literal["queued", "running", "pausing", "stopping", "deleting", "paused", "finished", "failed"]
Event: TypeAlias = tuple[str, dict[str, Any]]  # its name, and its document

ENDED: tuple[State, ...] = ("paused", "finished", "failed")  # states in which no process runs or will run by itself
_MAX_SAMPLES = 100
_MAX_UNREAD = 1000  # events


class JobRequest(BaseModel):
    """What a job is asked to do, as the file `job.json` in the job's folder holds it.

    Attributes:
        recipe: the name of the recipe.
        settings: the settings that differ from the recipe's.
        openings: the openings of the samples.
        corpus: how many `songs` and `characters` it is trained on.
    """

    model_config = ConfigDict(strict=True, allow_inf_nan=False)

    recipe: str
    settings: dict[str, Any]
    openings: list[str]
    corpus: dict[str, int]


@dataclass(eq=False)
class TrainingJob:
    """A training job.

    Attributes:
        id: the name of the model to be.
        request: what it is asked to do; None: the job's file is damaged.
        state: where it stands.
        created: when it was created, in seconds since 1970.
        step: the latest `step` event of its process.
        rounds: the figures of each evaluation.
        samples: what the model wrote on the way.
        error: why it failed.
        process: the process that trains, while there is one.
    """

    id: str
    request: JobRequest | None
    state: State = "queued"
    created: int = 0
    step: dict[str, Any] = field(default_factory=dict[str, Any])
    rounds: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    samples: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=_MAX_SAMPLES))
    error: Message | None = None
    process: asyncio.subprocess.Process | None = None
    _watchers: set[asyncio.Queue[Event]] = field(default_factory=set[asyncio.Queue[Event]])

    @classmethod
    def restore(cls, folder: Path, model: Path) -> TrainingJob:
        """A job that an earlier studio left: paused, or failed if its file is damaged.

        Args:
            folder: the job's folder.
            model: the folder of the model to be.
        """
        file = folder / JOB
        try:
            request = JobRequest.model_validate_json(file.read_bytes())
        except (OSError, ValidationError) as error:
            reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else error.strerror
            told = "{file} is damaged: {reason}; delete the run, or repair the file and restart the studio"
            message = Message("run_damaged", told, file=str(file), reason=str(reason))
            return cls(folder.name, None, state="failed", error=message)
        job = cls(folder.name, request, state="paused", created=int(file.stat().st_mtime))
        if is_unfinished(model):
            job.rounds = _read_rounds(model)
        return job

    def document(self, waiting: int) -> dict[str, Any]:
        """What the page shows of the job, for JSON.

        Args:
            waiting: its place in the queue, from 1; 0: it is not in the queue.
        """
        progress = {"step": 0, "steps": 0, "epoch": 0, "elapsed": 0.0, "characters_per_second": 0.0}
        return {
            "id": self.id,
            "state": self.state,
            "created": self.created,
            "corpus": self.request.corpus if self.request else {"songs": 0, "characters": 0},
            "seconds": self.request.settings.get("seconds", 0) if self.request else 0,
            **progress,
            **{name: value for name, value in self.step.items() if name in progress},
            "rounds": self.rounds,
            "samples": list(self.samples),
            "error": self.error and self.error.as_dict(),
            "waiting": waiting,
        }

    def watch(self) -> asyncio.Queue[Event]:
        """A queue that gets every event from now on."""
        queue: asyncio.Queue[Event] = asyncio.Queue(_MAX_UNREAD)
        self._watchers.add(queue)
        return queue

    def unwatch(self, queue: asyncio.Queue[Event]) -> None:
        """Ends a queue of `watch`."""
        self._watchers.discard(queue)

    def emit(self, name: str, document: dict[str, Any]) -> None:
        """Puts an event into every queue. A queue that is full, since nobody reads it, keeps the job's state only."""
        for queue in self._watchers:
            if queue.full():
                while not queue.empty():
                    queue.get_nowait()
                queue.put_nowait(("training", self.document(0)))
            queue.put_nowait((name, document))

    def read_event(self, name: str, document: dict[str, Any]) -> State | None:
        """Takes an event of the job's process.

        Returns:
            The state in which the process ends, if the event says so.
        """
        if name in ("paused", "finished"):
            return name
        if name == "failed":
            self.error = Message.from_dict(document["error"])
            return "failed"
        if name == "started":
            return None
        if name == "step":
            self.step = document
        elif name == "round":
            document = document["round"]
            # A run that was resumed from an earlier step evaluates some rounds again.
            self.rounds = [*(one for one in self.rounds if one["step"] < document["step"]), document]
        elif name == "samples":
            self.samples.append(document)
        self.emit(name, document)
        return None

    async def send_command(self, command: str) -> None:
        """Sends `pause` or `stop` to the process."""
        if self.process and self.process.stdin:
            try:
                self.process.stdin.write(f"{command}\n".encode())
                await self.process.stdin.drain()
            except (BrokenPipeError, ConnectionResetError):  # it has ended by itself
                pass


def _read_rounds(model: Path) -> list[dict[str, Any]]:
    try:
        return read_metrics(model)
    except Exception:  # whoever resumes the run is told what is wrong
        return []
