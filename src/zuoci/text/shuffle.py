"""The order of the windows in an epoch of random sampling, in little memory however many there are."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch

from zuoci.text.fingerprint import mix

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from zuoci.text.fingerprint import Hashes

_IN_MEMORY = 1 << 20  # windows; the permutation of so many is drawn as a whole
_ROUNDS = 4


def shuffled(count: int, generator: torch.Generator) -> Callable[[Tensor], Tensor]:
    """Draws a permutation of the numbers below `count`: a function from places in the order to the numbers there.

    Args:
        count: n.
        generator: is drawn from once.
    """
    if count <= _IN_MEMORY:
        return torch.randperm(count, generator=generator).__getitem__
    keys = torch.randint(2**63 - 1, (2 * _ROUNDS,), generator=generator)
    return KeyedPermutation(count, keys.numpy().astype(np.uint64))


class KeyedPermutation:
    """A permutation of the numbers below n that is computed and not stored.

    It is a Feistel network (Luby and Rackoff, 1988) on pairs: with b = ⌈√n⌉ and a = ⌈n/b⌉, a number x is the pair
    l = ⌊x/b⌋, r = x mod b, and each round is

        l ← (l + F(r)) mod a,  r ← (r + G(l)) mod b

    where F and G hash with a key of the round. Each step can be undone, whatever F and G are, so all rounds together
    permute the numbers below a · b. What comes out at n or above, fewer than b numbers, is put in again until it is
    below n (cycle walking; Black and Rogaway, 2002).
    """

    def __init__(self, count: int, keys: Hashes) -> None:
        """Takes n, and two keys for each round."""
        self._count, self._keys = count, keys
        self._b = max(1, math.isqrt(max(count - 1, 0)) + 1)
        self._a = max(1, -(-count // self._b))

    def __call__(self, places: Tensor) -> Tensor:
        """The numbers at some places in the order, int64, of the same shape."""
        numbers = self._permuted(places.numpy().astype(np.uint64))
        while (outside := numbers >= self._count).any():
            numbers[outside] = self._permuted(numbers[outside])
        return torch.from_numpy(numbers.astype(np.int64))

    def _permuted(self, numbers: Hashes) -> Hashes:
        a, b = np.uint64(self._a), np.uint64(self._b)
        left, right = numbers // b, numbers % b
        for f, g in self._keys.reshape(-1, 2):
            left = (left + mix(right ^ f) % a) % a
            right = (right + mix(left ^ g) % b) % b
        return left * b + right
