"""The training runs of the studio: one process at a time, the other jobs in a queue.

The routes create, pause, resume, stop and delete jobs. Each job has a folder below `.runs` in the folder of models,
which holds its corpus and `job.json`. `zuoci.studio.worker` trains it in a process of its own, which reads commands
from standard input and writes events to standard output.
"""

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
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zuoci.errors import Message
from zuoci.model.checkpoint import forget_run
from zuoci.model.lock import locked
from zuoci.model.replacing import replace_durably
from zuoci.server.errors import ApiError, ending, not_found
from zuoci.studio.jobs import ENDED, JobRequest, State, TrainingJob
from zuoci.studio.stored_corpus import make_private
from zuoci.studio.worker import CORPUS, JOB
from zuoci.text.folder import is_model, is_unfinished
from zuoci.training.recipe import resolve

if TYPE_CHECKING:
    from collections.abc import Callable

    from zuoci.text.corpus import Corpus

_log = logging.getLogger("uvicorn.error")

MODEL_NAME = r"^[^\W_][\w-]{0,63}$"  # a regular expression
_RUNS = ".runs"  # folder of all jobs, in the folder of models
_MAX_LINE_BYTES = 2**20  # of an event of a process
_MAX_NAME_BYTES = 255 - len("..12345678.tmp")  # of a model, so that the temporary names of a save are not too long
_SHUTDOWN_SECONDS = 30.0  # that a process has to save its run


