"""The routes of the page's own API for songs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import Field

from zuoci.server.errors import RESPONSES
from zuoci.server.options import Body, Id, Text
from zuoci.server.sse import JsonResponse
from zuoci.studio.songs import SongDetails, check_details

if TYPE_CHECKING:
    from zuoci.studio.songs import Songs

MAX_SONG_BYTES = 2 * 1024 * 1024  # of a request: a text, and what is known of each of its lines
_LRC: dict[int | str, dict[str, Any]] = {200: {"content": {"text/plain; charset=utf-8": {}}}}


class TitleBody(Body):
    """The body of a request that names a song."""

    title: str = Field(max_length=300)


class SongBody(SongDetails):
    """The body of a request that saves a song."""

    text: Text
    version: str = Field(max_length=64, description="the version that the text was made from")
    keep: bool = Field(default=False, description="whether to add the text to the former versions")


def max_song(path: str) -> int | None:
    """The bytes that a request may have if it is about songs; None: its path is another one."""
    return MAX_SONG_BYTES if path.startswith("/api/songs") else None


def router(songs: Songs) -> APIRouter:
    """The routes."""
    routes = APIRouter(prefix="/api/songs", responses=RESPONSES, default_response_class=JsonResponse)

    @routes.get("")
    async def list_songs() -> dict[str, Any]:
        return {"songs": await asyncio.to_thread(songs.summaries), "folder": str(songs.folder)}

    @routes.post("")
    async def create_song(body: TitleBody) -> dict[str, Any]:
        return await asyncio.to_thread(songs.create, body.title)

    @routes.post(
        "/import",
        openapi_extra={"requestBody": {"content": {"application/octet-stream": {}}, "required": True}},
    )
    async def import_song(request: Request, name: str = Query("", max_length=300)) -> dict[str, Any]:
        return await asyncio.to_thread(songs.import_file, name, await request.body())

    @routes.get("/{name}")
    async def one_song(name: Id) -> dict[str, Any]:
        return await asyncio.to_thread(songs.read, name)

    @routes.put("/{name}")
    async def save_song(name: Id, body: SongBody) -> dict[str, Any]:
        details = SongDetails.model_validate(body.model_dump(include=set(SongDetails.model_fields)))
        check_details(body.text, details)
        version = await asyncio.to_thread(songs.write, name, body.text, details, body.version, keep=body.keep)
        return {"version": version}

    @routes.delete("/{name}")
    async def delete_song(name: Id) -> dict[str, Any]:
        await asyncio.to_thread(songs.delete, name)
        return {}

    @routes.post("/{name}/rename")
    async def rename_song(name: Id, body: TitleBody) -> dict[str, Any]:
        return {"id": await asyncio.to_thread(songs.rename, name, body.title)}

    @routes.get("/{name}/versions")
    async def song_versions(name: Id) -> dict[str, Any]:
        return {"versions": await asyncio.to_thread(songs.versions, name)}

    @routes.get("/{name}/lrc", response_class=Response, responses=_LRC)
    async def song_as_lrc(name: Id) -> Response:
        text = await asyncio.to_thread(songs.export_lrc, name)
        return Response(text, media_type="text/plain; charset=utf-8")

    return routes
