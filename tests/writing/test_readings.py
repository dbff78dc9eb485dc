"""How the ends of Chinese lines are read: the table `golden/readings.tsv` was made by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zuoci.text.script import to_simplified
from zuoci.writing.rhyme.chinese import inner_syllables, last_syllables, syllables
from zuoci.writing.rhyme.scheme import Rhymes

ROWS = [
    row.split("\t")
    for row in (Path(__file__).parents[1] / "golden" / "readings.tsv").read_text("utf-8").splitlines()
    if not row.startswith("#")
]
SIMPLIFIED = {reading: words for reading, words in ROWS if reading != "="}
TRADITIONAL = next(words for reading, words in ROWS if reading == "=")
LEAST = 300


def ends() -> list[tuple[str, str]]:
    return [(end, reading) for reading, words in SIMPLIFIED.items() for end in words.split()]


def test_the_table_has_at_least_three_hundred_line_ends() -> None:
    assert len(ends()) >= LEAST
    assert len({end for end, _ in ends()}) == len(ends())


@pytest.mark.parametrize(("reading", "words"), SIMPLIFIED.items())
def test_line_ends_are_read_as_they_are_sung(reading: str, words: str) -> None:
    assert {end: syllables(end)[-1][0] for end in words.split()} == dict.fromkeys(words.split(), reading)


def test_what_stands_before_does_not_change_how_a_line_end_is_read() -> None:
    for end, reading in ends():
        assert syllables(f"那年夏天的我们 {end}".rpartition(" ")[2])[-1][0] == reading
        assert Rhymes().keys(f"那年夏天, {end}") == Rhymes().keys(end)


@pytest.mark.parametrize("pair", TRADITIONAL.split())
def test_traditional_lines_are_read_as_simplified_ones(pair: str) -> None:
    traditional, simplified = pair.split("=")
    assert to_simplified(traditional) == simplified
    assert syllables(traditional, 9) == syllables(simplified, 9)


def test_traditional_lines_rhyme_as_their_simplified_forms_do() -> None:
    traditional = ["我還在想著", "雨還在下著", "門前一條路", "你走得清楚"]
    groups = [Rhymes().group(line) for line in traditional]
    assert groups == ["zh:梭坡", "zh:梭坡", "zh:姑苏", "zh:姑苏"]


def test_a_claw_is_sung_in_either_way() -> None:
    assert Rhymes().keys("伸出魔爪") == ("zh:发花", "zh:遥条")
    assert Rhymes().keys("张牙舞爪") == ("zh:遥条",)


def test_a_verb_at_the_end_is_an_adverb_elsewhere() -> None:
    assert syllables("欠你的还", 1) == [("huan",)]
    assert syllables("欠你的还", 1, at_end=False) == [("hai",)]
    assert syllables("还有", 2) == [("hai",), ("you",)]


def test_the_readings_of_a_character_hold_all_that_a_line_can_give_it() -> None:
    for end, reading in ends():
        assert reading in last_syllables(end[-1]), end
        for place, char in enumerate(end[:-1]):
            assert set(syllables(end, len(end))[place]) <= inner_syllables(char), end
    for pair in TRADITIONAL.split():
        traditional, simplified = pair.split("=")
        assert last_syllables(traditional[-1]) >= set(syllables(simplified)[-1])


@given(st.text(st.sampled_from("着了地的行还觉爪薄削剥嚼都宿咽差不得一慢天"), max_size=20))
def test_any_characters_are_read_one_by_one(run: str) -> None:
    read = syllables(run, 5)
    assert len(read) == min(5, len(run))
    assert all(each for each in read)
    assert set(read[-1] if read else ()) <= (last_syllables(run[-1]) if run else set())
    assert all(set(each) <= inner_syllables(char) for each, char in zip(read[:-1], run[-5:-1], strict=False))


@given(st.text(alphabet="好觉得着了地行的还嗯哼著睡不忘慢乐背倒〇爪𪎎", min_size=1, max_size=6))
def test_a_group_that_needs_no_context_is_the_one_that_the_line_is_read_in(run: str) -> None:
    for rhymes in (Rhymes(), Rhymes("中华新韵", near=True), Rhymes(readings={"好觉": "hao3 jiao4", "嗯": "en4"})):
        read = [f"zh:{group}" for (group,) in filter(None, rhymes.units(run, 1, at_end=True))]
        assert list(rhymes.keys(run)) == list(dict.fromkeys(read))


def test_phrases_are_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    syllables("银行睡觉的觉得")
    monkeypatch.setattr("pypinyin.lazy_pinyin", None)
    assert syllables("觉得的睡觉银行", 7) == [(read,) for read in ("jue", "de", "de", "shui", "jiao", "yin", "hang")]
