"""`python -P -m zuoci.studio.worker JOB OUT`: a training run in a process of its own, told in lines of JSON.

It reads `pause` and `stop` from its standard input. At the end of that, when whoever started it is gone, or at a
signal to end, it pauses: it saves, and goes on another time exactly where it was.
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

from zuoci.errors import ModelFolderError, ZuociError
from zuoci.studio.corpora import load_kept
from zuoci.text.folder import is_model, is_unfinished
from zuoci.training.job import Job, Paused, SaveFailed
from zuoci.training.recipe import resolve
from zuoci.training.reports import EvalReport, RollbackReport, StepReport
from zuoci.writing.samples import Samples

if TYPE_CHECKING:
    from zuoci.model.language_model import CharLM

JOB, CORPUS = "job.json", "corpus"
_STEP_EVERY = 0.25  # seconds between two lines on steps
_SAMPLES_EVERY = 2.0
_SAMPLE_LENGTH = 60


def tell(kind: str, **document: Any) -> None:
    """Writes one line, unless nobody is there any more to read it: then the end of standard input pauses the run."""
    with suppress(OSError):
        print(json.dumps({"event": kind, **document}), flush=True)


class Commands:
    """What the process is asked to do.

    Attributes:
        pause: to save, and to end.
        ending: the same, because whoever started it is gone, or by a signal.
        stop: to end with what is learnt.
    """

    def __init__(self) -> None:
        self.pause = self.ending = self.stop = False
        self._job: Job | None = None

    def listen(self) -> None:
        """Begins to listen."""
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)  # Windows has no SIGHUP
            if number is not None and not (name == "SIGHUP" and signal.getsignal(number) == signal.SIG_IGN):  # nohup
                signal.signal(number, self._end)
        threading.Thread(target=self._read, daemon=True).start()

    def give_to(self, job: Job) -> None:
        """Passes on to a job what comes, and what has come already."""
        self._job = job
        self._pass_on()

    def _end(self, *_: object) -> None:
        self.ending = self.pause = True
        self._pass_on()

    def _read(self) -> None:
        with os.fdopen(os.dup(0)) as lines:  # Python ends badly while a thread waits in sys.stdin itself
            for line in lines:
                self.stop |= line.strip() == "stop"
                self.pause |= line.strip() == "pause"
                self._pass_on()
        self._end()

    def _pass_on(self) -> None:
        if self._job and self.stop:
            self._job.stop()
        if self._job and self.pause:
            self._job.pause()


def train(document: dict[str, Any], place: Path, out: Path, orders: Commands) -> None:
    """Trains, and tells of it.

    Raises:
        ZuociError: what training raises.
    """
    try:
        with Job(out, resume=None) as job:
            corpus = load_kept(place / CORPUS)
            settings = None if job.stored else resolve(document["recipe"], document["settings"], text=corpus.text)
            job.prepare(corpus, settings, sources=[str(place)])
            orders.give_to(job)
            tell("begun", songs=len(corpus), characters=len(corpus.text))
            join_lines = job.run.settings.training.join_lines
            _tell(job, Samples(corpus, document["openings"], join_lines=join_lines), orders)
    except ModelFolderError:
        if not is_model(out) or is_unfinished(out):
            raise
        tell("finished")  # by the process before this one, which was killed before it could tell


def _tell(job: Job, samples: Samples, orders: Commands) -> None:
    told, sampled = -_STEP_EVERY, -_SAMPLES_EVERY
    for event in job:
        if isinstance(event, StepReport):
            if time.monotonic() - told >= _STEP_EVERY:
                told = time.monotonic()
                _tell_step(event)
        elif isinstance(event, EvalReport):
            tell("round", round=event.as_dict())
            if time.monotonic() - sampled >= _SAMPLES_EVERY:
                sampled = time.monotonic()
                _tell_samples(samples, event.step, job.run.model)
        elif isinstance(event, RollbackReport):
            tell("note", text=f"{event.reason}; going back to step {event.step}")
        elif isinstance(event, SaveFailed):
            if orders.ending:
                raise event.error
            if orders.pause:
                threading.Timer(event.retry, job.pause).start()
            tell("note", text=f"{event.error}; training goes on, and the next save is tried in {event.retry:g} s")
        elif isinstance(event, Paused):
            tell("paused")
        else:
            _tell_samples(samples, event.steps, event.model)
            tell("finished")


def _tell_samples(samples: Samples, step: int, model: CharLM) -> None:
    written = samples.write(model, _SAMPLE_LENGTH)
    tell("samples", step=step, texts=[sample.text for sample in written if not sample.problem])
    for sample in written:
        if sample.problem:
            tell("note", text=sample.problem)


def _tell_step(report: StepReport) -> None:
    speed = report.characters / report.seconds if report.seconds else 0.0
    tell(
        "step",
        step=report.step,
        steps=report.steps,
        epoch=report.epoch,
        nll=report.nll,
        elapsed=report.seconds,
        characters_per_second=speed,
    )


def main() -> None:
    """Runs the job that the command line names."""
    place, out = Path(sys.argv[1]), Path(sys.argv[2])
    orders = Commands()
    orders.listen()
    if hasattr(os, "nice"):
        os.nice(5)  # whoever writes meanwhile should not wait
    try:
        train(json.loads((place / JOB).read_text("utf-8")), place, out, orders)
    except ZuociError as error:
        tell("failed", message=str(error))
        sys.exit(1)
    except Exception as error:
        tell("failed", message=f"the run ended by accident: {error!r}")
        raise
    finally:
        with suppress(OSError):  # keep Python from complaining at its exit
            sys.stdout.flush()


if __name__ == "__main__":
    main()
