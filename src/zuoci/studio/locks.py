"""Locks for work on corpora: one request at a time for each corpus, and one at a time that needs much memory.

`corpora` and `training_routes` run their work through `CorpusLocks.run`.
"""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakValueDictionary

from zuoci.server.errors import ending
from zuoci.server.sse import while_connected

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.types import Receive

Result = TypeVar("Result")


class CorpusLocks:
    """A lock for each corpus, by its id, and one for all work that needs much memory."""

    def __init__(self) -> None:
        """Nothing is locked."""
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._memory_lock = asyncio.Lock()
        self._draining = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()

    def drain(self) -> None:
        """Ends all waiting with an error, and refuses further work."""
        self._draining.set()

    async def run(
        self, receive: Receive, corpus: str | None, work: Callable[[], Awaitable[Result]], *, large: bool = False
    ) -> Result:
        """Runs some work under the lock of a corpus. Once it has started, it runs to its end and keeps the lock.

        Args:
            receive: the request's own, whose body has been read; a client that closes the connection ends the waiting.
            corpus: the corpus's id; None: one that nobody changes.
            work: what to run.
            large: whether the work needs much memory.

        Raises:
            ApiError: the client closed the connection, or the server is shutting down.
        """
        lock = nullcontext() if corpus is None else self._locks.setdefault(corpus, asyncio.Lock())
        started = False

        async def run_locked() -> Result:
            nonlocal started
            async with lock, self._memory_lock if large else nullcontext():
                started = True
                return await work()

        task = asyncio.create_task(run_locked())
        self._tasks.add(task)
        task.add_done_callback(self._done)
        try:
            return await while_connected(receive, self.unless_draining(task))
        finally:
            if not started:
                task.cancel()

    async def unless_draining(self, task: asyncio.Task[Result]) -> Result:
        """Awaits a task. The task goes on if the waiting ends before it.

        Raises:
            ApiError: the server is shutting down.
        """
        draining = asyncio.create_task(self._draining.wait())
        try:
            await asyncio.wait({task, draining}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            draining.cancel()
        if not task.done():
            raise ending()
        return task.result()

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # retrieved, so that asyncio does not log it where nobody waits any more
