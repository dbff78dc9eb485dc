"""The settings of writing as fields of a request: made of `WriteConfig`, and listed nowhere twice."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, get_origin

from annotated_types import Le, MaxLen
from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from zuoci.errors import SettingsError
from zuoci.server.errors import ApiError
from zuoci.training.recipe import describe
from zuoci.writing.config import WriteConfig

if TYPE_CHECKING:
    from collections.abc import Collection

Base = TypeVar("Base", bound=BaseModel)

# What one request may ask for; the library itself has no such limits.
MOST = {"length": 10_000, "lines": 200, "draws": 64}
MOST_WORDS = 16  # that must appear: the whole draft is read once for each
MOST_TEXT = 20_000  # characters of a text that is sent
MOST_COUNT = 32  # texts, or candidates, of one request
MOST_STRING = 200  # characters of a stop string, a word, an opening of a line

Id = Annotated[str, Path(max_length=300)]  # in a path: as long as the name of any folder, and a number
Text = Annotated[str, Field(max_length=MOST_TEXT)]


class Body(BaseModel):
    """The body of a request: of JSON's own types, and with no field that means nothing."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, protected_namespaces=())


def with_options(base: type[Base], leave_out: Collection[str] = ()) -> type[Base]:
    """A body with a field for each setting of writing that it does not name itself."""
    fields: dict[str, Any] = {}
    for name, field in WriteConfig.model_fields.items():
        if name in leave_out or name in base.model_fields:
            continue
        kind: Any = field.annotation
        limits = list(field.metadata)
        if get_origin(kind) is tuple:  # JSON has lists
            kind = list[Annotated[str, MaxLen(MOST_STRING)]]
            limits += [MaxLen(MOST_WORDS)]
        if name in MOST:
            limits += [Le(MOST[name])]
        kind = Annotated[kind, *limits] if limits else kind
        fields[name] = (kind | None, Field(default=None, description=field.description))
    return create_model(base.__name__, __base__=base, __doc__=base.__doc__, __module__=base.__module__, **fields)


def config_of(body: BaseModel, **more: Any) -> WriteConfig:
    """The settings that a body holds, with a new seed if it has none.

    Raises:
        ApiError: they contradict each other, or ask for a longer text than one request may.
    """
    values = {name: getattr(body, name, None) for name in WriteConfig.model_fields} | more
    values = {name: value for name, value in values.items() if value is not None}
    if values.get("greedy") and "temperature" in values:
        raise SettingsError("greedy and temperature exclude each other: greedy draws nothing; give one of them")
    values.setdefault("seed", secrets.randbelow(2**53))  # JavaScript counts no further
    try:
        config = WriteConfig.model_validate(values)
    except ValidationError as error:
        place = error.errors()[0]["loc"]  # empty, where two fields contradict each other
        raise ApiError(400, describe(error), param=str(place[0]) if place else None, code="invalid_value") from None
    if config.has_form:
        for what, count, most in (
            ("lines", config.line_count, MOST["lines"]),
            ("characters or words", config.most_syllables, MOST["length"]),
        ):
            if count > most:
                message = f"one request writes {most:,} {what} at most: the form comes to {count:,}; ask for less"
                raise ApiError(400, message, code="invalid_value")
    return config
