"""A text and what a model was trained on → what is copied, from where; and what to ban so that nothing is.

One can ask a corpus (`CorpusIndex`) for spans of any length, or, where only the model is at hand, its `Fingerprint`
for spans of 8 characters and more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, TypeAlias

import numpy as np
from pydantic import BaseModel, ConfigDict

from zuoci.errors import SettingsError
from zuoci.text.corpus import LineIndex, code_points
from zuoci.text.fingerprint import NO_CHARACTER, WINDOW, Fingerprint, mix, mix_points
from zuoci.text.suffixes import SuffixArray

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zuoci.text.corpus import Corpus
    from zuoci.text.vocabulary import Vocabulary

    Ids = NDArray[np.int64]
    Words = NDArray[np.uint64]

LEAST = WINDOW  # by chance, lyrics that a person wrote share at most 7 characters in a row with others


class CorpusIndex:
    """The text of a corpus, to find spans of any length in."""

    known_from: ClassVar[int] = 1

    def __init__(self, corpus: Corpus) -> None:
        """Sorts the places of the corpus; 16 bytes a character, some 50 while it sorts."""
        self.corpus = corpus
        self.line_index = LineIndex.of(corpus)
        self.suffixes = SuffixArray(code_points(corpus.text))

    def __len__(self) -> int:
        """The number of characters."""
        return len(self.suffixes.symbols)

    @staticmethod
    def symbols(text: str) -> NDArray[np.uint32]:
        """What a text would be in `suffixes`."""
        return code_points(text)

    def source(self, song: int) -> str:
        """The file that a song comes from."""
        return self.corpus.songs[song].source

    def title(self, song: int) -> str:
        """The title of a song."""
        return self.corpus.songs[song].title

    def continuations(self) -> tuple[Words, Words]:
        """At each place but the last, the number of the character, and the next character."""
        points = self.suffixes.symbols
        return mix_points(points[:-1]), points[1:].astype(np.uint64)

    @staticmethod
    def contexts(values: Words) -> tuple[Words, Words]:
        """As in `Fingerprint`: characters are compared as they are, and nothing is masked."""
        return values, np.zeros(len(values), np.uint64)


Known: TypeAlias = CorpusIndex | Fingerprint


class Span(BaseModel):
    """A part of a text that also stands in the corpus and cannot be made longer.

    Attributes:
        start: its place in the text, in characters from 0.
        length: characters.
        text: it, newlines included.
        song: number of the song that holds it, from 1; of several, the first.
        title: of that song; None where only a fingerprint is known.
        line: in that song, from 1, empty lines counted; of several, the first; where the span begins with blanks or
            newlines, that of its first visible character.
        source: the file that the song comes from.
    """

    model_config = ConfigDict(frozen=True)

    start: int
    length: int
    text: str
    song: int
    title: str | None
    line: int
    source: str


class Originality(BaseModel):
    """What of a text stands in a corpus.

    Attributes:
        characters: of the text.
        longest_copied: characters of the longest span, however short; 0 where it is shorter than `known_from`.
        known_from: from how many characters on spans are seen: 1 by a corpus, 8 by a fingerprint.
        least: from how many characters on they are listed and counted as covered.
        coverage: share of the text's characters that lie in a listed span.
        spans: in the order of the text; they may overlap.
    """

    model_config = ConfigDict(frozen=True)

    characters: int
    longest_copied: int
    known_from: int
    least: int
    coverage: float
    spans: tuple[Span, ...]


def originality(text: str, against: Known, least: int = LEAST) -> Originality:
    """Finds every maximal span of a text that also stands in a corpus. Newlines are characters like others.

    Args:
        text: any text.
        against: a corpus, or the fingerprint of one.
        least: the shortest span to list, in characters.

    Raises:
        SettingsError: `least` is below 1, or below 8 for a fingerprint.
    """
    _check("least", least, against.known_from, against)
    symbols = against.symbols(text)
    matched, slots = against.suffixes.match(symbols)
    lengths = np.where(matched, matched + against.known_from - 1, 0)  # in characters
    ends = np.arange(len(lengths)) + lengths
    maximal = (lengths >= least) & (np.diff(ends, prepend=0) > 0)
    borders = np.zeros(len(text) + 1, np.int64)
    spans: list[Span] = []
    for start in np.flatnonzero(maximal).tolist():
        length = int(lengths[start])
        borders[[start, start + length]] += 1, -1
        place = against.suffixes.earliest(symbols[start : start + int(matched[start])], int(slots[start]))
        spans.append(_span(text[start : start + length], start, place, against))
    return Originality(
        characters=len(text),
        longest_copied=int(lengths.max(initial=0)),
        known_from=against.known_from,
        least=least,
        coverage=float((borders.cumsum() > 0).sum() / max(len(text), 1)),
        spans=tuple(spans),
    )


def _span(text: str, start: int, place: int, against: Known) -> Span:
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


def _check(name: str, value: int, least: int, against: Known) -> None:
    if value >= least:
        return
    hint = ""
    if value > 0 and isinstance(against, Fingerprint):
        hint = f", since a fingerprint knows no copies shorter than {WINDOW}; for less, name the corpus instead"
    raise SettingsError(f"{name} must be at least {least}: got {value}{hint}")


_BASE = 0x9E3779B97F4A7C15  # odd, so that it has an inverse modulo 2⁶⁴


class CopyGuard:
    """Says which characters would complete a copy of more than `limit` characters.

    It knows every stretch of `limit` characters of the corpus by a hash, and every character that comes after it.
    The same stretch has the same hash: what completes a copy is always found. Too much is banned only where a stretch
    has the hash of another one, with a probability of n/2⁴³ for n characters of corpus (2 · 10⁻⁷ for two million); by
    a fingerprint with a limit of 7, of n/2⁴⁰, but there most of what would be banned is no character at all.

    Memory: about 12 bytes a character of the corpus, up to 50 while it is made.
    """

    def __init__(self, against: Known, limit: int, vocabulary: Vocabulary) -> None:
        """Prepares for one limit.

        Args:
            against: a corpus, or the fingerprint of one.
            limit: the longest copy that is allowed, in characters.
            vocabulary: of the model that writes.

        Raises:
            SettingsError: `limit` is below 1, or below 7 for a fingerprint.
        """
        _check("max_copy", limit, max(against.known_from - 1, 1), against)
        self.limit = limit
        self._contexts = against.contexts
        points = code_points(vocabulary.characters)
        self._points = points.astype(np.uint64)
        self._values = mix_points(np.append(points, NO_CHARACTER))  # so that id −1 is no character
        hashes, masked = against.continuations()
        size = self._contexts(np.zeros((1, limit), np.uint64))[0].shape[1]
        self._powers = _powers(_BASE, size)
        stretches = mix(_stretches(hashes, self._powers)) | np.uint64(NO_CHARACTER)
        # A key is a stretch's hash with the next character in place of its lowest bits.
        keys = np.sort(stretches ^ np.uint64(NO_CHARACTER) ^ masked[size - 1 :])
        self._keys = keys[np.append(True, keys[1:] != keys[:-1])[: len(keys)]]
        bits = min(max(len(self._keys).bit_length() - 1, 1), 30)
        self._shift = np.uint64(64 - bits)
        firsts = np.arange(2**bits, dtype=np.uint64) << self._shift
        self._buckets = np.append(np.searchsorted(self._keys, firsts), len(self._keys))  # by a key's highest bits

    def banned(self, recent: Ids) -> tuple[Ids, Ids]:
        """What must not come next in some texts.

        Args:
            recent: the last `limit` ids of each text, `(R, limit)`; −1 before its beginning.

        Returns:
            Pairs of a row and an id, `(P,)` each.
        """
        hashes, masks = self._contexts(self._values[recent])
        stretches = mix(hashes @ self._powers) | np.uint64(NO_CHARACTER)
        bucket = (stretches >> self._shift).astype(np.int64)
        low = self._buckets[bucket]
        counts = self._buckets[bucket + 1] - low
        rows = np.repeat(np.arange(len(recent)), counts)
        before = counts.cumsum()
        keys = self._keys[np.arange(len(rows)) + np.repeat(low - before + counts, counts)]
        hit = (keys | np.uint64(NO_CHARACTER)) == stretches[rows]
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


def _stretches(values: Words, powers: Words) -> Words:
    """Σₖ values[p + k] baseᵏ modulo 2⁶⁴ for every place p, by differences of running sums."""
    n, size = len(values), len(powers)
    if n < size:
        return np.empty(0, np.uint64)
    sums = np.concatenate([np.zeros(1, np.uint64), (values * _powers(_BASE, n)).cumsum(dtype=np.uint64)])
    return (sums[size:] - sums[:-size]) * _powers(pow(_BASE, -1, 2**64), n - size + 1)
