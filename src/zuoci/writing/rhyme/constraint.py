"""A line's rhyme as a constraint on its characters: which may come next, and whether the line rhymes.

The code that writes a line narrows what the plan of the line allows with `RhymeConstraint.narrow`, and checks with
`RhymeConstraint.fits` the end that was written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from zuoci.errors import Message, SettingsError
from zuoci.writing.rhyme.english_sounds import rhyming_words
from zuoci.writing.rhyme.line_end import LATIN_LETTER

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from zuoci.writing.alphabet import Alphabet
    from zuoci.writing.line_state import LineState
    from zuoci.writing.rhyme.scheme import Rhymes, Units

    Mask = NDArray[np.bool_]


class RhymeGroups:
    """The rhyme groups of a standard, with the characters of a model that can end a line in each.

    Attributes:
        rhymes: determines the group of a line.
        alphabet: the characters of the model.
        characters: group of a single syllable → the characters that can end a line in it.
        masks: the same as masks `(V,)`.
        inside: the masks of the characters that can stand before others in a rhyme of several syllables.
        latin: the mask of the Latin letters.
    """

    def __init__(self, rhymes: Rhymes, alphabet: Alphabet) -> None:
        self.rhymes = rhymes
        self.alphabet = alphabet
        known = alphabet.vocabulary.characters
        self.characters = rhymes.endings(known)
        self.masks = {key: alphabet.mask(chars) for key, chars in self.characters.items()}
        insides = rhymes.insides(known) if rhymes.count > 1 else {}
        self.inside = {key: alphabet.mask(chars) for key, chars in insides.items()}
        self.latin = alphabet.mask(char for char in known if LATIN_LETTER.match(char))


class RhymeConstraint:
    """What the end of one line must be.

    Lines that rhyme end in different characters or words. The first of them may end in any rhyme group that has enough
    characters for the others.

    Attributes:
        groups: the rhyme groups.
        partners: the groups of each line that the line must rhyme with.
    """

    def __init__(self, groups: RhymeGroups, partners: Sequence[str], count: int) -> None:
        """Prepares the masks for one line.

        Args:
            groups: the rhyme groups.
            partners: the lines written so far that the line must rhyme with.
            count: how many lines will have this rhyme, including the line and its partners.

        Raises:
            SettingsError: the model knows no character whose rhyme is known.
        """
        if not (groups.masks or groups.latin.any()):
            told = (
                "the model writes no script whose rhymes zuoci knows: Chinese characters, Latin letters, kana or "
                "Hangul; leave out rhyme"
            )
            raise SettingsError(Message("no_rhymes", told, field="rhyme"))
        self.groups = groups
        self.alphabet = alphabet = groups.alphabet
        self.partners = [set(groups.rhymes.keys(partner)) for partner in partners]
        self.count = count
        self.taken = {groups.rhymes.ending(partner).lower() for partner in partners}
        self._keys = set[str]().union(*self.partners)
        self._masks = [self._mask_at(place) for place in range(1, groups.rhymes.count + 1)]
        self._masks[0] &= ~alphabet.mask(self.taken)
        self._not_line_end = ~alphabet.mask(alphabet.line_end)
        self._in_word = alphabet.of_kind("letter", "joiner", "mark")
        self._english = [key.removeprefix("en:") for key in self._keys if key.startswith("en:")]
        self._letters = groups.latin if self._english or not partners else alphabet.mask("")
        self._words = self._words_by_units_before()
        self._beginnings: dict[frozenset[Units], dict[str, set[str]]] = {}

    def narrow(self, allowed: Mask, state: LineState) -> Mask:
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
        if not 1 <= state.left <= len(self._masks):
            return allowed
        if not self._has_begun(state):
            return allowed & ~self.alphabet.of_kind("letter", "syllable")
        mask = self._masks[state.left - 1]
        if state.left > 1:  # a syllable of the rhyme, before the last one
            return allowed & (mask | ~self.alphabet.of_kind("letter", "syllable"))
        letters = all_letters if state.in_word else self._letters_to_go_on(state)
        return allowed & (letters | mask | ~self.alphabet.of_kind("letter", "syllable"))

    def _has_begun(self, state: LineState) -> bool:
        """Whether the syllables of the rhyme that are written already are read as it needs; a guess for words."""
        written = self.groups.rhymes.count - state.left
        if written < 1 or not self.partners or self._english:
            return True
        ways = self.groups.rhymes.units(state.text, written)
        return any(tuple(key[3:].split(" ")[:written]) in ways for key in self._keys)

    def _mask_at(self, place: int) -> Mask:
        """The mask `(V,)` of the characters that may stand at a place of the rhyme, counted from the end.

        Before the last place, letters are among them wherever a word might stand there.
        """
        masks = self.groups.masks if place == 1 else self.groups.inside
        letters = self.alphabet.of_kind("letter")
        if not self.partners:
            return np.any([self.alphabet.mask(""), *masks.values(), *([letters] if place > 1 else [])], axis=0)
        found = self.alphabet.mask("")
        for key in self._keys:
            script, units = key[:3], key[3:].split(" ")
            if script != "en:":
                of_unit = masks.get(script + units[-place])
                if of_unit is None and place > 1:  # a word of letters, or a character of another script
                    of_unit = self.alphabet.of_kind("letter", "syllable")
                found |= of_unit if of_unit is not None else False
            elif place > 1:
                found |= self.alphabet.of_kind("letter", "syllable")
        return found

    def _words_by_units_before(self) -> dict[Units, set[str]]:
        """How the syllables before the last word have to rhyme → the words that complete the rhyme with them."""
        rhymes = self.groups.rhymes
        found: dict[Units, set[str]] = {}
        for key in self._english:
            for before, words in rhyming_words(key, rhymes.count, rhymes.near).items():
                found.setdefault(before, set()).update(word for word in words if word not in self.taken)
        return found

    def _letters_to_go_on(self, state: LineState) -> Mask:
        """The mask `(V,)` of the letters that may follow in the last word."""
        if not self._words:
            return self._letters
        word = state.text[len(state.text) - state.word_letters :] if state.in_word else ""
        before = state.text[: len(state.text) - len(word)]
        rhymes = self.groups.rhymes
        ends = {units[::-1] for units in rhymes.units(before, rhymes.count - 1)} if rhymes.count > 1 else set()
        fitting = frozenset(
            need for need in self._words if not need or any(end[: len(need)] == need[::-1] for end in ends)
        )
        if fitting not in self._beginnings:
            self._beginnings[fitting] = beginnings(word for need in fitting for word in self._words[need])
        return self._letters & self.alphabet.mask(self._beginnings[fitting].get(word.lower(), ()))

    def fits(self, text: str) -> bool:
        """Whether a line rhymes if it ends here."""
        keys = self.groups.rhymes.keys(text)
        if not keys or self.groups.rhymes.ending(text).lower() in self.taken:
            return False
        if self.partners:
            return not any(partner.isdisjoint(keys) for partner in self.partners)
        return any(self._has_room(key) for key in keys)

    def _has_room(self, key: str) -> bool:
        """Whether a rhyme group has enough characters for all lines that will end in it."""
        if key.startswith("en:"):
            return True
        return len(self.groups.characters.get(key[:3] + key[3:].split(" ")[-1], "")) >= self.count


def beginnings(words: Iterable[str]) -> dict[str, set[str]]:
    """The beginning of a word → the letters, in both cases, that may follow."""
    found: dict[str, set[str]] = {}
    for word in words:
        for length, letter in enumerate(word):
            found.setdefault(word[:length], set()).update((letter, letter.upper()))
    return found
