"""`python -P -m zuoci.studio.worker JOB MODEL`: one training job of the studio, in a process of its own.

`zuoci.studio.runs` starts it. JOB is the job's folder, MODEL the folder of the model to be. The process writes events
to standard output, one JSON document a line, and reads the commands `pause` and `stop` from standard input. It also
pauses at the end of standard input, when the studio is gone, and at a signal that asks it to end. To pause is to save
the run, which can be resumed exactly, and to end.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zuoci.model.threads import pin_libraries

if __name__ == "__main__":
    pin_libraries()  # before anything loads them

from zuoci.errors import Message, ModelFolderError, ZuociError
from zuoci.studio.stored_corpus import load_stored
from zuoci.text.folder import is_model, is_unfinished
from zuoci.training.job import Job, Paused, SaveFailed
from zuoci.training.recipe import resolve
from zuoci.training.reports import EvalReport, RollbackReport, StepReport
from zuoci.writing.samples import Samples

if TYPE_CHECKING:
    from zuoci.model.language_model import CharLM

JOB, CORPUS = "job.json", "corpus"  # in the job's folder
_STEP_SECONDS = 0.25  # between two `step` events
_SAMPLES_SECONDS = 2.0  # between two `samples` events
_SAMPLE_LENGTH = 60  # characters


def emit(name: str, **document: Any) -> None:
    """Writes an event. If nobody reads any more, it is dropped; then the end of standard input pauses the run."""
    with suppress(OSError):
        print(json.dumps({"event": name, **document}), flush=True)


def emit_note(code: str, template: str, **params: Any) -> None:
    """Writes an event that tells the user something, which the page says in its language."""
    emit("note", **Message(code, template, **params).as_dict())


class Commands:
    """The commands that the process has received.

    Attributes:
        pause: save the run and end.
        ending: the same, because the studio is gone or a signal came; the process ends even if it cannot save.
        stop: end the run with what has been learnt.
    """

    def __init__(self) -> None:
        """No command has come."""
        self.pause = self.ending = self.stop = False
        self._job: Job | None = None

    def listen(self) -> None:
        """Begins to read standard input, in a thread, and to handle signals."""
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)  # Windows has no SIGHUP
            if number is not None and not (name == "SIGHUP" and signal.getsignal(number) == signal.SIG_IGN):  # nohup
                signal.signal(number, self._end)
        threading.Thread(target=self._read, daemon=True).start()

    def apply_to(self, job: Job) -> None:
        """Applies all commands to a job, those that have come already and those that will."""
        self._job = job
        self._apply()

    def _end(self, *_: object) -> None:
        self.ending = self.pause = True
        self._apply()

    def _read(self) -> None:
        with os.fdopen(os.dup(0)) as lines:  # a thread that waits in sys.stdin would keep Python from ending
            for line in lines:
                self.stop |= line.strip() == "stop"
                self.pause |= line.strip() == "pause"
                self._apply()
        self._end()

    def _apply(self) -> None:
        if self._job and self.stop:
            self._job.stop()
        if self._job and self.pause:
            self._job.pause()


def train(request: dict[str, Any], folder: Path, model: Path, commands: Commands) -> None:
    """Trains a job and emits its events.

    Args:
        request: the contents of `job.json`.
        folder: the job's folder.
        model: the folder of the model to be.
        commands: what comes in meanwhile.

    Raises:
        ZuociError: what training raises.
    """
    try:
        with Job(model, resume=None) as job:
            corpus = load_stored(folder / CORPUS)
            settings = None if job.stored else resolve(request["recipe"], request["settings"], text=corpus.text)
            job.prepare(corpus, settings, sources=[str(folder)])
            commands.apply_to(job)
            emit("started", songs=len(corpus), characters=len(corpus.text))
            join_lines = job.run.settings.training.join_lines
            _emit_events(job, Samples(corpus, request["openings"], join_lines=join_lines), commands)
    except ModelFolderError:
        if not is_model(model) or is_unfinished(model):
            raise
        emit("finished")  # by an earlier process, which was killed before it could emit this


def _emit_events(job: Job, samples: Samples, commands: Commands) -> None:
    last_step, last_samples = -_STEP_SECONDS, -_SAMPLES_SECONDS
    for event in job:
        if isinstance(event, StepReport):
            if time.monotonic() - last_step >= _STEP_SECONDS:
                last_step = time.monotonic()
                _emit_step(event)
        elif isinstance(event, EvalReport):
            emit("round", round=event.as_dict())
            if time.monotonic() - last_samples >= _SAMPLES_SECONDS:
                last_samples = time.monotonic()
                _emit_samples(samples, event.step, job.run.model)
        elif isinstance(event, RollbackReport):
            emit_note("rolled_back", "{reason}; going back to step {step}", reason=event.reason, step=event.step)
        elif isinstance(event, SaveFailed):
            if commands.ending:
                raise event.error
            if commands.pause:
                again = threading.Timer(event.retry, job.pause)
                again.daemon = True  # a run that ends before does not wait for it
                again.start()
            told = "{error}; training goes on, and the next save is tried in {seconds:g} s"
            emit_note("save_failed", told, error=str(event.error), seconds=event.retry)
        elif isinstance(event, Paused):
            emit("paused")
        else:
            _emit_samples(samples, event.steps, event.model)
            emit("finished")


def _emit_samples(samples: Samples, step: int, model: CharLM) -> None:
    written = samples.write(model, _SAMPLE_LENGTH)
    emit("samples", step=step, texts=[sample.text for sample in written if not sample.problem])
    for sample in written:
        if sample.problem:
            emit_note("no_sample", "{problem}", problem=sample.problem)


def _emit_step(report: StepReport) -> None:
    speed = report.characters / report.seconds if report.seconds else 0.0
    emit(
        "step",
        step=report.step,
        steps=report.steps,
        epoch=report.epoch,
        nll=report.nll,
        elapsed=report.seconds,
        characters_per_second=speed,
    )


def main() -> None:
    """Trains the job that the command line names."""
    folder, model = Path(sys.argv[1]), Path(sys.argv[2])
    commands = Commands()
    commands.listen()
    if hasattr(os, "nice"):
        os.nice(5)  # writing, meanwhile, should not get slow
    try:
        train(json.loads((folder / JOB).read_text("utf-8")), folder, model, commands)
    except ZuociError as error:
        emit("failed", error=error.message.as_dict())
        sys.exit(1)
    except Exception as error:
        ended = Message("run_ended", "the training process ended unexpectedly: {error}", error=repr(error))
        emit("failed", error=ended.as_dict())
        raise
    finally:
        try:
            sys.stdout.flush()
        except OSError:  # nobody listens: what is left goes nowhere, else Python complains at its exit
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
