"""Trains in child processes that are killed, and prints what became of the runs. Run as a script.

    kill_driver.py FOLDER random SEED COUNT   kills at COUNT random moments, then lets the run end
    kill_driver.py FOLDER calls SAVE_EVERY    kills before each write, fsync, rename and removal of a run in turn

Each child is a fork, so that torch is imported once. Prints a line for each kill, and at last the number of
children that came to their end by themselves.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import zuoci
from zuoci.model.checkpoint import is_model, is_unfinished
from zuoci.text.corpus import Song
from zuoci.training.job import Job

if TYPE_CHECKING:
    from collections.abc import Callable

LINES = "山前{n}路\n路上{n}人\n人在唱{n}\n歌里有{n}\n"
CORPUS = zuoci.Corpus(tuple(Song("songs.txt", f"第{n}首\n{LINES.format(n=n)}\n") for n in "一二三四五六七八九十百千"))
SMALL = {"hidden_size": 16, "embedding_size": 8, "batch_size": 4, "seq_len": 8, "sampling": "random", "keep": "best"}
SETTINGS = zuoci.resolve("lyrics", {**SMALL, "epochs": 6})


def work(folder: Path, save_every: float, pause: float = 0.0) -> None:
    """What `zuoci train [--resume]` does."""
    try:
        with Job(folder, resume=None, save_every=save_every, device="cpu") as job:
            job.prepare(CORPUS, SETTINGS)
            for _ in job:
                time.sleep(pause)
    except zuoci.ModelFolderError:  # the child before was killed when all was done but to sweep
        if not is_model(folder):
            raise


def child(folder: Path, save_every: float, pause: float = 0.0, die_at: int = 0) -> int:
    """The pid of a process that works on the folder, and that kills itself before the `die_at`th call that matters."""
    pid = os.fork()
    if pid:
        return pid
    if die_at:
        calls = 0

        def count() -> None:
            nonlocal calls
            calls += 1
            if calls == die_at:
                os.kill(os.getpid(), signal.SIGKILL)

        for module, name in ((os, "fsync"), (os, "rename"), (os, "replace"), (os, "rmdir"), (os, "unlink")):
            setattr(module, name, counted(getattr(module, name), count))
        opened = Path.open

        def open_(self: Path, mode: str = "r", *args: Any, **kw: Any) -> Any:
            if "w" in mode:
                count()
            return opened(self, mode, *args, **kw)

        Path.open = open_  # pyright: ignore[reportAttributeAccessIssue]
    work(folder, save_every, pause)
    os._exit(0)


def counted(function: Any, count: Callable[[], None]) -> Any:
    def call(*args: Any, **kwargs: Any) -> Any:
        count()
        return function(*args, **kwargs)

    return call


def main() -> None:
    folder, how = Path(sys.argv[1]), sys.argv[2]
    ended = 0
    if how == "random":
        source = random.Random(int(sys.argv[3]))
        for _ in range(int(sys.argv[4])):
            pid = child(folder, save_every=0.0, pause=0.002)
            time.sleep(source.uniform(0.0, 0.25))
            os.kill(pid, signal.SIGKILL)
            _, status = os.waitpid(pid, 0)
            print("killed" if os.WIFSIGNALED(status) else "ended", flush=True)
            ended += not os.WIFSIGNALED(status)
        os.waitpid(child(folder, save_every=0.0), 0)
    else:
        for die_at in range(1, 10_000):
            _, status = os.waitpid(child(folder, float(sys.argv[3]), die_at=die_at), 0)
            print("killed" if os.WIFSIGNALED(status) else "ended", flush=True)
            if not os.WIFSIGNALED(status):
                break
            if is_unfinished(folder):
                zuoci.load_run(folder)  # never damaged
    print(ended, is_model(folder))


if __name__ == "__main__":
    main()
