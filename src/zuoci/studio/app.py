"""The application: its parts put together, and the server that runs it."""

from __future__ import annotations

import asyncio
import ipaddress
import secrets
import socket
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.resources import as_file, files
from typing import TYPE_CHECKING, Any

import uvicorn
from fastapi import FastAPI
from fastapi.responses import FileResponse, Response
from fastapi.staticfiles import StaticFiles

from zuoci import __version__
from zuoci.errors import SettingsError
from zuoci.studio import completions, failures
from zuoci.studio.engine import ROWS, Engine
from zuoci.studio.events import Json
from zuoci.studio.guard import LOOPBACK, Access, Guard
from zuoci.studio.library import Library

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from pathlib import Path
    from types import FrameType

_CONNECTIONS = 1000  # at once; engine and lists have narrower limits of their own
_LAST_SECONDS = 10.0  # for answers to end in, once the server is asked to


@dataclass(frozen=True)
class ServerSettings:
    """What is served, and to whom.

    Attributes:
        models: folders of models.
        home: a folder for more of them, with the studio's page and its own API; None: neither.
        host: the address to listen on.
        port: 0: any free one.
        key: that requests must carry; "": none.
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
            SettingsError: the whole network, without a key.
        """
        if not self.key and not is_loopback(self.host):
            raise SettingsError(f"host {self.host} can be reached by others: give a key, or leave host out")
        everywhere = self.host in ("0.0.0.0", "::")  # noqa: S104  # not bound to, asked about
        name = f"[{self.host}]" if ":" in self.host else self.host.lower()
        hosts = ("*",) if everywhere else (*LOOPBACK, name)
        return Access(hosts=hosts, key=self.key, token=secrets.token_urlsafe(24))


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

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        engine.start()
        yield
        engine.drain()
        await asyncio.to_thread(engine.stop)

    app = FastAPI(
        title="zuoci", version=__version__, docs_url=None, redoc_url=None, lifespan=lifespan, redirect_slashes=False
    )
    failures.install(app)

    @app.get("/health", response_class=Json)
    async def health() -> Response:
        return Json({"status": "ok"})

    app.include_router(completions.router(library, engine))
    app.add_middleware(Guard, access=access)
    app.state.drain = engine.drain
    app.state.engine = engine
    return app


class Server(uvicorn.Server):
    """A server that ends what it streams before it ends itself."""

    def __init__(self, config: uvicorn.Config, drain: Callable[[], None]) -> None:
        super().__init__(config)
        self._drain = drain

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Is called once the server is asked to end."""
        self._drain()
        await super().shutdown(sockets)


def make_server(app: FastAPI) -> Server:
    """A server for an application."""
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        limit_concurrency=_CONNECTIONS,
        timeout_graceful_shutdown=_LAST_SECONDS,  # pyright: ignore[reportArgumentType]
        server_header=False,
        ws="none",
        proxy_headers=False,
    )
    return Server(config, app.state.drain)


def listen(host: str, port: int) -> socket.socket:
    """A socket that takes connections.

    Raises:
        SettingsError: the address or the port is not to be had.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family, backlog=2048)
    except OSError as error:
        raise SettingsError(f"host {host}, port {port} cannot be used: {error.strerror or error}") from None
