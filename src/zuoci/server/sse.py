"""Answers that arrive bit by bit, and clients that go away before them."""

from __future__ import annotations

import asyncio
import json
import logging
import math
from typing import TYPE_CHECKING, Any, TypeVar

from fastapi.responses import JSONResponse, Response

from zuoci.server.connection import mark_events
from zuoci.server.errors import ApiError, to_api_error

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    from starlette.types import Receive, Scope, Send

Result = TypeVar("Result")
KEEP_ALIVE = b": going on\n\n"
_log = logging.getLogger("uvicorn.error")


def to_json(document: Any) -> str:
    """A document in one line, its characters as they are, half of a surrogate pair excepted.

    JSON has no number for infinity, nor one for what is none: where a damaged file brought one in, null stands.
    """
    try:
        text = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except ValueError:
        return to_json(_finite(document))
    return text if text.isascii() or _whole(text) else json.dumps(document, allow_nan=False, separators=(",", ":"))


def _finite(document: Any) -> Any:
    if isinstance(document, dict):
        return {name: _finite(value) for name, value in document.items()}
    if isinstance(document, list | tuple):
        return [_finite(value) for value in document]
    return None if isinstance(document, float) and not math.isfinite(document) else document


def _whole(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


class Json(JSONResponse):
    """An answer of JSON, whole."""

    def render(self, content: Any) -> bytes:
        """The bytes."""
        return to_json(content).encode()


def event(name: str, document: Any) -> bytes:
    """A server-sent event."""
    return f"event: {name}\ndata: {to_json(document)}\n\n".encode()


def failure(error: Exception) -> ApiError:
    """An error of a text whose answer has begun; what nobody foresaw is logged."""
    found = to_api_error(error)
    if found.status == 500:
        _log.error("a text could not be written", exc_info=error)
    return found


async def attended(receive: Receive, work: Coroutine[Any, Any, Result]) -> Result:
    """Does some work as long as the client waits for it.

    Raises:
        ApiError: the client went away; nobody reads that.
    """
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_gone(receive))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise ApiError(499, "the client went away")
    finally:
        for pending in (task, gone):
            pending.cancel()
        await asyncio.gather(task, gone, return_exceptions=True)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class Events(Response):
    """Server-sent events, to the last one or until the client goes away; then `close` is called."""

    media_type = "text/event-stream"

    def __init__(self, frames: AsyncIterator[bytes], close: Callable[[], None]) -> None:
        """Takes what will be sent."""
        super().__init__(headers={"cache-control": "no-store", "x-accel-buffering": "no"})
        del self.headers["content-length"]
        self._frames = frames
        self._close = close

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends."""
        mark_events(scope)
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            await attended(receive, self._send(send))
        except ApiError:  # gone
            pass
        finally:
            self._close()

    async def _send(self, send: Send) -> None:
        async for frame in self._frames:
            await send({"type": "http.response.body", "body": frame, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
