"""How long commands take from the shell's prompt to their end, each in a new process.

    python benchmarks/start.py

`lesson` is a model as the lesson has it, trained for a moment; `zh` the base model. The processor time of all threads
stands beside the time that passes: on a busy machine it is the steadier of the two.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time

import zuoci
from common import publish

ROUNDS = 5
ZUOCI = [sys.executable, "-m", "zuoci"]


def main() -> None:
    corpus = zuoci.load_lyrics("zh")
    *_, end = zuoci.train(corpus, zuoci.resolve("lesson", {"epochs": 1}), device="cpu")
    assert isinstance(end, zuoci.EndReport)
    with tempfile.TemporaryDirectory() as home:
        lesson = str(zuoci.save_trained(end, os.path.join(home, "lesson")))  # noqa: PTH118
        commands = {
            "python -c 'import torch'": [sys.executable, "-c", "import torch"],
            "python -c 'import numpy'": [sys.executable, "-c", "import numpy"],
            "zuoci --help": [*ZUOCI, "--help"],
            "zuoci write --help": [*ZUOCI, "write", "--help"],
            "zuoci write lesson 分开": [*ZUOCI, "write", lesson, "分开"],
            "zuoci write zh 分开": [*ZUOCI, "write", "zh", "分开"],
        }
        form = ["--lines", "4", "--line-length", "7"]
        for name, more in {"": [], " --rhyme AABB": ["--rhyme", "AABB"], " --about 雨": ["--about", "雨"]}.items():
            commands[f"zuoci write zh 夜 {' '.join(form)}{name}"] = [*ZUOCI, "write", "zh", "夜", *form, *more]
        commands["zuoci rhymes 夜"] = [*ZUOCI, "rhymes", "夜"]
        publish("start", [{"command": name, **measured(words)} for name, words in commands.items()], rounds=ROUNDS)


def measured(words: list[str]) -> dict[str, float]:
    """The medians of the seconds that a command takes, after one run that fills the system's file cache."""
    took: list[float] = []
    processor: list[float] = []
    for _ in range(ROUNDS + 1):
        before, start = os.times(), time.perf_counter()
        subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        took.append(time.perf_counter() - start)
        after = os.times()
        processor.append(after.children_user + after.children_system - before.children_user - before.children_system)
    return {"seconds": statistics.median(took[1:]), "of processors": statistics.median(processor[1:])}


if __name__ == "__main__":
    main()
