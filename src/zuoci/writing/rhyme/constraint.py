"""How a line must end to rhyme with others: which characters may be its last, and whether it does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from zuoci.writing.rhyme.english import rhyming_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from zuoci.writing.alphabet import Alphabet, LineState
    from zuoci.writing.rhyme.scheme import Rhymes


class Groups:
    """The rhymes of a standard, and which of a model's characters may end a line in each group."""

    def __init__(self, rhymes: Rhymes, alphabet: Alphabet) -> None:
        self.rhymes = rhymes
        self.alphabet = alphabet
        self.characters = rhymes.endings(alphabet.vocabulary.characters)
        self.masks = {key: alphabet.mask(chars) for key, chars in self.characters.items()}


class RhymeConstraint:
    """What the end of a line must be.

    Lines that rhyme end in different characters or words. The first of them is free to end in any that enough
    others rhyme with.
    """

    def __init__(self, groups: Groups, partners: Sequence[str], count: int) -> None:
        """Prepares for one line.

        Args:
            groups: by what standard lines rhyme.
            partners: the lines that it must rhyme with.
            count: how many lines will rhyme so, this one and its partners included.
        """
        self.groups = groups
        self.alphabet = alphabet = groups.alphabet
        self.partners = [set(groups.rhymes.keys(partner)) for partner in partners]
        self.count = count
        self.taken = {groups.rhymes.ending(partner).lower() for partner in partners}
        keys = set[str]().union(*self.partners)
        wanted = [mask for key, mask in groups.masks.items() if key in keys or not partners]
        self._last = alphabet.mask("") | (np.any(wanted, axis=0) if wanted else False) & ~alphabet.mask(self.taken)
        self._within = ~alphabet.mask(alphabet.end)
        self._in_word = alphabet.of_kind("word", "joiner")
        self._letters = alphabet.of_kind("word") & (not partners or any(key.startswith("en:") for key in keys))
        words = {word for key in keys if key.startswith("en:") for word in rhyming_words(key.removeprefix("en:"))}
        self._next: dict[str, set[str]] = {}  # a beginning of a word that rhymes → the letters that go on
        for word in words - self.taken:
            for length, letter in enumerate(word):
                self._next.setdefault(word[:length], set()).update((letter, letter.upper()))

    def narrow(self, allowed: NDArray[np.bool_], place: LineState) -> NDArray[np.bool_]:
        """Of what the form allows, what can end the line in the rhyme."""
        if not place.line.length or (place.left == 0 and place.in_word):
            letters = self._going_on(place) if place.line.length else self.alphabet.of_kind("word")
            allowed = allowed & (letters | ~self.alphabet.of_kind("word"))
            if self.fits(place.text):
                return allowed
            # In a line of given length, nobody looks again once the word has ended.
            return allowed & (self._in_word if place.line.length else self._within)
        if place.left != 1:
            return allowed
        letters = self.alphabet.of_kind("word") if place.in_word else self._going_on(place)
        return allowed & (letters | self._last | ~self.alphabet.of_kind("word", "unit"))

    def _going_on(self, place: LineState) -> NDArray[np.bool_]:
        """The letters that may follow in the last word."""
        if not self._next:
            return self._letters
        word = place.text[len(place.text) - place.word :] if place.in_word else ""
        return self._letters & self.alphabet.mask(self._next.get(word.lower(), ()))

    def fits(self, text: str) -> bool:
        """Whether a line that ends here rhymes."""
        keys = self.groups.rhymes.keys(text)
        if not keys or self.groups.rhymes.ending(text).lower() in self.taken:
            return False
        if self.partners:
            return not any(partner.isdisjoint(keys) for partner in self.partners)
        return any(key.startswith("en:") or len(self.groups.characters.get(key, "")) >= self.count for key in keys)
