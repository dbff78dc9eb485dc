"""Bodies of OpenAI's API, with the settings of writing as further fields; and the parts of its answers.

A token is a character. What means nothing to a model of characters (`presence_penalty`, tools …) may be there at
its default, as some clients send it, and is refused otherwise: nothing is ignored in silence.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any, Literal

from annotated_types import MaxLen
from pydantic import Field

from zuoci.server.errors import ApiError
from zuoci.server.options import MOST, MOST_COUNT, MOST_TEXT, Body, Text, config_of, with_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zuoci.server.engine import Score
    from zuoci.writing.config import WriteConfig

_STOP = Annotated[str, Field(min_length=1, max_length=200)]
_ONLY_ZERO = Annotated[float, Field(ge=0, le=0)]
_TOP = 5  # likeliest characters beside each one in completions, as OpenAI has it
_TOP_CHAT = 20
_MOST_LOGPROBS = 250_000  # of one request: each takes some 60 bytes of the answer, and ten times as much on its way
_WORD = 6  # characters of a word and its space


class StreamOptions(Body):
    """What a stream tells beside its text."""

    include_usage: bool | None = None
    include_obfuscation: Literal[False] | None = None


class Common(Body):
    """What both kinds of completion have."""

    model: str = Field(max_length=1000, description="one of /v1/models")
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: int | None = Field(default=None, ge=1, le=MOST_COUNT, description="texts for each opening")
    max_tokens: int | None = Field(default=None, ge=1, le=MOST["length"], description="characters to write")
    temperature: float | None = Field(
        default=None, ge=0, le=100, description="0: always the likeliest character; otherwise as in zuoci write"
    )
    stop: _STOP | Annotated[list[_STOP], MaxLen(16)] | None = None
    user: str | None = Field(default=None, max_length=1000, description="has no effect")
    presence_penalty: _ONLY_ZERO | None = None
    frequency_penalty: _ONLY_ZERO | None = None
    logit_bias: Annotated[dict[str, float], MaxLen(0)] | None = None


class Completion(Common):
    """Goes on with one opening or several."""

    prompt: Text | Annotated[list[Text], Field(min_length=1, max_length=16)] | None = Field(
        default=None, description="the opening; none: a new line"
    )
    echo: bool | None = Field(default=None, description="give the opening back before what follows it")
    logprobs: int | None = Field(default=None, ge=0, le=_TOP)
    best_of: Annotated[int, Field(ge=1, le=1)] | None = None
    suffix: Annotated[str, MaxLen(0)] | None = None


class Part(Body):
    """A part of a message."""

    type: Literal["text"]
    text: Text


class Message(Body):
    """A message of a chat."""

    role: Literal["system", "developer", "user", "assistant"]
    content: Text | Annotated[list[Part], MaxLen(100)] | None = None
    name: str | None = Field(default=None, max_length=100)
    refusal: None = None

    @property
    def text(self) -> str:
        """What it says."""
        return self.content if isinstance(self.content, str) else "".join(part.text for part in self.content or [])


class ResponseFormat(Body):
    """Plain text."""

    type: Literal["text"]


class Chat(Common):
    """Goes on with the last message of the user."""

    messages: list[Message] = Field(min_length=1, max_length=1000)
    max_completion_tokens: int | None = Field(default=None, ge=1, le=MOST["length"])
    logprobs: bool | None = None
    top_logprobs: int | None = Field(default=None, ge=0, le=_TOP_CHAT)
    response_format: ResponseFormat | None = None
    tools: Annotated[list[Any], MaxLen(0)] | None = None
    store: Literal[False] | None = None
    metadata: Annotated[dict[Annotated[str, MaxLen(64)], Annotated[str, MaxLen(512)]], MaxLen(16)] | None = None


if not TYPE_CHECKING:
    Completion, Chat = (with_options(body, leave_out=["length"]) for body in (Completion, Chat))  # it is max_tokens


def config_for(body: Any) -> WriteConfig:
    """The settings of the first text of a body."""
    more: dict[str, Any] = {"stop": (body.stop,) if isinstance(body.stop, str) else tuple(body.stop or ())}
    length = getattr(body, "max_completion_tokens", None) or body.max_tokens
    if length:
        more["length"] = length
    if body.temperature == 0:
        more["greedy"] = True
        body = body.model_copy(update={"temperature": None})
    return config_of(body, **more)


def opening_of(body: Any) -> str:
    """The last user message; "" if there is none."""
    return next((message.text for message in reversed(body.messages) if message.role == "user"), "")[-MOST_TEXT:]


def check_logprobs(openings: Sequence[str], configs: Sequence[WriteConfig], top: int) -> None:
    """Makes sure that an answer with log probabilities is not too large to make.

    Args:
        openings: of each text; they have log probabilities, too.
        configs: of each text.
        top: how many of the most likely characters are named beside each.

    Raises:
        ApiError: it is.
    """
    lengths = [_WORD * config.most_syllables if config.has_form else config.length for config in configs]
    count = (sum(lengths) + sum(map(len, openings))) * (1 + top)
    if count > _MOST_LOGPROBS:
        message = (
            f"one request may have {_MOST_LOGPROBS:,} log probabilities (texts × characters × (1 + the most likely "
            f"ones beside each)): this one comes to {count:,}; ask for fewer or shorter texts, or leave logprobs out"
        )
        raise ApiError(400, message, param="logprobs", code="invalid_value")


def usage(given: int, written: int) -> dict[str, Any]:
    """The characters of openings and texts."""
    return {"prompt_tokens": given, "completion_tokens": written, "total_tokens": given + written}


def _finite(logprob: float) -> float:
    return max(logprob, -9999.0) if not math.isnan(logprob) else -9999.0  # JSON has no infinity; so OpenAI's


def completion_logprobs(scores: Sequence[Score], offset: int, top: int) -> dict[str, Any]:
    """In the shape of completions.

    Args:
        scores: of some characters.
        offset: where they stand in the text.
        top: whether likeliest ones were asked for.
    """
    return {
        "tokens": [score.char for score in scores],
        "token_logprobs": [None if score.logprob is None else _finite(score.logprob) for score in scores],
        "top_logprobs": [
            None
            if score.logprob is None
            else {char: _finite(value) for char, value in [*score.top, (score.char, score.logprob)]}
            for score in scores
        ]
        if top
        else None,
        "text_offset": [offset + k for k in range(len(scores))],
    }


def chat_logprobs(scores: Sequence[Score]) -> dict[str, Any]:
    """In the shape of chats."""

    def one(char: str, logprob: float | None) -> dict[str, Any]:
        return {"token": char, "logprob": _finite(logprob or 0.0), "bytes": list(char.encode("utf-8", "surrogatepass"))}

    return {
        "content": [
            {**one(score.char, score.logprob), "top_logprobs": [one(*likely) for likely in score.top]}
            for score in scores
        ],
        "refusal": None,
    }
