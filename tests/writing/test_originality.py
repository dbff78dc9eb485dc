from __future__ import annotations

import random
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zuoci import CopyGuard, Corpus, CorpusIndex, Fingerprint, SettingsError, Song, Vocabulary, load_lyrics, originality

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from zuoci.writing.guards import Guard

KINDS: list[Callable[[Corpus], CorpusIndex | Fingerprint]] = [CorpusIndex, Fingerprint.of]
SONGS = st.lists(st.text(alphabet="ab\n", min_size=1, max_size=60), min_size=1, max_size=4)


def make(*texts: str) -> Corpus:
    return Corpus(tuple(Song(f"{k}.txt", text) for k, text in enumerate(texts, 1)))


def copied(text: str, corpus: str) -> list[tuple[int, int]]:
    """Start and end of every stretch that stands in the corpus and in no longer one that does."""
    n = len(text)
    ends = [max(end for end in range(start, n + 1) if text[start:end] in corpus) for start in range(n)]
    return [(i, end) for i, end in enumerate(ends) if end > i and (i == 0 or ends[i - 1] < end)]


@pytest.mark.parametrize("kind", KINDS)
@given(
    songs=SONGS, text=st.text(alphabet="abc\n", max_size=40), inside=st.tuples(st.integers(0, 99), st.integers(0, 40))
)
def test_spans_against_brute_force(
    kind: Callable[[Corpus], CorpusIndex | Fingerprint], songs: list[str], text: str, inside: tuple[int, int]
) -> None:
    corpus = make(*songs)
    whole = corpus.text
    text += whole[inside[0] : inside[0] + inside[1]] + text
    against = kind(corpus)
    for least in (1, 3, 8, 11):
        if least < against.known_from:
            continue
        found = originality(text, against, least)
        wanted = [(start, end) for start, end in copied(text, whole) if end - start >= least]
        assert [(span.start, span.start + span.length) for span in found.spans] == wanted
        covered = {place for start, end in wanted for place in range(start, end)}
        assert found.coverage == pytest.approx(len(covered) / max(len(text), 1))
        longest = max((end - start for start, end in copied(text, whole)), default=0)
        assert found.longest_copied == (longest if longest >= against.known_from else 0)
        for span in found.spans:
            assert span.text == text[span.start : span.start + span.length]
            place = whole.find(span.text) + (len(span.text) - len(span.text.lstrip()) if span.text.strip() else 0)
            song = next(k for k in range(len(songs)) if place < sum(map(len, songs[: k + 1])))
            before = whole[sum(map(len, songs[:song])) : place]
            assert (span.song, span.line) == (song + 1, before.count("\n") + 1)
            assert span.source == f"{song + 1}.txt"
            assert span.title == (corpus.songs[song].title if isinstance(against, CorpusIndex) else None)


def test_both_say_the_same_of_real_lyrics() -> None:
    corpus = load_lyrics("zh")
    whole = corpus.text
    draw = random.Random(0)
    starts = [draw.randrange(len(whole)) for _ in range(100)]
    text = "".join(whole[start : start + draw.randrange(30)] for start in starts)
    index, fingerprint = originality(text, CorpusIndex(corpus)), originality(text, Fingerprint.of(corpus))
    assert len(index.spans) > 30
    assert index.model_copy(update={"known_from": 8}).spans == tuple(
        span.model_copy(update={"title": corpus.songs[(span.song or 0) - 1].title}) for span in fingerprint.spans
    )
    assert (index.longest_copied, index.coverage) == (fingerprint.longest_copied, fingerprint.coverage)


@pytest.mark.parametrize("kind", KINDS)
def test_a_text_copied_whole_and_none_at_all(kind: Callable[[Corpus], CorpusIndex | Fingerprint]) -> None:
    corpus = load_lyrics("en")
    whole = originality(corpus.text[5:], kind(corpus))
    (span,) = whole.spans
    assert (span.start, span.length, whole.coverage) == (0, len(corpus.text) - 5, 1.0)
    assert (span.song, span.line) == (1, 1)
    for text in ("", "歌", "前路" * 100):
        none = originality(text, kind(corpus))
        assert (none.spans, none.longest_copied, none.coverage, none.characters) == ((), 0, 0.0, len(text))
    nothing = originality("any text", kind(Corpus(())))
    assert (nothing.longest_copied, nothing.spans) == (0, ())


def test_a_newline_before_a_span_is_not_its_line() -> None:
    corpus = make("一\n\n", "题\n山前一路人在唱\n")
    (span,) = originality("\n\n题\n山前一路人在唱", CorpusIndex(corpus)).spans
    assert (span.text, span.song, span.line, span.title) == ("\n\n题\n山前一路人在唱", 2, 1, "题")


