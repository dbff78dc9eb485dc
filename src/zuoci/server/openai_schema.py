"""The schema of the OpenAI API: bodies of requests, with the fields of `WriteConfig` beside, and parts of responses.

A token is a character. Fields that mean nothing to a model of characters (`presence_penalty`, tools …) may be there as
null or at their default, which some clients send, and are an error otherwise: nothing is silently ignored. Fields that
only name a request or who sent it (`user`, `metadata` …) may hold anything.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any, Literal

from annotated_types import MaxLen
from pydantic import Field

from zuoci.server.errors import ApiError
from zuoci.server.options import MAX_COUNT, MAX_TEXT, MAXIMA, Body, ModelBody, Text, config_of, with_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zuoci.server.scoring import CharScore
    from zuoci.writing.config import WriteConfig

_Stop = Annotated[str, Field(max_length=200)]
_Name = Annotated[str, Field(max_length=1000)]
_Nothing = Annotated[list[Any], MaxLen(0)]  # an empty list
_OnlyZero = Annotated[float, Field(ge=0, le=0)]
_MAX_TOP_LOGPROBS = 5  # of completions, as OpenAI has it
_MAX_TOP_LOGPROBS_CHAT = 20
_MAX_LOGPROBS = 250_000  # of one request: each takes some 60 bytes of the response, and ten times as much on its way
_CHARS_A_WORD = 6  # with its space
_LOWEST_LOGPROB = -9999.0  # OpenAI's own stand-in for −∞, which JSON does not have


class StreamOptions(Body):
    """What a stream holds beside its text."""

    include_usage: bool | None = None
    include_obfuscation: Literal[False] | None = None


class Common(ModelBody):
    """The fields of both kinds of completion."""

    model: str = Field(max_length=1000, description="one of /v1/models")
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: int | None = Field(default=None, ge=1, le=MAX_COUNT, description="texts for each opening")
    max_tokens: int | None = Field(default=None, ge=1, le=MAXIMA["length"], description="characters to write")
    temperature: float | None = Field(
        default=None, ge=0, le=100, description="0: always the most likely character; otherwise as in zuoci write"
    )
    stop: _Stop | Annotated[list[_Stop], MaxLen(16)] | None = None
    seed: int | None = Field(
        default=None, ge=-1, lt=2**63, description="random seed; the same seed gives the same text; -1: a random one"
    )
    user: _Name | None = Field(default=None, description="has no effect")
    presence_penalty: _OnlyZero | None = None
    frequency_penalty: _OnlyZero | None = None
    logit_bias: Annotated[dict[str, float], MaxLen(0)] | None = None


class CompletionBody(Common):
    """The body of /v1/completions: continues one opening or several."""

    prompt: Text | Annotated[list[Text], Field(min_length=1, max_length=16)] | None = Field(
        default=None, description="the opening; none: a new line"
    )
    echo: bool | None = Field(default=None, description="repeat the opening before what follows it")
    logprobs: int | None = Field(default=None, ge=0, le=_MAX_TOP_LOGPROBS)
    max_tokens: int | None = Field(
        default=None, ge=0, le=MAXIMA["length"], description="characters to write; 0: none, to score a prompt"
    )
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
    id: _Name | None = None
    refusal: None = None
    annotations: _Nothing | None = None
    audio: None = None
    function_call: None = None
    tool_calls: _Nothing | None = None

    @property
    def text(self) -> str:
        """The content as one string."""
        return self.content if isinstance(self.content, str) else "".join(part.text for part in self.content or [])


class ResponseFormat(Body):
    """Plain text, the only format."""

    type: Literal["text"]


class ChatBody(Common):
    """The body of /v1/chat/completions: continues the last message of the user."""

    messages: list[Message] = Field(min_length=1, max_length=1000)
    max_completion_tokens: int | None = Field(default=None, ge=1, le=MAXIMA["length"])
    logprobs: bool | None = None
    top_logprobs: int | None = Field(default=None, ge=0, le=_MAX_TOP_LOGPROBS_CHAT)
    response_format: ResponseFormat | None = None
    modalities: Annotated[list[Literal["text"]], MaxLen(1)] | None = None
    audio: None = None
    tools: _Nothing | None = None
    tool_choice: Literal["none", "auto"] | None = None
    parallel_tool_calls: bool | None = Field(default=None, description="has no effect: there are no tools")
    functions: _Nothing | None = None
    function_call: Literal["none", "auto"] | None = None
    prediction: None = None
    reasoning_effort: Literal["none"] | None = None
    verbosity: Literal["medium"] | None = None
    web_search_options: None = None
    service_tier: Literal["auto", "default"] | None = None
    prompt_cache_key: _Name | None = None
    prompt_cache_retention: None = None
    safety_identifier: _Name | None = None
    store: Literal[False] | None = None
    metadata: Annotated[dict[Annotated[str, MaxLen(64)], Annotated[str, MaxLen(512)]], MaxLen(16)] | None = None


if not TYPE_CHECKING:  # without `length`, which is `max_tokens` here
    CompletionBody, ChatBody = (with_options(body, leave_out=["length"]) for body in (CompletionBody, ChatBody))


def first_config(body: Any) -> WriteConfig:
    """The settings of the first text that a body asks for.

    Raises:
        ApiError: the fields contradict each other, or ask for a longer text than one request may have.
    """
    stop = [body.stop] if isinstance(body.stop, str) else body.stop or []
    more: dict[str, Any] = {"stop": tuple(filter(None, stop))}
    if body.seed == -1:
        body = body.model_copy(update={"seed": None})
    length = getattr(body, "max_completion_tokens", None) or body.max_tokens
    if length is not None:
        more["length"] = max(1, length)  # of 0, the routes leave the character out
    if body.temperature == 0:
        more["greedy"] = True
        body = body.model_copy(update={"temperature": None})
    config = config_of(body, **more)
    if config.has_form and body.max_tokens == 0:
        message = "max_tokens 0 writes nothing, but the other fields ask for a form; leave one of them out"
        raise ApiError(400, message, param="max_tokens", code="invalid_value")
    return config


def last_user_message(body: ChatBody) -> str:
    """The text of the last user message; "" if there is none."""
    return next((message.text for message in reversed(body.messages) if message.role == "user"), "")[-MAX_TEXT:]


def check_logprobs(openings: Sequence[str], configs: Sequence[WriteConfig], top: int) -> None:
    """Makes sure that a response with log probabilities does not get too large.

    Args:
        openings: the opening of each text; its characters have log probabilities, too.
        configs: the settings of each text.
        top: how many of the most likely characters are named beside each.

    Raises:
        ApiError: it would get too large.
    """
    lengths = [_CHARS_A_WORD * config.most_syllables if config.has_form else config.length for config in configs]
    count = (sum(lengths) + sum(map(len, openings))) * (1 + top)
    if count > _MAX_LOGPROBS:
        message = (
            f"one request may have {_MAX_LOGPROBS:,} log probabilities (texts × characters × (1 + the most likely "
            f"ones beside each)): this one comes to {count:,}; ask for fewer or shorter texts, or leave logprobs out"
        )
        raise ApiError(400, message, param="logprobs", code="invalid_value")


def usage(opening: int, written: int) -> dict[str, Any]:
    """The `usage` of a response, in characters."""
    return {"prompt_tokens": opening, "completion_tokens": written, "total_tokens": opening + written}


def _finite(logprob: float) -> float:
    return _LOWEST_LOGPROB if math.isnan(logprob) else max(logprob, _LOWEST_LOGPROB)


def completion_logprobs(scores: Sequence[CharScore], offset: int, top: int) -> dict[str, Any]:
    """The `logprobs` of a completion.

    Args:
        scores: the scores of some characters in a row.
        offset: where they begin in the text.
        top: how many of the most likely characters were asked for; 0: none, then `top_logprobs` is null.
    """
    return {
        "tokens": [score.char for score in scores],
        "token_logprobs": [None if score.logprob is None else _finite(score.logprob) for score in scores],
        "top_logprobs": [_top_logprobs(score) for score in scores] if top else None,
        "text_offset": [offset + k for k in range(len(scores))],
    }


def _top_logprobs(score: CharScore) -> dict[str, float] | None:
    if score.logprob is None:
        return None
    return {char: _finite(value) for char, value in [*score.top, (score.char, score.logprob)]}


def chat_logprobs(scores: Sequence[CharScore]) -> dict[str, Any]:
    """The `logprobs` of a chat completion."""

    def token(char: str, logprob: float | None) -> dict[str, Any]:
        return {"token": char, "logprob": _finite(logprob or 0.0), "bytes": list(char.encode("utf-8", "surrogatepass"))}

    return {
        "content": [
            {**token(score.char, score.logprob), "top_logprobs": [token(*pair) for pair in score.top]}
            for score in scores
        ],
        "refusal": None,
    }
