"""Which word of a line rhymes, and how languages other than Chinese and English rhyme."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.test_linear import assert_linear

from zuoci.writing.rhyme.line_end import last_word
from zuoci.writing.rhyme.scheme import Rhymes, scheme_of
from zuoci.writing.rhyme.vowels import vowel_of_hangul, vowels_of_kana

if TYPE_CHECKING:
    from collections.abc import Callable

RHYMES = Rhymes()


@pytest.mark.parametrize(
    "marks",
    [
        "(x2)", " (x2)", "（x2）", " ×2", "×2", " X 3", "*2", "×2遍", " x2 times", " 2x", "1", " 1", "¹", "①",
        "（哦）", "(哦)",        " (oh yeah)", "【合】", "[01:02.33]", "<00:12.5>", "(ài)", "（重复）",
        "（哦）（x2）", " (x2)。", "!!!1", "{2}",
    ],
)  # fmt: skip
@pytest.mark.parametrize("line", ["我爱你", "my love"])
def test_marks_after_a_line_do_not_rhyme(line: str, marks: str) -> None:
    assert last_word(line + marks) == last_word(line)
    assert RHYMES.keys(line + marks) == RHYMES.keys(line) != ()


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("(oh yeah)", "yeah"), ("（哦）", "哦"), ("[Chorus]", ""), ("【副歌】", ""), ("[Verse 2]", ""), ("1", "1"),
        ("爱你 2024", "2024"), ("爱你…（啊", "啊"), ("爱你x2", "你"),
        ("in '69", "69"), ("Rex2", "Rex"), ("12:30", "30"),
        ("《天涯》", "涯"), ("walkin' (x2)", "walkin'"), ("love (love", "love"),
        ("你的x", "x"), ("第2章", "章"), ("爱你)", "你"),
    ],
)  # fmt: skip
def test_the_word_that_is_sung_last(line: str, word: str) -> None:
    assert last_word(line)[0] == word


def test_a_line_of_brackets_takes_no_time() -> None:
    lines: list[Callable[[int], str]] = [
        lambda n: "(a)" * n, lambda n: "(" * n + "a" + ")" * n, lambda n: "a1" * n, lambda n: "！" * n + "(a)" * n
    ]  # fmt: skip
    for line in lines:
        assert_linear(lambda n, line=line: last_word(line(n)), 6_000)


def test_korean_rhymes_by_the_last_vowel() -> None:
    assert [vowel_of_hangul(char) for char in "사야해세여외귀의"] == ["a", "a", "e", "e", "eo", "e", "i", "i"]
    assert scheme_of(["나를 사랑해", "그렇게 말해", "보고 싶어", "네가 있어"], RHYMES) == "AABB"
    assert RHYMES.endings("해어a밤") == {"ko:a": "밤", "ko:e": "해", "ko:eo": "어"}


def test_japanese_rhymes_by_the_last_vowel() -> None:
    assert vowels_of_kana("しゃしん") == ["a", "i", "n"]
    assert vowels_of_kana("ｶｰきって") == ["a", "a", "i", "e"]
    assert scheme_of(["さくら", "君のそばにいたら", "会いたくて", "ひとりで"], RHYMES) == "AABB"
    assert RHYMES.keys("空を見ていた。") == ("ja:a",)
    assert RHYMES.endings("かっー")["ja:a"] == "かー"


def test_how_kanji_are_read_is_not_known() -> None:
    assert RHYMES.keys("青い空") == ()
    assert RHYMES.keys("我的天空") == ("zh:中东",)
    assert RHYMES.keys("你の天空") == ("zh:中东",)


def test_scripts_without_rhymes_have_none() -> None:
    for line in ("Я люблю тебя", "σ' αγαπώ", "أحبك", "ฉันรักเธอ"):
        assert RHYMES.keys(line) == ()