class TrainingRuns:
    """All training jobs of a folder of models.

    Attributes:
        jobs: the jobs by id. A finished job stays until the studio ends.
    """

    def __init__(self, home: Path) -> None:
        """Restores the jobs that an earlier studio left.

        Args:
            home: the folder of models.
        """
        self._home = home
        self.jobs: dict[str, TrainingJob] = {}
        self._queue: deque[TrainingJob] = deque()
        self._worker: asyncio.Task[None] | None = None
        self._draining = False
        self._creating: set[str] = set()
        try:
            (home / _RUNS).chmod(0o700)  # earlier versions let other users look into it
            folders = sorted(file for file in (home / _RUNS).iterdir() if file.is_dir())
        except OSError:  # there are none, or they cannot be read
            folders = []
        for folder in folders:
            if is_model(home / folder.name):  # the run was finished, but the studio ended before it deleted this
                shutil.rmtree(folder, ignore_errors=True)
            else:
                self.jobs[folder.name] = TrainingJob.restore(folder, home / folder.name)

    async def create(
        self, name: str, read: Callable[[], Corpus], copy: Callable[[Path], None], request: dict[str, Any]
    ) -> TrainingJob:
        """Creates a job and puts it into the queue.

        Args:
            name: the name of the model to be.
            read: returns the corpus; called in a thread.
            copy: copies the corpus into a folder; called in a thread.
            request: `recipe`, `settings` and `openings` of a `JobRequest`.

        Raises:
            ApiError: the name is taken or too long, the files cannot be written, the studio is shutting down, or what
                `read` raises.
            SettingsError: a setting is unknown or out of bounds.
        """
        check_name(name)
        folder = self._home / _RUNS / name
        if name in self.jobs or name in self._creating:
            raise name_taken(name)
        if self._draining:
            raise ending()
        self._creating.add(name)
        try:
            stored = await asyncio.to_thread(self._prepare, folder, read, copy, request)
        except OSError as error:
            told = "{folder} cannot be written: {error}"
            message = Message("home", told, folder=str(folder), error=error.strerror or str(error))
            raise ApiError(409, message) from None
        finally:
            self._creating.discard(name)
        job = TrainingJob(name, stored, created=int(time.time()))
        self.jobs[name] = job
        self._enqueue(job)
        return job

    def _prepare(
        self, folder: Path, read: Callable[[], Corpus], copy: Callable[[Path], None], request: dict[str, Any]
    ) -> JobRequest:
        """Writes a job's folder, which only its owner can look into."""
        if os.path.lexists(self._home / folder.name):
            raise name_taken(folder.name)
        corpus = read()
        stored = JobRequest(corpus={"songs": len(corpus), "characters": len(corpus.text)}, **request)
        resolve(stored.recipe, stored.settings, text="")  # only to check them: a large text would be measured
        shutil.rmtree(folder, ignore_errors=True)
        try:
            make_private(folder.parent)
            make_private(folder)
            copy(folder / CORPUS)
            replace_durably(folder / JOB, stored.model_dump_json().encode())
            (folder / JOB).chmod(0o600)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return stored

    def get(self, name: str) -> TrainingJob:
        """A job.

        Raises:
            ApiError: there is no job with this id.
        """
        if name not in self.jobs:
            raise not_found("training", name)
        return self.jobs[name]

    def document(self, job: TrainingJob) -> dict[str, Any]:
        """What the page shows of a job, for JSON."""
        return job.document(list(self._queue).index(job) + 1 if job in self._queue else 0)

    def _set_state(self, job: TrainingJob, state: State) -> None:
        job.state = state
        job.emit("training", self.document(job))

    def _enqueue(self, job: TrainingJob) -> None:
        if self._draining:
            raise ending()
        self._queue.append(job)
        self._set_state(job, "queued")
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._run_queue())

    async def pause(self, job: TrainingJob) -> None:
        """Takes a job out of the queue, or saves its run and ends its process.

        Raises:
            ApiError: the job is neither queued nor running, or its process is being started.
        """
        if job in self._queue:
            self._queue.remove(job)
            self._set_state(job, "paused")
        elif job.state == "running":
            self._set_state(job, "pausing")
            await job.send_command("pause")
        else:
            raise _wrong_state(job, "paused")

    async def resume(self, job: TrainingJob) -> None:
        """Puts a job that is paused, or that failed, back into the queue.

        Raises:
            ApiError: the job is in another state, or its file is damaged.
            InUseError: another process trains it.
        """
        if job.state not in ("paused", "failed"):
            raise _wrong_state(job, "resumed")
        self._requeue(job)

    async def stop(self, job: TrainingJob) -> None:
        """Ends a run, so that what has been learnt becomes the model. A paused job is run once more for this.

        Raises:
            ApiError: the job is in another state, or has learnt nothing.
            InUseError: another process trains it.
        """
        if job.state == "running":
            self._set_state(job, "stopping")
            await job.send_command("stop")
        elif job.state == "paused" and is_unfinished(self._home / job.id):
            self._requeue(job)
            self._set_state(job, "stopping")
        else:
            raise _wrong_state(job, "stopped")

    def _requeue(self, job: TrainingJob) -> None:
        if job.request is None:
            assert job.error
            raise ApiError(409, job.error)
        with locked(self._home / job.id):  # the process of a killed studio may still be saving the run
            pass
        self._enqueue(job)

    async def delete(self, job: TrainingJob) -> None:
        """Deletes a job, its corpus and its unfinished run. A finished model stays.

        Raises:
            ApiError: the job is running or being started.
            InUseError: another process trains it.
        """
        if job not in self._queue and job.state not in ENDED:
            raise _wrong_state(job, "deleted")
        former: State = job.state
        if job in self._queue:
            self._queue.remove(job)
            former = "paused"
        self._set_state(job, "deleting")  # so that no other request changes it
        try:
            await asyncio.to_thread(self._delete_files, job.id)
        except BaseException:
            self._set_state(job, former)
            raise
        self.jobs.pop(job.id, None)

    def _delete_files(self, name: str) -> None:
        model = self._home / name
        too_long = len(os.fsencode(name)) > _MAX_NAME_BYTES  # then there is no run of this name, and can be no lock
        with nullcontext() if too_long else locked(model):
            if is_unfinished(model) and not is_model(model):
                forget_run(model)
            shutil.rmtree(self._home / _RUNS / name, ignore_errors=True)

    async def forget(self, name: str) -> None:
        """Forgets a finished job, whose model was deleted or renamed."""
        if name in self.jobs and self.jobs[name].state == "finished":
            await self.delete(self.jobs[name])

    async def shut_down(self) -> None:
        """Pauses all jobs, and waits until the one that runs is saved."""
        self._draining = True
        while self._queue:
            self._set_state(self._queue.popleft(), "paused")
        for job in self.jobs.values():
            if job.process and job.process.stdin:
                job.process.stdin.close()
        if self._worker:
            await asyncio.wait({self._worker}, timeout=_SHUTDOWN_SECONDS)

    async def _run_queue(self) -> None:
        while self._queue:
            job = self._queue.popleft()
            for other in self._queue:  # each has moved up
                other.emit("training", self.document(other))
            try:
                await self._run(job)
            except Exception as error:  # the process could not be started, or wrote what is not an event
                _log.error("the run %s failed", job.id, exc_info=error)
                if job.process and job.process.returncode is None:
                    job.process.kill()
                job.process = None
                told = "the run could not start, or go on: {error}"
                job.error = Message("run_not_started", told, error=str(error))
                self._set_state(job, "failed")

    async def _run(self, job: TrainingJob) -> None:
        """Trains a job in a process, until the process ends."""
        folder, model = self._home / _RUNS / job.id, self._home / job.id
        stopping = job.state == "stopping"
        job.error = None
        job.process = process = await asyncio.create_subprocess_exec(
            *worker_command(folder, model),
            env=_environment(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=_MAX_LINE_BYTES,
            start_new_session=True,  # Ctrl-C goes to the studio only, which then asks the process to pause
        )
        self._set_state(job, "stopping" if stopping else "running")
        if stopping:
            await job.send_command("stop")
        if self._draining and process.stdin:  # the studio was asked to end while the process was started
            process.stdin.close()
        assert process.stdout
        end: State | None = None
        async for line in process.stdout:
            document: dict[str, Any] = json.loads(line)
            end = job.read_event(document.pop("event"), document) or end
        code = await process.wait()
        job.process = None
        if end is None:
            told = "the training process ended unexpectedly, with exit code {error}"
            job.error = Message("run_ended", told, error=code)
        if end == "finished":
            shutil.rmtree(folder, ignore_errors=True)
        self._set_state(job, end or "failed")


def worker_command(folder: Path, model: Path) -> list[str]:
    """The command that trains a job.

    Args:
        folder: the job's folder.
        model: the folder of the model to be.
    """
    # -P: no module is imported from the folder in which the studio was started.
    return [sys.executable, "-P", "-m", "zuoci.studio.worker", str(folder), str(model)]


def _environment() -> dict[str, str]:
    """The environment of the process, in which it imports the same zuoci as this process."""
    root = str(Path(__file__).absolute().parents[2])
    if root in map(sysconfig.get_path, ("purelib", "platlib")):
        return dict(os.environ)
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))}


def check_name(name: str) -> None:
    """Makes sure that the name of a model leaves room for the temporary names of a save.

    Raises:
        ApiError: it is too long.
    """
    size = len(os.fsencode(name))
    if size > _MAX_NAME_BYTES:
        told = "name has {size} bytes in UTF-8: {most} at most; shorten it"
        raise ApiError(400, Message("long_name", told, size=size, most=_MAX_NAME_BYTES), param="name")


def name_taken(name: str) -> ApiError:
    """The error for a job whose name a model or another job has."""
    told = "there is a model {name} already; choose another name"
    return ApiError(409, Message("taken", told, name=name), param="name")


def _wrong_state(job: TrainingJob, what: str) -> ApiError:
    told = "{name} is {state}: it cannot be {what}"
    return ApiError(409, Message("state", told, name=job.id, state=job.state, what=what))
