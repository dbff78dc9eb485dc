"""How many threads the numeric libraries use, so that the same input gives the same bytes.

A library that shares one product or one sum among threads adds in an order that depends on how many it takes, and it
may take fewer than it could: MKL decides that by itself at every call (`MKL_DYNAMIC`). Two runs with one seed could
therefore differ in their last bits. Here each operation runs on one thread. zuoci shares its work at a higher level
instead (`training/gradients.py`, `writing/batch.py`): pieces that are computed whole by one thread each, and combined
in a fixed order. On a busy machine that is faster as well, since no thread waits for another one in the middle of an
operation (figures in docs/experiments.md).

The command line and the studio's worker call `pin_libraries()` first. A program that uses zuoci as a library does the
same before it imports numpy, or sets those variables itself; and it enters `one_thread()` where it calls torch's
functions, or the lesson's, directly and wants the same bytes on every run.
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
    "OPENBLAS_NUM_THREADS": "1",  # numpy's products, in its wheels
    "BLIS_NUM_THREADS": "1",  # and in other builds
    "VECLIB_MAXIMUM_THREADS": "1",
    "MKL_DYNAMIC": "FALSE",
    "OMP_DYNAMIC": "FALSE",
}


def pin_libraries() -> None:
    """Keeps the libraries from choosing a number of threads themselves. Has no effect on those already loaded."""
    os.environ.update(_PINNED)


@contextmanager
def one_thread() -> Generator[None]:
    """Runs torch's operations in the calling thread on that thread alone."""
    import torch  # here, so that the command line can pin libraries before it loads any

    usual = torch.get_num_threads()
    torch.set_num_threads(1)  # an explicit number also keeps MKL from choosing one
    try:
        yield
    finally:
        torch.set_num_threads(usual)


def settle_libraries() -> None:
    """Makes MKL choose its code for this processor now, before several threads use it at once.

    Its vector functions (exp, log, erf, …) choose at the first call in a process, together. A thread that calls one
    while another is choosing may get other code, whose results differ in the last bits: on an Intel Xeon with AVX-512
    the first step of every seventh run did. The first product is made here as well.
    """
    import torch

    one = torch.ones(1, 1)
    one.exp().mm(one)


@cache
def core_count() -> int:
    """The number of cores that this process may use, or `OMP_NUM_THREADS` where that is set.

    On Linux it is not torch's number, which on Intel processors is what MKL makes out about the machine.
    """
    wanted = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    if wanted.isascii() and wanted.isdigit() and int(wanted):
        return int(wanted)
    if sys.platform != "linux":
        import torch

        return torch.get_num_threads()
    return len({_siblings(processor) for processor in os.sched_getaffinity(0)})


def _siblings(processor: int) -> str:
    """The processors that share a core by hyper-threading, as Linux lists them."""
    try:
        return Path(f"/sys/devices/system/cpu/cpu{processor}/topology/thread_siblings_list").read_text("ascii").strip()
    except OSError:
        return str(processor)
