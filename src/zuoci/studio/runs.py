"""Training runs: each in a process of its own, one at a time, the others in a queue; told to whoever watches."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
import sys
import sysconfig
import time
from collections import deque
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, ValidationError

from zuoci.model.checkpoint import forget_run
from zuoci.model.lock import locked
from zuoci.model.replacing import replace_durably
from zuoci.server.errors import ApiError, not_found
from zuoci.studio.corpora import make_private
from zuoci.studio.worker import CORPUS, JOB
from zuoci.text.folder import is_model, is_unfinished
from zuoci.training.metrics import read_metrics
from zuoci.training.recipe import resolve

if TYPE_CHECKING:
    from collections.abc import Callable

    from zuoci.text.corpus import Corpus

_log = logging.getLogger("uvicorn.error")

State: TypeAlias = Literal["queued", "running", "pausing", "stopping", "deleting", "paused", "finished", "failed"]

_RUNS = ".runs"  # below the home of models: what each run is trained on, until it is finished
_LONGEST_LINE = 2**20  # bytes of what a run tells at once
_ENDED: tuple[State, ...] = ("paused", "finished", "failed")
_MOST_SAMPLES = 100
_MOST_UNREAD = 1000  # events
_MOST_NAME_BYTES = 255 - len("..12345678.tmp")  # so that what a save writes beside a folder has a name, too
_PATIENCE = 30.0  # seconds that a run has to save, once it is asked to end


class Job(BaseModel):
    """What a run is asked to do, as it stands in its file."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False)

    recipe: str
    settings: dict[str, Any]
    openings: list[str]
    corpus: dict[str, int]


@dataclass
class Training:
    """A run, as the page sees it. `events` of whoever watches it are queues."""

    id: str
    job: Job | None  # None: its file is damaged
    state: State = "queued"
    created: int = 0
    step: dict[str, Any] = field(default_factory=dict[str, Any])
    rounds: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    samples: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=_MOST_SAMPLES))
    error: str | None = None
    watchers: set[asyncio.Queue[tuple[str, dict[str, Any]]]] = field(default_factory=set)
    process: asyncio.subprocess.Process | None = None

    def document(self, waiting: int) -> dict[str, Any]:
        """What the page shows."""
        zero = {"step": 0, "steps": 0, "epoch": 0, "elapsed": 0.0, "characters_per_second": 0.0}
        return {
            "id": self.id,
            "state": self.state,
            "created": self.created,
            "corpus": self.job.corpus if self.job else {"songs": 0, "characters": 0},
            "seconds": self.job.settings.get("seconds", 0) if self.job else 0,
            **zero,
            **{name: value for name, value in self.step.items() if name in zero},
            "rounds": self.rounds,
            "samples": list(self.samples),
            "error": self.error,
            "waiting": waiting,
        }

    def watch(self) -> asyncio.Queue[tuple[str, dict[str, Any]]]:
        """A queue of all that is told from now on."""
        queue: asyncio.Queue[tuple[str, dict[str, Any]]] = asyncio.Queue(_MOST_UNREAD)
        self.watchers.add(queue)
        return queue

    def tell(self, kind: str, document: dict[str, Any]) -> None:
        """Tells those who watch; of what somebody does not read, only the state of the run is kept."""
        for queue in self.watchers:
            if queue.full():
                while not queue.empty():
                    queue.get_nowait()
                queue.put_nowait(("training", self.document(0)))
            queue.put_nowait((kind, document))

    async def order(self, what: str) -> None:
        """Asks the process for something."""
        if self.process and self.process.stdin:
            try:
                self.process.stdin.write(f"{what}\n".encode())
                await self.process.stdin.drain()
            except (BrokenPipeError, ConnectionResetError):  # it has ended by itself
                pass


