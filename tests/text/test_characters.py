"""Characters as people mean them: composed, without invisible ones, lines that end where they end, and graphemes."""

from __future__ import annotations

import unicodedata
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zuoci import WriteConfig, load_lyrics, read_corpus
from zuoci.text.characters import clean_characters, continues, extends, graphemes
from zuoci.text.vocabulary import Vocabulary
from zuoci.writing.form import count_syllables

if TYPE_CHECKING:
    from pathlib import Path

FAMILY = "👨\u200d👩\u200d👧🏻"
ENGLAND = "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\r\r\n", "\u2028", "\u2029", "\v", "\f", "\x85"])
def test_a_line_ends_where_people_mean_it_to(end: str) -> None:
    text, notes = clean_characters(f"一{end}二{end}{end}三")
    assert text == "一\n二\n\n三"
    assert (not notes) == (end == "\n")


def test_one_line_end_is_said_for_each_kind() -> None:
    assert clean_characters("a\r\nb\u2028c\x85d")[1] == [
        "turned carriage returns into newlines",
        "turned other line separators into newlines",
    ]


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("\ufeff一\ufeff二", "一二"),
        ("红\u200b灯\u2060亮\u00ad着", "红灯亮着"),
        ("\u202e一\u202c\u200e\u200f\u2066二\u2069\u061c", "一二"),
        ("一\x1a", "一"),
        ("a\x00\x07\x1bb\x7f\x9c", "ab"),
        ("\u180e\ufff9\uffff\U000e0001一", "一"),
        (f"我{FAMILY}\u200d\n", f"我{FAMILY}\n"),
        ("❤\ufe0f\u200d🔥", "❤\ufe0f\u200d🔥"),
        (f"{ENGLAND}一\U000e0067", f"{ENGLAND}一"),
        ("می\u200cدانم a\u200cb", "می\u200cدانم ab"),
        ("क\u094d\u200dष", "क\u094d\u200dष"),
        ("너를".encode().decode(), "너를"),
        (unicodedata.normalize("NFD", "너를 é が"), "너를 é が"),
        ("e\u200b\u0301", "é"),
        ("\u2126\u212b\uf900", "ΩÅ豈"),
        ("Ａ，ﾊﾟ　\xa0…", "Ａ，ﾊﾟ　\xa0…"),
    ],
)
def test_what_nobody_sees_is_dropped_and_what_they_see_stays(text: str, clean: str) -> None:
    assert clean_characters(text)[0] == clean
    assert bool(clean_characters(text)[1]) == (text != clean)


def test_the_notes_name_what_was_dropped() -> None:
    assert clean_characters("a\u200bb\ufeff")[1] == ["dropped invisible characters (U+200B, U+FEFF)"]
    assert clean_characters("\x01\x02\x03\x04\x05\x06")[1][0].endswith("U+0005, …)")
    assert clean_characters("e\u0301")[1] == ["composed letters and their accents (NFC)"]
    assert clean_characters("a\ufffd") == (
        "a\ufffd",
        ["holds U+FFFD, where another program could not decode a character"],
    )


@given(st.text())
def test_cleaning_twice_changes_nothing_more(text: str) -> None:
    once = clean_characters(text)[0]
    assert clean_characters(once)[0] == once
    assert unicodedata.is_normalized("NFC", once)
    assert not set(once) & set("\r\0\ufeff\u200b\u2028\x85")
    assert once.splitlines() == once.removesuffix("\n").split("\n") or not once


def test_the_bundled_lyrics_are_clean() -> None:
    for language in ("zh", "en"):
        text = load_lyrics(language).text  # pyright: ignore[reportArgumentType]
        assert clean_characters(text) == (text, [])


def test_a_corpus_is_cleaned_and_the_notes_say_so(tmp_path: Path) -> None:
    text = unicodedata.normalize("NFD", "\ufeff너를 처음\u2028만난\u200b 밤\r\r\n가로등\r\r\n\r\r\n아래\x1a")
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbf" + text.encode())
    corpus = read_corpus(tmp_path / "a.txt")
    assert corpus.text == "너를 처음\n만난 밤\n가로등\n\n아래"
    assert len(corpus.songs) == 2
    for what in ("carriage returns", "other line separators", "U+001A, U+200B, U+FEFF", "NFC"):
        assert sum(what in note for note in corpus.notes) == 1


