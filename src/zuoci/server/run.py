"""Runs an `Application` with uvicorn: sockets, signals, and an end in which no answer is cut off.

The commands `serve` and `studio` call `listen`, `make_server` and `run`, in this order.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import signal
import socket
import sys
import threading
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import uvicorn

from zuoci.errors import SettingsError
from zuoci.server.connection import BACKLOG, Connection
from zuoci.server.guard import ANY_ADDRESS, CONTENT_SECURITY_POLICY

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator
    from types import FrameType

    from zuoci.server.app import Application

_SWITCH_INTERVAL = 0.001  # seconds; with Python's 0.005 the engine's thread lets too few requests through
_POLL_SECONDS = 0.05
_EXIT_CODE = 130  # as a shell has it for Ctrl-C
_SIGNALS = [signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
_SOCKET_BACKLOG = 2048  # connections that wait to be accepted
_PROBE_SECONDS = 2.0  # that a program at a taken port may take to say what it is
_SHUTDOWN_SECONDS = 10  # that answers have to end in, once the server is asked to end


class Server(uvicorn.Server):
    """A uvicorn server that ends its streams properly before it ends itself."""

    def __init__(self, config: uvicorn.Config, drain: Callable[[], Awaitable[None]]) -> None:
        """Takes uvicorn's configuration, and what ends the streams."""
        super().__init__(config)
        self._drain = drain

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begins to accept connections."""
        asyncio.get_running_loop().set_exception_handler(_log_unless_out_of_files)
        await super().startup(sockets)
        for one in sockets or []:
            one.listen(_SOCKET_BACKLOG)  # asyncio has set the backlog to what it accepts at once

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drains the application, then shuts down. After a second signal nothing is waited for."""
        drained = asyncio.ensure_future(self._drain())
        while not (drained.done() or self.force_exit):
            await asyncio.wait({drained}, timeout=_POLL_SECONDS)
        drained.cancel()
        await asyncio.gather(drained, return_exceptions=True)
        await super().shutdown(sockets)
        if self.force_exit:  # then uvicorn has not done it
            await self.lifespan.shutdown()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Handles a signal: the first one asks for a proper end, the second for an immediate one."""
        super().handle_exit(sig, frame)
        self.force_exit |= len(self._captured_signals) > 1

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Handles signals while the block runs. Unlike uvicorn's own, it does not raise them again at the end."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        former = {number: signal.signal(number, self.handle_exit) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in former.items():
                signal.signal(number, handler if number != signal.SIGINT else signal.SIG_IGN)


def _log_unless_out_of_files(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Logs exceptions that nobody caught, except that a connection waits for an open file: there may be many."""
    if not isinstance(context.get("exception"), OSError) or "accept()" not in context.get("message", ""):
        loop.default_exception_handler(context)


def _is_not_cancellation(record: logging.LogRecord) -> bool:
    """Whether a log record says more than that the end of the server ended a request."""
    return not (record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError))


def make_server(app: Application) -> Server:
    """A server that runs an application."""
    logging.getLogger("uvicorn.error").addFilter(_is_not_cancellation)
    config = uvicorn.Config(
        app.asgi,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
        server_header=False,
        http=Connection,
        ws="none",
        proxy_headers=False,
        backlog=BACKLOG,
    )
    return Server(config, app.drain)


def listen(host: str, port: int) -> socket.socket:
    """A socket that accepts connections.

    Raises:
        SettingsError: the host is not an address of this machine, or the port is taken.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family, backlog=_SOCKET_BACKLOG)
    except (OSError, ValueError) as error:  # ValueError: a name that no host can have, such as a..b
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            who = _who_listens(host, port)
            told = f"port {port} of host {host} is taken by {who}: end that, or take a free port with --port 0"
            raise SettingsError(told) from None
        why = getattr(error, "strerror", None) or ("not a host name" if isinstance(error, ValueError) else error)
        raise SettingsError(f"cannot listen on host {host}, port {port}: {why}; choose another one") from None


def _who_listens(host: str, port: int) -> str:
    """What answers at a port, in words."""
    connection = HTTPConnection(f"[{host}]" if ":" in host else host, port, timeout=_PROBE_SECONDS)
    try:
        connection.request("GET", "/health")
        answer = connection.getresponse()
        if answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY:  # nobody else's is the same
            return "another zuoci"
        return f"a web server ({(answer.headers['server'] or 'of unknown name').strip()})"
    except (OSError, HTTPException):
        return "another program"
    finally:
        connection.close()


def url_of(host: str, listening: socket.socket, token: str = "") -> str:
    """The URL of a server; with a token, that of the studio's page."""
    name = "127.0.0.1" if host in ANY_ADDRESS else f"[{host}]" if ":" in host else host
    return f"http://{name}:{listening.getsockname()[1]}/" + (f"?token={quote(token, safe='')}" if token else "")


def run(server: Server, sockets: list[socket.socket]) -> None:
    """Serves until a signal asks for the end. After a second signal the process ends at once."""
    sys.setswitchinterval(_SWITCH_INTERVAL)
    server.run(sockets)
    if server.force_exit:  # Python would wait for threads that are at work
        sys.stderr.flush()
        os._exit(_EXIT_CODE)
