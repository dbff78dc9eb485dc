"""Connections that do not wait for ever, and clients that have said all they have to say.

uvicorn limits the time between two requests only. Here a request must arrive in time: its head and body within
20 seconds, and a second more for each 16 KiB.

A client may end its own side of a connection once its request is sent (`nc -N`), and one that goes away ends it, too:
only writing tells them apart. So whoever ended his side gets interim answers while his request is worked on (100
Continue, or in a stream of events a comment), which every client of HTTP/1.1 reads over; where nobody is there, the
second one breaks the connection, and the work ends as with any other that was abandoned.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from zuoci.studio.failures import ApiError

if TYPE_CHECKING:
    from starlette.types import Scope

_REQUEST_SECONDS = 20.0
_LEAST_RATE = 16 * 2**10  # bytes a second
_LAST_SECONDS = 5.0  # for the rest of a request that is answered already
_PROBES = (0.2, 0.2, 1.0)  # seconds before the first interim answer, the second, and each further one
_EVENTS = "zuoci.events"  # in the state of a request: its answer is a stream of events
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_COMMENT = b":\n\n"


def mark_events(scope: Scope) -> None:
    """Says of a request that its answer is a stream of events."""
    scope.setdefault("state", {})[_EVENTS] = True


class Connection(H11Protocol):
    """A connection of uvicorn's, with a clock."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._clock: asyncio.TimerHandle | None = None
        self._since: float | None = None  # when the request that is not whole yet began
        self._received = 0  # bytes of it
        self._probes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Begins to wait for a request."""
        super().connection_made(transport)
        self._since = self.loop.time()
        self._set_clock()

    def data_received(self, data: bytes) -> None:
        """Takes a part of a request."""
        if self._since is None:
            self._since, self._received = self.loop.time(), 0
        self._received += len(data)
        super().data_received(data)
        self._set_clock()

    def on_response_complete(self) -> None:
        """Waits a little for what is left of the request."""
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

    def _late(self) -> None:
        cycle = self._latest
        answered = cycle and cycle.response_started and not cycle.response_complete
        if not self.transport.is_closing() and not answered:
            self.transport.write(_TOO_LATE)
        self.transport.close()


def _too_late() -> bytes:
    body = ApiError(408, "the request did not arrive in time; send it again", code="timeout").response().body
    head = "HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-type: application/json\r\n"
    return f"{head}content-length: {len(body)}\r\n\r\n".encode() + bytes(body)


_TOO_LATE = _too_late()
