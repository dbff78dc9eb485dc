"""Signals that ask a command to stop, for `train` and `compose`."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Generator


@contextmanager
def on_signals(handle: Callable[[int], None], *names: str) -> Generator[None]:
    """Handles signals within a block, and restores the former handlers after it.

    A signal that the process ignores, as `nohup` makes it ignore SIGHUP, stays ignored.

    Args:
        handle: called in the main thread with the number of the signal. It may raise to end the block.
        names: SIGINT, SIGTERM, …; those that the system does not have are skipped.
    """
    numbers: list[int] = [getattr(signal, name) for name in names if hasattr(signal, name)]
    numbers = [number for number in numbers if signal.getsignal(number) != signal.SIG_IGN]
    before = [signal.signal(number, lambda number, _: handle(number)) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
