"""The API that clients of OpenAI's already speak: `/v1/models`, `/v1/completions`, `/v1/chat/completions`."""

from __future__ import annotations

import asyncio
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from zuoci.server.engine import End, Piece, Score
from zuoci.server.errors import RESPONSES, ApiError
from zuoci.server.openai_schema import (
    Chat,
    Completion,
    chat_logprobs,
    check_logprobs,
    completion_logprobs,
    config_for,
    opening_of,
    usage,
)
from zuoci.server.options import Id
from zuoci.server.sse import KEEP_ALIVE, Events, Json, attended, failure, to_json
from zuoci.writing.random import key_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from zuoci.server.engine import Engine, Event, Texts
    from zuoci.server.models import Library
    from zuoci.writing.config import WriteConfig

_WHOLE_OR_STREAM: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/json": {"schema": {"type": "object"}}, "text/event-stream": {}}}
}
_DONE = b"data: [DONE]\n\n"


@dataclass
class _Choice:
    """A text on its way to a client."""

    config: WriteConfig
    opening: str  # as the model reads it
    echo: bool
    text: str = ""
    scores: list[Score] = field(default_factory=list[Score])
    hidden: int = 0  # characters of the opening that are still to be left out
    finish: str | None = None
    written: int = 0

    def __post_init__(self) -> None:
        self.hidden = 0 if self.echo else len(self.opening)

    def take(self, event: Event) -> tuple[str, Sequence[Score]]:
        """What an event adds.

        Raises:
            Exception: that of the text.
        """
        if isinstance(event, Exception):
            raise event
        if isinstance(event, End):
            stopped = event.lyrics and (event.lyrics.finish == "stop" or self.config.has_form)
            self.finish = "stop" if stopped else "length"
            return "", ()
        cut = min(self.hidden, len(event.text))
        self.hidden -= cut
        self.written += len(event.text)
        return event.text[cut:], event.scores[cut:]

    def add(self, event: Event) -> None:
        """Keeps what it adds."""
        text, scores = self.take(event)
        self.text += text
        self.scores += scores


