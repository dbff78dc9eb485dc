"""How good a finished line is beside others that were written in the same place: lines → scores in nats.

    score = a (log odds of a person + 0.3 (log p(line) + n h) − repeats) + 3 closeness

The log odds are those of `LineJudge`, if the model has one. With 0.3 log p(line) lines are drawn from p^(1 + 0.3 a)
rather than p: a power of the whole line's probability, unlike a lower temperature, does not force each single
character. n is the number of characters, the line's end included, and h what they cost on average in all of the lines,
so that short lines are not better because they are short. Likely lines repeat, so that each syllable that comes twice
in the line costs 0.5, each one that came before the line 0.2, and each pair of neighbouring ones that came before 1.
a is `WriteConfig.selection`; 0 leaves lines as the model writes them. With `WriteConfig.about`, lines are preferred
that are close to it (`zuoci.writing.topic`). The numbers are measured: docs/experiments.md.

`zuoci.writing.particles` weighs lines by exp(score), and `zuoci.writing.candidates` orders them by it.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from zuoci.writing.config import EARLIER_UNIT, LIKELIHOOD, LOOKED_BACK, REPEATED_PAIR, REPEATED_UNIT
from zuoci.writing.form import units

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from zuoci.writing.line import WrittenLine
    from zuoci.writing.rules import Rules

_ABOUT = 3.0  # nats for a character with an affinity of 1


def line_scores(rules: Rules, before: str, lines: Sequence[WrittenLine]) -> NDArray[np.float64]:
    """The scores of some lines, `(N,)`.

    Args:
        rules: the compiled wish.
        before: the text before them.
        lines: the lines.
    """
    nll = np.array([line.nll for line in lines])
    lengths = np.array([len(line.text) + 1 for line in lines])
    above = nll - lengths * (nll.sum() / lengths.sum())
    scores = -LIKELIHOOD * above - [repeats(before, line.text) for line in lines]
    if rules.model.judge:
        # Rounded, so that the sum is the same whatever lines are judged with it.
        scores += rules.model.judge.log_odds(before, [line.text for line in lines]).round(4)
    scores *= rules.selection
    if rules.topic:
        scores += [_ABOUT * rules.topic.closeness(line.text) for line in lines]
    return scores


def repeats(before: str, line: str) -> float:
    """What a line repeats of itself and of the text before it, in nats; words are counted in alphabetic scripts."""
    earlier = units(before[-LOOKED_BACK:])
    pairs, known = set(pairwise(earlier)), set(earlier)
    seen: set[str] = set()
    cost = 0.0
    last = ""
    for unit in units(line):
        cost += (
            REPEATED_UNIT * (unit in seen) + EARLIER_UNIT * (unit in known) + REPEATED_PAIR * ((last, unit) in pairs)
        )
        seen.add(unit)
        pairs.add((last, unit))
        last = unit
    return cost
