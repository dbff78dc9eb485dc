"""The characters of a model, by what they are to the form of a line: masks `(V,)` over the vocabulary."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from zuoci.writing.config import LONGEST_WORD
from zuoci.writing.form import LONGEST, Kind, Line, kind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from zuoci.text.vocabulary import Vocabulary

    Mask = NDArray[np.bool_]

_OTHERS: tuple[Kind, ...] = ("joiner", "other")


class Alphabet:
    """The characters of a vocabulary.

    Attributes:
        vocabulary: them.
        end: what ends a line: a newline, or a space where the lesson made spaces of newlines.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        known = vocabulary.characters
        self.end = next((char for char in "\n " if char in known), known[0])
        self._ids = {char: i for i, char in enumerate(known)}
        self._masks: dict[tuple[bool, ...], Mask] = {}
        self._kinds: dict[tuple[Kind, ...], Mask] = {}

    def id(self, char: str) -> int:
        """The id of a character that is known."""
        return self._ids[char]

    def mask(self, characters: Iterable[str]) -> Mask:
        """The mask of some characters; unknown ones count nothing."""
        mask = np.zeros(len(self._ids), np.bool_)
        mask[[self._ids[char] for char in characters if char in self._ids]] = True
        return mask

    def others(self, banned: Iterable[str], wanted: Mask | None) -> Mask:
        """The mask of all wanted characters but some, or of all wanted ones if none is left."""
        wanted = np.ones(len(self._ids), np.bool_) if wanted is None else wanted
        left = wanted & ~self.mask(banned)
        return left if left.any() else wanted.copy()

    def of_kind(self, *kinds: Kind) -> Mask:
        """The mask of the characters of some kinds, not to be changed; what ends a line is of none."""
        if kinds not in self._kinds:
            self._kinds[kinds] = self.mask(char for char in self._ids if kind(char) in kinds and char != self.end)
        return self._kinds[kinds]

    def allowed(self, *, units: bool, letters: bool, others: bool, spaces: bool, end: bool) -> Mask:
        """The characters that may come next, by what is allowed; not to be changed.

        Args:
            units: a character that counts for itself.
            letters: of words.
            others: punctuation, apostrophes among them.
            spaces: within the line.
            end: of the line.
        """
        key = (units, letters, others, spaces, end)
        if key not in self._masks:
            kinds: list[Kind] = []
            if units:
                kinds.append("unit")
            if letters:
                kinds.append("word")
            if others:
                kinds += _OTHERS
            if spaces:
                kinds.append("space")
            mask = self.of_kind(*kinds)
            self._masks[key] = mask | self.mask(self.end if end else "")
        return self._masks[key]

    @cached_property
    def counts(self) -> bool:
        """Whether there is a character that counts for the length of a line."""
        return bool(self.of_kind("unit", "word").any())


class LineState:
    """How far a line has come: what its form allows next."""

    __slots__ = ("alphabet", "gap", "in_word", "line", "pending", "placed", "sealed", "syllables", "text", "word")

    def __init__(self, alphabet: Alphabet, line: Line) -> None:
        self.alphabet = alphabet
        self.line = line
        self.text = ""
        self.syllables = 0
        self.in_word = False  # the last character belongs to a word of letters
        self.sealed = False  # that word must not go on
        self.gap = 0  # characters since the last unit
        self.word = 0  # letters of the word
        self.placed = 0  # texts of `line.fixed` that stand or are being written
        self.pending = ""  # what is left of the one that is being written

    def copy(self) -> LineState:
        """Another place, as far."""
        other = LineState(self.alphabet, self.line)
        for name in self.__slots__:
            setattr(other, name, getattr(self, name))
        return other

    def forced(self) -> str:
        """The character that must come next; "" if it is free."""
        fixed = self.line.fixed
        if not self.pending and self.placed < len(fixed) and self.syllables == fixed[self.placed][0]:
            text = fixed[self.placed][1]
            if not (self.in_word and kind(text[0]) == "word"):  # else a space must come before
                self.pending = text
                self.placed += 1
        return self.pending[:1]

    @property
    def left(self) -> int:
        """Units still to come; of a line of free length, as many as it may have."""
        return (self.line.length or LONGEST) - self.syllables

    @property
    def ended_by_itself(self) -> bool:
        """Whether the last unit of a line whose length is given is a character of its own, and stands."""
        return bool(self.line.length) and self.left == 0 and not self.in_word

    def allowed(self) -> NDArray[np.bool_]:
        """The characters that the form allows next; not to be changed."""
        fixed = self.line.fixed
        waiting = self.placed < len(fixed)  # for a text that must stand further on, or for the space before it
        new = self.left > 0 and not (waiting and self.syllables == fixed[self.placed][0])
        going_on = self.in_word and not self.sealed and self.word < LONGEST_WORD
        done = not waiting and (self.left == 0 if self.line.length else self.syllables > 0)
        most = 3 if self.left > 0 else 2
        return self.alphabet.allowed(
            units=new,
            letters=going_on or (new and not self.in_word),
            others=self.gap < (most if self.text else 1),
            spaces=bool(self.text) and self.left > 0 and self.gap < most,
            end=done and not self.text[-1:].isspace(),
        )

    def advance(self, char: str) -> None:
        """Writes a character, not the one that ends the line."""
        what = kind(char)
        if self.pending:
            self.pending = self.pending[1:]
            self.sealed = not self.pending and what == "word"
        elif what != "word":
            self.sealed = False
        counts = what == "unit" or (what == "word" and not self.in_word)
        self.word = self.word + 1 if what in ("word", "joiner") and self.in_word else 1
        self.in_word = what == "word" or (what == "joiner" and self.in_word)
        self.syllables += counts
        self.gap = 0 if what in ("unit", "word") else self.gap + 1
        self.text += char
