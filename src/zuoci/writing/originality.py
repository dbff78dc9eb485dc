"""Originality: a text + the training text → what is copied and from where; and a guard that prevents copies.

The training text is given as a corpus (`CorpusIndex`), which finds spans of any length, or as the `Fingerprint` saved
with a model, which finds spans of 8 characters or more. What a base model has read is given as a `WindowFilter`, which
finds long spans and does not know where they stand; `OwnAndBase` is both. The command line and the studio call
`originality`; `zuoci.writing.guards` makes guards, and `zuoci.writing.batch` asks them at every step.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, TypeAlias

import numpy as np
from pydantic import BaseModel, ConfigDict

from zuoci.errors import SettingsError
from zuoci.text.corpus import LineIndex, code_points
from zuoci.text.fingerprint import NO_CHARACTER, WINDOW, Fingerprint, mix, mix_points
from zuoci.text.suffixes import SuffixArray
from zuoci.text.window_filter import WindowFilter
from zuoci.writing.copy_length import CopyLength, WholeWords

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from zuoci.text.corpus import Corpus
    from zuoci.text.vocabulary import Vocabulary

    Ids = NDArray[np.int64]
    Words = NDArray[np.uint64]

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
        words: how many whole words lie in it, as `zuoci.writing.copy_length` counts them; in Chinese its characters.
        text: the characters of the span, newlines included.
        song: number of the first song that contains it, from 1; None if it is from what the base model has read.
        title: the title of that song; None if only a fingerprint is known.
        line: number of the first line in that song where it begins, from 1, empty lines included. If the span begins
            with blanks or newlines, the line of its first visible character. None if the song is not known.
        source: the file of that song, or in words what the base model has read.
    """

    model_config = ConfigDict(frozen=True)

    start: int
    length: int
    words: int
    text: str
    song: int | None
    title: str | None
    line: int | None
    source: str


class Originality(BaseModel):
    """What part of a text also occurs in a corpus.

    Attributes:
        characters: length of the text.
        longest_copied: length of the longest span, also if it is shorter than `least`; 0 if none was detected.
        copied_words: the most whole words of a span, as `max_copy` counts them: a character of a script without case
            is a word of its own, so that it is `longest_copied` for Chinese; 0 if no span was detected.
        known_from: length from which every copied span is detected: 1 with a corpus, 8 with a fingerprint, more with
            what a base model has read (13 for `zh`, 32 for `en`), though shorter ones of its own text are detected too.
        least: length of the shortest span that is listed.
        coverage: share of the text's characters that lie in a listed span.
        spans: the listed spans in the order of the text; they may overlap.
    """

    model_config = ConfigDict(frozen=True)

    characters: int
    longest_copied: int
    copied_words: int
    known_from: int
    least: int
    coverage: float
    spans: tuple[Span, ...]


def originality(text: str, against: Known, least: int = LEAST, typed: Sequence[tuple[int, int]] = ()) -> Originality:
    """Finds every maximal span of a text that also occurs in a corpus. Newlines count as characters.

    Spans of what a base model has read are left out where they lie within spans of the model's own text.

    Args:
        text: any text.
        against: a corpus, the fingerprint of one, what a base model has read, or both.
        least: length of the shortest span to list, in characters.
        typed: start and end of parts of the text that a person typed, in order: a span that begins in one of them and
            of which no word begins after it is not a copy.

    Raises:
        SettingsError: `least` is below 1, or below 8 with a fingerprint.
    """
    own, base = parts_of(against)
    _check("least", least, own.known_from if own is not None else 1, own)
    copies = _Copies(text, typed)
    spans = _indexed_spans(copies, own, least) if own is not None else []
    if base is not None:
        for start, length, words in copies.counted(*np.array(base.spans(text), np.int64).reshape(-1, 2).T):
            covered = any(span.start <= start and start + length <= span.start + span.length for span in spans)
            if length >= least and not covered:
                spans.append(copies.span(start, length, words, base.source))
        spans.sort(key=lambda span: span.start)
    borders = np.zeros(len(text) + 1, np.int64)
    for span in spans:
        borders[[span.start, span.start + span.length]] += 1, -1
    return Originality(
        characters=len(text),
        longest_copied=copies.longest,
        copied_words=copies.most_words,
        known_from=against.known_from,
        least=least,
        coverage=float((borders.cumsum() > 0).sum() / max(len(text), 1)),
        spans=tuple(spans),
    )


