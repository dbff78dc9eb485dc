"""Work that takes a while, for clients that may go away before it is done."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from typing import TYPE_CHECKING, Any, TypeVar

from zuoci.server.errors import ApiError
from zuoci.server.sse import attended

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

Result = TypeVar("Result")
_WAITING = 8  # lists of lines and the like that are made or wait; a person asks for one at a time
MOST_SECONDS = 60.0  # of work for one request, some hundred times what a person's takes
TOO_LONG = f"this takes more than {MOST_SECONDS:.0f} s; ask for fewer or shorter lines"


class Effort:
    """Whether a piece of work may go on: what its thread calls at each step."""

    def __init__(self) -> None:
        self.deadline = math.inf  # until it begins
        self.abandoned = threading.Event()

    @property
    def begun(self) -> bool:
        """Whether its thread runs, or has run."""
        return self.deadline < math.inf

    def begin(self) -> None:
        """Starts the clock."""
        self.deadline = time.monotonic() + MOST_SECONDS

    def __call__(self) -> None:
        """Lets the work go on.

        Raises:
            ApiError: the client went away, or the work takes longer than that for one request may.
        """
        if self.abandoned.is_set():
            raise ApiError(499, "the client went away")
        if time.monotonic() > self.deadline:
            raise ApiError(422, TOO_LONG, code="no_text_found")


class JobQueue:
    """Work that is done in a thread, one piece after another, for so many clients at most."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._efforts: set[Effort] = set()  # that go on or wait
        self._ending = False

    async def run(self, request: Request, work: Callable[[Effort], Result]) -> Result:
        """Does it, as long as the client waits; it calls the effort that it is given at each of its steps.

        Raises:
            ApiError: too many wait already, or the server is about to end.
        """
        if self._ending:
            raise ApiError(503, "the server is about to end", code="ending")
        if len(self._efforts) >= _WAITING:
            raise ApiError(429, f"{_WAITING} requests wait already; try again", code="busy")
        effort = Effort()
        self._efforts.add(effort)
        task = asyncio.create_task(self._turn(effort, work))
        task.add_done_callback(lambda task: self._done(effort, task))
        try:
            return await attended(request.receive, _result_of(task))
        finally:
            effort.abandoned.set()
            if not effort.begun:
                task.cancel()

    async def _turn(self, effort: Effort, work: Callable[[Effort], Result]) -> Result:
        async with self._lock:  # to the end of the thread, which is there at its next step if nobody waits
            effort.begin()
            return await asyncio.to_thread(work, effort)

    def drain(self) -> None:
        """Ends all of it at its next step, and takes nothing more."""
        self._ending = True
        for effort in self._efforts:
            effort.abandoned.set()

    def _done(self, effort: Effort, task: asyncio.Task[Any]) -> None:
        self._efforts.discard(effort)
        if not task.cancelled():
            task.exception()  # it is known, also where nobody waits for it any more


async def _result_of(task: asyncio.Task[Result]) -> Result:
    return await asyncio.shield(task)
