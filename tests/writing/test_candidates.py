from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import zuoci
from zuoci import CorpusIndex, SettingsError, WriteConfig, Writer
from zuoci.errors import WritingError
from zuoci.writing.candidates import Candidate, in_order, next_lines, rank, rewrite
from zuoci.writing.form import count_syllables
from zuoci.writing.repetition import repetition
from zuoci.writing.rhyme.scheme import Rhymes
from zuoci.writing.sampling import probabilities

if TYPE_CHECKING:
    from collections.abc import Sequence


SONG = zuoci.load_lyrics("zh").songs[0]
TEXT = "山前有一座塔\n路上没有人家\n\n我在窗前等你\n等到春天来的雨"
JUDGE = Rhymes()


def rhyme(first: str, second: str) -> bool:
    """Whether two lines have a rhyme group in common."""
    return not set(JUDGE.keys(first)).isdisjoint(JUDGE.keys(second))


@pytest.fixture(scope="module")
def writer() -> Writer:
    """An untrained model with opinions, and a song that it must not copy."""
    corpus = zuoci.Corpus((SONG,))
    model = zuoci.CharLM(zuoci.ModelConfig(hidden_size=8, embedding_size=4), zuoci.Vocabulary(corpus.text + TEXT))
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for param in model.parameters():
            param.copy_(torch.randn(param.shape, generator=generator))
    return Writer(model.eval(), CorpusIndex(corpus))


TAKEN = [("我站在门口", 0.0), ("我站在路口", 0.5), ("谁在唱歌", 1.5)]


def costs(found: Sequence[Candidate]) -> list[float]:
    return [candidate.cost for candidate in found]


def test_ten_lines_are_not_ten_of_a_kind() -> None:
    best, alike, other = (Candidate(text=text, nll=1.0, cost=cost) for text, cost in TAKEN)
    assert in_order([other, alike, best], 3) == [best, other, alike]
    assert in_order([other, alike, best], 1) == [best]
    assert in_order([], 1) == []


def nll_after(writer: Writer, before: str, text: str) -> float:
    """Nats a character of a text after what stands before it, read step by step."""
    ids = writer.vocabulary.encode(before + text).numpy()
    state, nll = writer.model.stepper.start(1), list[float]()
    for now, following in pairwise(ids):
        logits, state = writer.model.stepper.step(np.array([now]), state)
        nll.append(-np.log(probabilities(logits)[0, following]))
    return float(np.mean(nll[-len(text) :]))


def test_texts_come_the_best_first_with_what_speaks_for_them(writer: Writer) -> None:
    config = WriteConfig(length=20, seed=4)
    texts = writer.candidates("山", config, 12)
    assert texts[0] == writer.write("山", config)
    assert len({lyrics.text for lyrics in texts}) == 12
    found = rank(writer, texts)
    assert found[0].cost == min(costs(found))
    by_seed = {lyrics.seed: lyrics for lyrics in texts}
    for candidate in found:
        lyrics = by_seed[candidate.seed or 0]
        assert (candidate.text, candidate.nll) == (lyrics.text, lyrics.nll)
        assert writer.write("山", config.model_copy(update={"seed": candidate.seed})) == lyrics
        runs = [n for n in range(1, 22) for a in range(22 - n) if candidate.text[a : a + n] in SONG.text]
        assert candidate.longest_copied == max(runs, default=0) <= 8
    alone = Writer(zuoci.CharLM(zuoci.ModelConfig(hidden_size=2), writer.vocabulary).initialise(torch.Generator()))
    assert rank(alone, alone.candidates("山", config, 1))[0].longest_copied is None


@given(st.text("ab\n", max_size=12), st.text("ab", max_size=8))
def test_repetition_is_the_share_of_runs_of_three_that_stand_before(text: str, before: str) -> None:
    again = [
        text[n : n + 3] in [before[k : k + 3] for k in range(len(before) - 2)] + [text[k : k + 3] for k in range(n)]
        for n in range(len(text) - 2)
    ]
    assert repetition(text, before) == pytest.approx(sum(again) / max(len(again), 1))


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_a_line_is_replaced_by_one_as_long_and_in_its_rhyme(writer: Writer, number: int) -> None:
    lines = [line for line in TEXT.split("\n") if line]
    found = rewrite(writer, TEXT, number, WriteConfig(seed=number), 5)
    assert 0 < len(found) <= 5
    assert found[0].cost == min(costs(found))
    for candidate in found:
        assert candidate.text not in lines
        assert count_syllables(candidate.text) == count_syllables(lines[number - 1])
        assert (candidate.fit is None) == (number == 4)
        partner = {1: lines[1], 2: lines[0], 3: lines[3], 4: lines[2]}[number]
        assert rhyme(candidate.text, partner)
        assert JUDGE.ending(candidate.text) != JUDGE.ending(partner)
    other = rewrite(writer, TEXT, number, WriteConfig(seed=1, line_length="3", rhyme="X"), 12)
    assert all(count_syllables(candidate.text) == 3 for candidate in other)
    assert not all(rhyme(candidate.text, lines[number - 1]) for candidate in other)


