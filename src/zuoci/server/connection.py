"""HTTP/1.1 connections with time limits, an upper bound on their number, and support for half-closed ones.

`zuoci.server.run` hands `Connection` to uvicorn, which makes one for each client. It differs from uvicorn's own:

Time limits. uvicorn limits only the time between two requests. Here a whole request, head and body, must arrive within
20 seconds, and a second more for each 16 KiB.

Number. Each connection is an open file, and a process may have only so many. When one connection too many comes in, the
one that has been idle for the longest time is closed; if none is idle, the new one gets 503.

Half-closed connections. A client may close its sending side once its request is sent (`nc -N`), and a client that has
gone away closes it, too; only writing to it tells them apart. So after an end of input, interim responses are written
while the request is worked on (100 Continue, or comments in an event stream), which every HTTP/1.1 client skips. If the
client has gone, the second one breaks the connection, and the work ends as after any other disconnect.
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
_MIN_BYTES_PER_SECOND = 16 * 2**10
_REST_SECONDS = 5.0  # for the rest of a request that has been answered already
_PROBE_DELAYS = (0.2, 0.2, 1.0)  # seconds before the first probe, the second, and each further one
_IS_EVENT_STREAM = "zuoci.event_stream"  # key in the state of a request
BACKLOG = 16  # connections that asyncio accepts at once, before it looks at the first of them
_MAX_CONNECTIONS = 2000
_OTHER_FILES = 64 + 4 * BACKLOG  # for models and so on, and for connections that are being accepted or closed
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_COMMENT = b":\n\n"


def mark_event_stream(scope: Scope) -> None:
    """Notes in a request's scope that its response is an event stream, into which comments may be written."""
    scope.setdefault("state", {})[_IS_EVENT_STREAM] = True


def max_connections() -> int:
    """How many connections may be open at once, within the process's limit of open files."""
    if resource is None:
        return _MAX_CONNECTIONS
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _MAX_CONNECTIONS if files < 0 else min(_MAX_CONNECTIONS, max(files - _OTHER_FILES, files // 4))


class Connection(H11Protocol):
    """uvicorn's HTTP/1.1 connection with one timer, for whatever the connection waits for at the moment.

    Attributes:
        idle_since: the loop's time when the connection began to wait for a request.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        """Takes uvicorn's own arguments."""
        super().__init__(*args, **options)
        self.idle_since: float = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._request_since: float | None = None  # when the request that has not arrived completely began
        self._received = 0  # bytes of that request
        self._probes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Begins to wait for a request."""
        super().connection_made(transport)
        self._request_since = self.idle_since = self.loop.time()
        if len(self.connections) > max_connections():
            self._make_room()
        if not transport.is_closing():
            self._set_timer()

    def _make_room(self) -> None:
        """Closes the connection that has been idle for the longest time, or else this one."""
        idle = [one for one in self.connections if isinstance(one, Connection) and one is not self and one.is_idle]
        if idle:
            min(idle, key=attrgetter("idle_since")).close()
        else:
            self.transport.write(_TOO_MANY)
            self.close()

    @property
    def is_idle(self) -> bool:
        """Whether the connection waits for a request, or for the rest of one."""
        cycle = self._latest
        return cycle is None or cycle.response_complete or (cycle.more_body and not cycle.response_started)

    def close(self) -> None:
        """Closes the connection and no longer counts it, which uvicorn would until the loop's next iteration."""
        self.connections.discard(self)
        self._stop_timer()
        self.transport.close()

    def data_received(self, data: bytes) -> None:
        """Takes a part of a request."""
        if self._request_since is None:
            self._request_since, self._received = self.loop.time(), 0
        self._received += len(data)
        super().data_received(data)
        self._set_timer()

    def on_response_complete(self) -> None:
        """Waits a little for what is left of the request."""
        self.idle_since = self.loop.time()
        super().on_response_complete()
        if self.conn.their_state is h11.SEND_BODY and not self.transport.is_closing():
            self._stop_timer()
            self._timer = self.loop.call_later(_REST_SECONDS, self.transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stops the timer."""
        self._stop_timer()
        super().connection_lost(exc)

    def eof_received(self) -> bool:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Keeps a connection open whose client has closed its sending side, until its request is answered."""
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
        """The latest request. uvicorn does not say that there may be none yet."""
        return self.cycle

    def _probe(self) -> None:
        """Writes something that a client skips, and again later, so that a client that has gone is found out."""
        if self.transport.is_closing() or self.cycle.response_complete:
            return
        if self._probes:
            if not self.cycle.response_started:
                if self.scope["http_version"] == "1.1":
                    self.transport.write(_CONTINUE)
            elif self.scope.get("state", {}).get(_IS_EVENT_STREAM):
                self.transport.write(self.conn.send(h11.Data(data=_COMMENT)) or b"")
        delay = _PROBE_DELAYS[min(self._probes, len(_PROBE_DELAYS) - 1)]
        self._probes += 1
        self._stop_timer()
        self._timer = self.loop.call_later(delay, self._probe)

    def _set_timer(self) -> None:
        """Sets the timer for the rest of the current request, if it has not arrived completely."""
        state = self.conn.their_state
        if self._request_since is None or (state is h11.SEND_BODY and self.cycle.response_complete):
            return
        self._stop_timer()
        if state is h11.IDLE and self._latest and not self.conn.trailing_data[0]:  # the rest has arrived
            self._request_since = None
            self._timer = self.loop.call_later(_REST_SECONDS, self.transport.close)
        elif state in (h11.IDLE, h11.SEND_BODY):
            due = self._request_since + _REQUEST_SECONDS + self._received / _MIN_BYTES_PER_SECOND
            self._timer = self.loop.call_at(due, self._time_out)
        else:  # the request is complete
            self._request_since = None

    def _stop_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer = None

    def send_400_response(self, msg: str) -> None:
        """Answers what is not HTTP, with a JSON error like all others."""
        self._respond_and_close(_NOT_HTTP)

    def _unsupported_upgrade_warning(self) -> None:
        """Logs nothing: that a client asks for another protocol is not the server's fault."""

    def _time_out(self) -> None:
        self._respond_and_close(_TOO_LATE)

    def _respond_and_close(self, response: bytes) -> None:
        """Writes a response, unless another one has begun, and closes the connection."""
        cycle = self._latest
        responding = cycle and cycle.response_started and not cycle.response_complete
        if not self.transport.is_closing() and not responding:
            self.transport.write(response)
        self.transport.close()


def _closing_response(error: ApiError) -> bytes:
    """The bytes of a response after which the connection closes."""
    body = bytes(error.response().body)
    head = f"HTTP/1.1 {error.status} {HTTPStatus(error.status).phrase}\r\nconnection: close\r\n"
    return f"{head}content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body


_TOO_LATE = _closing_response(ApiError(408, "the request did not arrive in time; send it again", code="timeout"))
_TOO_MANY = _closing_response(ApiError(503, "too many connections are open; try again", code="busy"))
_NOT_HTTP = _closing_response(ApiError(400, "the request is not valid HTTP", code="invalid_http"))
