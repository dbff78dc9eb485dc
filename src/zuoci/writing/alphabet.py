"""The characters of a model by their kind: masks `(V,)` over the vocabulary that the form of a line is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from zuoci.writing.form import kind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from zuoci.text.vocabulary import Vocabulary
    from zuoci.writing.form import Kind

    Mask = NDArray[np.bool_]

_OTHERS: tuple[Kind, ...] = ("joiner", "other")


class Alphabet:
    """The characters of a vocabulary by their kind.

    Attributes:
        vocabulary: the characters by id.
        line_end: the character that ends a line: a newline, or a space for a model trained without newlines.
        gap: mask `(V,)` of the characters that end a phrase.
        can_fill_lines: whether any character counts for the length of a line.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        known = vocabulary.characters
        self.line_end = next((char for char in "\n " if char in known), known[0])
        self._ids = {char: i for i, char in enumerate(known)}
        self._by_allowed: dict[tuple[bool, ...], Mask] = {}
        self._by_kinds: dict[tuple[Kind, ...], Mask] = {}
        self.line_end_id = self._ids[self.line_end]
        # What a gap is drawn from: a phrase ends there, whether by a space or by the end of the line.
        self.gap = self.mask(" " + self.line_end)
        self.can_fill_lines = bool(self.of_kind("syllable", "letter").any())

    def id(self, char: str) -> int:
        """The id of a known character."""
        return self._ids[char]

    def mask(self, characters: Iterable[str]) -> Mask:
        """The mask of the given characters; unknown ones are ignored."""
        mask = np.zeros(len(self._ids), np.bool_)
        mask[[self._ids[char] for char in characters if char in self._ids]] = True
        return mask

    def without(self, characters: Iterable[str], allowed: Mask | None) -> Mask:
        """A new mask of the allowed characters (None: all) without the given ones; if none is left, all allowed."""
        allowed = np.ones(len(self._ids), np.bool_) if allowed is None else allowed
        left = allowed & ~self.mask(characters)
        return left if left.any() else allowed.copy()

    def of_kind(self, *kinds: Kind) -> Mask:
        """The mask of the characters of the given kinds without `line_end`. The result must not be modified."""
        if kinds not in self._by_kinds:
            self._by_kinds[kinds] = self.mask(
                char for char in self._ids if kind(char) in kinds and char != self.line_end
            )
        return self._by_kinds[kinds]

    def allowed(self, *, syllables: bool, letters: bool, others: bool, marks: bool, spaces: bool, end: bool) -> Mask:
        """The mask of the characters of the kinds that are allowed. The result must not be modified.

        Args:
            syllables: characters that count by themselves.
            letters: letters of words.
            others: punctuation, apostrophes and hyphens.
            marks: what belongs to the character before it.
            spaces: spaces within the line.
            end: `line_end`.
        """
        key = (syllables, letters, others, marks, spaces, end)
        if key not in self._by_allowed:
            kinds: list[Kind] = []
            if syllables:
                kinds.append("syllable")
            if letters:
                kinds.append("letter")
            if others:
                kinds += _OTHERS
            if marks:
                kinds.append("mark")
            if spaces:
                kinds.append("space")
            self._by_allowed[key] = self.of_kind(*kinds) | self.mask(self.line_end if end else "")
        return self._by_allowed[key]
