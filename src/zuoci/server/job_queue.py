"""Work in a thread for requests that wait for it: one job after another, few waiting, none for a client that has gone.

The studio's routes call `JobQueue.run`, for candidates of a line and the like.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from typing import TYPE_CHECKING, Any, TypeVar

from zuoci.server.errors import ApiError, client_gone, ending
from zuoci.server.sse import while_connected

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

Result = TypeVar("Result")
_MAX_JOBS = 8  # that run or wait; a person asks for one at a time
MAX_SECONDS = 60.0  # for one job, some hundred times what a person's takes
TOO_LONG = f"this takes more than {MAX_SECONDS:.0f} s; ask for fewer or shorter lines"


class CancelToken:
    """Tells a job in a thread when to end. The job calls the token at each of its steps.

    Attributes:
        deadline: when the job has taken too long, by `time.monotonic`; infinity until it starts.
    """

    def __init__(self) -> None:
        """Belongs to a job that waits."""
        self.deadline = math.inf
        self._cancelled = threading.Event()

    @property
    def started(self) -> bool:
        """Whether the job runs, or has run."""
        return self.deadline < math.inf

    def start(self) -> None:
        """Starts the job's time limit."""
        self.deadline = time.monotonic() + MAX_SECONDS

    def cancel(self) -> None:
        """Makes the next call of the token raise."""
        self._cancelled.set()

    def __call__(self) -> None:
        """Returns if the job may go on.

        Raises:
            ApiError: the client closed the connection, the server is shutting down, or the job took too long.
        """
        if self._cancelled.is_set():
            raise client_gone()
        if time.monotonic() > self.deadline:
            raise ApiError(422, TOO_LONG, code="no_text_found")


class JobQueue:
    """Jobs that run in a thread, one after another."""

    def __init__(self) -> None:
        """Is empty."""
        self._lock = asyncio.Lock()
        self._tokens: set[CancelToken] = set()  # of the jobs that run or wait
        self._draining = False

    async def run(self, request: Request, work: Callable[[CancelToken], Result]) -> Result:
        """Runs a job for as long as the client waits for it.

        Args:
            request: the client's request, whose body has been read.
            work: the job; it must call its token at each of its steps.

        Returns:
            What the job returns.

        Raises:
            ApiError: too many jobs wait, the server is shutting down, or what the token raises.
        """
        if self._draining:
            raise ending()
        if len(self._tokens) >= _MAX_JOBS:
            raise ApiError(429, f"{_MAX_JOBS} requests wait already; try again", code="busy")
        token = CancelToken()
        self._tokens.add(token)
        task = asyncio.create_task(self._run_next(token, work))
        task.add_done_callback(lambda task: self._done(token, task))
        try:
            return await while_connected(request.receive, _result_of(task))
        finally:
            token.cancel()
            if not token.started:
                task.cancel()

    async def _run_next(self, token: CancelToken, work: Callable[[CancelToken], Result]) -> Result:
        async with self._lock:  # until the thread ends, which is at its next step if nobody waits for it
            token.start()
            return await asyncio.to_thread(work, token)

    def drain(self) -> None:
        """Ends every job at its next step, and refuses new ones."""
        self._draining = True
        for token in self._tokens:
            token.cancel()

    def _done(self, token: CancelToken, task: asyncio.Task[Any]) -> None:
        self._tokens.discard(token)
        if not task.cancelled():
            task.exception()  # retrieved, so that asyncio does not log it where nobody waits any more


async def _result_of(task: asyncio.Task[Result]) -> Result:
    return await asyncio.shield(task)
