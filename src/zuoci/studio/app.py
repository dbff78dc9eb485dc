"""The application: its parts put together, and the server that runs it."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import os
import secrets
import signal
import socket
import sys
import threading
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import uvicorn
from fastapi import FastAPI
from fastapi.responses import Response

from zuoci import __version__
from zuoci.errors import SettingsError
from zuoci.server import openai_routes
from zuoci.server.connection import BACKLOG, Connection
from zuoci.server.engine import Engine
from zuoci.server.errors import RESPONSES, install
from zuoci.server.guard import BODY_BYTES, LOOPBACK, Access, Guard, check_key
from zuoci.server.job_queue import JobQueue
from zuoci.server.models import Library
from zuoci.server.sse import Json
from zuoci.studio import training_routes, writing_routes
from zuoci.studio.corpora import UPLOADS, Corpora
from zuoci.studio.runs import Trainings
from zuoci.writing.batch import ROWS

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Sequence
    from types import FrameType

_FIRST_PAGE = "studio.html"
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}
_EVERYWHERE = ("0.0.0.0", "::")
_SWITCH = 0.001  # seconds that a thread computes before others may: else the engine's lets no request through
_TICK = 0.05  # seconds
_INTERRUPTED = 130  # the exit code
_SIGNALS = [signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
_QUEUE = 2048  # connections that wait to be taken in
_LAST_SECONDS = 10  # for answers to end in, once the server is asked to


@dataclass(frozen=True)
class ServerSettings:
    """What is served, and to whom.

    Attributes:
        models: folders of models.
        home: a folder for more of them, with the studio's page and its own API; None: neither.
        host: the address to listen on.
        port: 0: any free one.
        key: that requests must carry; "": none without a home, and with one a token that is new at each launch.
        rows: texts that are written side by side, at most.
    """

    models: Sequence[Path]
    home: Path | None = None
    host: str = "127.0.0.1"
    port: int = 0
    key: str = ""
    rows: int = ROWS

    def access(self) -> Access:
        """Who may ask.

        Raises:
            SettingsError: the whole network, without a key; or with a key that cannot be sent.
        """
        check_key(self.key)
        if not self.key and not is_loopback(self.host):
            raise SettingsError(f"host {self.host} can be reached by others: give a key, or leave host out")
        name = f"[{self.host}]" if ":" in self.host else self.host.lower()
        hosts = ("*",) if self.host in _EVERYWHERE else (*LOOPBACK, name)
        key = self.key or (secrets.token_urlsafe(24) if self.home else "")
        return Access(hosts, key, lambda path: training_routes.largest(path) or BODY_BYTES)


def is_loopback(host: str) -> bool:
    """Whether an address can be reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def make_app(settings: ServerSettings) -> FastAPI:
    """The application.

    Raises:
        SettingsError: it would be open to the whole network.
    """
    access = settings.access()
    library = Library(settings.models, settings.home)
    engine = Engine(settings.rows)
    errands = JobQueue()
    corpora = Corpora(settings.home / UPLOADS) if settings.home else None
    trainings = Trainings(settings.home) if settings.home else None

    async def drain() -> None:
        if engine.ending:  # the server has seen to it, or was told not to wait
            return
        engine.drain()
        errands.drain()
        if corpora:
            corpora.turns.drain()
        if trainings:
            await trainings.end()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        if corpora:
            await asyncio.to_thread(corpora.close)  # what was uploaded to a studio that was killed
        engine.start()
        yield
        await drain()
        await asyncio.to_thread(engine.stop)
        if corpora:
            corpora.close()

    app = FastAPI(
        title="zuoci", version=__version__, docs_url=None, redoc_url=None, lifespan=lifespan, redirect_slashes=False
    )
    install(app)

    @app.get("/health", response_class=Json)
    async def health() -> Response:
        return Json({"status": "ok"})

    app.include_router(openai_routes.router(library, engine))
    if trainings and corpora:
        app.include_router(writing_routes.router(library, engine, errands))
        app.include_router(training_routes.corpora_router(corpora))
        app.include_router(training_routes.training_router(corpora, trainings, library))
        _add_page(app)
    app.add_middleware(Guard, access=access)
    app.state.drain = drain
    app.state.engine = engine
    app.state.key = access.key
    return app


