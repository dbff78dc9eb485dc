"""The length of a copy: in words where letters have case, in characters elsewhere.

Eight Chinese characters in a row are a copy; eight letters are a word and a space, which nobody owns. So the length of
a copy is the number of its words, where

- a word is what it is for the length of a line (`zuoci.writing.form.kind`): letters of scripts with case and digits,
  with the apostrophes and hyphens within; it counts once it is complete;
- spaces and punctuation after a word do not count;
- every other character counts as a word of its own: 山前有路 and 山前 有 are four each.

The guards count with `CopyLength` what stands before the next character, and forbid it only if it begins a word: a word
that has begun may be finished. The reports count with `WholeWords`.

Dimensions: R rows, N characters looked at, P pairs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from zuoci.writing.form import kind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from zuoci.text.vocabulary import Vocabulary

    Ids = NDArray[np.int64]
    Kinds = NDArray[np.int8]
    Mask = NDArray[np.bool_]

_SYLLABLE, _LETTER, _JOINER, _OTHER = range(4)
_NUMBERS = {
    "syllable": _SYLLABLE, "letter": _LETTER, "joiner": _JOINER, "mark": _JOINER, "space": _OTHER, "other": _OTHER,
}  # fmt: skip
_LONGEST = 16  # characters of a word, with what follows it, on average over a run: 6 in English, 8 in German


def _kinds(characters: Iterable[str]) -> Kinds:
    return np.array([_NUMBERS[kind(char)] for char in characters], np.int8)


def _in_and_after_words(kinds: Kinds) -> tuple[Mask, Mask]:
    """Whether each character belongs to a word, and whether it does or only spaces and marks part it from one."""
    indices = np.arange(kinds.shape[-1])

    def last_is_letter(skipped: Mask) -> Mask:
        last = np.maximum.accumulate(np.where(skipped, -1, indices), axis=-1)
        return (np.take_along_axis(kinds, np.maximum(last, 0), -1) == _LETTER) & (last >= 0)

    return last_is_letter(kinds == _JOINER), last_is_letter(kinds >= _JOINER)


def _begins(kinds: Kinds, in_word: Mask, after_word: Mask) -> Mask:
    """Whether characters begin a word, by what the character before each of them is."""
    return np.where(kinds == _LETTER, ~in_word, (kinds == _SYLLABLE) | ~after_word)


def _starts(kinds: Kinds, in_word: Mask, after_word: Mask) -> Mask:
    """Whether each character of texts begins a word."""
    none = np.zeros((*kinds.shape[:-1], 1), np.bool_)
    before = [np.concatenate([none, mask], -1)[..., :-1] for mask in (in_word, after_word)]
    return _begins(kinds, before[0], before[1])


class CopyLength:
    """Counts how much of the last characters of a text makes a copy that is as long as it may be.

    Attributes:
        limit: length of the longest copy that is allowed, in words.
        look_back: how many of the last characters are looked at. A copy of as many characters is never prolonged by a
            word, however few words it has.
    """

    def __init__(self, vocabulary: Vocabulary, limit: int) -> None:
        self.limit = limit
        self._kinds = np.append(_kinds(vocabulary.characters), np.int8(_SYLLABLE))  # the last one: no character
        self.look_back = limit * (_LONGEST if (self._kinds == _LETTER).any() else 1)

    def complete(
        self, recent: Ids, rows: Ids, ids: Ids, given: Ids | None = None, least: int = 0
    ) -> tuple[Ids, Ids, Ids]:
        """Leaves those next characters that begin one word too many, if what comes before them is copied.

        Args:
            recent: the last `look_back` ids of each row, `(R, N)`; −1 before the beginning of its text.
            rows: the row of each pair, `(P,)`.
            ids: the next character of each pair, `(P,)`.
            given: how many of the last characters of each row were given together with the next one, `(R,)`.
            least: length of the shortest run that can be recognised, in characters.

        Returns:
            Rows and ids of the pairs that are left, and the length of the run before each of them: `limit` words, but
            at least `least` characters.
        """
        if not len(rows):
            return rows, ids, rows
        different, places = np.unique(rows, return_inverse=True)
        kinds = self._kinds[recent[different]]
        in_word, after_word = _in_and_after_words(kinds)
        begun = _starts(kinds, in_word, after_word)[:, ::-1].cumsum(1) >= self.limit
        lengths = np.where(begun[:, -1], begun.argmax(1) + 1, recent.shape[1])
        lengths = np.maximum(lengths, least)
        left = _begins(self._kinds[ids], in_word[places, -1], after_word[places, -1])
        left &= (recent[different, -lengths] >= 0)[places]
        if given is not None:
            left &= given[rows] < lengths[places]
        return rows[left], ids[left], lengths[places[left]]


class WholeWords:
    """The whole words of a text, counted as in copies."""

    def __init__(self, text: str) -> None:
        kinds = _kinds(text)
        in_word, after_word = _in_and_after_words(kinds)
        starts = np.flatnonzero(_starts(kinds, in_word, after_word))
        # A word ends before the first character that does not belong to it, any other character after itself.
        outside = np.append(np.flatnonzero(~in_word), len(kinds))
        ends = np.where(in_word[starts], outside[np.searchsorted(outside, starts)], starts + 1)
        self._starts, self._ends = starts, ends

    def count(self, start: Any, end: Any) -> NDArray[np.int64]:
        """How many words lie wholly between two places of the text; elementwise for arrays."""
        first, last = np.searchsorted(self._starts, start), np.searchsorted(self._ends, end, "right")
        return np.maximum(last - first, 0)

    def begun(self, start: Any, end: Any) -> NDArray[np.int64]:
        """How many words begin between two places of the text; elementwise for arrays."""
        return np.searchsorted(self._starts, end) - np.searchsorted(self._starts, start)
