"""The web application that `zuoci serve` runs: models behind the OpenAI-compatible API, without a page.

`ServerSettings` goes in, an `Application` comes out; `zuoci.server.run` runs it. The studio adds its page and its own
API by a subclass of each (`zuoci.studio.app`).
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastapi import FastAPI
from fastapi.responses import Response

from zuoci import __version__
from zuoci.errors import SettingsError
from zuoci.server import openai_routes
from zuoci.server.engine import ROWS, Engine
from zuoci.server.errors import add_error_handlers
from zuoci.server.guard import ANY_ADDRESS, LOOPBACK, Access, Guard, check_key, is_loopback
from zuoci.server.models import Models
from zuoci.server.sse import JsonResponse

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence
    from pathlib import Path


@dataclass(frozen=True)
class ServerSettings:
    """What is served, where, and to whom.

    Attributes:
        models: the folders of the models; or `zh` and `en`, the base models that come with zuoci.
        host: the address to listen on.
        port: the port to listen on; 0: any free one.
        key: the key that requests must carry; "": none.
        rows: how many rows all texts together may take; a text with a form takes one for each of its particles.
        voice: how far texts follow a model rather than the one that it started from, where a request does not say.
    """

    models: Sequence[Path]
    host: str = "127.0.0.1"
    port: int = 0
    key: str = ""
    rows: int = ROWS
    voice: float = 1.0

    def access(self) -> Access:
        """Who may send requests.

        Raises:
            SettingsError: other machines can reach the host and there is no key, or the key cannot be sent.
        """
        check_key(self.key)
        if not self.key and not is_loopback(self.host):
            raise SettingsError(f"host {self.host} can be reached by others: give a key, or leave host out")
        name = f"[{self.host}]" if ":" in self.host else self.host.lower()
        hosts = ("*",) if self.host in ANY_ADDRESS else (*LOOPBACK, name)
        return Access(hosts, self.key)


class Application:
    """An ASGI application together with what it keeps running.

    Attributes:
        asgi: the application itself, for an ASGI server.
        access: who may send requests.
        models: the models that can be asked for.
        engine: the thread that writes all texts.
    """

    def __init__(self, settings: ServerSettings, *, home: Path | None = None, bases: bool = False) -> None:
        """Puts the parts together. Nothing runs before the ASGI server starts the application.

        Args:
            settings: what is served.
            home: a folder whose folders are models, too; None: there is none.
            bases: serve the base models that come with zuoci, too.

        Raises:
            SettingsError: other machines can reach the host and there is no key, or the key cannot be sent.
        """
        self.access = settings.access()
        self.models = Models(settings.models, home, bases=bases, voice=settings.voice)
        self.engine = Engine(settings.rows)
        self.asgi = FastAPI(
            title="zuoci",
            version=__version__,
            docs_url=None,
            redoc_url=None,
            lifespan=self._lifespan,
            redirect_slashes=False,
        )
        add_error_handlers(self.asgi)
        self.asgi.add_api_route("/health", _health, response_class=JsonResponse)
        self.asgi.include_router(openai_routes.router(self.models, self.engine))
        self.asgi.add_middleware(Guard, access=self.access)

    @asynccontextmanager
    async def _lifespan(self, _: FastAPI) -> AsyncGenerator[None]:
        await self.start()
        yield
        await self.drain()
        await self.close()

    async def start(self) -> None:
        """Starts what runs in the background."""
        self.engine.start()

    async def drain(self) -> None:
        """Breaks off all texts that are being written, and refuses new ones. May be called more than once."""
        self.engine.drain()

    async def close(self) -> None:
        """Stops what runs in the background."""
        await asyncio.to_thread(self.engine.stop)


async def _health() -> Response:
    return JsonResponse({"status": "ok"})