def write(guard: Guard, vocabulary: Vocabulary, seed: int, rows: int, length: int) -> list[str]:
    """Texts drawn at random from what the guard leaves; a row with nothing left ends there."""
    generator = np.random.default_rng(seed)
    ids: NDArray[np.int64] = np.full((rows, guard.limit + length), -1)
    ends = [length] * rows
    for place in range(length):
        allowed = np.ones((rows, len(vocabulary)), bool)
        allowed[guard.banned(ids[:, place : place + guard.limit])] = False
        for row in range(rows):
            choices = np.flatnonzero(allowed[row])
            if len(choices):
                ids[row, guard.limit + place] = generator.choice(choices)
            else:
                ends[row] = min(ends[row], place)
    return [vocabulary.decode(row[guard.limit :][:end].tolist()) for row, end in zip(ids, ends, strict=True)]


@pytest.mark.parametrize("kind", KINDS)
@given(songs=SONGS, above=st.integers(0, 5), seed=st.integers(0, 2**32))
def test_the_guard_never_lets_a_longer_copy_through(
    kind: Callable[[Corpus], CorpusIndex | Fingerprint], songs: list[str], above: int, seed: int
) -> None:
    corpus = make(*songs)
    against = kind(corpus)
    limit = max(against.known_from - 1, 1) + above
    vocabulary = Vocabulary(corpus.text)  # without characters of its own to escape to
    for text in write(CopyGuard(against, limit, vocabulary), vocabulary, seed, 3, 60):
        assert not any(text[i : i + limit + 1] in corpus.text for i in range(len(text) - limit))


@pytest.mark.parametrize("kind", KINDS)
@given(songs=SONGS, above=st.integers(0, 5), start=st.integers(0, 200), tail=st.text(alphabet="abc\n", max_size=12))
def test_the_guard_bans_just_what_would_be_a_copy(
    kind: Callable[[Corpus], CorpusIndex | Fingerprint], songs: list[str], above: int, start: int, tail: str
) -> None:
    corpus = make(*songs)
    against = kind(corpus)
    limit = max(against.known_from - 1, 1) + above
    vocabulary = Vocabulary("abcd\n")
    texts = [corpus.text[start % len(corpus.text) :][:limit], (corpus.text + tail)[-limit:], tail[-limit:], ""]
    recent = np.array([[-1] * (limit - len(text)) + vocabulary.encode(text).tolist() for text in texts])
    rows, ids = CopyGuard(against, limit, vocabulary).banned(recent)
    banned = [(row, vocabulary.characters[i]) for row, i in zip(rows.tolist(), ids.tolist(), strict=True)]
    assert sorted(banned) == [
        (row, char)
        for row, text in enumerate(texts)
        for char in vocabulary.characters
        if len(text) == limit and text + char in corpus.text
    ]


def test_a_guard_for_long_stretches_of_many_characters() -> None:
    corpus = load_lyrics("zh")
    vocabulary = Vocabulary(corpus.text)
    ids = vocabulary.encode(corpus.text).numpy()
    for kind in KINDS:
        for limit in (7, 20, 500):
            guard = CopyGuard(kind(corpus), limit, vocabulary)
            recent = np.lib.stride_tricks.sliding_window_view(ids, limit)[:-1:50]
            rows, banned = guard.banned(recent)
            assert set(zip(range(len(recent)), ids[limit::50].tolist(), strict=True)) <= set(
                zip(rows.tolist(), banned.tolist(), strict=True)
            )
            other = recent.copy()
            other[:, 0] = (other[:, 0] + 1) % len(vocabulary)
            assert len(guard.banned(other)[0]) < 0.05 * len(other)


def test_characters_that_the_model_does_not_know_need_no_ban() -> None:
    vocabulary = Vocabulary("山前一路人在唱")
    for kind in KINDS:
        guard = CopyGuard(kind(make("山前一路人在唱歌")), 7, vocabulary)
        assert not len(guard.banned(vocabulary.encode("山前一路人在唱").numpy()[None])[0])


def test_what_cannot_be_asked() -> None:
    corpus, vocabulary = make("山前一路人在唱歌"), Vocabulary("山")
    with pytest.raises(SettingsError, match="least must be at least 1: got 0"):
        originality("山", CorpusIndex(corpus), 0)
    with pytest.raises(SettingsError, match=r"least must be at least 8: got 7, .* name the corpus instead"):
        originality("山", Fingerprint.of(corpus), 7)
    with pytest.raises(SettingsError, match="max_copy must be at least 1: got 0"):
        CopyGuard(CorpusIndex(corpus), 0, vocabulary)
    with pytest.raises(SettingsError, match=r"max_copy must be at least 7: got 6, .* name the corpus instead"):
        CopyGuard(Fingerprint.of(corpus), 6, vocabulary)
