"""What the benchmarks share: a clock, a table, and a file of figures."""

from __future__ import annotations

import json
import os
import platform
import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

RESULTS = Path(__file__).with_name("results")
# On a machine that is shared, processor time says more; with OMP_NUM_THREADS=1, or it counts threads that wait.
CLOCK = time.process_time if "--processor-time" in sys.argv else time.perf_counter


def median_seconds(functions: Sequence[Callable[[], object]], rounds: int) -> list[float]:
    """The median time of each function. They take turns, so that a noisy minute meets all of them.

    A turn is three calls, of which the first is not counted: threads of the function before it still spin then.
    """
    times: list[list[float]] = [[] for _ in functions]
    for function in functions:
        function()
        function()
    for _ in range(-(-rounds // 2)):
        for function, taken in zip(functions, times, strict=True):
            function()
            for _ in range(2):
                start = CLOCK()
                function()
                taken.append(CLOCK() - start)
    return [statistics.median(taken) for taken in times]


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line.split(":")[1].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        model = names[0] if names else model
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "torch": torch.__version__,
        "torch_threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "clock": CLOCK.__name__,
        "load_before": os.getloadavg()[0],
    }


def publish(name: str, rows: Sequence[dict[str, Any]], **more: Any) -> None:
    """Prints rows as a Markdown table, and writes them as JSON."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    print(f"| {' | '.join(columns)} |\n|{' --- |' * len(columns)}")
    for row in rows:
        print(f"| {' | '.join(_show(row.get(column)) for column in columns)} |")
    RESULTS.mkdir(exist_ok=True)
    document = {"benchmark": name, "machine": machine(), **more, "rows": rows}
    (RESULTS / f"{name}.json").write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", "utf-8")
    print(f"written to {RESULTS / name}.json", file=sys.stderr)


def _show(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}" if abs(value) < 1 else f"{value:.2f}"
    return f"{value:,}" if isinstance(value, int) else "" if value is None else str(value)