class _Copies:
    """What is copied of a text.

    Attributes:
        text: the text.
        longest: length of the longest span so far, in characters.
        most_words: the most whole words of a span so far.
    """

    def __init__(self, text: str, typed: Sequence[tuple[int, int]]) -> None:
        self.text = text
        self.longest = self.most_words = 0
        self._typed: list[tuple[int, int]] = []
        for start, end in typed:  # parts that touch are one
            touches = self._typed and self._typed[-1][1] >= start
            self._typed.append((self._typed.pop()[0] if touches else start, end))
        self._words = WholeWords(text)

    def counted(self, starts: Ids, lengths: Ids) -> list[tuple[int, int, int]]:
        """Start, length and words of those spans that a person did not type."""
        ends = starts + lengths
        own = np.zeros(len(starts), np.bool_)
        for start, end in self._typed:
            own |= (start <= starts) & (starts < end) & (self._words.begun(end, np.maximum(ends, end)) == 0)
        starts, ends, lengths = starts[~own], ends[~own], lengths[~own]
        words = self._words.count(starts, ends)
        self.longest = max(self.longest, int(lengths.max(initial=0)))
        self.most_words = max(self.most_words, int(words.max(initial=0)))
        return list(zip(starts.tolist(), lengths.tolist(), words.tolist(), strict=True))

    def span(self, start: int, length: int, words: int, source: str) -> Span:
        """A span that is not known to be in a song."""
        text = self.text[start : start + length]
        return Span(start=start, length=length, words=words, text=text, song=None, title=None, line=None, source=source)


def _indexed_spans(copies: _Copies, against: Indexed, least: int) -> list[Span]:
    """The copied spans of `least` characters or more."""
    symbols = against.symbols(copies.text)
    matched, slots = against.suffixes.match(symbols)
    lengths = np.where(matched, matched + against.known_from - 1, 0)  # in characters
    ends = np.arange(len(lengths)) + lengths
    maximal = np.flatnonzero((lengths > 0) & (np.diff(ends, prepend=0) > 0))
    spans: list[Span] = []
    for start, length, words in copies.counted(maximal, lengths[maximal]):
        if length >= least:
            place = against.suffixes.earliest(symbols[start : start + int(matched[start])], int(slots[start]))
            spans.append(_located(copies.span(start, length, words, ""), place, against))
    return spans


def _located(span: Span, place: int, against: Indexed) -> Span:
    """A span with its source: it begins at `place` in the corpus."""
    blanks = len(span.text) - len(span.text.lstrip())
    song, line = against.line_index.find(place + (blanks if blanks < len(span.text) else 0))
    where = {"song": song + 1, "title": against.title(song), "line": line, "source": against.source(song)}
    return span.model_copy(update=where)


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
    """Finds the characters that would begin one word too many of a copy, as `zuoci.writing.copy_length` counts words.

    A copy of more than `limit` words has more than `limit` characters. So the guard first finds what completes a copy
    of that many characters, which is all there is to do for Chinese. Of this it keeps what begins a word after `limit`
    words that stand in the corpus in front of it. It holds a polynomial hash of every run of `limit` characters of the
    corpus, modulo 2⁶⁴, together with the character that follows the run:

        hash(c_1 … c_n) = Σ_k value(c_k) · base^(k − 1)

    Equal runs have equal hashes, so that no copy is missed. A character is forbidden by mistake only if two different
    runs have the same hash, with a probability of n / 2⁴³ for a corpus of n characters (2 · 10⁻⁷ for two million). For
    a fingerprint with a limit of 7 it is n / 2⁴⁰, but there most of these mistakes do not concern real characters.

    Memory: about 12 bytes per character of the corpus, up to 50 while the guard is built.

    Attributes:
        limit: length of the longest copy that is allowed, in words.
        look_back: how many of the last characters it looks at.
    """

    def __init__(self, against: Indexed, limit: int, vocabulary: Vocabulary) -> None:
        """Builds the table of hashes for one limit.

        Args:
            against: a corpus, or the fingerprint of one.
            limit: length of the longest copy that is allowed, in words.
            vocabulary: the characters of the model that writes.

        Raises:
            SettingsError: `limit` is below 1, or below 7 with a fingerprint.
        """
        _check("max_copy", limit, max(against.known_from - 1, 1), against)
        self.limit = limit
        self._length = CopyLength(vocabulary, limit)
        self.look_back = self._length.look_back
        self._against = against
        self._vocabulary = vocabulary
        self._contexts = against.contexts
        points = np.append(code_points(vocabulary.characters), NO_CHARACTER)
        self._values = mix_points(points)  # the last one for id −1: no character
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
            recent: the last `look_back` ids of each row, `(R, look_back)`; −1 before the beginning of its text.
            given: how many of the last characters of each row were given together with the next one, `(R,)`: a copy
                that consists of them alone is allowed; None: none were.

        Returns:
            Rows and ids of the P forbidden pairs, `(P,)` each.
        """
        rows, ids = self._following(recent[:, -self.limit :])
        rows, ids, lengths = self._length.complete(recent, rows, ids, given)
        copied = lengths == self.limit
        for i in np.flatnonzero(~copied).tolist():
            text = self._vocabulary.decode([*recent[rows[i], -lengths[i] :].tolist(), ids[i]])
            copied[i] = self._against.suffixes.contains(self._against.symbols(text))
        return rows[copied], ids[copied]

    def _following(self, recent: Ids) -> tuple[Ids, Ids]:
        """Rows and ids of what follows the last `limit` characters, `(R, limit)`, somewhere in the corpus."""
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
        ids = self._vocabulary.ids_of(following)
        return rows[ids >= 0], ids[ids >= 0]


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
