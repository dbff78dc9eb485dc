"""The parts of a large text, read by several processes at once. `streaming` sends them, and gets the songs in order.

A worker is a process of its own, `python -m zuoci.text.reading_workers`, and not a fork or a `multiprocessing` one, so
that programs that use zuoci need no `if __name__ == "__main__"`, and may have threads. It reads jobs from its stdin and
writes what came of them to its stdout, both pickled; only this module ever writes to these pipes.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from typing import IO, TYPE_CHECKING, Any

from zuoci.errors import CorpusError
from zuoci.text.formats.recognise import read_lyrics, read_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from zuoci.errors import Message
    from zuoci.text.formats.document import Document
    from zuoci.text.read_config import ReadConfig

_MOST = 4  # workers; more would wait for the process that writes


def read_parts(
    parts: Iterable[tuple[str, list[Message]]], name: str, config: ReadConfig, *, any_format: bool
) -> Iterator[Document]:
    """Reads parts of a text.

    Args:
        parts: each part, and the notes on it so far.
        name: the name of the file.
        config: how to read it.
        any_format: whether the format of each part is recognised; if not, they are plain text or LRC.

    Raises:
        CorpusError: a part is damaged.
    """
    workers: list[subprocess.Popen[bytes]] = []
    waiting: list[list[Message]] = []  # the notes on the parts that are being read, the oldest first
    received = 0
    count = min(_MOST, _cores())

    def receive() -> Document:
        nonlocal received
        worker = workers[received % count]
        received += 1
        notes = waiting.pop(0)
        try:
            found = pickle.load(_pipe(worker.stdout))
        except (EOFError, pickle.UnpicklingError):
            raise CorpusError(f"{name} was not read to its end: a process that read it ended; try again") from None
        if isinstance(found, Exception):
            raise found
        found.notes[:0] = notes
        return found

    try:
        for number, (text, notes) in enumerate(parts):
            if len(workers) < count:
                workers.append(_start())
            if len(waiting) == count:
                yield receive()
            stream = _pipe(workers[number % count].stdin)
            try:
                pickle.dump((text, name, config, any_format), stream)
                stream.flush()
            except OSError:
                raise CorpusError(f"{name} was not read to its end: a process that read it ended; try again") from None
            waiting.append(notes)
        while waiting:
            yield receive()
    finally:
        for worker in workers:
            worker.kill()
            worker.communicate()


def _start() -> subprocess.Popen[bytes]:
    """Starts a worker."""
    words = [sys.executable, "-P", "-m", __name__]  # -P: modules are not looked for in the folder where the user is
    return subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None
    return stream


def _cores() -> int:
    """The number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _work(jobs: IO[bytes], results: IO[bytes]) -> None:
    """Reads parts until there are no more."""
    while True:
        try:
            text, name, config, any_format = pickle.load(jobs)
        except EOFError:
            return
        found: Any
        try:
            found = (read_text if any_format else read_lyrics)(text, name, config)
        except Exception as error:
            found = error  # is raised where the part came from
        pickle.dump(found, results)
        results.flush()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that reads what comes of it
    _work(sys.stdin.buffer, sys.stdout.buffer)
