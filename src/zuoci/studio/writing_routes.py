"""The page's own API for writing: models, texts as they come, lines to choose from, what is copied, what is inside."""

from __future__ import annotations

import asyncio
import base64
import io
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import Field

from zuoci.errors import ModelFolderError
from zuoci.model.checkpoint import load
from zuoci.model.figures import load_report
from zuoci.server.engine import End, Event, Piece
from zuoci.server.errors import EVENTS, RESPONSES, ApiError
from zuoci.server.options import MOST_COUNT, MOST_STRING, MOST_TEXT, Body, Id, Text, config_of, with_options
from zuoci.server.sse import KEEP_ALIVE, Events, Json, attended, event, failure
from zuoci.studio.hidden_units import find_units
from zuoci.text.fingerprint import Fingerprint
from zuoci.text.folder import FILES, UNFINISHED, read_files
from zuoci.writing.candidates import Candidate, next_lines, rank, rewrite
from zuoci.writing.config import parse_readings
from zuoci.writing.form import count_syllables
from zuoci.writing.originality import originality
from zuoci.writing.random import key_of
from zuoci.writing.rhyme.scheme import Rhymes, scheme_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from zuoci.server.engine import Engine, Texts
    from zuoci.server.job_queue import JobQueue
    from zuoci.server.models import Library
    from zuoci.writing.config import WriteConfig
    from zuoci.writing.text import Lyrics
    from zuoci.writing.writer import Writer

_EXPORT_TYPES = {"html": "text/html; charset=utf-8", "onnx": "application/octet-stream", "zip": "application/zip"}
_EXPORTS: dict[int | str, dict[str, Any]] = {200: {"content": {kind: {} for kind in _EXPORT_TYPES.values()}}}
_MOST_CANDIDATES = 16
_MOST_INSPECTED = 4000  # characters

_Count = Field(default=8, ge=1, le=_MOST_CANDIDATES, description="candidates")


class WriteRequest(Body):
    """A text, as it comes."""

    opening: Text = ""
    watch: bool = Field(default=False, description="add the hidden state to each piece")


class DraftsRequest(Body):
    """Several texts."""

    opening: Text = ""
    count: int = Field(default=8, ge=1, le=MOST_COUNT, description="texts")


class CandidatesRequest(Body):
    """The next line."""

    text: Text = ""
    after: str = Field(default="", max_length=1000, description="the line that follows")
    count: int = _Count


class RewriteRequest(Body):
    """Another line for one of a text."""

    text: Text
    line: int = Field(ge=1, le=MOST_TEXT, description="which, from 1, empty ones not counted")
    count: int = _Count


class CheckRequest(Body):
    """What is copied, and what rhymes."""

    text: Text
    least: int = Field(default=8, ge=8, le=1000, description="characters of the shortest copied span to list")
    rhyme_standard: Literal["shisanzhe", "xinyun", "tongyun"] = "shisanzhe"
    reading: list[Annotated[str, Field(max_length=MOST_STRING)]] = Field(default=[], max_length=100)


class InspectRequest(Body):
    """A look inside."""

    text: str = Field(max_length=_MOST_INSPECTED)


if not TYPE_CHECKING:
    WriteRequest, DraftsRequest, CandidatesRequest, RewriteRequest = (
        with_options(body) for body in (WriteRequest, DraftsRequest, CandidatesRequest, RewriteRequest)
    )


