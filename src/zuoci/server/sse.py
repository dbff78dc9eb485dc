"""Responses of JSON and of server-sent events, and work that ends when the client goes away.

The routes return `JsonResponse` or `EventStream`; what takes long they await through `while_connected`.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
from typing import TYPE_CHECKING, Any, TypeVar

from fastapi.responses import JSONResponse, Response

from zuoci.server.connection import mark_event_stream
from zuoci.server.errors import ApiError, client_gone, to_api_error

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    from starlette.types import Receive, Scope, Send

Result = TypeVar("Result")
KEEP_ALIVE = b": going on\n\n"  # a comment, which clients skip
KEEP_ALIVE_SECONDS = 10.0  # without an event, after which a comment is sent
EVENT_STREAM: dict[int | str, dict[str, Any]] = {  # of routes that answer with events, for OpenAPI
    200: {"content": {"text/event-stream": {"schema": {"type": "object"}}}}
}
_log = logging.getLogger("uvicorn.error")


def to_json(document: Any) -> str:
    """A document as JSON in one line, without escapes except for surrogates, which UTF-8 does not have.

    NaN and infinities, which JSON does not have and a damaged file may bring in, become null.
    """
    try:
        text = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except ValueError:
        return to_json(_with_null_for_nan(document))
    if text.isascii() or _can_be_encoded(text):
        return text
    return json.dumps(document, allow_nan=False, separators=(",", ":"))


def _with_null_for_nan(document: Any) -> Any:
    if isinstance(document, dict):
        return {name: _with_null_for_nan(value) for name, value in document.items()}
    if isinstance(document, list | tuple):
        return [_with_null_for_nan(value) for value in document]
    return None if isinstance(document, float) and not math.isfinite(document) else document


def _can_be_encoded(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


class JsonResponse(JSONResponse):
    """A response of JSON, as `to_json` writes it."""

    def render(self, content: Any) -> bytes:
        """The body."""
        return to_json(content).encode()


def event(name: str, document: Any) -> bytes:
    """A server-sent event."""
    return f"event: {name}\ndata: {to_json(document)}\n\n".encode()


def error_document(error: Exception) -> dict[str, Any]:
    """The error document for an exception after the response has begun. Unforeseen ones are logged."""
    api_error = to_api_error(error)
    if api_error.status == 500:
        _log.error("a text could not be written", exc_info=error)
    return api_error.document


async def while_connected(receive: Receive, work: Coroutine[Any, Any, Result]) -> Result:
    """Awaits some work, and cancels it when the client closes the connection.

    Args:
        receive: the request's own, whose body has been read.
        work: what to await.

    Raises:
        ApiError: the client closed the connection.
    """
    task = asyncio.ensure_future(work)
    disconnected = asyncio.ensure_future(_disconnected(receive))
    try:
        await asyncio.wait({task, disconnected}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise client_gone()
    finally:
        for pending in (task, disconnected):
            pending.cancel()
        await asyncio.gather(task, disconnected, return_exceptions=True)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class EventStream(Response):
    """A response of server-sent events. It ends with the last event, or when the client closes the connection."""

    media_type = "text/event-stream"

    def __init__(self, frames: AsyncIterator[bytes], close: Callable[[], None]) -> None:
        """Takes the encoded events, and what to call once the response has ended in any way."""
        super().__init__(headers={"cache-control": "no-store", "x-accel-buffering": "no"})
        del self.headers["content-length"]
        self._frames = frames
        self._close = close

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends the events."""
        mark_event_stream(scope)
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            await while_connected(receive, self._send(send))
        except ApiError:  # the client closed the connection
            pass
        finally:
            self._close()

    async def _send(self, send: Send) -> None:
        async for frame in self._frames:
            await send({"type": "http.response.body", "body": frame, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
