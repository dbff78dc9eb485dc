"""A suffix array: every place of a long sequence, sorted by what follows there."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BITS = 21  # of a code point


class SuffixArray:
    """The suffixes of a sequence of n symbols, sorted; a shorter one comes before its continuations.

    It answers in O(log n) for each symbol of a query, whatever the query and the sequence repeat. Memory: 8
    bytes a symbol, and twice the symbols.

    Attributes:
        symbols: the sequence, uint32 or uint64 `(n,)`.
        order: the places, sorted by the suffixes that begin there, int32 `(n,)`.
    """

    def __init__(self, symbols: NDArray[Any]) -> None:
        """Sorts the suffixes.

        By prefix doubling: places sorted by their first k symbols are sorted by 2k with the ranks of the places
        k further on; only places that are still alike are sorted again (Larsson and Sadakane, 1999).
        """
        self.symbols = symbols
        n = len(symbols)
        key, k = _first_key(symbols)
        order = np.argsort(key).astype(np.int32)
        slots = np.arange(n)  # of the places to be told apart; all of one rank lie side by side
        rank = np.zeros(n + 1, np.int64)  # of each place: 1 + the first slot of those alike; 0 of the end
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
        self._following = rank[order + 1].astype(np.int32)  # increasing among suffixes that begin alike
        self._sorted = symbols[order]

    def match(self, query: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """For each place of a query, the longest stretch from there that also stands in the sequence.

        Args:
            query: symbols `(m,)`.

        Returns:
            Lengths `(m,)`, and slots `(m,)`: where in `order` the suffixes of the query belong.
        """
        lows = np.searchsorted(self._sorted, query).tolist()
        highs = np.searchsorted(self._sorted, query, "right").tolist()
        following = self._following.data
        slots = np.zeros(len(query), np.int64)
        rest = 0  # rank of the query's suffix that begins one symbol later
        for i in range(len(query) - 1, -1, -1):
            slot = bisect_left(following, rest, lows[i], highs[i])
            slots[i] = slot
            rest = slot + 1
        return np.maximum(self._common(query, slots - 1), self._common(query, slots)), slots

    def _common(self, query: NDArray[Any], slots: NDArray[np.int64]) -> NDArray[np.int64]:
        """How many symbols each suffix of a query shares with its neighbour in a slot; 0 where there is none.

        One symbol later, the neighbour shares at most one symbol less (Kasai et al., 2001).
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
        """The first place of a stretch that stands in the sequence, given a slot that `match` gave for it."""
        size, wanted = self.symbols.itemsize, stretch.tobytes()
        raw, order = self.symbols.data.cast("B"), self.order.data

        def differs(place: int) -> bool:
            return bytes(raw[place * size : place * size + len(wanted)]) != wanted

        low = bisect_left(order, True, 0, slot, key=lambda place: not differs(place))
        high = bisect_left(order, True, slot, len(order), key=differs)
        return int(self.order[low:high].min())


def _first_key(symbols: NDArray[Any]) -> tuple[NDArray[Any], int]:
    """Numbers to sort the places by first, and how many symbols they stand for."""
    if symbols.dtype != np.uint32:
        return symbols, 1
    ahead = np.concatenate([symbols, np.zeros(2, np.uint32)]).astype(np.uint64)
    ahead[: len(symbols)] += np.uint64(1)  # 0 is the end
    return ahead[:-2] << 2 * _BITS | ahead[1:-1] << _BITS | ahead[2:], 3