def router(library: Library, engine: Engine, errands: JobQueue) -> APIRouter:
    """The routes."""
    routes = APIRouter(prefix="/api/models", responses=RESPONSES, default_response_class=Json)

    @routes.get("")
    async def models() -> dict[str, Any]:
        found, damaged = await asyncio.to_thread(library.all)
        return {"models": found, "damaged": damaged}

    @routes.get("/{name}")
    async def one_model(name: Id) -> dict[str, Any]:
        return await asyncio.to_thread(library.details, name)

    @routes.get("/{name}/export", response_class=Response, responses=_EXPORTS)
    async def export(
        request: Request,
        name: Id,
        kind: Literal["html", "onnx", "zip"] = "html",
        precision: Literal["int8", "float16"] = "int8",
    ) -> Response:
        folder = library.folder(name)
        data = await errands.run(request, lambda _: _exported(folder, kind, precision))
        disposition = f'attachment; filename="lyrics.{kind}"'  # the page's link has the model's own name
        return Response(data, media_type=_EXPORT_TYPES[kind], headers={"content-disposition": disposition})

    @routes.post("/{name}/write", response_class=Events, status_code=200, responses=EVENTS)
    async def write(name: Id, body: WriteRequest, request: Request) -> Response:
        config = config_of(body)
        writer = await library.writer(name)
        texts = engine.open(writer, [body.opening], [config], watch=body.watch)
        try:
            await attended(request.receive, texts.begun())
        except BaseException:
            texts.close()
            raise
        return Events(_frames(writer, body.opening, config, texts), texts.close)

    @routes.post("/{name}/drafts")
    async def drafts(name: Id, body: DraftsRequest, request: Request) -> dict[str, Any]:
        first = config_of(body)
        seeds = [first.seed, *(key_of(first.seed, k) >> 11 for k in range(1, body.count))]
        configs = [first.model_copy(update={"seed": seed}) for seed in seeds]
        writer = await library.writer(name)
        texts = engine.open(writer, [body.opening] * body.count, configs)
        try:
            found = _lyrics(await attended(request.receive, texts.whole()))
        finally:
            texts.close()
        ranked = await errands.run(request, lambda effort: rank(writer.watched(effort), found))
        return {"unknown": found[0].unknown, "candidates": _shown(ranked)}

    @routes.post("/{name}/candidates")
    async def candidates(name: Id, body: CandidatesRequest, request: Request) -> dict[str, Any]:
        config = config_of(body)
        writer = await library.writer(name)
        found = await errands.run(
            request,
            lambda effort: next_lines(writer.watched(effort), body.text, config, body.count, body.after),
        )
        return {"candidates": _shown(found)}

    @routes.post("/{name}/rewrite")
    async def another_line(name: Id, body: RewriteRequest, request: Request) -> dict[str, Any]:
        config = config_of(body)
        writer = await library.writer(name)
        found = await errands.run(
            request, lambda effort: rewrite(writer.watched(effort), body.text, body.line, config, body.count)
        )
        return {"candidates": _shown(found)}

    @routes.post("/{name}/check")
    async def check(name: Id, body: CheckRequest, request: Request) -> dict[str, Any]:
        writer = await library.writer(name)
        rhymes = Rhymes(body.rhyme_standard, parse_readings(body.reading))
        return await errands.run(request, lambda _: checked(writer, body.text, rhymes, body.least))

    @routes.post("/{name}/inspect")
    async def inspect(name: Id, body: InspectRequest, request: Request) -> dict[str, Any]:
        writer = await library.writer(name)
        return await errands.run(request, lambda effort: _inside(writer.watched(effort), body.text))

    return routes


def _shown(candidates: Sequence[Candidate]) -> list[dict[str, Any]]:
    return [{**candidate.model_dump(), "cost": candidate.cost} for candidate in candidates]


def checked(writer: Writer, text: str, rhymes: Rhymes, least: int = 8) -> dict[str, Any]:
    """How the lines of a text rhyme, and what of it is copied."""
    lines: list[dict[str, Any]] = []
    start = 0
    for line in text.split("\n"):
        if line.strip():
            lines.append(
                {"text": line, "start": start, "syllables": count_syllables(line), "ending": rhymes.ending(line)}
            )
        start += len(line) + 1
    scheme = scheme_of([line["text"] for line in lines], rhymes)
    for line, letter in zip(lines, scheme, strict=True):
        line["letter"] = letter
    against = writer.model.against
    copied = originality(text, against, least).model_dump() if against else None
    return {"text": text, "lines": lines, "scheme": scheme, "originality": copied}


