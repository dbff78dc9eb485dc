"""The routes of the page's own API for models: the list, one model's details, and files to take along."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from zuoci.export.formats import Format, export_model
from zuoci.export.quantisation import Precision
from zuoci.server.errors import RESPONSES
from zuoci.server.options import Id
from zuoci.server.sse import JsonResponse

if TYPE_CHECKING:
    from zuoci.server.job_queue import JobQueue
    from zuoci.server.models import Models

_CONTENT_TYPES = {"html": "text/html; charset=utf-8", "onnx": "application/octet-stream", "zip": "application/zip"}
_EXPORTS: dict[int | str, dict[str, Any]] = {200: {"content": {kind: {} for kind in _CONTENT_TYPES.values()}}}


def router(models: Models, jobs: JobQueue) -> APIRouter:
    """The routes."""
    routes = APIRouter(prefix="/api/models", responses=RESPONSES, default_response_class=JsonResponse)

    @routes.get("")
    async def list_models() -> dict[str, Any]:
        found, damaged = await asyncio.to_thread(models.summaries)
        return {"models": found, "damaged": damaged}

    @routes.get("/{name}")
    async def one_model(name: Id) -> dict[str, Any]:
        return await asyncio.to_thread(models.details, name)

    @routes.get("/{name}/export", response_class=Response, responses=_EXPORTS)
    async def export(request: Request, name: Id, kind: Format = "html", precision: Precision = "int8") -> Response:
        folder = models.folder(name)
        data = await jobs.run(request, lambda _: _export(folder, kind, precision))
        disposition = f'attachment; filename="lyrics.{kind}"'  # the page's link has the model's own name
        return Response(data, media_type=_CONTENT_TYPES[kind], headers={"content-disposition": disposition})

    return routes


def _export(folder: Path, kind: Format, precision: Precision) -> bytes:
    with tempfile.TemporaryDirectory() as temporary:
        file = Path(temporary, f"lyrics.{kind}")
        export_model(folder, file, kind, precision=precision)
        return file.read_bytes()
