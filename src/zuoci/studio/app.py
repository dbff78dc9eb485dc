"""The web application that `zuoci studio` runs: the API of `zuoci.server.app`, and with it the page and its own API.

`StudioSettings` goes in, a `Studio` comes out; `zuoci.server.run` runs it.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, replace
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import Request
from fastapi.responses import Response

from zuoci.server.app import Application, ServerSettings
from zuoci.server.guard import MAX_BODY_BYTES
from zuoci.server.job_queue import JobQueue
from zuoci.studio import model_routes, song_routes, training_routes, writing_routes
from zuoci.studio.corpora import UPLOADS, Corpora
from zuoci.studio.runs import TrainingRuns
from zuoci.studio.songs import Songs

if TYPE_CHECKING:
    from fastapi import FastAPI

    from zuoci.server.guard import Access

_FIRST_PAGE = "studio/studio.html"  # below `zuoci/studio/page`, like all files of the page
_CONTENT_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}


@dataclass(frozen=True, kw_only=True)
class StudioSettings(ServerSettings):
    """What the studio serves, where, and to whom.

    Attributes:
        home: a folder whose folders are models, too, and into which the studio trains new ones.
        songs: the folder of the songs; None: `songs` in `home`.
        key: the key that requests must carry; "": a token that is new at each launch.
    """

    home: Path
    songs: Path | None = None

    def access(self) -> Access:
        """Who may send requests; a file of a corpus may be larger than other requests.

        Raises:
            SettingsError: other machines can reach the host and there is no key, or the key cannot be sent.
        """
        access = super().access()
        return replace(access, key=access.key or secrets.token_urlsafe(24), max_body=_max_body)


def _max_body(path: str) -> int:
    maxima = (training_routes.max_upload(path), song_routes.max_song(path), model_routes.max_import(path))
    return next(filter(None, maxima), MAX_BODY_BYTES)


class Studio(Application):
    """The studio's ASGI application together with what it keeps running.

    Attributes:
        jobs: the work that requests wait for, such as lines to choose from.
        corpora: the lyrics that are uploaded to train on.
        runs: the training runs.
        songs: the songs that are written.
    """

    def __init__(self, settings: StudioSettings) -> None:
        """Puts the parts together.

        Raises:
            SettingsError: other machines can reach the host and there is no key, or the key cannot be sent.
        """
        super().__init__(settings, home=settings.home, bases=True)
        self.jobs = JobQueue()
        self.corpora = Corpora(settings.home / UPLOADS)
        self.runs = TrainingRuns(settings.home)
        self.songs = Songs(settings.songs or settings.home / "songs")
        for router in (
            model_routes.router(self.models, self.jobs, self.runs, settings.home),
            writing_routes.router(self.models, self.engine, self.jobs),
            song_routes.router(self.songs),
            training_routes.session_router(),
            training_routes.corpora_router(self.corpora),
            training_routes.training_router(self.corpora, self.runs, self.models),
        ):
            self.asgi.include_router(router)
        _add_page(self.asgi)

    async def start(self) -> None:
        """Deletes uploads that a killed studio left behind, and starts what runs in the background."""
        await asyncio.to_thread(self.corpora.delete_all)
        await super().start()

    async def drain(self) -> None:
        """Breaks off all work, and pauses the training run once it is saved. May be called more than once."""
        if self.engine.draining:
            return
        await super().drain()
        self.jobs.drain()
        self.corpora.locks.drain()
        await self.runs.shut_down()

    async def close(self) -> None:
        """Stops what runs in the background, and deletes all uploads."""
        await super().close()
        self.corpora.delete_all()


def _add_page(app: FastAPI) -> None:
    """Serves each file of the page under its path, and the first one also at `/`."""
    page = Path(str(files("zuoci"))) / "studio" / "page"
    for file in sorted(page.rglob("*")):
        if file.suffix not in _CONTENT_TYPES:
            continue
        name = file.relative_to(page).as_posix()
        for path in (f"/{name}", "/") if name == _FIRST_PAGE else (f"/{name}",):
            app.add_route(path, partial(_page_file, file), methods=["GET", "HEAD"], include_in_schema=False)


def _page_file(file: Path, _: Request) -> Response:
    headers = {"cache-control": "no-cache"}
    return Response(file.read_bytes(), media_type=_CONTENT_TYPES[file.suffix], headers=headers)
