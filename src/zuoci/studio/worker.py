"""`python -m zuoci.studio.worker JOB OUT`: a training run in a process of its own, told in lines of JSON.

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
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zuoci.errors import ZuociError
from zuoci.model.checkpoint import check_destination, is_unfinished
from zuoci.studio.corpora import load_kept
from zuoci.text.fingerprint import Fingerprint
from zuoci.text.openings import openings_of
from zuoci.training.recipe import resolve
from zuoci.training.reports import EndReport, EvalReport, RollbackReport, StepReport
from zuoci.training.resume import Checkpoints, load_run, locked
from zuoci.training.trainer import Run
from zuoci.writing.config import WriteConfig
from zuoci.writing.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zuoci.model.language_model import CharLM

JOB, CORPUS = "job.json", "corpus"
_STEP_EVERY = 0.25  # seconds between two lines on steps
_SAMPLES_EVERY = 2.0
_SAMPLE_LENGTH = 60
_TEMPERATURE = 0.7  # as zuoci train


def tell(kind: str, **document: Any) -> None:
    """Writes one line."""
    print(json.dumps({"event": kind, **document}, ensure_ascii=False), flush=True)


class Orders:
    """What the process was asked to do."""

    def __init__(self) -> None:
        self.pause = False
        self.stop = False

    def listen(self) -> None:
        """Begins to listen."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._end)
        threading.Thread(target=self._read, daemon=True).start()

    def _end(self, *_: object) -> None:
        self.pause = True

    def _read(self) -> None:
        for line in sys.stdin:
            self.stop |= line.strip() == "stop"
            self.pause |= line.strip() == "pause"
        self.pause = True


class Samples:
    """Short texts now and then, to see what a run has learnt."""

    def __init__(self, run: Run, openings: Sequence[str]) -> None:
        self._openings = openings or openings_of(run.corpus)
        self._against = Fingerprint.of(run.corpus, join_lines=run.settings.training.join_lines)
        self._last = -_SAMPLES_EVERY

    def after(self, step: int, model: CharLM, *, last: bool = False) -> None:
        """Writes some, if it is time."""
        if not last and time.monotonic() - self._last < _SAMPLES_EVERY:
            return
        self._last = time.monotonic()
        writer = Writer(model, self._against)
        config = WriteConfig(length=_SAMPLE_LENGTH, temperature=_TEMPERATURE)
        texts = [writer.write(opening, config).text for opening in self._openings]
        tell("samples", step=step, texts=texts)


def train(job: dict[str, Any], place: Path, out: Path, orders: Orders) -> None:
    """Trains, and tells of it.

    Raises:
        ZuociError: what training raises.
    """
    corpus = load_kept(place / CORPUS)
    with locked(out):
        if is_unfinished(out):
            run = load_run(out).resume(corpus)
        else:
            check_destination(out)
            run = Run(corpus, resolve(job["recipe"], job["settings"], text=corpus.text))
        tell("begun", songs=len(corpus), characters=len(corpus.text))
        checkpoints = Checkpoints(run, out, sources=[str(place)])
        samples = Samples(run, job["openings"])
        told = 0.0
        for report in run:
            if isinstance(report, EndReport):
                report.save(out, overwrite=is_unfinished(out))
                samples.after(report.steps, report.model, last=True)
                tell("finished")
                return
            if isinstance(report, EvalReport):
                tell("round", round=report.as_dict())
                samples.after(report.step, report.model)
            elif isinstance(report, RollbackReport):
                tell("note", text=f"{report.reason}; going back to step {report.step}")
            elif time.monotonic() - told >= _STEP_EVERY:
                told = time.monotonic()
                _tell_step(report)
            checkpoints.after(report)
            if orders.pause:
                checkpoints.save()
                tell("paused")
                return
            if orders.stop and run.progress.step:
                run.progress.steps = run.progress.step  # what is left is to evaluate, and to end


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
    orders = Orders()
    orders.listen()
    if hasattr(os, "nice"):
        os.nice(5)  # whoever writes meanwhile should not wait
    try:
        train(json.loads((place / JOB).read_text("utf-8")), place, out, orders)
    except ZuociError as error:
        tell("failed", message=str(error))
        sys.exit(1)


if __name__ == "__main__":
    main()
