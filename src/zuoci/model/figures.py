"""The figures and the model card in the folder of a model: read, and checked for damage.

The studio, the server, `zuoci score` and `zuoci plot` show them; training/resume.py checks evaluations with `Round`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from zuoci.errors import ModelFolderError
from zuoci.model.base import model_folder
from zuoci.text.folder import CARD, METRICS, REPORT, parse_json, read_files

if TYPE_CHECKING:
    import os
    from pathlib import Path


Count: TypeAlias = Annotated[int, Field(ge=0, lt=2**63)]


class _Score(BaseModel):
    """The JSON form of `zuoci.training.evaluation.Score`. A figure is None if it is infinite."""

    model_config = ConfigDict(strict=True)

    nll: float | None
    bits_per_char: float | None
    perplexity: float | None
    characters: Count
    protocol: str


class Round(BaseModel):
    """The JSON form of an evaluation, `zuoci.training.reports.EvalReport`."""

    model_config = ConfigDict(strict=True)

    step: Count
    epoch: float
    characters: Count
    seconds: float
    learning_rate: float
    best: bool
    train: _Score
    validation: _Score | None


class Report(BaseModel):
    """The figures of a run that zuoci computes with; others are only shown."""

    model_config = ConfigDict(strict=True)

    train: _Score | None = None
    validation: _Score | None = None
    baseline: _Score | None = None


def check_figures(kind: type[Round] | type[Report], file: Path, document: Any) -> dict[str, Any]:
    """Returns a document if it has the fields of its kind.

    Args:
        kind: what the document should be.
        file: the file that it comes from, for the message.
        document: parsed JSON.

    Raises:
        ModelFolderError: the document is damaged.
    """
    try:
        kind.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ModelFolderError(f"{file} is damaged: {where + ': ' if where else ''}{first['msg']}") from None
    return document


def load_report(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """The figures of the run that trained a model; {} if the model was saved without them.

    Raises:
        ModelFolderError: the file is damaged.
    """
    folder = model_folder(folder)
    file = folder / REPORT
    data = read_files(folder, [REPORT]).get(REPORT)
    return {} if data is None else check_figures(Report, file, parse_json(file, data))


def load_metrics(folder: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """The figures of each evaluation of that run; [] if the model was saved without them.

    Raises:
        ModelFolderError: the file is damaged.
    """
    folder = model_folder(folder)
    return parse_metrics(folder / METRICS, read_files(folder, [METRICS]).get(METRICS, b""))


def parse_metrics(file: Path, data: bytes) -> list[dict[str, Any]]:
    """The figures of each evaluation, from the bytes of their file.

    Raises:
        ModelFolderError: the file is damaged.
    """
    lines = data.removesuffix(b"\n").split(b"\n") if data else []
    return [check_figures(Round, file, parse_json(file, line)) for line in lines]


def load_card(folder: str | os.PathLike[str]) -> str:
    """The model card; "" if the model was saved without one.

    Raises:
        ModelFolderError: the file is not UTF-8.
    """
    folder = model_folder(folder)
    data = read_files(folder, [CARD]).get(CARD, b"")
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise ModelFolderError(f"{folder / CARD} is damaged: it is not UTF-8") from None
