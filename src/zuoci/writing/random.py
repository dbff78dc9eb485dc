"""Counter-based random numbers: a key and an index → a number from [0, 1).

A generator with hidden state would make a text depend on what is written beside it. Here every number is a function
of its key and its index (SplitMix64: Steele, Lea and Flood 2014), so that a text draws the same numbers alone and in
any batch. Keys are derived with `key_of(seed, purpose, index, …)` and never by adding to a seed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from zuoci.model.random import GOLDEN, MASK, mix

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Purposes of streams, for `key_of(seed or key, purpose, index, …)`.
FORM = 1  # the lines of a text with a form
LINE = 2  # candidates for one line
PICK = 3  # which of the lines that were written is kept
LENGTH = 4  # a line that is written for its length

_BLOCK = 256  # numbers that `UniformStream` computes at once


def uniform(key: int, index: int) -> float:
    """Number `index`, from 0, of the key's stream: `uniforms(key, index, 1)[0]`."""
    return (mix(key + (index + 1) * GOLDEN & MASK) >> 11) * 2.0**-53


def uniforms(key: int, start: int, count: int) -> NDArray[Any]:
    """The numbers `start` … `start + count − 1` of the key's stream, from [0, 1), `(count,)`."""
    indices = np.arange(start + 1, start + count + 1, dtype=np.uint64)
    z = indices * np.uint64(GOLDEN) + np.uint64(key)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((z ^ (z >> np.uint64(31))) >> np.uint64(11)) * 2.0**-53


class UniformStream:
    """The numbers of one key's stream, one after another.

    Attributes:
        count: how many numbers have been taken.
    """

    def __init__(self, key: int) -> None:
        self.count = 0
        self._key = key
        self._start = 0
        self._block: NDArray[Any] = np.empty(0)

    def ahead(self, count: int) -> NDArray[Any]:
        """The next numbers, `(count,)`, which are not taken by this."""
        if self.count + count > self._start + len(self._block):
            self._start = self.count
            self._block = uniforms(self._key, self.count, max(count, _BLOCK))
        return self._block[self.count - self._start :][:count]

    def take(self, count: int) -> NDArray[Any]:
        """The next numbers, `(count,)`."""
        found = self.ahead(count)
        self.count += count
        return found
