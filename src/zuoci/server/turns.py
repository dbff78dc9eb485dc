"""Work on one thing at a time, as long as its client waits and until the server is asked to end."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakValueDictionary

from zuoci.server.errors import ApiError
from zuoci.server.sse import attended

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.types import Receive

Result = TypeVar("Result")


class Turns:
    """A lock for each name, and one for work that needs much memory."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._large = asyncio.Lock()
        self._ended = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()

    def drain(self) -> None:
        """Ends all waiting, and takes nothing more."""
        self._ended.set()

    async def take(
        self, receive: Receive, name: str | None, work: Callable[[], Awaitable[Result]], *, large: bool = False
    ) -> Result:
        """Does some work when it is its turn. Once begun it goes on to its end, and keeps its turn until then.

        Args:
            receive: of the client's request, whose body has been read.
            name: of what it works on; None: of something that nobody changes.
            work: what to do.
            large: whether it needs much memory.

        Raises:
            ApiError: the client went away, or the server is about to end.
        """
        lock = nullcontext() if name is None else self._locks.setdefault(name, asyncio.Lock())
        begun = False

        async def turn() -> Result:
            nonlocal begun
            async with lock, self._large if large else nullcontext():
                begun = True
                return await work()

        task = asyncio.create_task(turn())
        self._tasks.add(task)
        task.add_done_callback(self._done)
        try:
            return await attended(receive, self.until_end(task))
        finally:
            if not begun:
                task.cancel()

    async def until_end(self, task: asyncio.Task[Result]) -> Result:
        """Waits for a task, which goes on without whoever waits.

        Raises:
            ApiError: the server is about to end.
        """
        ended = asyncio.create_task(self._ended.wait())
        try:
            await asyncio.wait({task, ended}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ended.cancel()
        if not task.done():
            raise ApiError(503, "the server is about to end", code="ending")
        return task.result()

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # it is known, also where nobody waits for it any more
