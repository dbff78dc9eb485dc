"""A suffix array: the positions of a long sequence, sorted by what follows there.

`writing/originality.py` looks with it for stretches of a text that stand in the corpus.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BITS = 21  # of a code point


class SuffixArray:
    """The sorted suffixes of a sequence of n symbols. A suffix that is a prefix of another comes before it.

    A query takes O(log n) for each of its symbols, however repetitive query and sequence are. Memory: 8 bytes for each
    symbol, and two copies of the symbols.

    Attributes:
        symbols: the sequence, uint32 or uint64 `(n,)`.
        order: the start of each suffix, in the order of the sorted suffixes, int32 `(n,)`.
    """

    def __init__(self, symbols: NDArray[Any]) -> None:
        """Sorts the suffixes.

        By prefix doubling: once the suffixes are sorted by their first k symbols, they can be sorted by 2k symbols with
        the ranks of the suffixes that start k later. Only suffixes that are still equal are sorted again (Larsson and
        Sadakane, 1999).
        """
        self.symbols = symbols
        n = len(symbols)
        key, k = _first_key(symbols)
        order = np.argsort(key).astype(np.int32)
        slots = np.arange(n)  # indices in `order` of the suffixes that are not sorted yet; equal ones are neighbours
        rank = np.zeros(n + 1, np.int64)  # of each suffix: 1 + the first slot of its equals; 0 for the empty suffix
        key, at = key[order], order
        while len(slots):
            first = np.ones(len(slots), bool)
            np.not_equal(key[1:], key[:-1], out=first[1:])
            rank[at] = slots[first][first.cumsum() - 1] + 1
            alike = ~(first & np.append(first[1:], True))
            slots, at = slots[alike], at[alike]
            key = rank[at] << 32 | rank[np.minimum(at + k, n)]
            by = np.argsort(key)
            key, at = key[by], at[by]
            order[slots] = at
            k *= 2
        self.order = order
        self._following = rank[order + 1].astype(np.int32)  # increases among suffixes with the same first symbol
        self._sorted = symbols[order]

    def match(self, query: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Finds, for each position of a query, the longest stretch from there that also stands in the sequence.

        Args:
            query: symbols `(m,)`.

        Returns:
            Lengths `(m,)`, and slots `(m,)`: the index in `order` at which each suffix of the query would be inserted.
        """
        lows = np.searchsorted(self._sorted, query).tolist()
        highs = np.searchsorted(self._sorted, query, "right").tolist()
        following = self._following.data
        slots = np.zeros(len(query), np.int64)
        rest = 0  # rank of the query's suffix that starts one symbol later
        for i in range(len(query) - 1, -1, -1):
            slot = bisect_left(following, rest, lows[i], highs[i])
            slots[i] = slot
            rest = slot + 1
        return np.maximum(self._common(query, slots - 1), self._common(query, slots)), slots

    def maximal(self, query: NDArray[Any], least: int) -> tuple[int, list[tuple[int, int, int]]]:
        """Finds the stretches of a query that stand in the sequence and are part of no longer one.

        Args:
            query: symbols `(m,)`.
            least: length of the shortest stretch to list.

        Returns:
            The length of the longest stretch, however short; and of each stretch its start in the query, its length
            and its first position in the sequence.
        """
        lengths, slots = self.match(query)
        ends = np.arange(len(lengths)) + lengths
        starts = np.flatnonzero((lengths >= least) & (np.diff(ends, prepend=0) > 0)).tolist()
        listed = [
            (start, int(lengths[start]), self.earliest(query[start : start + int(lengths[start])], int(slots[start])))
            for start in starts
        ]
        return int(lengths.max(initial=0)), listed

    def _common(self, query: NDArray[Any], slots: NDArray[np.int64]) -> NDArray[np.int64]:
        """Counts the symbols that each suffix of a query shares with the suffix in a slot; 0 where there is no slot.

        From one position of the query to the next, the count falls by at most one (Kasai et al., 2001).
        """
        symbols, order = self.symbols.data, self.order.data
        n, m = len(symbols), len(query)
        wanted = query.tolist()
        lengths = np.zeros(m, np.int64)
        length = 0
        for i, slot in enumerate(slots.tolist()):
            if 0 <= slot < n:
                shift = order[slot] - i
                end = min(m, n - shift)
                stop = i + length
                while stop < end and wanted[stop] == symbols[stop + shift]:
                    stop += 1
                length = stop - i
                lengths[i] = length
            length = max(length - 1, 0)
        return lengths

    def earliest(self, stretch: NDArray[Any], slot: int) -> int:
        """Finds the first position of a stretch in the sequence.

        Args:
            stretch: symbols that stand in the sequence.
            slot: the slot that `match` returned for them.
        """
        size, wanted = self.symbols.itemsize, stretch.tobytes()
        raw, order = self.symbols.data.cast("B"), self.order.data

        def differs(position: int) -> bool:
            return bytes(raw[position * size : position * size + len(wanted)]) != wanted

        low = bisect_left(order, True, 0, slot, key=lambda position: not differs(position))
        high = bisect_left(order, True, slot, len(order), key=differs)
        return int(self.order[low:high].min())


def _first_key(symbols: NDArray[Any]) -> tuple[NDArray[Any], int]:
    """Keys to sort the suffixes by first, and the number of symbols that a key holds."""
    if symbols.dtype != np.uint32:
        return symbols, 1
    ahead = np.concatenate([symbols, np.zeros(2, np.uint32)]).astype(np.uint64)
    ahead[: len(symbols)] += np.uint64(1)  # 0 stands for the end
    return ahead[:-2] << 2 * _BITS | ahead[1:-1] << _BITS | ahead[2:], 3
