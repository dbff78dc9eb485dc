"""The routes of the OpenAI API: `/v1/models`, `/v1/completions`, `/v1/chat/completions`.

A body of `openai_schema` goes in; the engine writes its texts; `_Completion` puts the events into the response's shape,
in one piece or as a stream.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from zuoci.server.engine import End, Piece
from zuoci.server.errors import RESPONSES, ApiError
from zuoci.server.openai_schema import (
    ChatBody,
    CompletionBody,
    chat_logprobs,
    check_logprobs,
    completion_logprobs,
    first_config,
    last_user_message,
    usage,
)
from zuoci.server.options import Id
from zuoci.server.scoring import CharScore
from zuoci.server.sse import KEEP_ALIVE, EventStream, JsonResponse, error_document, to_json, while_connected

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from zuoci.server.engine import Engine, Event, Texts
    from zuoci.server.models import Models
    from zuoci.writing.config import WriteConfig
    from zuoci.writing.writer import Writer

_WHOLE_OR_STREAM: dict[int | str, dict[str, Any]] = {  # for OpenAPI
    200: {"content": {"application/json": {"schema": {"type": "object"}}, "text/event-stream": {}}}
}
_DONE = b"data: [DONE]\n\n"


@dataclass
class _Choice:
    """One text of a response.

    Attributes:
        config: its settings.
        opening: the opening, as the model reads it.
        echo: whether the opening is repeated.
        only_opening: whether nothing is written after the opening.
        text: what has come of it so far, as far as the client sees it.
        scores: the scores of these characters.
        hidden: how many characters of the opening are still to be left out.
        finish: OpenAI's `finish_reason`; None: the text has not ended.
        written: how many characters have come, opening included.
    """

    config: WriteConfig
    opening: str
    echo: bool
    only_opening: bool = False
    text: str = ""
    scores: list[CharScore] = field(default_factory=list[CharScore])
    hidden: int = 0
    finish: str | None = None
    written: int = 0

    def __post_init__(self) -> None:
        self.hidden = 0 if self.echo else len(self.opening)

    def read(self, event: Event) -> tuple[str, Sequence[CharScore]]:
        """The characters that an event brings and the client sees, with their scores.

        Raises:
            Exception: the error of the text.
        """
        if isinstance(event, Exception):
            raise event
        if isinstance(event, End):
            stopped = event.lyrics and (event.lyrics.finish == "stop" or self.config.has_form)
            self.finish = "stop" if stopped else "length"
            return "", ()
        end = len(event.text)
        if self.only_opening:
            end = min(end, len(self.opening) - self.written)
        cut = min(self.hidden, end)
        self.hidden -= cut
        self.written += end
        return event.text[cut:end], event.scores[cut:end]

    def add(self, event: Event) -> None:
        """Appends what an event brings to the text.

        Raises:
            Exception: the error of the text.
        """
        text, scores = self.read(event)
        self.text += text
        self.scores += scores


class _Completion:
    """The response to one request, in the shape of completions or of chat completions."""

    def __init__(self, body: CompletionBody | ChatBody) -> None:
        """Reads what a body asks for.

        Raises:
            ApiError: the options of writing contradict each other, or ask for too long a text.
        """
        self.is_chat = isinstance(body, ChatBody)
        self.model, self.voice = body.model, body.voice
        self.id = ("chatcmpl-" if self.is_chat else "cmpl-") + secrets.token_hex(12)
        self.created = int(time.time())
        self.stream = bool(body.stream)
        self.include_usage = bool(body.stream_options and body.stream_options.include_usage)
        if isinstance(body, ChatBody):
            self.top_logprobs = (body.top_logprobs or 0) if body.logprobs else None
            self.openings = [last_user_message(body)]
            self.echo = False
        else:
            self.top_logprobs = body.logprobs
            self.openings = list(body.prompt) if isinstance(body.prompt, list) else [body.prompt or ""]
            self.echo = bool(body.echo)
        self.only_openings = body.max_tokens == 0
        self.count = body.n or 1
        self.configs = first_config(body).variants(self.count)
        self.choices: list[_Choice] = []

    def open(self, engine: Engine, writer: Writer) -> Texts:
        """Begins to write all texts.

        Raises:
            ApiError: the response would be too large, or what `Engine.open` raises.
        """
        pairs = [(opening, config) for opening in self.openings for config in self.configs]
        known = [writer.adapt(opening, config)[0] for opening, config in pairs]
        self.choices = [
            _Choice(config, text, self.echo, self.only_openings) for text, (_, config) in zip(known, pairs, strict=True)
        ]
        configs = [config for _, config in pairs]
        if self.top_logprobs is not None:
            check_logprobs(known, configs, self.top_logprobs)
        return engine.open(writer, [opening for opening, _ in pairs], configs, top_logprobs=self.top_logprobs)

    def _usage(self) -> dict[str, Any]:
        openings = sum(len(choice.opening) for choice in self.choices[:: self.count])
        return usage(openings, sum(max(0, choice.written - len(choice.opening)) for choice in self.choices))

    def _head(self, kind: str) -> dict[str, Any]:
        return {"id": self.id, "object": kind, "created": self.created, "model": self.model}

    def _logprobs(self, scores: Sequence[CharScore], offset: int) -> dict[str, Any] | None:
        if self.top_logprobs is None:
            return None
        return chat_logprobs(scores) if self.is_chat else completion_logprobs(scores, offset, self.top_logprobs)

    def whole(self, events: Sequence[tuple[int, Event]]) -> bytes:
        """The body of a response in one piece. It may be large: to be called in a thread.

        Raises:
            Exception: the error of a text.
        """
        for index, event in events:
            self.choices[index].add(event)
        head = to_json(self._head("chat.completion" if self.is_chat else "text_completion")).removesuffix("}")
        # One choice at a time, so that other threads get their turns in between.
        choices = ",".join(to_json(self._whole_choice(index)) for index in range(len(self.choices)))
        return f'{head},"choices":[{choices}],"usage":{to_json(self._usage())}}}'.encode()

    def _whole_choice(self, index: int) -> dict[str, Any]:
        choice = self.choices[index]
        content: dict[str, Any] = {"text": choice.text}
        if self.is_chat:
            content = {"message": {"role": "assistant", "content": choice.text, "refusal": None}}
        more = {"logprobs": self._logprobs(choice.scores, 0), "finish_reason": choice.finish}
        return {"index": index, **content, **more, "seed": choice.config.seed}

    async def frames(self, texts: Texts) -> AsyncIterator[bytes]:
        """The body of a response as a stream."""
        if self.is_chat:
            for index in range(len(self.choices)):
                yield self._chunk(index, "", (), role="assistant")
        try:
            async for events in texts:
                yield self._chunks(events) if events else KEEP_ALIVE
        except Exception as error:  # the response has begun: the error is a part of it
            yield f"data: {to_json(error_document(error))}\n\n".encode()
        else:
            if self.include_usage:
                yield self._frame([], usage=self._usage())
        yield _DONE

    def _chunks(self, events: Sequence[tuple[int, Event]]) -> bytes:
        """One chunk for all that the events bring to a text, and one for its end."""
        pieces: dict[int, tuple[list[str], list[CharScore]]] = {}
        ended: list[int] = []
        for index, event in events:
            text, scores = self.choices[index].read(event)
            if isinstance(event, Piece):
                texts, all_scores = pieces.setdefault(index, ([], []))
                texts.append(text)
                all_scores += scores
            else:
                ended.append(index)
        chunks: list[bytes] = []
        for index, (texts, scores) in pieces.items():
            choice = self.choices[index]
            choice.finish, finish = None, choice.finish  # the finish_reason stands in the chunk for the end
            if text := "".join(texts):
                chunks.append(self._chunk(index, text, scores))
            choice.finish = finish
        return b"".join([*chunks, *(self._chunk(index, "", ()) for index in ended)])

    def _chunk(self, index: int, text: str, scores: Sequence[CharScore], **delta: str) -> bytes:
        """A part of a text; of a chat, with further fields of its `delta`."""
        choice = self.choices[index]
        content: dict[str, Any] = {"text": text}
        if self.is_chat:
            content = {"delta": {**delta, **({"content": text} if text or delta else {})}}
        logprobs = self._logprobs(scores, len(choice.text)) if scores else None
        choice.text += text
        document = {"index": index, **content, "logprobs": logprobs, "finish_reason": choice.finish}
        if choice.finish:
            document["seed"] = choice.config.seed
        return self._frame([document])

    def _frame(self, choices: Sequence[dict[str, Any]], **more: Any) -> bytes:
        if self.include_usage:
            more = {"usage": None, **more}
        head = self._head("chat.completion.chunk" if self.is_chat else "text_completion")
        return f"data: {to_json({**head, 'choices': choices, **more})}\n\n".encode()


def router(models: Models, engine: Engine) -> APIRouter:
    """The routes below `/v1`."""
    routes = APIRouter(prefix="/v1", responses=RESPONSES, default_response_class=JsonResponse)

    def describe(name: str) -> dict[str, Any]:
        return {"id": name, "object": "model", "created": models.created(name), "owned_by": "zuoci"}

    @routes.get("/models")
    async def list_models() -> dict[str, Any]:
        return {"object": "list", "data": [describe(name) for name in models.refresh()]}

    @routes.get("/models/{name}")
    async def one_model(name: Id) -> dict[str, Any]:
        return describe(name)

    @routes.post("/completions", responses=_WHOLE_OR_STREAM)
    async def completions(body: CompletionBody, request: Request) -> Response:
        return await _respond(_Completion(body), models, engine, request)

    @routes.post("/chat/completions", responses=_WHOLE_OR_STREAM)
    async def chat_completions(body: ChatBody, request: Request) -> Response:
        if body.top_logprobs is not None and not body.logprobs:
            raise ApiError(400, "top_logprobs needs logprobs to be true", param="top_logprobs", code="invalid_value")
        if not any(message.role == "user" for message in body.messages):
            message = "messages must hold one of the role user, which is the opening"
            raise ApiError(400, message, param="messages", code="invalid_value")
        return await _respond(_Completion(body), models, engine, request)

    return routes


async def _respond(completion: _Completion, models: Models, engine: Engine, request: Request) -> Response:
    texts = completion.open(engine, await models.writer(completion.model, completion.voice))
    try:
        if completion.stream:
            await while_connected(request.receive, texts.wait_for_first())
            return EventStream(completion.frames(texts), texts.close)
        events = await while_connected(request.receive, texts.all_events())
        return Response(await asyncio.to_thread(completion.whole, events), media_type="application/json")
    except BaseException:
        texts.close()
        raise
