"""The page's own API for training: corpora, runs, and the session."""

from __future__ import annotations

import asyncio
import os
import re
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response
from pydantic import Field

from zuoci import __version__
from zuoci.errors import CorpusError
from zuoci.server.errors import EVENTS, RESPONSES, ApiError
from zuoci.server.options import MOST, MOST_COUNT, MOST_TEXT, Body, Id
from zuoci.server.sse import KEEP_ALIVE, Events, Json, event
from zuoci.server.turns import Result
from zuoci.studio.corpora import FILE_BYTES, MOST_FILES, Corpora
from zuoci.studio.runs import Training, Trainings
from zuoci.training.recipe import DEFAULT_RECIPE
from zuoci.writing.config import WriteConfig

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from zuoci.server.models import Library
    from zuoci.text.corpus import Corpus

_NAME = r"^[^\W_][\w-]{0,63}$"
_QUIET = 10.0  # seconds
_UPLOAD = re.compile(r"/api/corpora/[0-9a-f]+/files\Z")

_Setting: TypeAlias = (
    bool
    | Annotated[int, Field(ge=-(2**63), lt=2**63)]
    | Annotated[float, Field(ge=-1e300, le=1e300)]
    | Annotated[str, Field(max_length=1000)]
    | None
)


class Empty(Body):
    """Nothing."""


class TrainingRequest(Body):
    """A run."""

    corpus: str = Field(max_length=100)
    name: str = Field(pattern=_NAME, description="of the model: letters, digits, - and _")
    seconds: float = Field(default=60.0, ge=0.0, le=86_400.0, description="time; 0: as the recipe says")
    recipe: str = Field(default=DEFAULT_RECIPE, max_length=100)
    settings: dict[Annotated[str, Field(max_length=100)], _Setting] = Field(
        default={}, max_length=100, description="any other settings of zuoci train"
    )
    openings: list[Annotated[str, Field(max_length=100)]] = Field(default=[], max_length=8, description="of samples")


def largest(path: str) -> int | None:
    """The bytes that a request to a path may have, if it is one for a file."""
    return FILE_BYTES if _UPLOAD.match(path) else None


def session() -> dict[str, Any]:
    """What a page has to know first."""
    limits = {**MOST, "count": MOST_COUNT, "text": MOST_TEXT, "files": MOST_FILES, "file_bytes": FILE_BYTES}
    options = WriteConfig.model_json_schema()
    return {"version": __version__, "options": options, "limits": limits, "cpu_count": os.cpu_count()}


def corpora_router(corpora: Corpora) -> APIRouter:
    """The routes of corpora."""
    routes = APIRouter(prefix="/api/corpora", responses=RESPONSES, default_response_class=Json)

    async def described(name: str) -> dict[str, Any]:
        return await asyncio.to_thread(corpora.describe, name)

    async def in_turn(
        request: Request, name: str, work: Callable[[], Awaitable[Result]], *, large: bool = False
    ) -> Result:
        shared = None if corpora.folder(name) is None else name
        return await corpora.turns.take(request.receive, shared, work, large=large)

    @routes.post("")
    async def begin_corpus(body: Empty) -> dict[str, Any]:
        del body
        return await described(corpora.begin())

    @routes.get("/{name}")
    async def one_corpus(name: Id, request: Request) -> dict[str, Any]:
        return await in_turn(request, name, lambda: described(name))

    @routes.delete("/{name}")
    async def forget_corpus(name: Id, request: Request) -> dict[str, Any]:
        await in_turn(request, name, lambda: asyncio.to_thread(corpora.forget, name))
        return {}

    @routes.post(
        "/{name}/files",
        openapi_extra={"requestBody": {"content": {"application/octet-stream": {}}, "required": True}},
    )
    async def add_file(
        name: Id, request: Request, title: str = Query("", alias="name", max_length=1000)
    ) -> dict[str, Any]:
        async with corpora.arrival(name, request.stream()) as arrived:

            async def add() -> dict[str, Any]:
                corpora.room(name)
                await asyncio.to_thread(corpora.add, name, title, arrived)
                return await described(name)

            large = await asyncio.to_thread(corpora.is_large, name, arrived)
            return await in_turn(request, name, add, large=large)

    @routes.delete("/{name}/files/{number}")
    async def remove_file(name: Id, number: Annotated[int, Path(ge=1, le=10**9)], request: Request) -> dict[str, Any]:
        async def remove() -> dict[str, Any]:
            await asyncio.to_thread(corpora.remove, name, number)
            return await described(name)

        return await in_turn(request, name, remove)

    return routes


def training_router(corpora: Corpora, trainings: Trainings, library: Library) -> APIRouter:
    """The routes of runs."""
    routes = APIRouter(prefix="/api/training", responses=RESPONSES, default_response_class=Json)

    @routes.post("")
    async def begin_training(body: TrainingRequest, request: Request) -> dict[str, Any]:
        async def begin() -> dict[str, Any]:
            return trainings.document(await _begin(body, corpora, trainings, library))

        shared = None if corpora.folder(body.corpus) is None else body.corpus
        return await corpora.turns.take(request.receive, shared, begin, large=corpora.is_large(body.corpus))

    @routes.get("")
    async def all_training() -> dict[str, Any]:
        return {"training": [trainings.document(one) for one in trainings.table.values()]}

    @routes.get("/{name}")
    async def one_training(name: Id) -> dict[str, Any]:
        return trainings.document(trainings.get(name))

    @routes.delete("/{name}")
    async def forget_training(name: Id) -> dict[str, Any]:
        await trainings.forget(trainings.get(name))
        return {}

    @routes.get("/{name}/events", response_class=Events, status_code=200, responses=EVENTS)
    async def events(name: Id) -> Response:
        one = trainings.get(name)
        queue = one.watch()
        queue.put_nowait(("training", trainings.document(one)))
        return Events(_frames(queue), lambda: one.watchers.discard(queue))

    @routes.post("/{name}/pause")
    async def pause(name: Id, body: Empty) -> dict[str, Any]:
        del body
        one = trainings.get(name)
        await trainings.pause(one)
        return trainings.document(one)

    @routes.post("/{name}/resume")
    async def resume(name: Id, body: Empty) -> dict[str, Any]:
        del body
        one = trainings.get(name)
        await trainings.resume(one)
        return trainings.document(one)

    @routes.post("/{name}/stop")
    async def stop(name: Id, body: Empty) -> dict[str, Any]:
        del body
        one = trainings.get(name)
        await trainings.stop(one)
        return trainings.document(one)

    return routes


async def _begin(body: TrainingRequest, corpora: Corpora, trainings: Trainings, library: Library) -> Training:
    def read() -> Corpus:
        try:
            return corpora.read(body.corpus)
        except CorpusError:
            raise ApiError(400, "the corpus has no text in it yet", param="corpus", code="empty") from None

    settings = body.settings | ({"seconds": body.seconds} if body.seconds else {})
    job = {"recipe": body.recipe, "settings": settings, "openings": body.openings}
    if body.name in await asyncio.to_thread(library.look):
        raise ApiError(409, f"there is a model {body.name} already", param="name", code="taken")
    return await trainings.begin(body.name, read, partial(corpora.keep, body.corpus), job)


async def _frames(queue: asyncio.Queue[tuple[str, dict[str, Any]]]) -> AsyncIterator[bytes]:
    while True:
        try:
            async with asyncio.timeout(_QUIET):
                kind, document = await queue.get()
        except TimeoutError:
            yield KEEP_ALIVE
            continue
        yield event(kind, document)
        if kind == "training" and document["state"] in ("paused", "finished", "failed"):
            return
