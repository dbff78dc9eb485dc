"""The routes of the page's own API for models: the list, one model's details, and files to take along."""

from __future__ import annotations

import asyncio
import itertools
import os
import re
import tempfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import Field

from zuoci.export.archive import MAX_IMPORT_BYTES, read_zip
from zuoci.export.formats import Format, export_model
from zuoci.export.quantisation import Precision
from zuoci.model.manage import add_model, delete_model, rename_model
from zuoci.server.errors import RESPONSES
from zuoci.server.options import Body, Id
from zuoci.server.sse import JsonResponse
from zuoci.studio.runs import MODEL_NAME, check_name, name_taken

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zuoci.server.job_queue import JobQueue
    from zuoci.server.models import Models
    from zuoci.studio.runs import TrainingRuns

_CONTENT_TYPES = {"html": "text/html; charset=utf-8", "onnx": "application/octet-stream", "zip": "application/zip"}
_EXPORTS: dict[int | str, dict[str, Any]] = {200: {"content": {kind: {} for kind in _CONTENT_TYPES.values()}}}


class NameBody(Body):
    """The body of a request that renames a model."""

    name: str = Field(pattern=MODEL_NAME, description="name of the model: letters, digits, - and _")


def max_import(path: str) -> int | None:
    """The bytes that a request may have if it imports a model; None: its path is another one."""
    return MAX_IMPORT_BYTES if path == "/api/models/import" else None


def router(models: Models, jobs: JobQueue, runs: TrainingRuns, home: Path) -> APIRouter:
    """The routes.

    Args:
        models: all models.
        jobs: where exports wait for each other.
        runs: the training runs, of which those of deleted models are forgotten.
        home: the folder into which models are imported.
    """
    routes = APIRouter(prefix="/api/models", responses=RESPONSES, default_response_class=JsonResponse)

    @routes.get("")
    async def list_models() -> dict[str, Any]:
        found, damaged = await asyncio.to_thread(models.summaries)
        return {"models": found, "damaged": damaged}

    @routes.get("/{name}")
    async def one_model(name: Id) -> dict[str, Any]:
        return await asyncio.to_thread(models.details, name)

    @routes.post(
        "/import",
        openapi_extra={"requestBody": {"content": {"application/octet-stream": {}}, "required": True}},
    )
    async def import_model(request: Request, name: str = Query("", max_length=300)) -> dict[str, Any]:
        with tempfile.NamedTemporaryFile(suffix=".zip") as file:
            async for chunk in request.stream():
                file.write(chunk)
            file.flush()
            return await asyncio.to_thread(_import, Path(file.name), name)

    def _import(file: Path, name: str) -> dict[str, Any]:
        inside, contents = read_zip(file)
        taken = {*models.refresh(), *runs.jobs}
        wanted = model_name(inside or PurePosixPath(name).stem)
        new = next(free for free in _numbered(wanted) if free not in taken and not os.path.lexists(home / free))
        add_model(home / new, contents)
        models.refresh()
        return models.summary(new)

    @routes.post("/{name}/rename")
    async def rename(name: Id, body: NameBody) -> dict[str, Any]:
        check_name(body.name)
        if body.name in runs.jobs or body.name in await asyncio.to_thread(models.refresh):
            raise name_taken(body.name)
        folder = models.own_folder(name)
        await asyncio.to_thread(rename_model, folder, home / body.name)
        models.forget(folder)
        await runs.forget(name)
        await asyncio.to_thread(models.refresh)
        return await asyncio.to_thread(models.summary, body.name)

    @routes.delete("/{name}")
    async def delete(name: Id) -> dict[str, Any]:
        folder = models.own_folder(name)
        await asyncio.to_thread(delete_model, folder)
        models.forget(folder)
        await runs.forget(name)
        return {}

    @routes.get("/{name}/export", response_class=Response, responses=_EXPORTS)
    async def export(request: Request, name: Id, kind: Format = "html", precision: Precision = "int8") -> Response:
        folder = models.folder(name)
        data = await jobs.run(request, lambda _: _export(folder, kind, precision))
        disposition = f'attachment; filename="lyrics.{kind}"'  # the page's link has the model's own name
        return Response(data, media_type=_CONTENT_TYPES[kind], headers={"content-disposition": disposition})

    return routes


def model_name(wanted: str) -> str:
    """A name that a model may have, made of any text."""
    return re.sub(r"[^\w-]+|^_+", "-", wanted)[:50].strip("-_") or "model"


def _numbered(name: str) -> Iterator[str]:
    """A name, and then that name with numbers."""
    yield name
    yield from (f"{name}-{number}" for number in itertools.count(2))


def _export(folder: Path, kind: Format, precision: Precision) -> bytes:
    with tempfile.TemporaryDirectory() as temporary:
        file = Path(temporary, f"lyrics.{kind}")
        export_model(folder, file, kind, precision=precision)
        return file.read_bytes()