class Trainings:
    """All runs of a home."""

    def __init__(self, home: Path) -> None:
        """Finds those that an earlier launch left."""
        self.home = home
        self.table: dict[str, Training] = {}
        self._queue: deque[Training] = deque()
        self._task: asyncio.Task[None] | None = None
        self._ending = False
        self._beginning: set[str] = set()
        try:
            (home / _RUNS).chmod(0o700)  # an earlier zuoci let others look into it
            places = sorted(file for file in (home / _RUNS).iterdir() if file.is_dir())
        except OSError:  # there are none, or they cannot be read
            places = []
        for place in places:
            if is_model(home / place.name):  # it was finished, and only its corpus was not thrown away any more
                shutil.rmtree(place, ignore_errors=True)
            else:
                self.table[place.name] = _left(place, home / place.name)

    async def begin(
        self, name: str, read: Callable[[], Corpus], keep: Callable[[Path], None], asked: dict[str, Any]
    ) -> Training:
        """Puts a run into the queue.

        Args:
            name: of the model.
            read: gives its corpus; is called in a thread.
            keep: copies that to a folder; likewise.
            asked: `recipe`, `settings` and `openings`.

        Raises:
            ApiError: the name is taken or too long, nothing can be written, or what `read` raises.
            SettingsError: a setting is unknown or out of bounds.
        """
        size = len(os.fsencode(name))
        if size > _MOST_NAME_BYTES:
            raise ApiError(400, f"name has {size} bytes in UTF-8: {_MOST_NAME_BYTES} at most; shorten it", param="name")
        place = self.home / _RUNS / name
        if name in self.table or name in self._beginning:
            raise _taken(name)
        if self._ending:
            raise _about_to_end()
        self._beginning.add(name)
        try:
            job = await asyncio.to_thread(self._prepare, place, read, keep, asked)
        except OSError as error:
            raise ApiError(409, f"{place} cannot be written: {error.strerror or error}", code="home") from None
        finally:
            self._beginning.discard(name)
        one = Training(name, job, created=int(time.time()))
        self.table[name] = one
        self._enqueue(one)
        return one

    def _prepare(
        self, place: Path, read: Callable[[], Corpus], keep: Callable[[Path], None], asked: dict[str, Any]
    ) -> Job:
        """Puts a job, and what it is trained on, where its process finds them: for their owner alone."""
        if os.path.lexists(self.home / place.name):
            raise _taken(place.name)
        corpus = read()
        job = Job(corpus={"songs": len(corpus), "characters": len(corpus.text)}, **asked)
        resolve(job.recipe, job.settings, text=corpus.text)
        shutil.rmtree(place, ignore_errors=True)
        try:
            make_private(place.parent)
            make_private(place)
            keep(place / CORPUS)
            replace_durably(place / JOB, job.model_dump_json().encode())
            (place / JOB).chmod(0o600)
        except BaseException:
            shutil.rmtree(place, ignore_errors=True)
            raise
        return job

    def get(self, name: str) -> Training:
        """A run.

        Raises:
            ApiError: there is none of that name.
        """
        if name not in self.table:
            raise not_found("training", name)
        return self.table[name]

    def document(self, one: Training) -> dict[str, Any]:
        """What the page shows of a run."""
        waiting = list(self._queue).index(one) + 1 if one in self._queue else 0
        return one.document(waiting)

    def _change(self, one: Training, state: State) -> None:
        one.state = state
        one.tell("training", self.document(one))

    def _enqueue(self, one: Training) -> None:
        if self._ending:
            raise _about_to_end()
        self._queue.append(one)
        self._change(one, "queued")
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work())

    async def pause(self, one: Training) -> None:
        """Saves a run and ends its process; one that waits stops waiting."""
        if one.state == "queued":
            self._queue.remove(one)
            self._change(one, "paused")
        elif one.state == "running":
            self._change(one, "pausing")
            await one.order("pause")
        else:
            raise _impossible(one, "paused")

    async def resume(self, one: Training) -> None:
        """Goes on with a run that was paused, or that failed."""
        if one.state not in ("paused", "failed"):
            raise _impossible(one, "resumed")
        await self._go_on(one)

    async def stop(self, one: Training) -> None:
        """Ends a run with what it has learnt; a paused one goes on for as long as that takes."""
        if one.state == "running":
            self._change(one, "stopping")
            await one.order("stop")
        elif one.state == "paused" and is_unfinished(self.home / one.id):
            await self._go_on(one)
            one.state = "stopping"
        else:
            raise _impossible(one, "stopped")

    async def _go_on(self, one: Training) -> None:
        if one.job is None:
            raise ApiError(409, str(one.error), code="state")
        with locked(self.home / one.id):  # not by the process of a studio that was killed: it may still be saving
            pass
        self._enqueue(one)

    async def forget(self, one: Training) -> None:
        """Throws away what a run saved, and what it was trained on; not a finished model.

        Raises:
            ApiError: it is at work.
            ModelFolderError: another process is at work on it.
        """
        if one.state not in ("queued", *_ENDED):
            raise _impossible(one, "thrown away")
        out = self.home / one.id

        def remove() -> None:
            too_long = len(os.fsencode(one.id)) > _MOST_NAME_BYTES  # no run has that name, and no lock can
            with nullcontext() if too_long else locked(out):
                if is_unfinished(out) and not is_model(out):
                    forget_run(out)
                shutil.rmtree(self.home / _RUNS / one.id, ignore_errors=True)

        if one in self._queue:
            self._queue.remove(one)
        former: State = "paused" if one.state == "queued" else one.state
        self._change(one, "deleting")  # and nothing else may be done with it
        try:
            await asyncio.to_thread(remove)
        except BaseException:
            self._change(one, former)
            raise
        self.table.pop(one.id, None)

    async def end(self) -> None:
        """Pauses what runs, and waits until it is saved."""
        self._ending = True
        while self._queue:
            self._change(self._queue.popleft(), "paused")
        for one in self.table.values():
            if one.process and one.process.stdin:
                one.process.stdin.close()
        if self._task:
            await asyncio.wait({self._task}, timeout=_PATIENCE)

    async def _work(self) -> None:
        while self._queue:
            one = self._queue.popleft()
            for other in self._queue:
                other.tell("training", self.document(other))
            try:
                await self._run(one)
            except Exception as error:  # no process was to be had, or it said what nobody understands
                _log.error("the run %s failed", one.id, exc_info=error)
                if one.process and one.process.returncode is None:
                    one.process.kill()
                one.process = None
                one.error = f"the run could not begin, or go on: {error}"
                self._change(one, "failed")

    async def _run(self, one: Training) -> None:
        place, out = self.home / _RUNS / one.id, self.home / one.id
        stopping = one.state == "stopping"
        one.error = None
        one.process = process = await asyncio.create_subprocess_exec(
            *worker_command(place, out),
            env=_environment(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=_LONGEST_LINE,
            start_new_session=True,  # Ctrl-C is for the studio, which then asks it to pause
        )
        self._change(one, "stopping" if stopping else "running")
        if stopping:
            await one.order("stop")
        assert process.stdout
        ended: State | None = None
        async for line in process.stdout:
            document: dict[str, Any] = json.loads(line)
            ended = self._take(one, document.pop("event"), document) or ended
        code = await process.wait()
        one.process = None
        if ended is None:
            one.error = f"the run ended by accident, with code {code}"
        if ended == "finished":
            shutil.rmtree(place, ignore_errors=True)
        self._change(one, ended or "failed")

    def _take(self, one: Training, kind: str, document: dict[str, Any]) -> State | None:
        if kind in ("paused", "finished"):
            return kind
        if kind == "failed":
            one.error = document["message"]
            return "failed"
        if kind == "step":
            one.step = document
        elif kind == "round":
            one.rounds.append(document := document["round"])
        elif kind == "samples":
            one.samples.append(document)
        if kind != "begun":
            one.tell(kind, document)
        return None


def worker_command(place: Path, out: Path) -> list[str]:
    """The command that works on a run. `-P`: no module comes from the folder in which the studio was started."""
    return [sys.executable, "-P", "-m", "zuoci.studio.worker", str(place), str(out)]


def _environment() -> dict[str, str]:
    """In which the worker finds the zuoci of this process."""
    root = str(Path(__file__).absolute().parents[2])
    if root in map(sysconfig.get_path, ("purelib", "platlib")):
        return dict(os.environ)
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))}


def _rounds(folder: Path) -> list[dict[str, Any]]:
    try:
        return read_metrics(folder)
    except Exception:  # whoever resumes it is told
        return []


def _left(place: Path, out: Path) -> Training:
    """A run that an earlier launch left; if its file is damaged, one that says so."""
    file = place / JOB
    try:
        job = Job.model_validate_json(file.read_bytes())
    except (OSError, ValidationError) as error:
        reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else error.strerror
        message = f"{file} is damaged: {reason}; throw the run away, or put the file right and start the studio anew"
        return Training(place.name, None, state="failed", error=message)
    one = Training(place.name, job, state="paused", created=int(file.stat().st_mtime))
    if is_unfinished(out):
        one.rounds = _rounds(out)
    return one


def _taken(name: str) -> ApiError:
    return ApiError(409, f"there is a model {name} already; choose another name", param="name", code="taken")


def _about_to_end() -> ApiError:
    return ApiError(503, "the server is about to end", code="ending")


def _impossible(one: Training, what: str) -> ApiError:
    return ApiError(409, f"{one.id} is {one.state}: it cannot be {what}", code="state")
