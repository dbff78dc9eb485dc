"""Connections that do not wait for ever, and clients that have said all they have to say.

uvicorn limits the time between two requests only. Here a request must arrive in time: its head and body within
20 seconds, and a second more for each 16 KiB.

Each connection is an open file, and a process may have so many. One connection more than there is room for ends the one
that has waited longest for a request; where all are at work, it is refused.

A client may end its own side of a connection once its request is sent (`nc -N`), and one that goes away ends it, too:
only writing tells them apart. So whoever ended his side gets interim answers while his request is worked on (100
Continue, or in a stream of events a comment), which every client of HTTP/1.1 reads over; where nobody is there, the
second one breaks the connection, and the work ends as with any other that was abandoned.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from zuoci.server.errors import ApiError

try:
    import resource
except ImportError:  # Windows has no limit that matters here
    resource = None

if TYPE_CHECKING:
    from starlette.types import Scope

_REQUEST_SECONDS = 20.0
_LEAST_RATE = 16 * 2**10  # bytes a second
_LAST_SECONDS = 5.0  # for the rest of a request that is answered already
_PROBES = (0.2, 0.2, 1.0)  # seconds before the first interim answer, the second, and each further one
_EVENTS = "zuoci.events"  # in the state of a request: its answer is a stream of events
BACKLOG = 16  # connections that asyncio takes in at once, before the first of them is looked at
_MOST = 2000  # connections
_OTHER_FILES = 64 + 4 * BACKLOG  # of models and so on, and of connections that are taken in or being closed
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_COMMENT = b":\n\n"


def mark_events(scope: Scope) -> None:
    """Says of a request that its answer is a stream of events."""
    scope.setdefault("state", {})[_EVENTS] = True


def most_connections() -> int:
    """How many connections there may be at once, within the limit of open files."""
    if resource is None:
        return _MOST
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _MOST if files < 0 else min(_MOST, max(files - _OTHER_FILES, files // 4))


class Connection(H11Protocol):
    """A connection of uvicorn's, with a clock."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._clock: asyncio.TimerHandle | None = None
        self._since: float | None = None  # when the request that is not whole yet began
        self.idle_since: float = 0.0
        self._received = 0  # bytes of it
        self._probes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Begins to wait for a request."""
        super().connection_made(transport)
        self._since = self.idle_since = self.loop.time()
        if len(self.connections) > most_connections():
            self._make_room()
        if not transport.is_closing():
            self._set_clock()

    def _make_room(self) -> None:
        others = [one for one in self.connections if isinstance(one, Connection) and one is not self and one.is_idle]
        if others:
            min(others, key=attrgetter("idle_since")).leave()
        else:
            self.transport.write(_TOO_MANY)
            self.leave()

    @property
    def is_idle(self) -> bool:
        """Whether it waits for a request, or the rest of one."""
        cycle = self._latest
        return cycle is None or cycle.response_complete or (cycle.more_body and not cycle.response_started)

    def leave(self) -> None:
        """Closes it, and counts it no more: that takes until the next turn of the loop."""
        self.connections.discard(self)
        self._stop_clock()
        self.transport.close()

    def data_received(self, data: bytes) -> None:
        """Takes a part of a request."""
        if self._since is None:
            self._since, self._received = self.loop.time(), 0
        self._received += len(data)
        super().data_received(data)
        self._set_clock()

    def on_response_complete(self) -> None:
        """Waits a little for what is left of the request."""
        self.idle_since = self.loop.time()
        super().on_response_complete()
        if self.conn.their_state is h11.SEND_BODY and not self.transport.is_closing():
            self._stop_clock()
            self._clock = self.loop.call_later(_LAST_SECONDS, self.transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stops the clock."""
        self._stop_clock()
        super().connection_lost(exc)

    def eof_received(self) -> bool:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Keeps the connection of a client that has said all, until it is answered."""
        self._unset_keepalive_if_required()
        cycle = self._latest
        if cycle is None or cycle.response_complete or cycle.more_body:
            return False  # there is nothing to answer
        if not self.conn.trailing_data[0]:
            cycle.keep_alive = False
        self._probe()
        return True

    @property
    def _latest(self) -> RequestResponseCycle | None:
        """The latest request."""
        return self.cycle

    def _probe(self) -> None:
        if self.transport.is_closing() or self.cycle.response_complete:
            return
        if self._probes:
            if not self.cycle.response_started:
                if self.scope["http_version"] == "1.1":
                    self.transport.write(_CONTINUE)
            elif self.scope.get("state", {}).get(_EVENTS):
                self.transport.write(self.conn.send(h11.Data(data=_COMMENT)) or b"")
        delay = _PROBES[min(self._probes, len(_PROBES) - 1)]
        self._probes += 1
        self._stop_clock()
        self._clock = self.loop.call_later(delay, self._probe)

    def _set_clock(self) -> None:
        state = self.conn.their_state
        if self._since is None or (state is h11.SEND_BODY and self.cycle.response_complete):
            return
        self._stop_clock()
        if state is h11.IDLE and self._latest and not self.conn.trailing_data[0]:  # the rest has come
            self._since = None
            self._clock = self.loop.call_later(_LAST_SECONDS, self.transport.close)
        elif state in (h11.IDLE, h11.SEND_BODY):
            due = self._since + _REQUEST_SECONDS + self._received / _LEAST_RATE
            self._clock = self.loop.call_at(due, self._late)
        else:  # the request is whole
            self._since = None

    def _stop_clock(self) -> None:
        if self._clock:
            self._clock.cancel()
        self._clock = None

    def send_400_response(self, msg: str) -> None:
        """Answers what is no HTTP."""
        self._end(_NO_HTTP)

    def _unsupported_upgrade_warning(self) -> None:
        """Says nothing: that a client would rather speak another protocol is no fault of the server's."""

    def _late(self) -> None:
        self._end(_TOO_LATE)

    def _end(self, answer: bytes) -> None:
        """Answers, unless an answer has begun, and closes."""
        cycle = self._latest
        answered = cycle and cycle.response_started and not cycle.response_complete
        if not self.transport.is_closing() and not answered:
            self.transport.write(answer)
        self.transport.close()


def _answer(error: ApiError) -> bytes:
    """An answer that ends its connection, all of it."""
    body = bytes(error.response().body)
    head = f"HTTP/1.1 {error.status} {HTTPStatus(error.status).phrase}\r\nconnection: close\r\n"
    return f"{head}content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body


_TOO_LATE = _answer(ApiError(408, "the request did not arrive in time; send it again", code="timeout"))
_TOO_MANY = _answer(ApiError(503, "too many connections are open; try again", code="busy"))
_NO_HTTP = _answer(ApiError(400, "this is no valid HTTP request", code="invalid_http"))
