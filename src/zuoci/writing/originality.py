"""Originality: a text + the training text → what is copied and from where.

The training text is given as a corpus (`CorpusIndex`), which finds spans of any length, or as the `Fingerprint` saved
with a model, which finds spans of 8 characters or more. What a base model has read is given as a `WindowFilter`, which
finds long spans and does not know where they stand; `OwnAndBase` is both. The command line and the studio call
`originality`; `zuoci.writing.guards` makes guards that prevent copies, of the same texts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, TypeAlias

import numpy as np
from pydantic import BaseModel, ConfigDict

from zuoci.errors import Message, SettingsError
from zuoci.text.fingerprint import WINDOW, Fingerprint, mix_points
from zuoci.text.folding import differences, fold, variants
from zuoci.text.positions import LineIndex, code_points
from zuoci.text.suffixes import SuffixArray
from zuoci.text.window_filter import WindowFilter
from zuoci.writing.copy_length import WholeWords

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from zuoci.text.corpus import Corpus
    from zuoci.text.folding import Folded

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
        words: how many whole words lie in it, as `zuoci.writing.copy_length` counts them; in Chinese its characters. Of
            a disguised copy, those of the source, without what was put in between.
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
    words: int
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


def originality(
    text: str, against: Known, least: int = LEAST, typed: Sequence[tuple[int, int]] = (), *, disguised: bool = False
) -> Originality:
    """Finds every maximal span of a text that also occurs in a corpus. Newlines count as characters.

    Spans of what a base model has read, and disguised ones, are left out where they lie within others.

    Args:
        text: any text.
        against: a corpus, the fingerprint of one, what a base model has read, or both.
        least: length of the shortest span to list, in characters.
        typed: start and end of parts of the text that a person typed, in order: a span that begins in one of them and
            of which no word begins after it is not a copy, disguised or not.
        disguised: whether to find copies too that are written in another way (`zuoci.text.folding`). A fingerprint and
            a base model's filter find traditional copies of simplified text, but not the reverse, as a corpus does.

    Raises:
        SettingsError: `least` is below 1, or below 8 with a fingerprint.
    """
    own, base = parts_of(against)
    check_length("least", least, own.known_from if own is not None else 1, own)
    copies = _Copies(text, typed)
    spans = _exact_spans(copies, own, base, least)
    if disguised:
        for length, span in _disguised_spans(copies, own, base, least):
            if not any(one.holds(span) for one in spans):
                spans = [*(one for one in spans if not span.holds(one)), span]
                copies.longest = max(copies.longest, length)
                copies.most_words = max(copies.most_words, span.words)
    spans.sort(key=lambda span: span.start)
    borders = np.zeros(len(text) + 1, np.int64)
    for span in spans:
        borders[[span.start, span.end]] += 1, -1
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

    def __init__(self, text: str, typed: Sequence[tuple[int, int]] = ()) -> None:
        self.text = text
        self.longest = self.most_words = 0
        self._typed: list[tuple[int, int]] = []
        for start, end in typed:  # parts that touch are one
            touches = self._typed and self._typed[-1][1] >= start
            self._typed.append((self._typed.pop()[0] if touches else start, end))
        self.words = WholeWords(text)

    def typed(self, starts: Ids, ends: Ids) -> NDArray[np.bool_]:
        """Whether a person typed each of some spans."""
        found = np.zeros(len(starts), np.bool_)
        for start, end in self._typed:
            found |= (start <= starts) & (starts < end) & (self.words.begun(end, np.maximum(ends, end)) == 0)
        return found

    def counted(self, starts: Ids, lengths: Ids) -> list[tuple[int, int, int]]:
        """Start, length and words of those spans that a person did not type."""
        left = ~self.typed(starts, starts + lengths)
        starts, lengths = starts[left], lengths[left]
        words = self.words.count(starts, starts + lengths)
        self.longest = max(self.longest, int(lengths.max(initial=0)))
        self.most_words = max(self.most_words, int(words.max(initial=0)))
        return list(zip(starts.tolist(), lengths.tolist(), words.tolist(), strict=True))

    def span(self, start: int, length: int, words: int, source: str = "") -> Span:
        """A span that is not known to be in a song."""
        text = self.text[start : start + length]
        return Span(start=start, length=length, words=words, text=text, song=None, title=None, line=None, source=source)


def _exact_spans(copies: _Copies, own: Indexed | None, base: WindowFilter | None, least: int) -> list[Span]:
    """The spans of `least` characters or more that are copied as they are; those of the base model come last."""
    spans = _indexed_spans(copies, own, least) if own is not None else []
    if base is not None:
        for start, length, words in copies.counted(*np.array(base.spans(copies.text), np.int64).reshape(-1, 2).T):
            if length >= least and not any(span.start <= start and start + length <= span.end for span in spans):
                spans.append(copies.span(start, length, words, base.source))
    return spans


def _indexed_spans(copies: _Copies, against: Indexed, least: int) -> list[Span]:
    symbols = against.symbols(copies.text)
    starts, matched, slots = against.suffixes.maximal(symbols)
    more = against.known_from - 1  # characters of a stretch of one symbol, less one
    slot_at = dict(zip(starts.tolist(), slots.tolist(), strict=True))
    spans: list[Span] = []
    for start, length, words in copies.counted(starts, matched + more):
        if length >= least:
            place = against.suffixes.earliest(symbols[start : start + length - more], slot_at[start])
            spans.append(_located(copies.span(start, length, words), place, against))
    return spans


def _disguised_spans(
    copies: _Copies, own: Indexed | None, base: WindowFilter | None, least: int
) -> Iterator[tuple[int, Span]]:
    """Spans that are copied in another way of writing, longer ones first, each after its length in that writing."""
    found = list(_folded_spans(copies, own, least)) if isinstance(own, CorpusIndex) else []
    hashed = own if isinstance(own, Fingerprint) else None
    for variant in variants(copies.text) if base is not None or hashed is not None else ():
        for span in _exact_spans(_Copies(variant.text), hashed, base, least):
            begin, end = variant.span(span.start, span.length)
            differs = differences(copies.text[begin:end], span.text)
            found.append((span.length, _moved(span, copies, begin, end, differs)))
    found = [
        (length, span) for length, span in found if not copies.typed(np.array([span.start]), np.array([span.end]))[0]
    ]
    yield from sorted(found, key=lambda pair: -pair[0])


def _folded_spans(copies: _Copies, against: CorpusIndex, least: int) -> Iterator[tuple[int, Span]]:
    """The spans of a text that stand in a corpus once both are folded, each after its folded length."""
    corpus, suffixes = against.folded
    folded = fold(copies.text)
    points = code_points(folded.text)
    for start, length, slot in zip(*(column.tolist() for column in suffixes.maximal(points)), strict=True):
        stretch = folded.text[start : start + length]
        ahead, stripped = stretch.startswith(" "), len(stretch.strip())
        if stripped >= least:
            place = suffixes.earliest(points[start : start + length], slot)
            begin, end = folded.span(start + ahead, stripped)
            there, until = corpus.span(place + ahead, stripped)
            source = against.corpus.text[there:until]
            words = int(WholeWords(source).count(0, len(source)))
            span = _located(copies.span(begin, end - begin, words), there, against)
            yield stripped, _moved(span, copies, begin, end, differences(span.text, source))


def _moved(span: Span, copies: _Copies, start: int, end: int, differs_in: tuple[str, ...]) -> Span:
    """A span at its place in the text that was asked about.

    Its words are those of its other writing, so that blanks or invisible characters that were put in make no more of
    them; but those that the text itself does not hold as a whole do not count.
    """
    words = min(span.words, int(copies.words.count(start, end)))
    about = {"start": start, "length": end - start, "text": copies.text[start:end], "words": words}
    return span.model_copy(update={**about, "differs_in": differs_in})


def _located(span: Span, place: int, against: Indexed) -> Span:
    """A span with its source: it begins at `place` in the corpus."""
    blanks = len(span.text) - len(span.text.lstrip())
    song, line = against.line_index.find(place + (blanks if blanks < len(span.text) else 0))
    where = {"song": song + 1, "title": against.title(song), "line": line, "source": against.source(song)}
    return span.model_copy(update=where)


def check_length(name: str, value: int, least: int, against: Indexed | None) -> None:
    """Raises a SettingsError if a length is shorter than what can be detected."""
    if value >= least:
        return
    hint = ""
    if value > 0 and isinstance(against, Fingerprint):
        hint = f", since a fingerprint knows no copies shorter than {WINDOW}; for less, name the corpus instead"
    told = "{field} must be at least {least}: got {value}{hint}"
    raise SettingsError(Message("least_length", told, field=name, least=least, value=value, hint=hint))
