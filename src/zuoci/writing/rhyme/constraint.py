"""A line's rhyme as a constraint on its characters: which may come next, and whether the line rhymes.

`zuoci.writing.line` narrows what the plan of a line allows with `RhymeConstraint.narrow`, and checks with
`RhymeConstraint.fits` the end that was written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from zuoci.writing.rhyme.english import rhyming_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from zuoci.writing.alphabet import Alphabet
    from zuoci.writing.line_state import LineState
    from zuoci.writing.rhyme.scheme import Rhymes


class RhymeGroups:
    """The rhyme groups of a standard, with the characters of a model that can end a line in each.

    Attributes:
        rhymes: determines the group of a line.
        alphabet: the characters of the model.
        characters: Chinese rhyme group → the characters that can end a line in it.
        masks: the same as masks `(V,)`.
    """

    def __init__(self, rhymes: Rhymes, alphabet: Alphabet) -> None:
        self.rhymes = rhymes
        self.alphabet = alphabet
        self.characters = rhymes.endings(alphabet.vocabulary.characters)
        self.masks = {key: alphabet.mask(chars) for key, chars in self.characters.items()}


class RhymeConstraint:
    """What the end of one line must be.

    Lines that rhyme end in different characters or words. The first of them may end in any rhyme group that has enough
    characters for the others.
    """

    def __init__(self, groups: RhymeGroups, partners: Sequence[str], count: int) -> None:
        """Prepares the masks for one line.

        Args:
            groups: the rhyme groups.
            partners: the lines written so far that the line must rhyme with.
            count: how many lines will have this rhyme, including the line and its partners.
        """
        self.groups = groups
        self.alphabet = alphabet = groups.alphabet
        self.partners = [set(groups.rhymes.keys(partner)) for partner in partners]
        self.count = count
        self.taken = {groups.rhymes.ending(partner).lower() for partner in partners}
        keys = set[str]().union(*self.partners)
        possible = [mask for key, mask in groups.masks.items() if key in keys or not partners]
        self._last = alphabet.mask("") | (np.any(possible, axis=0) if possible else False) & ~alphabet.mask(self.taken)
        self._not_line_end = ~alphabet.mask(alphabet.line_end)
        self._in_word = alphabet.of_kind("letter", "joiner")
        self._letters = alphabet.of_kind("letter") & (not partners or any(key.startswith("en:") for key in keys))
        words = {word for key in keys if key.startswith("en:") for word in rhyming_words(key.removeprefix("en:"))}
        self._next_letters: dict[str, set[str]] = {}  # beginning of a rhyming word → letters that may follow
        for word in words - self.taken:
            for length, letter in enumerate(word):
                self._next_letters.setdefault(word[:length], set()).update((letter, letter.upper()))

    def narrow(self, allowed: NDArray[np.bool_], state: LineState) -> NDArray[np.bool_]:
        """Removes from the mask `allowed` `(V,)` what cannot lead to the rhyme; returns a new mask or the same."""
        has_length = bool(state.plan.length)
        all_letters = self.alphabet.of_kind("letter")
        if not has_length or (state.left == 0 and state.in_word):
            letters = self._letters_to_go_on(state) if has_length else all_letters
            allowed = allowed & (letters | ~all_letters)
            if self.fits(state.text):
                return allowed
            # In a line with a given length, nothing checks the rhyme again once the word has ended.
            return allowed & (self._in_word if has_length else self._not_line_end)
        if state.left != 1:
            return allowed
        letters = all_letters if state.in_word else self._letters_to_go_on(state)
        return allowed & (letters | self._last | ~self.alphabet.of_kind("letter", "syllable"))

    def _letters_to_go_on(self, state: LineState) -> NDArray[np.bool_]:
        """The mask `(V,)` of the letters that may follow in the last word."""
        if not self._next_letters:
            return self._letters
        word = state.text[len(state.text) - state.word_letters :] if state.in_word else ""
        return self._letters & self.alphabet.mask(self._next_letters.get(word.lower(), ()))

    def fits(self, text: str) -> bool:
        """Whether a line rhymes if it ends here."""
        keys = self.groups.rhymes.keys(text)
        if not keys or self.groups.rhymes.ending(text).lower() in self.taken:
            return False
        if self.partners:
            return not any(partner.isdisjoint(keys) for partner in self.partners)
        return any(key.startswith("en:") or len(self.groups.characters.get(key, "")) >= self.count for key in keys)
