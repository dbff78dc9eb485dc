"""Lines by sequential Monte Carlo against exact enumeration, and what choosing adds."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

import zuoci
from zuoci import WriteConfig, Writer
from zuoci.model.random import key_of
from zuoci.writing.form import LinePlan
from zuoci.writing.line import WrittenLine, draw_lines, pick
from zuoci.writing.line_judge import LineJudge
from zuoci.writing.line_score import line_scores, repeats
from zuoci.writing.particles import write_line
from zuoci.writing.rhyme.constraint import RhymeConstraint
from zuoci.writing.rules import Rules

if TYPE_CHECKING:
    from collections.abc import Sequence

CHARS = "光长路"  # 光 and 长 rhyme
AS_DRAWN = WriteConfig(selection=0.0, lines=1, max_repeats=0, temperature=0.7)


@pytest.fixture(scope="module")
def writer() -> Writer:
    """A model of three characters and the line end, with probabilities far from equal."""
    model = zuoci.CharLM(zuoci.ModelConfig(hidden_size=6), zuoci.Vocabulary(CHARS + "\n"))
    model.initialise(torch.Generator().manual_seed(4))
    with torch.no_grad():
        for param in model.parameters():
            param.mul_(3.0)
    return Writer(model)


def exact(writer: Writer, length: int, temperature: float, ends: str = CHARS, ahead: str = "") -> dict[str, float]:
    """p(line | its length, its end and what follows), by all lines of that length."""
    stepper, alphabet = writer.model.stepper, writer.model.alphabet
    found: dict[str, float] = {}
    for chars in itertools.product(CHARS, repeat=length):
        state, last, total = stepper.start(1), alphabet.line_end_id, 0.0
        for k, char in enumerate([*chars, "\n", *ahead]):
            logits, state = stepper.step(np.array([last]), state)
            scaled = logits[0].astype(np.float64) / (temperature if k <= length else 1.0)
            last = alphabet.id(char)
            total += scaled[last] - np.log(np.exp(scaled).sum())
        if chars[-1] in ends:
            found["".join(chars)] = np.exp(total)
    whole = sum(found.values())
    return {line: p / whole for line, p in found.items()}


def distance(writer: Writer, particles: int, times: int, rhyme: bool = False, ahead: str = "") -> float:
    """The total variation distance of `times` lines that were written from the exact probabilities."""
    rules = Rules(writer.model, AS_DRAWN.model_copy(update={"particles": particles}))
    constraint = RhymeConstraint(rules.rhyme_groups, ["长长光"], 2) if rhyme else None
    context = writer.read("")
    plan = LinePlan(3)
    steps = [write_line(rules, context, plan, key_of(9, k), constraint, ahead=ahead) for k in range(times)]
    written = Counter(
        pick(lines, key_of(8, k)).text for k, lines in enumerate(writer.run(steps, [AS_DRAWN] * times)) if lines
    )
    p = exact(writer, 3, AS_DRAWN.temperature, "长" if rhyme else CHARS, ahead)
    assert written.keys() <= p.keys()
    return sum(abs(written[line] / written.total() - share) for line, share in p.items()) / 2


@pytest.mark.parametrize(("rhyme", "ahead"), [(False, ""), (True, ""), (False, "路")])
def test_written_lines_have_the_probabilities_that_the_model_gives_them(
    writer: Writer, rhyme: bool, ahead: str
) -> None:
    one, many = (distance(writer, particles, 400, rhyme, ahead) for particles in (1, 64))
    assert many < 0.1
    assert one > many + 0.05  # a single particle does not know what comes, and keeps what it has drawn


def test_a_line_is_the_same_for_the_same_key_whatever_is_written_beside_it(writer: Writer) -> None:
    rules = Rules(writer.model, WriteConfig(lines=1, particles=16))
    context = writer.read("")

    def lines(keys: Sequence[int]) -> list[list[tuple[str, float]]]:
        steps = [write_line(rules, context, LinePlan(4), key) for key in keys]
        found = writer.run(steps, [AS_DRAWN] * len(keys))
        return [[(line.text, line.log_weight) for line in one] for one in found]

    assert lines([5]) == lines([5, 6, 7])[:1]
    assert lines([5]) != lines([6])


def test_equal_histories_are_computed_once(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    rows: list[int] = []
    step = writer.model.stepper.step

    def counting(ids: Any, state: Any, **how: Any) -> Any:
        rows.append(len(ids))
        return step(ids, state, **how)

    monkeypatch.setattr(writer.model.stepper, "step", counting)
    writer.write("", WriteConfig(lines=1, line_length="3", particles=64))
    assert rows[0] == 1
    assert max(rows) <= 27  # ways to write three characters


def written(text: str, nll: float, log_weight: float = 0.0) -> WrittenLine:
    return WrittenLine(text, nll, log_weight, None)  # pyright: ignore[reportArgumentType]


def test_a_likely_line_is_preferred_unless_it_repeats(writer: Writer) -> None:
    rules = Rules(writer.model, WriteConfig(lines=1))
    likely, unlikely, repeating = line_scores(
        rules, "路长\n", [written("光长路", 3.0), written("路光长", 9.0), written("路长长", 3.0)]
    )
    assert likely > unlikely
    assert likely > repeating
    assert not line_scores(Rules(writer.model, AS_DRAWN), "", [written("光", 1.0), written("路", 5.0)]).any()


def test_short_lines_are_no_better_than_long_ones(writer: Writer) -> None:
    rules = Rules(writer.model, WriteConfig(lines=1))
    short, long = line_scores(rules, "", [written("光", 4.0), written("光路长", 8.0)])
    assert short == pytest.approx(long)


@pytest.mark.parametrize(
    ("before", "line", "cost"),
    [
        ("", "光长路", 0.0),
        ("", "光光", 0.5),
        ("光长\n", "光长路", 1.4),
        ("", "光长光长", 2.0),
        ("the rain\n", "rain, the rain", 2.1),
        ("", "letters", 0.0),
    ],
)
def test_what_a_line_repeats(before: str, line: str, cost: float) -> None:
    assert repeats(before, line) == pytest.approx(cost)


def test_lines_are_drawn_without_replacement_by_their_weights() -> None:
    lines = [written("a", 0.0, 0.0), written("b", 0.0, np.log(3.0)), written("c", 0.0, -50.0)]
    first = Counter(draw_lines(lines, key_of(1, k), 1)[0].text for k in range(2000))
    assert first["b"] / 2000 == pytest.approx(0.75, abs=0.03)
    assert first["c"] == 0
    assert sorted(line.text for line in draw_lines(lines, 1, 9)) == ["a", "b", "c"]


def test_the_judge_prefers_lines_of_people() -> None:
    """Of songs that neither the base model nor its judge has read, beside lines that the base model writes."""
    songs = [song for song in zuoci.load_lyrics("zh", choruses="once").songs if song.held_apart]
    people = [line for song in songs for line in song.lines if 5 <= len(line) <= 9 and " " not in line][:200]
    base = Writer.load("zh")
    config = WriteConfig(lines=len(people) // 8, line_length="7", selection=0.0, particles=1)
    model = "\n".join(lyrics.text for lyrics in base.write_many([""] * 8, config.variants(8))).split("\n")
    judge = base.model.judge
    assert judge is not None
    scores = [judge.log_odds("", lines) for lines in (people, model)]
    assert np.mean(scores[0][:, None] > scores[1][None]) > 0.6


def test_the_judge_judges_each_line_by_itself() -> None:
    judge = LineJudge.of_base("zh")
    assert judge is not None
    lines = ["你在那边坐着吧", "我", "风", "囧" * 30]
    together = judge.log_odds("夜里的风", lines)
    alone = [judge.log_odds("夜里的风", [line])[0] for line in lines]
    np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-4)
    assert judge.log_odds("夜里的风", lines)[1] != judge.log_odds("雨", lines)[1]
    assert judge.log_odds("", []).shape == (0,)
    assert LineJudge.of_base("en") is None