@pytest.mark.parametrize(
    "cluster",
    [
        *["é", "e\u0301", "너", "น้ำ", "กี่", "क\u094dया", "हि", "क\u094d\u200dष", "나\u11ab", "\u1102\u1165\u11ab"],
        *["か\u3099", "ﾊﾟ", "葛\U000e0100", "❤\ufe0f", "1\ufe0f\u20e3", FAMILY, "🏳\ufe0f\u200d🌈", "👍🏽", "🇫🇷"],
        *[ENGLAND, "🙂\u200d↔\ufe0f"],
    ],
)  # fmt: skip
def test_a_perceived_character_is_one(cluster: str) -> None:
    assert graphemes(f"我{cluster}你{cluster}{cluster}x") == ["我", cluster, "你", cluster, cluster, "x"]


def test_what_stands_apart_is_several() -> None:
    assert graphemes("🇫🇷🇩🇪🇮") == ["🇫🇷", "🇩🇪", "🇮"]
    assert graphemes("\n\u0301a") == ["\n", "\u0301", "a"]
    assert graphemes("a\u200d👩") == ["a\u200d", "👩"]
    assert graphemes("เธอ") == ["เ", "ธ", "อ"]


@given(st.text(st.sampled_from("我aé\u0301\u200d\ufe0f👩👧🏻🇫🇷\n क\u094dिน้ำ\u1102\u1165가1\u20e3")))
def test_graphemes_joined_are_the_text(text: str) -> None:
    parts = graphemes(text)
    assert "".join(parts) == text
    assert all(not extends(part[0]) or before in "\n" for before, part in zip(["\n", *parts], parts, strict=False))
    assert not any(continues(one, other[0]) for one, other in pairwise(parts))


@pytest.mark.parametrize(
    ("line", "length"),
    [
        ("我❤\ufe0f你", 2),
        (f"我{FAMILY}你", 2),
        (f"1\ufe0f\u20e3 {ENGLAND}🇫🇷", 0),
        (unicodedata.normalize("NFD", "만난 밤"), 3),
        (unicodedata.normalize("NFD", "été là"), 2),
        ("ẹ\u0301kọ\u0301", 1),
        ("กิน น้ำ", 3),
        ("हिन्दी", 2),
        ("مَدْرَسَة", 5),
        (unicodedata.normalize("NFD", "がっこう"), 4),
        ("红\u200b灯\u200b亮", 3),
        ("don't 我 well-known", 3),
        ("", 0),
    ],
)
def test_a_perceived_character_counts_once_in_a_line_and_an_emoji_not_at_all(line: str, length: int) -> None:
    assert count_syllables(line) == length


def test_openings_are_read_as_texts_are() -> None:
    vocabulary = Vocabulary("너를 é我\n")
    opening = unicodedata.normalize("NFD", "너를 é") + "\u200b我\u2028我\ufeff"
    assert vocabulary.adapt(opening) == ("너를 é我\n我", "")
    apart = Vocabulary("e\u0301\u200b我")  # of a model that was trained before characters were composed
    assert apart.adapt("e\u0301\u200b") == ("e\u0301\u200b", "")


def test_wishes_are_read_as_texts_are() -> None:
    apart = unicodedata.normalize("NFD", "너\u200b가")
    wish = WriteConfig(
        acrostic=apart,
        word=(apart,),
        line_opening=(f"2={apart}",),
        reading=(),
        ban=unicodedata.normalize("NFD", "é\u200b"),
    )
    assert (wish.acrostic, wish.word, wish.line_opening) == ("너가", ("너가",), ("2=너가",))
    assert wish.line_count == 2
    assert wish.ban == "é\u200b"
    assert WriteConfig(stop=("a\r\n\u0301",)).stop == ("a\n\u0301",)
