"""The routes of the page's own API for writing: texts, lines to choose from, what is copied, and what is inside."""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import Field

from zuoci.server.engine import End, Event, Piece
from zuoci.server.errors import RESPONSES
from zuoci.server.options import MAX_ITEM, MAX_TEXT, Body, Id, ModelBody, Text, config_of, with_options
from zuoci.server.sse import (
    EVENT_STREAM,
    KEEP_ALIVE,
    EventStream,
    JsonResponse,
    error_document,
    event,
    while_connected,
)
from zuoci.studio.hidden_units import find_units
from zuoci.writing.candidates import Candidate, next_lines, rewrite
from zuoci.writing.form import count_syllables, lines_with_starts
from zuoci.writing.originality import originality
from zuoci.writing.patterns import parse_readings
from zuoci.writing.rhyme.scheme import Rhymes, scheme_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from zuoci.server.engine import Engine, Texts
    from zuoci.server.job_queue import JobQueue
    from zuoci.server.models import Models
    from zuoci.writing.config import WriteConfig
    from zuoci.writing.writer import Writer

_MAX_CANDIDATES = 16
_MAX_INSPECTED = 4000  # characters

_Count = Field(default=8, ge=1, le=_MAX_CANDIDATES, description="candidates")


class WriteBody(ModelBody):
    """The body of a request that writes a text."""

    opening: Text = ""


class CandidatesBody(ModelBody):
    """The body of a request for lines that could come next."""

    text: Text = ""
    after: str = Field(default="", max_length=1000, description="the line that follows")
    count: int = _Count


class RewriteBody(ModelBody):
    """The body of a request for other lines in the place of one."""

    text: Text
    line: int = Field(ge=1, le=MAX_TEXT, description="number of the line, from 1, empty lines not counted")
    count: int = _Count


class CheckBody(Body):
    """The body of a request for what is copied and what rhymes."""

    text: Text
    opening: Text = Field(default="", description="what a person typed before the text was written: it is not copied")
    least: int = Field(default=8, ge=8, le=1000, description="characters of the shortest copied span to list")
    rhyme_standard: Literal["shisanzhe", "xinyun", "tongyun"] = "shisanzhe"
    reading: list[Annotated[str, Field(max_length=MAX_ITEM)]] = Field(default=[], max_length=100)


class InspectBody(ModelBody):
    """The body of a request for what the model expects in a text, and its hidden states."""

    text: str = Field(max_length=_MAX_INSPECTED)


if not TYPE_CHECKING:
    WriteBody, CandidatesBody, RewriteBody = map(with_options, (WriteBody, CandidatesBody, RewriteBody))


def router(models: Models, engine: Engine, jobs: JobQueue) -> APIRouter:
    """The routes."""
    routes = APIRouter(prefix="/api/models/{name}", responses=RESPONSES, default_response_class=JsonResponse)

    @routes.post("/write", response_class=EventStream, status_code=200, responses=EVENT_STREAM)
    async def write(name: Id, body: WriteBody, request: Request) -> Response:
        config = config_of(body)
        writer = await models.writer(name, body.voice)
        texts = engine.open(writer, [body.opening], [config])
        try:
            await while_connected(request.receive, texts.wait_for_first())
        except BaseException:
            texts.close()
            raise
        return EventStream(_frames(writer, body.opening, config, texts), texts.close)

    @routes.post("/candidates")
    async def candidates(name: Id, body: CandidatesBody, request: Request) -> dict[str, Any]:
        config = config_of(body)
        writer = await models.writer(name, body.voice)
        found = await jobs.run(
            request, lambda token: next_lines(writer.watched(token), body.text, config, body.count, body.after)
        )
        return {"candidates": _documents(found)}

    @routes.post("/rewrite")
    async def rewrite_line(name: Id, body: RewriteBody, request: Request) -> dict[str, Any]:
        config = config_of(body)
        writer = await models.writer(name, body.voice)
        found = await jobs.run(
            request, lambda token: rewrite(writer.watched(token), body.text, body.line, config, body.count)
        )
        return {"candidates": _documents(found)}

    @routes.post("/check")
    async def check(name: Id, body: CheckBody, request: Request) -> dict[str, Any]:
        writer = await models.writer(name)
        rhymes = Rhymes(body.rhyme_standard, parse_readings(body.reading))
        typed = [(0, len(body.opening))] if body.text.startswith(body.opening) else []
        return await jobs.run(request, lambda _: check_text(writer, body.text, rhymes, body.least, typed))

    @routes.post("/inspect")
    async def inspect(name: Id, body: InspectBody, request: Request) -> dict[str, Any]:
        writer = await models.writer(name, body.voice)
        return await jobs.run(request, lambda token: _inspect(writer.watched(token), body.text))

    return routes


