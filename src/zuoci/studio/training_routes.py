"""The routes of the page's own API for training: the session, corpora and training runs."""

from __future__ import annotations

import asyncio
import re
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response
from pydantic import Field

from zuoci import __version__
from zuoci.errors import CorpusError, Message
from zuoci.server.errors import RESPONSES, ApiError
from zuoci.server.options import MAX_COUNT, MAX_ITEM, MAX_ITEMS, MAX_TEXT, MAXIMA, Body, Id, describe_options
from zuoci.server.sse import EVENT_STREAM, KEEP_ALIVE, KEEP_ALIVE_SECONDS, EventStream, JsonResponse, event
from zuoci.studio.corpora import MAX_CORPUS_BYTES, MAX_REQUEST_BYTES, Corpora
from zuoci.studio.jobs import ENDED, Event, TrainingJob
from zuoci.studio.locks import Result
from zuoci.studio.runs import MODEL_NAME, TrainingRuns, name_taken
from zuoci.studio.uploads import MAX_FILES
from zuoci.text.sources import TEXT_SUFFIXES
from zuoci.training.recipe import DEFAULT_RECIPE, NO_BASE
from zuoci.writing.settings_document import describe_fields

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from zuoci.server.models import Models
    from zuoci.text.corpus import Corpus

_NO_MODEL = ("auto", NO_BASE)  # of the setting `base`; any other one is the id of a model
_UPLOAD = re.compile(r"/api/corpora/[0-9a-f]+/files\Z")

_Setting: TypeAlias = (
    bool
    | Annotated[int, Field(ge=-(2**63), lt=2**63)]
    | Annotated[float, Field(ge=-1e300, le=1e300)]
    | Annotated[str, Field(max_length=1000)]
    | None
)


class EmptyBody(Body):
    """A body without fields."""


class CorpusBody(Body):
    """The body of a request that makes or renames a corpus."""

    name: str = Field(default="", max_length=100)


class TrainingBody(Body):
    """The body of a request that begins a training run."""

    corpus: str = Field(max_length=100, description="id of the corpus")
    name: str = Field(pattern=MODEL_NAME, description="name of the model to be: letters, digits, - and _")
    seconds: float = Field(default=60.0, ge=0.0, le=86_400.0, description="time budget; 0: as the recipe says")
    recipe: str = Field(default=DEFAULT_RECIPE, max_length=100)
    settings: dict[Annotated[str, Field(max_length=100)], _Setting] = Field(
        default={},
        max_length=100,
        description="any other settings of zuoci train; base: auto, none, or the id of the model to start from",
    )
    openings: list[Annotated[str, Field(max_length=100)]] = Field(
        default=[], max_length=8, description="openings of the samples"
    )


def max_upload(path: str) -> int | None:
    """The bytes that a request may have if it uploads files of a corpus; None: its path is another one."""
    return MAX_REQUEST_BYTES if _UPLOAD.match(path) else None


def session_router() -> APIRouter:
    """The route that tells a page what it has to know first."""
    routes = APIRouter(responses=RESPONSES, default_response_class=JsonResponse)
    limits = {
        **MAXIMA, "count": MAX_COUNT, "text": MAX_TEXT, "items": MAX_ITEMS, "item": MAX_ITEM, "files": MAX_FILES,
        "upload_bytes": MAX_CORPUS_BYTES,
    }  # fmt: skip
    document = {
        "version": __version__,
        **describe_options(),
        "training": describe_fields(TrainingBody),
        "limits": limits,
        "suffixes": sorted(TEXT_SUFFIXES | {".zip"}),
    }

    @routes.get("/api/session")
    async def session() -> dict[str, Any]:
        return document

    return routes