class _Completion:
    """A request's answer, in the shape of completions or of chats."""

    def __init__(self, body: Any, *, chat: bool) -> None:
        self.chat = chat
        self.name: str = body.model
        self.number = ("chatcmpl-" if chat else "cmpl-") + secrets.token_hex(12)
        self.created = int(time.time())
        self.stream = bool(body.stream)
        self.tells_usage = bool(body.stream_options and body.stream_options.include_usage)
        self.top: int | None = (body.top_logprobs or 0 if body.logprobs else None) if chat else body.logprobs
        prompt = opening_of(body) if chat else body.prompt or ""
        self.openings: list[str] = [prompt] if isinstance(prompt, str) else list(prompt)
        self.count: int = body.n or 1
        self.echo = not chat and bool(body.echo)
        first = config_for(body)
        self.configs = [first] + [
            first.model_copy(update={"seed": key_of(first.seed, k) >> 1}) for k in range(1, self.count)
        ]
        self.choices: list[_Choice] = []

    def open(self, engine: Engine, writer: Any) -> Texts:
        pairs = [(opening, config) for opening in self.openings for config in self.configs]
        known = [writer.vocabulary.adapt(opening)[0] for opening, _ in pairs]
        self.choices = [_Choice(config, text, self.echo) for text, (_, config) in zip(known, pairs, strict=True)]
        configs = [config for _, config in pairs]
        if self.top is not None:
            check_logprobs(known, configs, self.top)
        return engine.open(writer, [opening for opening, _ in pairs], configs, top=self.top)

    def usage(self) -> dict[str, Any]:
        given = sum(len(choice.opening) for choice in self.choices[:: self.count])
        return usage(given, sum(max(0, choice.written - len(choice.opening)) for choice in self.choices))

    def head(self, kind: str) -> dict[str, Any]:
        return {"id": self.number, "object": kind, "created": self.created, "model": self.name}

    def logprobs(self, scores: Sequence[Score], offset: int) -> dict[str, Any] | None:
        if self.top is None:
            return None
        return chat_logprobs(scores) if self.chat else completion_logprobs(scores, offset, self.top)

    def whole(self, events: Sequence[tuple[int, Event]]) -> bytes:
        """The answer in one piece. It may be large: to be called in a thread of its own.

        Raises:
            Exception: that of a text.
        """
        for index, event in events:
            self.choices[index].add(event)
        kind = "chat.completion" if self.chat else "text_completion"
        head = to_json(self.head(kind)).removesuffix("}")
        choices = ",".join(to_json(self._whole_choice(index)) for index in range(len(self.choices)))  # others get turns
        return f'{head},"choices":[{choices}],"usage":{to_json(self.usage())}}}'.encode()

    def _whole_choice(self, index: int) -> dict[str, Any]:
        choice = self.choices[index]
        content: dict[str, Any] = {"text": choice.text}
        if self.chat:
            content = {"message": {"role": "assistant", "content": choice.text, "refusal": None}}
        more = {"logprobs": self.logprobs(choice.scores, 0), "finish_reason": choice.finish}
        return {"index": index, **content, **more, "seed": choice.config.seed}

    def chunk(self, index: int, text: str, scores: Sequence[Score], **delta: str) -> bytes:
        """A part of a text; of a chat, `delta` comes with it."""
        choice = self.choices[index]
        content: dict[str, Any] = {"text": text}
        if self.chat:
            content = {"delta": {**delta, **({"content": text} if text or delta else {})}}
        logprobs = self.logprobs(scores, len(choice.text)) if scores else None
        choice.text += text
        one = {"index": index, **content, "logprobs": logprobs, "finish_reason": choice.finish}
        if choice.finish:
            one["seed"] = choice.config.seed
        return self._frame([one])

    def _frame(self, choices: Sequence[dict[str, Any]], **more: Any) -> bytes:
        if self.tells_usage:
            more = {"usage": None, **more}
        kind = "chat.completion.chunk" if self.chat else "text_completion"
        return f"data: {to_json({**self.head(kind), 'choices': choices, **more})}\n\n".encode()

    async def frames(self, texts: Texts) -> AsyncIterator[bytes]:
        if self.chat:
            for index in range(len(self.choices)):
                yield self.chunk(index, "", (), role="assistant")
        try:
            async for events in texts:
                yield self._chunks(events) if events else KEEP_ALIVE
        except Exception as error:  # the answer has begun: it is told in the stream
            yield f"data: {to_json(failure(error).document)}\n\n".encode()
        else:
            if self.tells_usage:
                yield self._frame([], usage=self.usage())
        yield _DONE

    def _chunks(self, events: Sequence[tuple[int, Event]]) -> bytes:
        """One chunk for each text, and one for its end: what came in between is put together."""
        parts: dict[int, tuple[list[str], list[Score]]] = {}
        ends: list[int] = []
        for index, event in events:
            text, scores = self.choices[index].take(event)
            if isinstance(event, Piece):
                texts, all_scores = parts.setdefault(index, ([], []))
                texts.append(text)
                all_scores += scores
            else:
                ends.append(index)
        found: list[bytes] = []
        for index, (texts, scores) in parts.items():
            choice = self.choices[index]
            choice.finish, finish = None, choice.finish  # it comes in a chunk of its own
            if text := "".join(texts):
                found.append(self.chunk(index, text, scores))
            choice.finish = finish
        return b"".join([*found, *(self.chunk(index, "", ()) for index in ends)])


def router(library: Library, engine: Engine) -> APIRouter:
    """The routes."""
    routes = APIRouter(prefix="/v1", responses=RESPONSES, default_response_class=Json)

    def model(name: str) -> dict[str, Any]:
        return {"id": name, "object": "model", "created": library.created(name), "owned_by": "zuoci"}

    @routes.get("/models")
    async def models() -> dict[str, Any]:
        return {"object": "list", "data": [model(name) for name in library.look()]}

    @routes.get("/models/{name}")
    async def one_model(name: Id) -> dict[str, Any]:
        return model(name)

    @routes.post("/completions", responses=_WHOLE_OR_STREAM)
    async def completions(body: Completion, request: Request) -> Response:
        return await _answer(_Completion(body, chat=False), request)

    @routes.post("/chat/completions", responses=_WHOLE_OR_STREAM)
    async def chat_completions(body: Chat, request: Request) -> Response:
        if body.top_logprobs is not None and not body.logprobs:
            raise ApiError(400, "top_logprobs needs logprobs to be true", param="top_logprobs", code="invalid_value")
        if not any(message.role == "user" for message in body.messages):
            raise ApiError(
                400, "messages has none of the role user to go on with", param="messages", code="invalid_value"
            )
        return await _answer(_Completion(body, chat=True), request)

    async def _answer(answer: _Completion, request: Request) -> Response:
        texts = answer.open(engine, await library.writer(answer.name))
        try:
            if answer.stream:
                await attended(request.receive, texts.begun())
                return Events(answer.frames(texts), texts.close)
            events = await attended(request.receive, texts.whole())
            return Response(await asyncio.to_thread(answer.whole, events), media_type="application/json")
        except BaseException:
            texts.close()
            raise

    return routes
