"""How many threads the numeric libraries use, so that the same input gives the same bytes.

A library that shares one product or sum among threads adds in an order that depends on their number, and MKL decides
that number anew at every call (`MKL_DYNAMIC`). So two runs with the same seed could differ in their last bits. In zuoci
each operation runs on one thread. The work is shared at a higher level instead (`training/gradients.py`,
`writing/batch.py`): each thread computes whole pieces, and the results are combined in a fixed order. On a busy machine
that is faster as well, because no thread waits for another one within an operation (measurements in
docs/experiments.md).

The command line and the worker of the studio call `pin_libraries()` first. A program that uses zuoci as a library does
the same before it imports numpy, or sets the variables itself. It enters `one_thread()` around its own calls of torch
or of the lesson if they must give the same bytes on every run.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator

_PINNED = {
    "OPENBLAS_NUM_THREADS": "1",  # the products of numpy's wheels
    "BLIS_NUM_THREADS": "1",  # those of other builds of numpy
    "VECLIB_MAXIMUM_THREADS": "1",
    "MKL_DYNAMIC": "FALSE",
    "OMP_DYNAMIC": "FALSE",
}


def pin_libraries() -> None:
    """Keeps libraries from choosing their number of threads, and lets OpenBLAS choose the code for the processor.

    What the environment says of either has no effect, and neither has a call on libraries that are already loaded.
    """
    os.environ.update(_PINNED)
    os.environ.pop("OPENBLAS_CORETYPE", None)  # code for another processor adds in another order, and more slowly


@contextmanager
def one_thread() -> Generator[None]:
    """Within the block, torch runs the operations of the calling thread on that thread alone."""
    import torch  # here, because the command line pins the libraries before it loads them

    usual = torch.get_num_threads()
    torch.set_num_threads(1)  # an explicit number also stops MKL from choosing one
    try:
        yield
    finally:
        torch.set_num_threads(usual)


def settle_libraries() -> None:
    """Makes MKL select its code for this processor now, before several threads use it at once.

    MKL's vector functions (exp, log, erf, …) select their code at the first call in a process. If two threads make that
    call at the same time, one of them may get other code, whose results differ in the last bits. On an Intel Xeon with
    AVX-512 this happened in the first step of every seventh run. The first matrix product is computed here as well.
    """
    import torch

    one = torch.ones(1, 1)
    one.exp().mm(one)


@cache
def core_count() -> int:
    """The number of physical cores that this process may use, or `OMP_NUM_THREADS` if that is set.

    The processes that `torchrun` starts on a machine share its cores evenly. On Linux the number of cores comes from
    the system, and not from torch, which reports MKL's guess on Intel processors.
    """
    processes = _number("LOCAL_WORLD_SIZE") or 1
    wanted = _number("OMP_NUM_THREADS")
    if wanted and not wanted == 1 < processes:  # torchrun sets 1 where nothing is set
        return wanted
    if sys.platform != "linux":
        import torch

        return torch.get_num_threads()
    return max(1, len({_siblings(processor) for processor in os.sched_getaffinity(0)}) // processes)


def _number(name: str) -> int:
    """A variable of the environment that is a number, or a list that begins with one; 0: it is not."""
    value = os.environ.get(name, "").split(",")[0]
    return int(value) if value.isascii() and value.isdigit() else 0


def _siblings(processor: int) -> str:
    """The processors that share a core with a processor (hyper-threading), as Linux lists them."""
    try:
        return Path(f"/sys/devices/system/cpu/cpu{processor}/topology/thread_siblings_list").read_text("ascii").strip()
    except OSError:
        return str(processor)
