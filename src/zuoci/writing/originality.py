"""Originality: a text + the training text → what is copied and from where; and a guard that prevents copies.

The training text is given as a corpus (`CorpusIndex`), which finds spans of any length, or as the `Fingerprint` saved
with a model, which finds spans of 8 characters or more. What a base model has read is given as a `WindowFilter`, which
finds long spans and does not know where they stand; `OwnAndBase` is both. The command line and the studio call
`originality`; `zuoci.writing.guards` makes guards, and `zuoci.writing.batch` asks them at every step.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, TypeAlias

import numpy as np
from pydantic import BaseModel, ConfigDict

from zuoci.errors import SettingsError
from zuoci.text.corpus import LineIndex, code_points
from zuoci.text.fingerprint import NO_CHARACTER, WINDOW, Fingerprint, mix, mix_points
from zuoci.text.folding import differences, fold, variants
from zuoci.text.suffixes import SuffixArray
from zuoci.text.window_filter import WindowFilter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from zuoci.text.corpus import Corpus
    from zuoci.text.folding import Folded
    from zuoci.text.vocabulary import Vocabulary

    Ids = NDArray[np.int64]
    Words = NDArray[np.uint64]

_BLANKS_AHEAD, _BLANKS_BEHIND = re.compile(r"^\W+"), re.compile(r"\W+$")
LEAST = WINDOW  # shorter spans also occur in unrelated lyrics by chance


class CorpusIndex:
    """An index of a corpus that finds spans of any length.

    Attributes:
        corpus: the corpus.
        places: song and line of each character.
        suffixes: the sorted suffixes of its text.
    """

    known_from: ClassVar[int] = 1

    def __init__(self, corpus: Corpus) -> None:
        """Sorts the suffixes of the corpus: 16 bytes per character of memory, about 50 while sorting."""
        self.corpus = corpus
        self.line_index = LineIndex.of(corpus)
        self.suffixes = SuffixArray(code_points(corpus.text))

    def __len__(self) -> int:
        """The number of characters."""
        return len(self.suffixes.symbols)

    @cached_property
    def folded(self) -> tuple[Folded, SuffixArray]:
        """The corpus in the writing in which disguised copies are looked for, and its suffixes. Made on first use."""
        folded = fold(self.corpus.text)
        return folded, SuffixArray(code_points(folded.text))

    @staticmethod
    def symbols(text: str) -> NDArray[np.uint32]:
        """The symbols of a text, as `suffixes` compares them: its code points."""
        return code_points(text)

    def source(self, song: int) -> str:
        """The file of song number `song`, from 0."""
        return self.corpus.songs[song].source

    def title(self, song: int) -> str:
        """The title of song number `song`, from 0."""
        return self.corpus.songs[song].title

    def continuations(self) -> tuple[Words, Words]:
        """The mixed code point of each character but the last, and the code point of the character after it."""
        points = self.suffixes.symbols
        return mix_points(points[:-1]), points[1:].astype(np.uint64)

    @staticmethod
    def contexts(values: Words) -> tuple[Words, Words]:
        """The values unchanged, and masks of 0: the counterpart of `Fingerprint.contexts` without masking."""
        return values, np.zeros(len(values), np.uint64)


Indexed: TypeAlias = CorpusIndex | Fingerprint


@dataclass(frozen=True, eq=False)
class OwnAndBase:
    """The text that a model was trained on, and what the base model that it started from has read.

    Attributes:
        own: the model's own training text.
        base: what the base model has read.
    """

    own: Indexed
    base: WindowFilter

    @property
    def known_from(self) -> int:
        """Length from which copied spans are detected in both, in characters."""
        return max(self.own.known_from, self.base.known_from)


Known: TypeAlias = Indexed | WindowFilter | OwnAndBase


def known_texts(own: Indexed | None, base: WindowFilter | None) -> Known | None:
    """What a model has read, of the two parts that may be known; None if neither is."""
    return OwnAndBase(own, base) if own is not None and base is not None else own if own is not None else base


def parts_of(known: Known) -> tuple[Indexed | None, WindowFilter | None]:
    """The two parts that `known_texts` joins."""
    if isinstance(known, OwnAndBase):
        return known.own, known.base
    return (None, known) if isinstance(known, WindowFilter) else (known, None)


class Span(BaseModel):
    """A maximal part of a text that also occurs in the corpus.

    Attributes:
        start: index of its first character in the text.
        length: in characters.
        text: the characters of the span, newlines included.
        song: number of the first song that contains it, from 1; None if it is from what the base model has read.
        title: the title of that song; None if only a fingerprint is known.
        line: number of the first line in that song where it begins, from 1, empty lines included. If the span begins
            with blanks or newlines, the line of its first visible character. None if the song is not known.
        source: the file of that song, or in words what the base model has read.
        differs_in: in what it is written otherwise than its source (`zuoci.text.folding.STEPS`); empty: in nothing.
    """

    model_config = ConfigDict(frozen=True)

    start: int
    length: int
    text: str
    song: int | None
    title: str | None
    line: int | None
    source: str
    differs_in: tuple[str, ...] = ()

    @property
    def end(self) -> int:
        """The index after its last character in the text."""
        return self.start + self.length

    def holds(self, other: Span) -> bool:
        """Whether another span lies within this one, but for blanks and punctuation at its ends."""
        begin = other.start + len(other.text) - len(_BLANKS_AHEAD.sub("", other.text))
        return self.start <= begin and other.start + len(_BLANKS_BEHIND.sub("", other.text)) <= self.end


class Originality(BaseModel):
    """What part of a text also occurs in a corpus.

    Attributes:
        characters: length of the text.
        longest_copied: length of the longest span, also if it is shorter than `least`; 0 if none was detected.
        known_from: length from which every copied span is detected: 1 with a corpus, 8 with a fingerprint, more with
            what a base model has read (13 for `zh`, 32 for `en`), though shorter ones of its own text are detected too.
        least: length of the shortest span that is listed.
        coverage: share of the text's characters that lie in a listed span.
        spans: the listed spans in the order of the text; they may overlap.
    """

    model_config = ConfigDict(frozen=True)

    characters: int
    longest_copied: int
    known_from: int
    least: int
    coverage: float
    spans: tuple[Span, ...]


def originality(text: str, against: Known, least: int = LEAST, *, disguised: bool = False) -> Originality:
    """Finds every maximal span of a text that also occurs in a corpus. Newlines count as characters.

    Spans of what a base model has read, and disguised ones, are left out where they lie within others.

    Args:
        text: any text.
        against: a corpus, the fingerprint of one, what a base model has read, or both.
        least: length of the shortest span to list, in characters.
        disguised: whether to find copies too that are written in another way (`zuoci.text.folding`). A fingerprint and
            a base model's filter find traditional copies of simplified text, but not the reverse, as a corpus does.

    Raises:
        SettingsError: `least` is below 1, or below 8 with a fingerprint.
    """
    own, base = parts_of(against)
    _check("least", least, own.known_from if own is not None else 1, own)
    longest, spans = _indexed_spans(text, own, least) if own is not None else (0, [])
    if base is not None:
        found = base.spans(text)
        longest = max([longest, *(length for _, length in found)])
        spans += [
            Span(start=i, length=n, text=text[i : i + n], song=None, title=None, line=None, source=base.source)
            for i, n in found
            if n >= least and not any(span.start <= i and i + n <= span.end for span in spans)
        ]
    if disguised:
        for length, span in _disguised_spans(text, own, base, least):
            if not any(one.holds(span) for one in spans):
                spans = [*(one for one in spans if not span.holds(one)), span]
                longest = max(longest, length)
    spans.sort(key=lambda span: span.start)
    borders = np.zeros(len(text) + 1, np.int64)
    for span in spans:
        borders[[span.start, span.end]] += 1, -1
    return Originality(
        characters=len(text),
        longest_copied=longest,
        known_from=against.known_from,
        least=least,
        coverage=float((borders.cumsum() > 0).sum() / max(len(text), 1)),
        spans=tuple(spans),
    )


def _disguised_spans(
    text: str, own: Indexed | None, base: WindowFilter | None, least: int
) -> Iterator[tuple[int, Span]]:
    """Spans that are copied in another way of writing, longer ones first, each after its length in that writing."""
    found = list(_folded_spans(text, own, least)) if isinstance(own, CorpusIndex) else []
    for variant in variants(text) if base is not None or isinstance(own, Fingerprint) else ():
        spans = _indexed_spans(variant.text, own, least)[1] if isinstance(own, Fingerprint) else []
        parts = [(span.start, span.length, span) for span in spans]
        if base is not None:
            source = Span(start=0, length=0, text="", song=None, title=None, line=None, source=base.source)
            parts += [(start, length, source) for start, length in base.spans(variant.text) if length >= least]
        for start, length, span in parts:
            begin, end = variant.span(start, length)
            differs = differences(text[begin:end], variant.text[start : start + length])
            found.append((length, _moved(span, text, begin, end, differs)))
    yield from sorted(found, key=lambda pair: -pair[0])


def _folded_spans(text: str, against: CorpusIndex, least: int) -> Iterator[tuple[int, Span]]:
    """The spans of a text that stand in a corpus once both are folded, each after its folded length."""
    corpus, suffixes = against.folded
    folded = fold(text)
    for start, length, place in suffixes.maximal(code_points(folded.text), least)[1]:
        stretch = folded.text[start : start + length]
        ahead, length = stretch.startswith(" "), len(stretch.strip())
        if length >= least:
            begin, end = folded.span(start + ahead, length)
            there, until = corpus.span(place + ahead, length)
            differs = differences(text[begin:end], against.corpus.text[there:until])
            yield length, _moved(_span(text[begin:end], begin, there, against), text, begin, end, differs)


def _moved(span: Span, text: str, start: int, end: int, differs_in: tuple[str, ...]) -> Span:
    """A span at another place of the text that was asked about."""
    about = {"start": start, "length": end - start, "text": text[start:end], "differs_in": differs_in}
    return span.model_copy(update=about)


def _indexed_spans(text: str, against: Indexed, least: int) -> tuple[int, list[Span]]:
    """The length of the longest copied span, 0 if none was detected, and the spans of `least` characters or more."""
    more = against.known_from - 1  # characters of a stretch of one symbol, less one
    longest, found = against.suffixes.maximal(against.symbols(text), max(least - more, 1))
    spans = [_span(text[start : start + n + more], start, place, against) for start, n, place in found]
    return longest + more if longest else 0, spans


def _span(text: str, start: int, place: int, against: Indexed) -> Span:
    """The span `text`, which begins at `start` in the text and at `place` in the corpus."""
    blanks = len(text) - len(text.lstrip())
    song, line = against.line_index.find(place + (blanks if blanks < len(text) else 0))
    return Span(
        start=start,
        length=len(text),
        text=text,
        song=song + 1,
        title=against.title(song),
        line=line,
        source=against.source(song),
    )


def _check(name: str, value: int, least: int, against: Indexed | None) -> None:
    """Raises a SettingsError if a length is shorter than what can be detected."""
    if value >= least:
        return
    hint = ""
    if value > 0 and isinstance(against, Fingerprint):
        hint = f", since a fingerprint knows no copies shorter than {WINDOW}; for less, name the corpus instead"
    raise SettingsError(f"{name} must be at least {least}: got {value}{hint}")


_BASE = 0x9E3779B97F4A7C15  # odd, so that it has an inverse modulo 2⁶⁴


class CopyGuard:
    """Finds the characters that would complete a copy of more than `limit` characters.

    The guard holds a polynomial hash of every run of `limit` characters of the corpus, modulo 2⁶⁴, together with the
    character that follows the run:

        hash(c_1 … c_n) = Σ_k value(c_k) · base^(k − 1)

    Equal runs have equal hashes, so that no copy is missed. A character is forbidden by mistake only if two different
    runs have the same hash, with a probability of n / 2⁴³ for a corpus of n characters (2 · 10⁻⁷ for two million). For
    a fingerprint with a limit of 7 it is n / 2⁴⁰, but there most of these mistakes do not concern real characters.

    Memory: about 12 bytes per character of the corpus, up to 50 while the guard is built.

    Attributes:
        limit: length of the longest copy that is allowed, in characters.
    """

    def __init__(self, against: Indexed, limit: int, vocabulary: Vocabulary) -> None:
        """Builds the table of hashes for one limit.

        Args:
            against: a corpus, or the fingerprint of one.
            limit: length of the longest copy that is allowed, in characters.
            vocabulary: the characters of the model that writes.

        Raises:
            SettingsError: `limit` is below 1, or below 7 with a fingerprint.
        """
        _check("max_copy", limit, max(against.known_from - 1, 1), against)
        self.limit = limit
        self._contexts = against.contexts
        points = code_points(vocabulary.characters)
        self._points = points.astype(np.uint64)
        self._values = mix_points(np.append(points, NO_CHARACTER))  # the last one for id −1: no character
        hashes, masked = against.continuations()
        size = self._contexts(np.zeros((1, limit), np.uint64))[0].shape[1]
        self._powers = _powers(_BASE, size)
        runs = mix(_run_hashes(hashes, self._powers)) | np.uint64(NO_CHARACTER)
        # A key is the hash of a run with the following character in place of its lowest bits.
        keys = np.sort(runs ^ np.uint64(NO_CHARACTER) ^ masked[size - 1 :])
        self._keys = keys[np.append(True, keys[1:] != keys[:-1])[: len(keys)]]
        bits = min(max(len(self._keys).bit_length() - 1, 1), 30)
        self._shift = np.uint64(64 - bits)
        firsts = np.arange(2**bits, dtype=np.uint64) << self._shift
        self._buckets = np.append(
            np.searchsorted(self._keys, firsts), len(self._keys)
        )  # where the keys with the same highest bits begin

    def banned(self, recent: Ids, given: Ids | None = None) -> tuple[Ids, Ids]:
        """Finds what must not come next.

        Args:
            recent: the last `limit` ids of each row, `(R, limit)`; −1 before the beginning of its text.
            given: how many of the last characters of each row were given together with the next one, `(R,)`: a copy
                that consists of them alone is allowed; None: none were.

        Returns:
            Rows and ids of the P forbidden pairs, `(P,)` each.
        """
        if given is not None:
            recent = np.where((given >= self.limit)[:, None], -1, recent)
        hashes, masks = self._contexts(self._values[recent])
        runs = mix(hashes @ self._powers) | np.uint64(NO_CHARACTER)
        bucket = (runs >> self._shift).astype(np.int64)
        low = self._buckets[bucket]
        counts = self._buckets[bucket + 1] - low
        rows = np.repeat(np.arange(len(recent)), counts)
        before = counts.cumsum()
        keys = self._keys[np.arange(len(rows)) + np.repeat(low - before + counts, counts)]
        hit = (keys | np.uint64(NO_CHARACTER)) == runs[rows]
        rows = rows[hit]
        following = (keys[hit] ^ masks[rows]) & np.uint64(NO_CHARACTER)
        ids = np.searchsorted(self._points, following)
        known = self._points[np.minimum(ids, len(self._points) - 1)] == following
        return rows[known], ids[known]


def _powers(base: int, count: int) -> Words:
    """1, base, base², … modulo 2⁶⁴ `(count,)`."""
    factors = np.full(count, base, np.uint64)
    factors[:1] = 1
    return factors.cumprod(dtype=np.uint64)


def _run_hashes(values: Words, powers: Words) -> Words:
    """Σₖ values[p + k] baseᵏ modulo 2⁶⁴ for every index p, by differences of cumulative sums."""
    n, size = len(values), len(powers)
    if n < size:
        return np.empty(0, np.uint64)
    sums = np.concatenate([np.zeros(1, np.uint64), (values * _powers(_BASE, n)).cumsum(dtype=np.uint64)])
    return (sums[size:] - sums[:-size]) * _powers(pow(_BASE, -1, 2**64), n - size + 1)
