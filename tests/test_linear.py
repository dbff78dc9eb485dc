"""What reads a whole corpus takes time that grows with it: eight times the text, far from 64 times the time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
import torch

import zuoci
from zuoci.text.encoding import decode
from zuoci.training.baseline import score_by_counting
from zuoci.training.split import split
from zuoci.writing.originality import CorpusIndex, originality

if TYPE_CHECKING:
    from collections.abc import Callable

FACTOR = 8
SLOWER = 24  # times, at most: a quadratic one is 64 times as slow, and a busy machine no failure


def make(count: int) -> zuoci.Corpus:
    """Songs of two lines that all differ, of 20,000 characters."""
    songs = (f"{chr(0x4E00 + k % 20_000)}山前{k}路\n路上{k}人\n\n" for k in range(count))
    return zuoci.Corpus(tuple(zuoci.Song("a.txt", song) for song in songs))


def by_songs(corpus: zuoci.Corpus) -> object:
    return split(corpus, zuoci.resolve("lyrics", {"validation_split": "songs"}).training)


def count(corpus: zuoci.Corpus) -> object:
    ids = torch.arange(len(corpus.text)) * 7919 % 5003
    return score_by_counting(ids, 5003, ids)


def copied(corpus: zuoci.Corpus) -> object:
    """Many spans in one long song, each of which wants its title."""
    song = zuoci.Corpus((zuoci.Song("a.txt", corpus.text),))
    return originality("…".join(one.text for one in corpus.songs), CorpusIndex(song))


def adapted(corpus: zuoci.Corpus) -> object:
    return zuoci.Vocabulary("ab").adapt(corpus.text)


def encoded(corpus: zuoci.Corpus) -> object:
    return zuoci.Vocabulary(corpus.text).encode(corpus.text)


def hashed(corpus: zuoci.Corpus) -> object:
    return zuoci.Fingerprint.from_bytes(zuoci.Fingerprint.of(corpus).to_bytes())


def decoded(corpus: zuoci.Corpus) -> object:
    return decode(corpus.text.encode("gb18030"), "a.txt")


def assert_linear(work: Callable[[int], object], size: int) -> None:
    """Makes sure that `FACTOR` times the size takes far less than `FACTOR`² times the time."""

    def seconds(size: int) -> float:
        best = float("inf")
        for _ in range(2):
            start = time.process_time()
            work(size)
            best = min(best, time.process_time() - start)
        return best

    small = seconds(size)
    assert seconds(size * FACTOR) < SLOWER * max(small, 0.005)


@pytest.mark.slow
@pytest.mark.parametrize("work", [by_songs, count, copied, adapted, encoded, hashed, decoded])
def test_time_grows_with_the_text(work: Callable[[zuoci.Corpus], Any]) -> None:
    corpora = {size: make(size) for size in (2_500, 2_500 * FACTOR)}
    _ = [corpus.text for corpus in corpora.values()]
    assert_linear(lambda size: work(corpora[size]), 2_500)