@pytest.mark.parametrize("number", [0, 5, -1])
def test_only_lines_that_stand_can_be_replaced(writer: Writer, number: int) -> None:
    with pytest.raises(SettingsError, match=f"line must be from 1 to 4, which the text has: got {number}"):
        rewrite(writer, TEXT, number, WriteConfig(), 1)


def test_where_there_is_only_the_old_line_that_is_said() -> None:
    model = zuoci.CharLM(zuoci.ModelConfig(hidden_size=2), zuoci.Vocabulary("山\n"))
    with pytest.raises(WritingError, match="no other line was found in the place of '山'"):
        rewrite(Writer(model.initialise(torch.Generator()).eval()), "山", 1, WriteConfig(), 3)


def test_the_fit_of_a_line_is_how_likely_the_next_one_is_after_it(writer: Writer) -> None:
    for candidate in rewrite(writer, TEXT, 2, WriteConfig(), 2):
        head = f"山前有一座塔\n{candidate.text}\n"
        expected = nll_after(writer, head, "\n我在窗前等你")  # an empty line, then the next one
        assert candidate.fit == pytest.approx(expected, rel=1e-4)


def test_next_lines_go_on_with_the_form(writer: Writer) -> None:
    form = WriteConfig(rhyme="ABAB", line_length="5,4", acrostic="山路人", line_opening=("4=我",), seed=2)
    text = ""
    for number in range(8):
        found = next_lines(writer, text, form, 4)
        assert found[0].cost == min(costs(found))
        assert all(count_syllables(candidate.text) == (5, 4)[number % 2] for candidate in found)
        assert all(candidate.text.startswith((*"山路人我", "", "", "", "")[number]) for candidate in found)
        lines = text.split("\n")
        if number % 4 > 1:
            assert all(rhyme(candidate.text, lines[number - 2]) for candidate in found)
        text += found[0].text + "\n"
    assert len(next_lines(writer, text, form, 1)) == 1


def test_a_rhyme_looks_ahead_from_the_first_line_on() -> None:
    """安 is the only character of its group: a line that others must rhyme with cannot end in it."""
    model = zuoci.CharLM(zuoci.ModelConfig(hidden_size=4), zuoci.Vocabulary("安山有路，\n"))
    found = next_lines(Writer(model.initialise(torch.Generator()).eval()), "", WriteConfig(rhyme="AA"), 8)
    assert all(candidate.text.rstrip("，")[-1] in "安山" for candidate in found)


def test_an_empty_line_before_the_next_one_is_read(writer: Writer) -> None:
    one, other = (next_lines(writer, text, WriteConfig(line_length="4"), 3) for text in ("山前\n", "山前\n\n"))
    assert next_lines(writer, "山前", WriteConfig(line_length="4"), 3) == one
    assert one != other
    for text, found in (("山前\n", one), ("山前\n\n", other)):
        assert found[0].nll == pytest.approx(nll_after(writer, text, found[0].text + "\n"), rel=1e-4)


@settings(max_examples=50)
@given(before=st.text("山前€\n ²", max_size=8), after=st.text("山€\n", max_size=3))
def test_any_lines_can_be_gone_on_from(before: str, after: str) -> None:
    model = zuoci.CharLM(zuoci.ModelConfig(hidden_size=3), zuoci.Vocabulary("山前路，\n"))
    writer = Writer(model.initialise(torch.Generator()).eval())
    found = next_lines(writer, before, WriteConfig(line_length="2"), 2, after)
    assert all(count_syllables(candidate.text) == 2 for candidate in found)
    assert all((candidate.fit is not None) == bool(writer.vocabulary.adapt(after)[0]) for candidate in found)


def test_looking_inside_finds_what_evaluation_finds(model: zuoci.CharLM) -> None:
    inspection = Writer(model).inspect("山前€一路\n路上一人")
    assert (inspection.text, inspection.unknown) == ("山前一路\n路上一人", "€")
    ids = model.vocabulary.encode("\n" + inspection.text)
    assert inspection.nll.mean() == pytest.approx(zuoci.evaluate(model, ids).nll, rel=1e-5)
    hidden, _ = model.hidden(ids[1:].unsqueeze(1), model.hidden(ids[:1].unsqueeze(1), model.initial_state(1))[1])
    np.testing.assert_allclose(inspection.hidden, hidden[:, 0].detach().numpy(), rtol=1e-4, atol=1e-6)
    logits, _ = model(ids[:-1].unsqueeze(1), model.initial_state(1))
    for most_likely, expected in zip(inspection.most_likely, probabilities(logits[:, 0].detach().numpy()), strict=True):
        shares = [share for _, share in most_likely]
        assert shares == sorted(shares, reverse=True)
        assert shares == pytest.approx(sorted(expected, reverse=True)[:5], rel=1e-4)
        assert [model.vocabulary.characters.index(char) for char, _ in most_likely] == np.argsort(-expected, kind="stable")[:5].tolist()  # fmt: skip  # noqa: E501
    empty = Writer(model).inspect("€")
    assert (empty.text, len(empty.nll), empty.hidden.shape) == ("", 0, (0, 12))