def _add_page(app: FastAPI) -> None:
    """The files of the page, each under its own name, and what it has to know first."""

    @app.get("/api/session", response_class=Json, responses=RESPONSES)
    async def session() -> Response:
        return Json(training_routes.session())

    page = Path(str(files("zuoci.studio"))) / "page"
    for file in sorted(page.iterdir()):
        if file.suffix in _TYPES:
            add = partial(Response, media_type=_TYPES[file.suffix], headers={"cache-control": "no-cache"})
            for path in [f"/{file.name}"] + ["/"] * (file.name == _FIRST_PAGE):
                app.add_route(
                    path,
                    lambda _, add=add, file=file: add(file.read_bytes()),
                    methods=["GET", "HEAD"],
                    include_in_schema=False,
                )


class Server(uvicorn.Server):
    """A server that ends what it streams before it ends itself."""

    def __init__(self, config: uvicorn.Config, drain: Callable[[], Awaitable[None]]) -> None:
        super().__init__(config)
        self._drain = drain

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begins to take connections."""
        asyncio.get_running_loop().set_exception_handler(_log_fault)
        await super().startup(sockets)
        for one in sockets or []:
            one.listen(_QUEUE)  # asyncio has made it as short as what it takes in at once

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Is called once the server is asked to end; asked twice, it waits for nothing."""
        drained = asyncio.ensure_future(self._drain())
        while not (drained.done() or self.force_exit):
            await asyncio.wait({drained}, timeout=_TICK)
        drained.cancel()
        await asyncio.gather(drained, return_exceptions=True)
        await super().shutdown(sockets)
        if self.force_exit:  # it has left this out
            await self.lifespan.shutdown()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Is called by a signal."""
        super().handle_exit(sig, frame)
        self.force_exit |= len(self._captured_signals) > 1

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Takes signals as wishes to end; uvicorn's own would raise each of them again at the end."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        former = {number: signal.signal(number, self.handle_exit) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in former.items():
                signal.signal(number, handler if number != signal.SIGINT else signal.SIG_IGN)


def _log_fault(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Logs what nobody caught, but not that a connection has to wait for an open file: there may be many of them."""
    if not isinstance(context.get("exception"), OSError) or "accept()" not in context.get("message", ""):
        loop.default_exception_handler(context)


def _is_news(record: logging.LogRecord) -> bool:
    """Whether a record says more than that the end of the server ended a request."""
    return not (record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError))


def make_server(app: FastAPI) -> Server:
    """A server for an application."""
    logging.getLogger("uvicorn.error").addFilter(_is_news)
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=_LAST_SECONDS,
        server_header=False,
        http=Connection,
        ws="none",
        proxy_headers=False,
        backlog=BACKLOG,
    )
    return Server(config, app.state.drain)


def listen(host: str, port: int) -> socket.socket:
    """A socket that takes connections.

    Raises:
        SettingsError: the address or the port is not to be had.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family, backlog=_QUEUE)
    except (OSError, ValueError) as error:  # ValueError: of a name that cannot be one, such as a..b
        why = getattr(error, "strerror", None) or (
            "it is no name of a host" if isinstance(error, ValueError) else error
        )
        raise SettingsError(f"host {host}, port {port} cannot be used: {why}") from None


def url_of(host: str, listening: socket.socket, token: str = "") -> str:
    """Where to find a server, or the page of a studio with a token."""
    name = "127.0.0.1" if host in _EVERYWHERE else f"[{host}]" if ":" in host else host
    return f"http://{name}:{listening.getsockname()[1]}/" + (f"?token={quote(token, safe='')}" if token else "")


def run(server: Server, sockets: list[socket.socket]) -> None:
    """Serves until a signal to end; at a second one, ends the process."""
    sys.setswitchinterval(_SWITCH)
    server.run(sockets)
    if server.force_exit:  # threads that are at work would be waited for
        sys.stderr.flush()
        os._exit(_INTERRUPTED)
