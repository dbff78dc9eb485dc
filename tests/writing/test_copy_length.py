from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from zuoci import CopyGuard, Corpus, CorpusIndex, Fingerprint, Song, Vocabulary, WriteConfig, Writer, originality
from zuoci.text.window_filter import WindowFilter
from zuoci.writing.candidates import next_lines, rank
from zuoci.writing.copy_length import WholeWords
from zuoci.writing.guards import WindowGuard, guard_of
from zuoci.writing.originality import OwnAndBase

if TYPE_CHECKING:
    from collections.abc import Callable

    import zuoci
    from zuoci.writing.guards import Guard

KINDS: list[Callable[[Corpus], CorpusIndex | Fingerprint]] = [CorpusIndex, Fingerprint.of]
LINE = "the rain came down on the old tin roof and nobody heard the song we sang"
TEXTS = st.text(alphabet="ab' ,\n甲", max_size=60)


def make(text: str) -> Corpus:
    return Corpus((Song("a.txt", text),))


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("山前有路", 4),
        ("山前 有路\n", 6),
        ("Don't stop, my heart-broken friend!", 5),
        ("in 1984", 2),
        ("我说 baby, 爱你", 6),
        ("тихая ночь", 2),
        ("사랑해 너를", 6),
        ("พระ", 3),
    ],
)
def test_words_of_letters_and_characters_of_other_scripts(text: str, count: int) -> None:
    assert WholeWords(text).count(0, len(text)) == count


def test_only_whole_words_count() -> None:
    words = WholeWords("the cold wind")
    assert words.count([0, 0, 1, 4, 5], [7, 8, 8, 13, 6]).tolist() == [1, 2, 1, 2, 0]
    assert words.begun(5, 13) == 1


def pieces(text: str) -> list[str]:
    """The words of a text in another way: each with the spaces and marks after it."""
    return re.findall(r"[ab][ab']*[ ,\n']*|.", text, re.DOTALL)


@given(TEXTS)
def test_words_against_a_regular_expression(text: str) -> None:
    assert WholeWords(text).count(0, len(text)) == len(pieces(text))


def written(guard: Guard, vocabulary: Vocabulary, seed: int, length: int) -> str:
    """A text drawn at random from what the guard leaves."""
    generator = np.random.default_rng(seed)
    ids = np.full((1, guard.look_back + length), -1)
    for place in range(length):
        allowed = np.ones(len(vocabulary), bool)
        allowed[guard.banned(ids[:, place : place + guard.look_back])[1]] = False
        if not allowed.any():
            return vocabulary.decode(ids[0, guard.look_back : guard.look_back + place].tolist())
        ids[0, guard.look_back + place] = generator.choice(np.flatnonzero(allowed))
    return vocabulary.decode(ids[0, guard.look_back :].tolist())


@pytest.mark.parametrize("kind", KINDS)
@example(corpus="a b a b aa b", above=0, seed=0)
@settings(max_examples=40)
@given(
    corpus=st.text(alphabet="ab' \n甲", min_size=1, max_size=60), above=st.integers(0, 3), seed=st.integers(0, 2**32)
)
def test_the_guard_and_the_report_agree(
    kind: Callable[[Corpus], CorpusIndex | Fingerprint], corpus: str, above: int, seed: int
) -> None:
    against = kind(make(corpus))
    limit = max(against.known_from - 1, 1) + above
    vocabulary = Vocabulary(corpus)
    text = written(CopyGuard(against, limit, vocabulary), vocabulary, seed, 60)
    assert originality(text, against, against.known_from).copied_words <= limit


def banned(guard: Guard, vocabulary: Vocabulary, text: str, given: int = 0) -> str:
    ids = vocabulary.encode(text).tolist()[-guard.look_back :]
    recent = np.array([[-1] * (guard.look_back - len(ids)) + ids])
    return "".join(vocabulary.characters[i] for i in guard.banned(recent, np.array([given]))[1].tolist())


