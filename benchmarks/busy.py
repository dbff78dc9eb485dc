"""Training on a busy machine: idle, and beside processes that keep all cores busy.

python benchmarks/busy.py
"""

from __future__ import annotations

import os
import subprocess
import sys
import time

import torch

from common import median_seconds, publish
from throughput import SHAPES, torch_step, zuoci_step
from zuoci.training.gradients import Workers

ROUNDS = 15
BUSY = "while True: sum(range(1000))"
TORCH = "import torch\na = torch.randn(600, 600)\nwhile True: a @ a"


def main() -> None:
    rows: list[dict[str, object]] = []
    idle: dict[str, list[float]] = {}
    for load, count, code in (("idle", 0, ""), ("2 busy processes", 2, BUSY), ("a torch process", 1, TORCH)):
        others = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(count)]
        time.sleep(3.0 * bool(others))
        for cell, B, T, H, V in SHAPES:
            theirs, threads = torch_step(cell, B, T, H, V, torch.float32), torch.get_num_threads()
            (usual,) = median_seconds([theirs], ROUNDS)
            with Workers(threads) as workers:
                (ours,) = median_seconds([zuoci_step(cell, B, T, H, V, torch.bfloat16, workers)], ROUNDS)
            before = idle.setdefault(cell, [usual, ours])
            rows.append(
                {
                    "cell": cell,
                    "beside": load,
                    "torch.nn, ms a step": usual * 1e3,
                    "zuoci, ms a step": ours * 1e3,
                    "torch.nn, times its idle": usual / before[0],
                    "zuoci, times its idle": ours / before[1],
                }
            )
        for other in others:
            other.kill()
            other.wait()
    publish("busy", rows, cores=os.cpu_count())


if __name__ == "__main__":
    main()
