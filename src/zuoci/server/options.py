"""The bodies of requests that write: the fields of `WriteConfig` as fields of a body, with narrower bounds.

`with_options` adds the fields to a body's own; `config_of` makes a `WriteConfig` of a body that a client sent.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, get_origin

from annotated_types import Le, MaxLen
from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from zuoci.errors import Message, describe
from zuoci.server.errors import ApiError
from zuoci.writing.config import VOICE, WriteConfig, refuse_greedy_temperature
from zuoci.writing.settings_document import describe_settings

if TYPE_CHECKING:
    from collections.abc import Collection

Base = TypeVar("Base", bound=BaseModel)

# Bounds of one request, where they are narrower than those of `WriteConfig`.
MAXIMA = {"length": 10_000, "lines": 200, "particles": 256}
MAX_ITEMS = 16  # of a list; each word that must appear costs another reading of a whole draft
MAX_ITEM = 200  # characters of a stop string, a word, an opening of a line
MAX_TEXT = 20_000  # characters of a text that is sent
MAX_COUNT = 32  # texts for one opening

Id = Annotated[str, Path(max_length=300)]  # in a path: as long as a folder's name can be, and a number
Text = Annotated[str, Field(max_length=MAX_TEXT)]


class Body(BaseModel):
    """The body of a request. Unknown fields are errors, and nothing is converted from another JSON type."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, protected_namespaces=())


class ModelBody(Body):
    """The body of a request that a model answers."""

    voice: float | None = Field(default=None, ge=0.0, le=1.0, description=f"{VOICE}; rounded to hundredths")


def with_options(base: type[Base], leave_out: Collection[str] = ()) -> type[Base]:
    """A body with a further field for each field of `WriteConfig` that it does not have itself."""
    fields: dict[str, Any] = {}
    for name, field in WriteConfig.model_fields.items():
        if name in leave_out or name in base.model_fields:
            continue
        kind: Any = field.annotation
        bounds = list(field.metadata)
        if get_origin(kind) is tuple:  # a list in JSON
            kind = list[Annotated[str, MaxLen(MAX_ITEM)]]
            bounds += [MaxLen(MAX_ITEMS)]
        if name in MAXIMA:
            bounds += [Le(MAXIMA[name])]
        kind = Annotated[kind, *bounds] if bounds else kind
        fields[name] = (kind | None, Field(default=None, description=field.description))
    return create_model(base.__name__, __base__=base, __doc__=base.__doc__, __module__=base.__module__, **fields)


def describe_options() -> dict[str, Any]:
    """The document of `describe_settings` with the bounds of one request, for the page's scripts."""
    document = describe_settings(MAXIMA)
    for field in document["settings"].values():
        if field["type"] == "array":
            field["maxItems"] = min(MAX_ITEMS, field["maxItems"])
            field["items"]["maxLength"] = MAX_ITEM
    return document


def config_of(body: BaseModel, **more: Any) -> WriteConfig:
    """The `WriteConfig` of a body, with a random seed if the body has none.

    Args:
        body: made by `with_options`.
        more: fields that override the body's.

    Raises:
        ApiError: the fields contradict each other, or ask for a longer text than one request may have.
    """
    values = {name: getattr(body, name, None) for name in WriteConfig.model_fields} | more
    values = {name: value for name, value in values.items() if value is not None}
    refuse_greedy_temperature(values)
    values.setdefault("seed", secrets.randbelow(2**53))  # JavaScript has no larger exact integers
    try:
        config = WriteConfig.model_validate(values)
    except ValidationError as error:
        location = error.errors()[0]["loc"]  # empty where two fields contradict each other
        raise ApiError(400, describe(error), param=str(location[0]) if location else None) from None
    if config.has_form:
        for code, what, count, limit in (
            ("form_lines", "lines", config.line_count, MAXIMA["lines"]),
            ("form_length", "characters or words", config.most_syllables, MAXIMA["length"]),
        ):
            if count > limit:
                told = "one request writes {most:,} {what} at most: the form comes to {count:,}; ask for less"
                raise ApiError(400, Message(code, told, field="lines", most=limit, what=what, count=count))
    return config