@pytest.mark.parametrize("kind", KINDS)
def test_the_guard_forbids_where_the_eighth_word_begins_and_nowhere_else(
    kind: Callable[[Corpus], CorpusIndex | Fingerprint],
) -> None:
    vocabulary = Vocabulary(LINE)
    guard = CopyGuard(kind(make(LINE)), 7, vocabulary)
    starts = [match.start() for match in re.finditer(r"\w+", LINE)]
    forbidden = [n for n in range(len(LINE)) if banned(guard, vocabulary, LINE[:n])]
    assert forbidden == starts[7:]
    at = starts[7]
    assert banned(guard, vocabulary, LINE[:at]) == LINE[at]
    assert banned(guard, vocabulary, LINE[:at], given=at) == ""
    assert banned(guard, vocabulary, LINE[:at], given=at - 1) == LINE[at]
    # Six words that are copied, after one that is not.
    assert banned(guard, vocabulary, "roof " + LINE[4:at]) == ""


@pytest.mark.parametrize("kind", KINDS)
def test_characters_that_a_vocabulary_was_extended_by_are_forbidden_too(
    kind: Callable[[Corpus], CorpusIndex | Fingerprint],
) -> None:
    vocabulary = Vocabulary("乙甲").extended("山前一路人在唱歌")
    guard = CopyGuard(kind(make("山前一路人在唱歌甲")), 7, vocabulary)
    assert banned(guard, vocabulary, "山前一路人在唱") == "歌"
    assert banned(guard, vocabulary, "前一路人在唱歌") == "甲"


def test_a_run_without_words_ends_with_the_look_back() -> None:
    long = "ab" * 40
    vocabulary = Vocabulary("ab ")
    guard = CopyGuard(CorpusIndex(make(long + " a")), 2, vocabulary)
    assert guard.look_back == 32
    assert banned(guard, vocabulary, long + " ") == "a"


def test_what_a_base_has_read_is_counted_in_words_too() -> None:
    vocabulary = Vocabulary(LINE)
    base = WindowFilter.of(LINE, name="en", window=8, bits=8, known_from=12)
    for guard in (
        WindowGuard(base, 4, vocabulary),
        guard_of(OwnAndBase(Fingerprint.of(make("")), base), 7, vocabulary),
    ):
        starts = [match.start() for match in re.finditer(r"\w+", LINE)]
        assert [n for n in range(len(LINE)) if banned(guard, vocabulary, LINE[:n])] == starts[guard.limit :]


def test_what_a_person_typed_is_no_copy() -> None:
    against = CorpusIndex(make(LINE + "\n山前一路人在唱歌\n"))
    text = "the rain came down, 山前一路人在唱歌 the old tin roof"
    assert originality(text, against).copied_words == 8
    found = originality(text, against, typed=[(20, 28)])
    assert [span.text for span in found.spans] == ["the rain came down", " the old tin roof"]
    assert (found.longest_copied, found.copied_words) == (18, 5)  # the space after 歌 counts
    nothing = originality("the rain came down", against, typed=[(0, 17)])  # the rest of a word is no copy
    assert (nothing.spans, nothing.coverage, nothing.longest_copied) == ((), 0.0, 0)
    assert originality("the rain came down on", against, typed=[(0, 8), (8, 17)]).copied_words == 5
    assert originality("the rain came down", against, typed=[(0, 8), (8, 17)]).copied_words == 0


def test_openings_and_fixed_texts_are_no_copies_of_candidates(model: zuoci.CharLM, corpus: Corpus) -> None:
    writer = Writer(model, CorpusIndex(corpus))
    opening = corpus.text[:40]
    for config in (
        WriteConfig(length=20, min_p=0.02),
        WriteConfig(lines=2, line_opening=(f"2={corpus.songs[0].lines[1]}",)),
    ):
        (best, *_) = rank(writer, writer.candidates(opening, config, 2))
        assert best.longest_copied is not None
        assert best.longest_copied <= 7
        assert originality(best.text, writer.model.against or CorpusIndex(corpus)).longest_copied >= 30
    line = corpus.text.replace("\n", "")[:12]
    (candidate, *_) = next_lines(writer, "", WriteConfig(line_opening=(f"1={line}",)), 1)
    assert candidate.text.startswith(line)
    assert (candidate.copied_words or 0) <= 7
