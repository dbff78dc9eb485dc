"""What the processes of `test_distributed` do, started by torchrun: `python ranks.py SCENARIO ARGUMENT …`."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import zuoci
from zuoci.cli import main
from zuoci.training import evaluation
from zuoci.training.distributed import joined
from zuoci.training.gradients import Gradients
from zuoci.training.job import Job, follow

if TYPE_CHECKING:
    from collections.abc import Callable

SMALL = {
    "epochs": 0, "steps": 12, "hidden_size": 8, "embedding_size": 4, "batch_size": 5, "seq_len": 8, "threads": 2,
    "validation": 0.3, "keep": "best",
}  # fmt: skip
WHOLE = {**SMALL, "dropout": 0.5, "sampling": "consecutive"}
PLAIN = {**SMALL, "dropout": 0.0, "sampling": "random", "precision": "float32"}
LANES = {"_LANE": 16, "_EARLY": 4, "_SIDE_BY_SIDE": 1}  # so that a short held-out text has lanes to share


LINES = "第{n}首\n山前{n}路\n路上{n}人\n人在唱{n}\n歌里有{n}"
TEXT = "\n\n\n".join(LINES.format(n=n) for n in "一二三四五六七八九十百千万亿")


def corpus(folder: Path) -> zuoci.Corpus:
    """The text, from a file in a folder."""
    path = folder / "songs.txt"
    path.write_text(TEXT, "utf-8")
    return zuoci.read_corpus([path])


def tuning(base: Path) -> dict[str, Any]:
    kept = {name: value for name, value in SMALL.items() if name not in ("hidden_size", "embedding_size")}
    return {**kept, "base": str(base), "steps": 4, "sampling": "random", "counts": True}


def drive(job: Job, settings: dict[str, Any], at: Callable[[Job, int], None] | None = None) -> list[float]:
    """Trains to the end. Returns the loss of each step; `at` is called after each."""
    losses: list[float] = []
    with job:
        job.prepare(corpus(job.folder.parent), None if job.stored else zuoci.resolve("lyrics", settings))
        for event in job:
            if isinstance(event, zuoci.StepReport):
                losses.append(event.nll)
                if at:
                    at(job, event.step)
    return losses


def pause(job: Job, step: int) -> None:
    if step == 5:
        job.pause()


def stop(job: Job, step: int) -> None:
    if step == 3:
        job.stop()


def several_runs(home: Path) -> None:
    """Runs one after the other, in the same processes."""
    read = 0
    nll = evaluation._nll  # pyright: ignore[reportPrivateUsage]

    def counted(*arguments: Any) -> Any:
        nonlocal read
        read += 1
        return nll(*arguments)

    for name, value in {**LANES, "_nll": counted}.items():
        setattr(evaluation, name, value)
    with joined() as ranks:
        runs: dict[str, tuple[dict[str, Any], Callable[[Job, int], None] | None]] = {
            "whole": (WHOLE, None),
            "paused": (WHOLE, pause),
            "stopped": (WHOLE, stop),
            "timed": ({**WHOLE, "steps": 0, "seconds": 0.3}, None),
            "tuned": (tuning(home / "whole"), None),
            "of one process": ({}, None),
            "of a process that died": ({}, None),
        }
        losses: dict[str, list[float]] = {}
        for name, (settings, at) in runs.items():
            if ranks.first:
                job = Job(home / name, device="cpu", resume=not settings, ranks=ranks)
                losses[name] = drive(job, settings, at)
            else:
                follow(ranks, device="cpu")
            if name == "whole":
                (home / f"read by {ranks.rank}").write_text(str(read))
        if ranks.first:
            (home / "losses.json").write_text(json.dumps(losses))


def command_with_a_death() -> None:
    """A command of zuoci, whose second process is killed in its sixth step."""
    compute, steps = Gradients.compute, 0

    def dying(*arguments: Any) -> Any:
        nonlocal steps
        steps += 1
        if steps == 6:
            os.kill(os.getpid(), signal.SIGKILL)
        return compute(*arguments)

    if os.environ["RANK"] == "1":
        setattr(Gradients, "compute", dying)  # noqa: B010
    main()


def command_with_an_interrupt() -> None:
    """A command of zuoci, whose first process has Ctrl-C pressed in its sixth step: torchrun gets the signal."""
    compute, steps = Gradients.compute, 0

    def interrupting(*arguments: Any) -> Any:
        nonlocal steps
        steps += 1
        if steps == 6 and os.environ["RANK"] == "0":
            os.kill(os.getppid(), signal.SIGINT)
        return compute(*arguments)

    setattr(Gradients, "compute", interrupting)  # noqa: B010
    main()


if __name__ == "__main__":
    scenario = sys.argv.pop(1)
    if scenario == "runs":
        several_runs(Path(sys.argv[1]))
    elif scenario == "death":
        command_with_a_death()
    else:
        command_with_an_interrupt()
