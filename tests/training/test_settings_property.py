"""Every combination of settings that validation accepts ends in a model, or in a typed error, in seconds."""

from __future__ import annotations

import math
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_origin

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import zuoci
from zuoci.training import memory
from zuoci.training.job import Job

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic.fields import FieldInfo

SECONDS = 100.0  # of all cores together, so that other processes do not count
STEPS = 3  # then a run is asked to end, as a person may ask it
LINES = "山前{n}路\n路上{n}人\n人在唱{n}\n歌里有{n}\n"
TEXTS = [
    "".join(f"第{n}首\n{LINES.format(n=n)}\n" for n in "一二三四五六七八九十百千"),
    "a b",
    "啊" * 400,
    "0123456789" * 60,
    "x.x." * 100,
]
# Sizes of which the ordinary ones take a while: small ones are drawn, and the bounds themselves.
SMALL = {"hidden_size": 8, "num_layers": 3, "embedding_size": 8, "batch_size": 8, "seq_len": 12, "threads": 4}


def bounds(field: FieldInfo, kind: Any) -> tuple[Any, Any]:
    """The least and the greatest value of a number."""
    least, most = (0, 10**30) if kind is int else (0.0, sys.float_info.max)
    for limit in field.metadata:
        least = getattr(limit, "ge", least)
        least = math.nextafter(limit.gt, math.inf) if getattr(limit, "gt", None) is not None else least
        most = getattr(limit, "le", most)
        most = limit.lt - 1 if getattr(limit, "lt", None) is not None else most
    return kind(least), kind(most)


def values(name: str, field: FieldInfo) -> st.SearchStrategy[Any]:
    """Mostly ordinary values of a setting, and its bounds."""
    kind: Any = field.annotation
    if get_origin(kind) is not None:
        return st.sampled_from(get_args(kind))
    if kind is bool:
        return st.booleans()
    if kind is str:  # base
        return st.sampled_from(["none", "nowhere"])
    least, most = bounds(field, kind)
    if kind is int:
        usual = st.integers(least, min(most, SMALL.get(name, 20)))
    else:
        usual = st.floats(max(least, 1e-3 if least else 0.0), min(most, 2.0))
    return usual | usual | st.sampled_from([least, most])


def options(*configs: type[BaseModel]) -> st.SearchStrategy[dict[str, Any]]:
    fields = {name: field for config in configs for name, field in config.model_fields.items() if name != "recipe"}
    named = {name: values(name, field) for name, field in fields.items()}
    return st.fixed_dictionaries({}, optional=named)


def check(recipe: str, chosen: dict[str, Any], text: str) -> None:
    corpus = zuoci.Corpus(tuple(zuoci.Song("songs.txt", block + "\n\n") for block in text.strip().split("\n\n")))
    begin = time.process_time()
    event: object = None
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "m")
        try:
            resolved = zuoci.resolve(recipe, chosen, text=corpus.text)
            with Job(folder, save_every=0.0, device="cpu") as job:
                job.prepare(corpus, resolved)
                for event in job:
                    if isinstance(event, zuoci.StepReport) and event.step >= STEPS:
                        job.stop()
        except zuoci.ZuociError as error:
            assert len(str(error).splitlines()) == 1  # noqa: PT017
        else:
            assert isinstance(event, zuoci.EndReport)
            assert event.steps <= min(STEPS, resolved.training.steps or STEPS)
            zuoci.Writer.load(folder)
    assert time.process_time() - begin < SECONDS, chosen


@pytest.fixture(autouse=True)
def four_gibibytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same limit on every machine."""
    monkeypatch.setattr(memory, "available_bytes", lambda _: 4 * 2**30)  # pyright: ignore


@pytest.mark.slow
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    st.sampled_from(["lyrics", "lyrics", "fast", "lesson", "auto"]),
    options(zuoci.ModelConfig, zuoci.TrainConfig),
    st.sampled_from(TEXTS),
)
def test_every_combination_ends_in_a_model_or_a_typed_error(recipe: str, chosen: dict[str, Any], text: str) -> None:
    check(recipe, {**SMALL, "threads": 1, **chosen}, text)


FIELDS = {
    name: field
    for config in (zuoci.ModelConfig, zuoci.TrainConfig)
    for name, field in config.model_fields.items()
    if field.annotation is int or field.annotation is float
}


@pytest.mark.parametrize("name", FIELDS)
def test_each_bound_alone(name: str) -> None:
    field = FIELDS[name]
    for value in bounds(field, field.annotation):
        check("lyrics", {**SMALL, "threads": 1, name: value}, TEXTS[0])


@pytest.mark.parametrize("name", [name for name, field in FIELDS.items() if field.annotation is float])
@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, "inf", "nan", 10**400])
def test_no_setting_is_infinite(name: str, value: Any) -> None:
    with pytest.raises(zuoci.SettingsError, match=rf"^{name} must be .*: got .*$"):
        zuoci.resolve("lyrics", {name: value})
