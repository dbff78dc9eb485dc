"""Rhymes of several syllables, near rhymes, and the constraint that a line is written with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

import zuoci
from zuoci import SettingsError, WriteConfig
from zuoci.writing.alphabet import Alphabet
from zuoci.writing.form import LinePlan
from zuoci.writing.line_state import LineState
from zuoci.writing.rhyme.constraint import RhymeConstraint, RhymeGroups
from zuoci.writing.rhyme.english_sounds import near_rime, rhyming_words, split_rime, tails
from zuoci.writing.rhyme.scheme import Rhymes
from zuoci.writing.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable

TWO = Rhymes(count=2)
NEAR = Rhymes(near=True)
CHINESE = "\n海浪太阳外来在爱光上怀抱道到时间世界边天空你我他的了不忘受音乐还"
ENGLISH = "\n 'abcdefghijklmnopqrstuvwxyz"


def rhyme(rhymes: Rhymes, first: str, second: str) -> bool:
    return not set(rhymes.keys(first)).isdisjoint(rhymes.keys(second))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("海浪", "太阳"), ("抱在怀抱", "春天来到"), ("这段时间", "那个世间"), ("我忘不了", "如此步调"),
        ("听音乐", "还有新月"),
        ("get her", "better"), ("I made it", "they played it"), ("medicate", "hesitate"), ("a notion", "the ocean"),
        ("说 bye 你", "说 my 弟"), ("さくら", "はるか"), ("사랑해", "마차에"),
    ],
)  # fmt: skip
def test_lines_that_rhyme_by_two_syllables(first: str, second: str) -> None:
    assert rhyme(TWO, first, second)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("海浪", "月亮"),
        ("时间", "房间"),
        ("浪", "浪"),
        ("love", "love"),
        ("my love", "no love"),
        ("嗯浪", "嗯浪"),
        ("", ""),
    ],
)
def test_lines_that_do_not_rhyme_by_two_syllables(first: str, second: str) -> None:
    assert not rhyme(TWO, first, second)


def test_each_syllable_of_a_rhyme_is_read_in_its_line() -> None:
    assert TWO.keys("睡着了") == ("zh:遥条 梭坡",)
    assert TWO.keys("忘不了") == ("zh:姑苏 遥条",)
    assert TWO.keys("还有") == ("zh:怀来 由求",)
    assert TWO.keys("伸魔爪") == ("zh:梭坡 发花", "zh:梭坡 遥条")
    assert TWO.keys("在天 空！") == ("zh:言前 中东",)
    assert Rhymes(count=3).keys("他忘不了") == ("zh:江阳 姑苏 遥条",)
    assert Rhymes(readings={"长大": "chang2 tai4"}, count=2).keys("要長大") == ("zh:江阳 怀来",)


def test_the_syllables_of_words() -> None:
    assert [tail.vowels for tail in tails("hesitate", 2)] == [("AH", "EY")]
    assert tails("hated", 3)[0] == (("EY", "AH"), "D", True)
    assert tails("flibbertigibbet", 3) == ()  # its rime alone is guessed
    assert tails("skyped", 2)[0].whole
    assert split_rime("AH M P IH NG") == (("AH", "IH"), "NG")
    words = rhyming_words("EH ER", 2)
    assert "better" in words[()]
    assert "her" in words[("EH",)]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("很远", "光芒"), ("人", "灯"), ("心", "星"), ("my time", "your mine"), ("the night", "his side"),
        ("love", "enough"),
        ("climbed", "shine"), ("song", "fawn"),
    ],
)  # fmt: skip
def test_lines_that_nearly_rhyme(first: str, second: str) -> None:
    assert rhyme(NEAR, first, second)
    assert not rhyme(Rhymes(), first, second)


@pytest.mark.parametrize(
    ("first", "second"), [("山", "心"), ("海", "美"), ("day", "late"), ("time", "home"), ("feel", "fear")]
)
def test_lines_that_do_not_even_nearly_rhyme(first: str, second: str) -> None:
    assert not rhyme(NEAR, first, second)


def test_near_rhymes_in_finer_standards_join_what_the_thirteen_tracks_join() -> None:
    for standard in ("xinyun", "tongyun"):
        near = Rhymes(standard, near=True)
        assert rhyme(near, "山", "光")
        assert rhyme(near, "心", "星")
    assert rhyme(Rhymes("xinyun", near=True), "诗", "西")
    assert rhyme(Rhymes("tongyun", near=True), "雨", "西")
    assert near_rime("AH M P IH NG") == "AH n IH n"


def groups_of(characters: str, count: int = 1, *, near: bool = False) -> RhymeGroups:
    return RhymeGroups(Rhymes(count=count, near=near), Alphabet(zuoci.Vocabulary(characters)))


def allowed(constraint: RhymeConstraint, text: str, length: int) -> str:
    """The characters, without joiners and spaces, that may follow in a line with a length."""
    alphabet = constraint.alphabet
    state = LineState(alphabet, LinePlan(length=length))
    for char in text:
        state.advance(char)
    mask = constraint.narrow(state.allowed(), state)
    return "".join(c for c, may in zip(alphabet.vocabulary.characters, mask, strict=True) if may and c.isalpha())


def test_the_last_two_syllables_are_narrowed() -> None:
    constraint = RhymeConstraint(groups_of(CHINESE, 2), ["看太阳"], 2)
    everything = {char for char in CHINESE if char.isalpha()}
    assert set(allowed(constraint, "我", 4)) == everything
    assert set(allowed(constraint, "我你", 4)) == set("海太外来在爱怀还")  # 还 may be read hái
    assert set(allowed(constraint, "我你海", 4)) == set("浪光上忘")  # not 阳 again
    assert constraint.fits("我你海浪")
    assert not constraint.fits("我你天浪")
    assert not constraint.fits("我海太阳")


def test_a_line_whose_rhyme_began_with_another_reading_is_given_up() -> None:
    constraint = RhymeConstraint(groups_of(CHINESE, 2), ["看太阳"], 2)
    assert allowed(constraint, "我你天", 4) == ""
    assert allowed(RhymeConstraint(groups_of(CHINESE, 2), [], 2), "我你天", 4) != ""


def test_words_complete_a_rhyme_of_two_syllables_with_the_word_before_or_alone() -> None:
    constraint = RhymeConstraint(groups_of(ENGLISH, 2), ["i get her"], 2)
    assert {"b", "w"} <= set(allowed(constraint, "it was ", 3))  # better, wetter
    alone = set(allowed(constraint, "it is h", 3))
    after = set(allowed(constraint, "it let h", 3))
    assert "e" in after
    assert constraint.fits("it let her") is False  # it is the partner's last word
    assert constraint.fits("it is better")
    assert constraint.fits("he fed fur")
    assert alone <= after


def test_a_near_rhyme_may_end_in_more_characters() -> None:
    near = RhymeConstraint(groups_of(CHINESE, near=True), ["看天"], 2)
    exact = RhymeConstraint(groups_of(CHINESE), ["看天"], 2)
    assert set(allowed(exact, "我", 2)) == set("间边还")
    assert set(allowed(near, "我", 2)) == set("间边还浪阳光上忘")
    assert RhymeConstraint(groups_of(ENGLISH, near=True), ["my time"], 2).fits("is mine")


@given(
    st.lists(st.text(st.sampled_from(CHINESE[1:]), min_size=2, max_size=5), min_size=2, max_size=2),
    st.integers(1, 3),
    st.booleans(),
)
def test_what_fits_is_allowed_step_by_step(lines: list[str], count: int, near: bool) -> None:
    partner, line = lines
    groups = groups_of(CHINESE, count, near=near)
    constraint = RhymeConstraint(groups, [partner], 2)
    if constraint.fits(line) and not set(line) & set("还不了乐"):  # these change their reading with what follows
        for place, char in enumerate(line):
            assert char in allowed(constraint, line[:place], len(line))


def test_a_model_of_a_script_without_rhymes_says_so(make_model: Callable[..., zuoci.CharLM]) -> None:
    writer = Writer(make_model("\n абвгдежз"))
    with pytest.raises(SettingsError, match=r"no script whose rhymes zuoci knows.*leave out rhyme"):
        writer.write("", WriteConfig(lines=2, line_length="3", rhyme="AA"))


@pytest.mark.parametrize(
    ("characters", "length"),
    [("\n가나다라마바사아자차카타파하거너더러", "4"), ("\nあいうえおかきくけこさしすせそ青空", "5")],
)
def test_models_of_kana_and_hangul_rhyme(make_model: Callable[..., zuoci.CharLM], characters: str, length: str) -> None:
    text = Writer(make_model(characters)).write("", WriteConfig(lines=4, line_length=length, rhyme="AABB")).text
    first, second, third, fourth = text.split("\n")
    assert rhyme(Rhymes(), first, second)
    assert rhyme(Rhymes(), third, fourth)


def test_a_wish_for_two_syllables_is_kept(make_model: Callable[..., zuoci.CharLM]) -> None:
    config = WriteConfig(lines=8, line_length="4", rhyme="AABB", rhyme_syllables=2)
    lines = Writer(make_model(CHINESE)).write("", config).text.split("\n")
    assert all(rhyme(TWO, first, second) for first, second in zip(lines[::2], lines[1::2], strict=True))
