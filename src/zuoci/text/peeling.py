"""Filling the table of a binary fuse filter: keys with three cells and a value each → the table, by peeling.

`window_filter` calls it. The keys are peeled off in rounds: a key is taken whose cell belongs to no other key that is
left, until none is left. In the opposite order, each key can then set the cell that it was taken for (Botelho, Pagh and
Ziviani, 2007). A round takes all such keys at once, so that numpy does the work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Integers = NDArray[np.int64]


def peel(cells: Sequence[Integers], values: NDArray[np.uint8], size: int) -> NDArray[np.uint8] | None:
    """Fills a table so that the cells of each key, combined by ⊕, are its value.

    Args:
        cells: the cells of each of n different keys, three arrays `(n,)`; those of one key differ.
        values: the value of each key, `(n,)`.
        size: number of cells.

    Returns:
        The table `(size,)`, with 0 in cells that no key sets; None if the keys cannot be peeled.
    """
    keys = np.arange(len(values))
    left = sum((np.bincount(one, minlength=size) for one in cells), np.zeros(size, np.int64))  # keys of each cell,
    # and the sum of their numbers, which is the number of the key where there is one. Floats are exact up to 2⁵³.
    total = sum((np.bincount(one, keys, size) for one in cells), np.zeros(size)).astype(np.int64)
    rounds: list[tuple[Integers, Integers]] = []
    alone = np.flatnonzero(left == 1)
    while len(alone):
        taken, first = np.unique(total[alone], return_index=True)  # a key may be alone in two cells
        rounds.append((taken, alone[first]))
        touched = [one[taken] for one in cells]
        for one in touched:
            np.subtract.at(left, one, 1)
            np.subtract.at(total, one, taken)
        alone = np.unique(np.concatenate(touched))
        alone = alone[left[alone] == 1]
    if sum(len(taken) for taken, _ in rounds) < len(keys):
        return None
    table = np.zeros(size, np.uint8)
    for taken, cell in reversed(rounds):
        a, b, c = (table[one[taken]] for one in cells)
        table[cell] = values[taken] ^ a ^ b ^ c
    return table