def corpora_router(corpora: Corpora) -> APIRouter:
    """The routes of corpora."""
    routes = APIRouter(prefix="/api/corpora", responses=RESPONSES, default_response_class=JsonResponse)

    async def describe(name: str) -> dict[str, Any]:
        return await asyncio.to_thread(corpora.describe, name)

    async def changed(request: Request, name: str, how: Callable[[], None], *, large: bool = False) -> dict[str, Any]:
        async def change() -> dict[str, Any]:
            await asyncio.to_thread(how)
            return await describe(name)

        return await _run_locked(corpora, request, name, change, large=large)

    @routes.get("")
    async def all_corpora() -> dict[str, Any]:
        return {"corpora": corpora.summaries()}

    @routes.post("")
    async def create_corpus(body: CorpusBody) -> dict[str, Any]:
        return await describe(await asyncio.to_thread(corpora.create, body.name))

    @routes.get("/{name}")
    async def one_corpus(name: Id, request: Request) -> dict[str, Any]:
        return await _run_locked(corpora, request, name, lambda: describe(name))

    @routes.post("/{name}/rename")
    async def rename_corpus(name: Id, body: CorpusBody, request: Request) -> dict[str, Any]:
        return await changed(request, name, partial(corpora.rename, name, body.name))

    @routes.delete("/{name}")
    async def delete_corpus(name: Id, request: Request) -> dict[str, Any]:
        await _run_locked(corpora, request, name, lambda: asyncio.to_thread(corpora.delete, name))
        return {}

    @routes.post(
        "/{name}/files",
        openapi_extra={"requestBody": {"content": {"application/octet-stream": {}}, "required": True}},
    )
    async def add_files(name: Id, request: Request) -> dict[str, Any]:
        gone = False
        async with corpora.receive(name, request.stream()) as arrived:
            try:
                return await changed(request, name, partial(corpora.add_files, name, arrived, lambda: gone), large=True)
            finally:
                gone = True  # matters only if the client has gone before the files were read

    @routes.delete("/{name}/files/{number}")
    async def remove_file(name: Id, number: Annotated[int, Path(ge=1, le=10**9)], request: Request) -> dict[str, Any]:
        return await changed(request, name, partial(corpora.remove_file, name, number), large=corpora.is_large(name))

    return routes


async def _run_locked(
    corpora: Corpora, request: Request, name: str, work: Callable[[], Awaitable[Result]], *, large: bool = False
) -> Result:
    """Runs some work on a corpus, alone unless nobody can change the corpus."""
    corpus = None if corpora.is_bundled(name) else name
    return await corpora.locks.run(request.receive, corpus, work, large=large)


def training_router(corpora: Corpora, runs: TrainingRuns, models: Models) -> APIRouter:
    """The routes of training runs."""
    routes = APIRouter(prefix="/api/training", responses=RESPONSES, default_response_class=JsonResponse)

    @routes.post("")
    async def begin_training(body: TrainingBody, request: Request) -> dict[str, Any]:
        async def create() -> dict[str, Any]:
            return runs.document(await _create(body, corpora, runs, models))

        return await _run_locked(corpora, request, body.corpus, create, large=corpora.is_large(body.corpus))

    @routes.get("")
    async def all_training() -> dict[str, Any]:
        return {"training": [runs.document(job) for job in runs.jobs.values()]}

    @routes.get("/{name}")
    async def one_training(name: Id) -> dict[str, Any]:
        return runs.document(runs.get(name))

    @routes.delete("/{name}")
    async def delete_training(name: Id) -> dict[str, Any]:
        await runs.delete(runs.get(name))
        return {}

    @routes.get("/{name}/events", response_class=EventStream, status_code=200, responses=EVENT_STREAM)
    async def events(name: Id) -> Response:
        job = runs.get(name)
        queue = job.watch()
        queue.put_nowait(("training", runs.document(job)))
        return EventStream(_frames(queue), lambda: job.unwatch(queue))

    async def change(name: str, how: Callable[[TrainingJob], Awaitable[None]]) -> dict[str, Any]:
        job = runs.get(name)
        await how(job)
        return runs.document(job)

    @routes.post("/{name}/pause")
    async def pause(name: Id, body: EmptyBody) -> dict[str, Any]:
        del body
        return await change(name, runs.pause)

    @routes.post("/{name}/resume")
    async def resume(name: Id, body: EmptyBody) -> dict[str, Any]:
        del body
        return await change(name, runs.resume)

    @routes.post("/{name}/stop")
    async def stop(name: Id, body: EmptyBody) -> dict[str, Any]:
        del body
        return await change(name, runs.stop)

    return routes


async def _create(body: TrainingBody, corpora: Corpora, runs: TrainingRuns, models: Models) -> TrainingJob:
    def read() -> Corpus:
        try:
            return corpora.read(body.corpus)
        except CorpusError:
            raise ApiError(400, Message("no_text_yet", "the corpus has no text in it yet"), param="corpus") from None

    if body.name in await asyncio.to_thread(models.refresh):
        raise name_taken(body.name)
    settings = body.settings | ({"seconds": body.seconds} if body.seconds else {})
    base = settings.get("base")
    if isinstance(base, str) and base not in _NO_MODEL:
        settings["base"] = str(models.folder(base))
    request = {"recipe": body.recipe, "settings": settings, "openings": body.openings}
    return await runs.create(body.name, read, partial(corpora.copy_to, body.corpus), request)


async def _frames(queue: asyncio.Queue[Event]) -> AsyncIterator[bytes]:
    """The events of a job as server-sent ones, up to the end of its process."""
    while True:
        try:
            async with asyncio.timeout(KEEP_ALIVE_SECONDS):
                name, document = await queue.get()
        except TimeoutError:
            yield KEEP_ALIVE
            continue
        yield event(name, document)
        if name == "training" and document["state"] in ENDED:
            return