async def _frames(writer: Writer, opening: str, config: WriteConfig, texts: Texts) -> AsyncIterator[bytes]:
    known, unknown = writer.vocabulary.adapt(opening)
    yield event("begin", {"opening": known, "unknown": unknown, "seed": config.seed})
    text = ""
    try:
        async for events in texts:
            if not events:
                yield KEEP_ALIVE
            new, state, end = _put_together(events)
            shown, text = text[len(known) :], text + new
            new = text[len(known) :][len(shown) :]
            if new:
                yield event("piece", {"text": new, **({"state": state} if state is not None else {})})
            if end:
                rhymes = Rhymes(config.rhyme_standard, parse_readings(config.reading))
                found = await asyncio.to_thread(checked, writer, text, rhymes)
                finish = {"nll": None, "finish": "cut"}
                if end.lyrics:
                    finish = {"nll": end.lyrics.nll, "finish": end.lyrics.finish}
                yield event("end", {**found, **finish, "seed": config.seed})
    except Exception as error:  # the answer has begun: it is told in the stream
        yield event("error", failure(error).document)


def _put_together(events: Sequence[tuple[int, Event]]) -> tuple[str, list[int] | None, End | None]:
    text, state, end = "", None, None
    for _, one in events:
        if isinstance(one, Exception):
            raise one
        if isinstance(one, Piece):
            text += one.text
            state = one.state if one.state is not None else state
        else:
            end = one
    return text, None if state is None else _quantised(state)[0].tolist(), end


def _lyrics(events: Sequence[tuple[int, Event]]) -> list[Lyrics]:
    found: dict[int, Lyrics] = {}
    for index, one in events:
        if isinstance(one, Exception):
            raise one
        if isinstance(one, End):
            if one.lyrics is None:
                raise ApiError(503, "the server is about to end", code="ending")
            found[index] = one.lyrics
    return [found[index] for index in sorted(found)]


def _quantised(values: Any) -> tuple[Any, float]:
    """Whole numbers from −127 to 127, and what 127 stands for: 1, or the largest value beyond it."""
    scale = max(1.0, float(np.abs(values).max(initial=0.0)))
    return np.rint(values * (127.0 / scale)).astype(np.int8), scale


def _inside(writer: Writer, text: str) -> dict[str, Any]:
    found = writer.inspect(text)
    states, scale = _quantised(found.hidden)
    characters = [
        {"char": char, "nll": float(nll), "likeliest": likeliest}
        for char, nll, likeliest in zip(found.text, found.nll, found.likeliest, strict=True)
    ]
    nll = float(found.nll.mean()) if characters else 0.0
    return {
        "text": found.text,
        "unknown": found.unknown,
        "characters": characters,
        "nll": nll,
        "perplexity": float(np.exp(nll)),
        "hidden_size": writer.model.stepper.hidden_size,
        "states": base64.b64encode(states.tobytes()).decode("ascii"),
        "scale": scale,
        "units": find_units(found.text, found.hidden),
    }


def _exported(folder: Path, kind: str, precision: Literal["int8", "float16"]) -> bytes:
    if kind == "zip":
        return _zipped(folder)
    from zuoci.export.html import export_html, rhymes_of
    from zuoci.export.onnx import export_onnx

    model = load(folder)
    with tempfile.TemporaryDirectory() as place:
        file = Path(place, f"lyrics.{kind}")
        if kind == "onnx":
            export_onnx(model, file)
        else:
            rhymes, fingerprint = rhymes_of(model.vocabulary.characters), Fingerprint.find(folder)
            try:
                export_html(
                    model,
                    file,
                    precision=precision,
                    title=folder.name,
                    report=load_report(folder),
                    rhymes=rhymes,
                    fingerprint=fingerprint,
                )
            except ValueError as error:  # figures that JSON does not have
                raise ModelFolderError(f"{folder} is damaged: {error}") from None
        return file.read_bytes()


def _zipped(folder: Path) -> bytes:
    """A model's folder: the files that the format names, and nothing else that may lie there.

    The place and time of each file are left out, so that the same model gives the same bytes.
    """
    load(folder)  # what is damaged is not given away
    names = [name for name in FILES if name != UNFINISHED and not (folder / name).is_symlink()]
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, contents in read_files(folder, names).items():
            archive.writestr(zipfile.ZipInfo(f"{folder.name}/{name}"), contents, zipfile.ZIP_DEFLATED)
    return data.getvalue()
