"""Copies that are written in another way: seen with a corpus, a fingerprint, and what a base model has read."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

import zuoci
from zuoci.text.folding import STEPS, fold
from zuoci.text.window_filter import WindowFilter
from zuoci.writing.originality import CorpusIndex, Span, originality

if TYPE_CHECKING:
    from zuoci.writing.originality import Known

CHINESE = "车站里还有一盏灯没有关 我们说过的话都写在纸上\n风从门外吹进来 翻了一页又一页\n头发长了 后来的人没有来\n"
ENGLISH = (
    "Somebody left the window open all winter\nI swept the snow from Emma's old piano\nAnd nobody ever came to play\n"
)
FRENCH = "La fenêtre était restée ouverte tout l'hiver\nJ'ai balayé la neige du vieux piano\n"
KOREAN = "창문을 열어 둔 채 겨울이 갔네\n낡은 피아노 위의 눈을 쓸었지\n"
TRADITIONAL = "車站裡還有一盞燈沒有關 我們說過的話都寫在紙上\n風從門外吹進來 翻了一頁又一頁\n頭髮長了 後來的人沒有來\n"


def of(text: str, kind: str) -> Known:
    corpus = zuoci.Corpus((zuoci.Song("a.txt", "别的歌在这里，第一首\n\n"), zuoci.Song("b.txt", text)))
    if kind == "filter":
        return WindowFilter.of(corpus.text, name="zh", window=6, bits=8, known_from=13)
    return CorpusIndex(corpus) if kind == "corpus" else zuoci.Fingerprint.of(corpus)


def full_width(text: str) -> str:
    return "".join(chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char for char in text)


@pytest.mark.parametrize("kind", ["corpus", "fingerprint", "filter"])
@pytest.mark.parametrize(
    ("text", "copy", "difference"),
    [
        (CHINESE, "\u200b".join(CHINESE), "invisible characters"),
        (ENGLISH, "\u00ad".join(ENGLISH), "invisible characters"),
        (CHINESE, TRADITIONAL, "traditional characters"),
        (KOREAN, unicodedata.normalize("NFD", KOREAN), "accents written apart"),
        (FRENCH, unicodedata.normalize("NFD", FRENCH), "accents written apart"),
        (ENGLISH, full_width(ENGLISH), "full-width or half-width characters"),
        (ENGLISH, ENGLISH.upper(), "capital letters"),
        (ENGLISH, ENGLISH.lower(), "capital letters"),
        (ENGLISH, ENGLISH.title(), "capital letters"),
        (CHINESE, CHINESE.replace("\n", "  \n\n").replace(" ", "\xa0"), "blanks and punctuation"),
    ],
)
def test_a_disguised_copy_is_found_and_the_disguise_is_named(kind: str, text: str, copy: str, difference: str) -> None:
    against = of(text, kind)
    exact, found = originality(copy, against), originality(copy, against, disguised=True)
    assert found.coverage > 0.8
    assert found.coverage > exact.coverage or (kind, difference) == ("filter", "capital letters")
    assert found.longest_copied >= 13
    for span in found.spans:
        assert span.text == copy[span.start : span.start + span.length]
        assert kind == "filter" or span.source == "b.txt"
    named = {name for span in found.spans for name in span.differs_in}
    assert named == {difference} or (kind, difference) == ("filter", "capital letters")


@pytest.mark.parametrize(
    ("text", "copy", "differs_in"),
    [
        (CHINESE, CHINESE.replace(" ", "\xa0"), {"blanks and punctuation"}),
        (CHINESE, CHINESE.replace(" ", "，"), {"blanks and punctuation"}),
        (CHINESE, CHINESE.replace("\n", "").replace(" ", ""), {"blanks and punctuation"}),
        (CHINESE, CHINESE.replace("\n", "  \r\n\r\n"), {"blanks and punctuation"}),
        (ENGLISH, ENGLISH.replace("'", "’").replace("\n", " – "), {"blanks and punctuation"}),
        (TRADITIONAL, CHINESE, {"traditional characters"}),
        (ENGLISH.upper(), full_width(ENGLISH), {"capital letters", "full-width or half-width characters"}),
        (full_width(ENGLISH), ENGLISH, {"full-width or half-width characters"}),
        (TRADITIONAL, "\u200b".join(CHINESE).replace(" ", ""), {*STEPS} - {STEPS[1], STEPS[2], STEPS[3]}),
    ],
)
def test_with_the_corpus_every_disguise_is_seen_in_both_directions(text: str, copy: str, differs_in: set[str]) -> None:
    found = originality(copy, of(text, "corpus"), disguised=True)
    assert found.coverage > 0.9
    (span,) = found.spans
    assert set(span.differs_in) == differs_in
    assert (span.song, span.line, span.source) == (2, 1, "b.txt")


@pytest.mark.parametrize("kind", ["corpus", "fingerprint", "filter"])
def test_what_is_no_copy_stays_none_and_an_exact_copy_has_no_disguise(kind: str) -> None:
    against = of(ENGLISH + CHINESE, kind)
    for text in (FRENCH.upper(), "\u200b".join("谁也没有见过这样的一个早晨，它走得太早")):
        found = originality(text, against, disguised=True)
        assert (found.coverage, found.spans) == (0.0, ())
    assert originality(ENGLISH, against, disguised=True) == originality(ENGLISH, against)
    assert originality("", against, disguised=True).spans == ()


def test_an_exact_and_a_disguised_span_stand_side_by_side() -> None:
    lines = ENGLISH.splitlines()
    found = originality(f"{lines[0]}\n– {lines[1].upper()}", of(ENGLISH, "corpus"), disguised=True)
    assert [span.differs_in for span in found.spans] == [("capital letters", "blanks and punctuation")]
    found = originality(f"{lines[0]} xyz {lines[2].upper()}", of(ENGLISH, "corpus"), disguised=True)
    assert [span.differs_in for span in found.spans] == [(), ("capital letters",)]
    assert [span.line for span in found.spans] == [1, 3]


@limits(deadline=None)
@given(st.text(st.sampled_from("aB I\n，é\u0301\u200b車发Ａ🏻👩\u200d")))
def test_every_folded_character_comes_from_a_place_of_the_text(text: str) -> None:
    folded = fold(text)
    assert len(folded.text) == len(folded.starts) == len(folded.ends)
    assert (folded.starts < folded.ends).all()
    assert (np.diff(folded.starts) >= 0).all()
    assert not len(folded.ends) or folded.ends.max() <= len(text)
    assert fold(folded.text).text == folded.text.strip() or text.endswith(("\u200b", "\u200d"))


def test_the_answer_can_be_written_as_json() -> None:
    found = originality(ENGLISH.upper(), of(ENGLISH, "corpus"), disguised=True)
    assert Span.model_validate_json(found.spans[0].model_dump_json()) == found.spans[0]
    assert found.model_dump(mode="json")["spans"][0]["differs_in"] == ["capital letters"]
