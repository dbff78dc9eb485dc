"""How natural the ends of lines are: the probability that people end a line after its last two characters.

    P(end | b)  = (E(b)  + κ P(end))     / (N(b)  + κ),  P(end) = ends / units
    P(end | ab) = (E(ab) + κ P(end | b)) / (N(ab) + κ)

where a and b are the last two units (characters; words in English), N counts how often people write them and E how
often they end there. κ = 3 predicts best where the held-apart songs end (2 to 4 are equally good).
"""

from __future__ import annotations

import math
import statistics
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SMOOTHING = 3.0  # κ
RARE = 0.08  # an end at which people end more rarely is counted as unnatural


class LineEnds:
    """Counts of how often people end after one and two units.

    Attributes:
        share: P(end), the share of units at which people end.
    """

    def __init__(self, parts: Iterable[Sequence[str]]) -> None:
        """Counts.

        Args:
            parts: lines, or the parts of lines between pauses, in units.

        Raises:
            ValueError: there are no units.
        """
        self._seen: Counter[tuple[str, ...]] = Counter()
        self._ended: Counter[tuple[str, ...]] = Counter()
        units = ends = 0
        for part in parts:
            for i in range(len(part)):
                self._seen.update({(part[i],), tuple(part[max(i - 1, 0) : i + 1])})
            if part:
                self._ended.update({(part[-1],), tuple(part[-2:])})
            units += len(part)
            ends += bool(part)
        if not units:
            raise ValueError("line ends need lines to be counted on: there are none")
        self.share = ends / units

    def probability(self, part: Sequence[str]) -> float:
        """P(end | the last two units of a part); of its only unit, if it has one."""
        probability = self.share
        for context in (tuple(part[-1:]), tuple(part[-2:]))[: len(part)]:
            probability = (self._ended[context] + SMOOTHING * probability) / (self._seen[context] + SMOOTHING)
        return probability

    def figures(self, parts: Iterable[Sequence[str]]) -> tuple[float, float]:
        """The mean of log P(end) over some ends, and the share of ends with P(end) < 8 %; NaN if there are none."""
        found = [self.probability(part) for part in parts if part]
        if not found:
            return math.nan, math.nan
        return statistics.mean(map(math.log, found)), statistics.mean(p < RARE for p in found)
