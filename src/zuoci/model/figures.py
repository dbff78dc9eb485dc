"""The figures that stand in a model's folder: what a damaged file must not hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError

from zuoci.errors import ModelFolderError

if TYPE_CHECKING:
    from pathlib import Path


class _Score(BaseModel):
    """A figure is None if it is infinite."""

    model_config = ConfigDict(strict=True)

    nll: float | None
    bits_per_char: float | None
    perplexity: float | None
    characters: int
    protocol: str


class Round(BaseModel):
    """The figures of an evaluation."""

    model_config = ConfigDict(strict=True)

    step: int
    epoch: float
    characters: int
    seconds: float
    learning_rate: float
    best: bool
    train: _Score
    validation: _Score | None


class Report(BaseModel):
    """The figures of a run, as far as they are computed with."""

    model_config = ConfigDict(strict=True)

    train: _Score | None = None
    validation: _Score | None = None
    baseline: _Score | None = None


def check_figures(kind: type[Round] | type[Report], file: Path, document: Any) -> dict[str, Any]:
    """A document, if a run can have written it.

    Raises:
        ModelFolderError: it cannot.
    """
    try:
        kind.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ModelFolderError(f"{file} is damaged: {where + ': ' if where else ''}{first['msg']}") from None
    return document
