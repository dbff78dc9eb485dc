"""What every text that a model writes needs beside the model's weights, made once."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np

from zuoci.errors import SettingsError
from zuoci.text.fingerprint import WINDOW
from zuoci.writing.alphabet import Alphabet
from zuoci.writing.originality import CopyGuard
from zuoci.writing.rhyme.chinese import last_syllables
from zuoci.writing.rhyme.constraint import Groups, RhymeConstraint
from zuoci.writing.rhyme.scheme import Rhymes, parse_readings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from zuoci.model.stepper import Stepper
    from zuoci.text.vocabulary import Vocabulary
    from zuoci.writing.config import WriteConfig
    from zuoci.writing.originality import Known

Key = TypeVar("Key")
Value = TypeVar("Value")
_KEPT = 8  # of a kind


class Desk:
    """The characters of a model, its rhymes, and what it must not copy.

    Attributes:
        stepper: the model.
        vocabulary: its characters.
        alphabet: the same, by what they are to a line.
        against: what it was trained on, or the fingerprint of that; None: nobody knows.
    """

    def __init__(self, stepper: Stepper, vocabulary: Vocabulary, against: Known | None) -> None:
        self.stepper = stepper
        self.vocabulary = vocabulary
        self.alphabet = Alphabet(vocabulary)
        self.against = against
        self._guards: dict[int, CopyGuard] = {}
        self._groups: dict[tuple[str, ...], Groups] = {}

    def guard(self, config: WriteConfig) -> CopyGuard | None:
        """What keeps a text from copying.

        Raises:
            SettingsError: it is asked for, but what the model was trained on is not at hand.
        """
        limit = config.max_copy
        if limit is None:
            limit = 0 if config.greedy or self.against is None else WINDOW - 1
        if limit and self.against is None:
            raise SettingsError(
                f"max_copy {limit} needs what the model was trained on: its folder has no fingerprint; name the corpus"
            )
        if not limit:
            return None
        assert self.against is not None
        guard = self._guards.get(limit) or CopyGuard(self.against, limit, self.vocabulary)
        self._guards = _latest(self._guards, limit, guard)
        return guard

    def groups(self, config: WriteConfig) -> Groups:
        """The rhymes that a text asks for."""
        key = (config.rhyme_standard, *config.reading)
        found = self._groups.get(key)
        if found is None:
            found = Groups(Rhymes(config.rhyme_standard, parse_readings(config.reading)), self.alphabet)
        self._groups = _latest(self._groups, key, found)
        return found

    def ending(self, config: WriteConfig, partners: Sequence[str], count: int) -> RhymeConstraint:
        """How a line must end to rhyme with its partners; see `RhymeConstraint`."""
        return RhymeConstraint(self.groups(config), partners, count)

    def wanted(self, config: WriteConfig) -> NDArray[np.bool_] | None:
        """The characters that are not banned `(V,)`; None: all.

        Raises:
            SettingsError: all are banned.
        """
        if not config.ban:
            return None
        wanted = ~self.alphabet.mask(config.ban)
        if not wanted.any():
            raise SettingsError(f"ban leaves no character to write: the model knows {len(self.vocabulary)}; ban fewer")
        return wanted

    def recent(self, text: str, limit: int) -> NDArray[np.int64]:
        """The ids of the last characters of a text, −1 before it, `(1, limit)`."""
        ids = np.full((1, limit), -1)
        last = text[-limit:]
        if last:
            ids[0, -len(last) :] = [self.alphabet.id(char) for char in last]
        return ids

    def sounds_like(self, char: str, most: int = 5) -> list[str]:
        """Characters of the model that are read as an unknown one is."""
        readings = last_syllables(char)
        return [other for other in self.vocabulary.characters if readings & last_syllables(other)][:most]


def _latest(kept: dict[Key, Value], key: Key, value: Value) -> dict[Key, Value]:
    """What is kept, with this as the latest, and without the oldest: settings are many, and a server runs long."""
    if next(reversed(kept), None) == key:
        return kept
    others = [item for item in kept.items() if item[0] != key]
    return dict([*others[1 - _KEPT :], (key, value)])