def _documents(candidates: Sequence[Candidate]) -> list[dict[str, Any]]:
    return [candidate.model_dump() for candidate in candidates]


def check_text(
    writer: Writer, text: str, rhymes: Rhymes, least: int = 8, typed: Sequence[tuple[int, int]] = ()
) -> dict[str, Any]:
    """How the lines of a text rhyme, and what of it is copied, for JSON.

    Args:
        writer: the model; its fingerprint says what is copied.
        text: the text.
        rhymes: what rhymes.
        least: characters of the shortest copied span to list.
        typed: start and end of the parts that a person typed, which are not copied.
    """
    found = lines_with_starts(text)
    scheme = scheme_of([line for _, line in found], rhymes)
    lines = [
        {
            "text": line,
            "start": start,
            "syllables": count_syllables(line),
            "ending": rhymes.ending(line),
            "letter": letter,
        }
        for (start, line), letter in zip(found, scheme, strict=True)
    ]
    against = writer.model.against
    copied = originality(text, against, least, typed, disguised=True).model_dump() if against else None
    return {"text": text, "lines": lines, "scheme": scheme, "originality": copied}


async def _frames(writer: Writer, opening: str, config: WriteConfig, texts: Texts) -> AsyncIterator[bytes]:
    """The events of a text as server-sent ones: `begin`, then `piece`s without the opening, then `end` or `error`."""
    known, unknown = writer.adapt(opening, config)
    yield event("begin", {"opening": known, "unknown": unknown, "seed": config.seed})
    text = ""
    try:
        async for events in texts:
            if not events:
                yield KEEP_ALIVE
            piece, end = _joined(events)
            sent, text = text[len(known) :], text + piece
            new = text[len(known) :][len(sent) :]
            if new:
                yield event("piece", {"text": new})
            if end:
                rhymes = Rhymes(config.rhyme_standard, parse_readings(config.reading))
                typed = end.lyrics.typed if end.lyrics else [(0, len(known))]
                found = await asyncio.to_thread(check_text, writer, text, rhymes, typed=typed)
                finish = {"nll": None, "finish": "cut", "sections": ()}
                if end.lyrics:
                    finish = {"nll": end.lyrics.nll, "finish": end.lyrics.finish, "sections": end.lyrics.sections}
                yield event("end", {**found, **finish, "seed": config.seed})
    except Exception as error:  # the response has begun: the error is a part of it
        yield event("error", error_document(error))


def _joined(events: Sequence[tuple[int, Event]]) -> tuple[str, End | None]:
    """The text of all pieces, and the end if there is one.

    Raises:
        Exception: the error of the text.
    """
    text, end = "", None
    for _, one in events:
        if isinstance(one, Exception):
            raise one
        if isinstance(one, Piece):
            text += one.text
        else:
            end = one
    return text, end


def _to_int8(values: Any) -> tuple[Any, float]:
    """Values as whole numbers from −127 to 127, and what 127 stands for: the largest absolute value, 1 at least."""
    scale = max(1.0, float(np.abs(values).max(initial=0.0)))
    return np.rint(values * (127.0 / scale)).astype(np.int8), scale


def _inspect(writer: Writer, text: str) -> dict[str, Any]:
    """What the model expects at each place of a text, and its hidden states, for JSON."""
    found = writer.inspect(text)
    states, scale = _to_int8(found.hidden)
    characters = [
        {"char": char, "nll": float(nll), "most_likely": most_likely}
        for char, nll, most_likely in zip(found.text, found.nll, found.most_likely, strict=True)
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
