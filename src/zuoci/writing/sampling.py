"""Logits → the ids of the next characters, for many rows at once. Pure functions; `zuoci.writing.batch` calls them.

Dimensions: R rows, D draws (one or several from each row), V vocabulary.

A logit of −∞ marks a character that cannot be chosen. The steps, in order:

    1. `keep_allowed`       what form, rhyme, copy guard and repetition limit allow
    2. `keep_top_k`         the k most likely characters (Fan et al. 2018)
    3. `keep_top_p`         the fewest most likely ones whose probabilities add up to at least p (Holtzman et al. 2020)
    4. `keep_min_p`         those with at least p times the highest probability (Nguyen et al. 2024)
    5. `apply_temperature`  logits / temperature
    6. `draw`               one id from the softmax of what is left; or `greedy` in place of steps 2 to 6

Temperature is applied last, after the filters, because what is plausible is decided by the model's own probabilities:
a high temperature makes the choice among plausible characters bolder, and lets no other character in. The golden
cases in tests/golden/sampling.json hold this order fixed for the Python and the JavaScript implementation.
"""

from __future__ import annotations

from functools import cache
from math import nextafter
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from zuoci.writing.config import Sampling

    Logits = NDArray[np.floating[Any]]
    Ids = NDArray[np.int64]

_BLOCK = 64  # characters whose weights are summed at once
_MOST_CANDIDATES = 128  # that are sorted for `keep_top_p` first
_FEW_DRAWS = 4  # that are looked for one after another
_LARGEST = float(np.finfo(np.float32).max)
_NEVER_TOO_MUCH = 1e6  # a factor for differences of logits, which a network keeps below 10³⁰


def sample(
    logits: Logits,
    settings: Sequence[Sampling],
    rows: Sequence[int],
    uniform: NDArray[np.float64],
    source: Ids | None = None,
) -> Ids:
    """Filters the logits, applies the temperature and draws: steps 2 to 6.

    Args:
        logits: `(R, V)`, with −∞ for what is not allowed.
        settings: of each text; `greedy` is not read.
        rows: how many rows each text has, R in all.
        uniform: one number from [0, 1) for each draw, `(D,)`; −1: choose the most likely character.
        source: the row of each draw, `(D,)`; None: one draw from each row.

    Returns:
        Ids `(D,)`.
    """
    source = np.arange(len(logits)) if source is None else source
    if any(one.top_k for one in settings):
        logits = keep_top_k(logits, np.repeat([one.top_k for one in settings], rows))
    if any(one.top_p < 1.0 for one in settings):
        logits = keep_top_p(logits, np.repeat([one.top_p for one in settings], rows))
    if any(one.min_p for one in settings):
        logits = keep_min_p(logits, np.repeat([one.min_p for one in settings], rows))
    chosen = draw(apply_temperature(logits, np.repeat([one.temperature for one in settings], rows)), uniform, source)
    if (uniform < 0.0).any():
        chosen = np.where(uniform < 0.0, greedy(logits)[source], chosen)
    return chosen


def keep_allowed(logits: Logits, allowed: NDArray[np.bool_]) -> Logits:
    """Sets the logits of all characters but the allowed ones to −∞; `allowed` is `(V,)` or `(R, V)`."""
    return np.where(allowed, logits, -np.inf).astype(logits.dtype, copy=False)


def keep_top_k(logits: Logits, k: Ids) -> Logits:
    """Keeps the k most likely characters of each row, and those that are as likely as the last of them.

    Args:
        logits: `(R, V)`.
        k: `(R,)`; 0 keeps all.
    """
    V = logits.shape[1]
    last = np.full((len(logits), 1), -np.inf, logits.dtype)  # the least logit that is kept
    for count in {*k.tolist()} - {0}:
        if count < V:
            rows = np.flatnonzero(k == count)
            last[rows] = np.partition(logits[rows], V - count, 1)[:, V - count, None]
    return keep_allowed(logits, logits >= last)


def keep_top_p(logits: Logits, p: NDArray[np.floating[Any]]) -> Logits:
    """Keeps the smallest set of most likely characters with Σ softmax(logits) ≥ p in each row; never none.

    Of equally likely characters, those with lower ids come first.

    Args:
        logits: `(R, V)`.
        p: `(R,)`, from (0, 1]; 1 keeps all.
    """
    weights = np.exp(logits - logits.max(1, keepdims=True))
    wanted = np.where(p < 1.0, p * weights.sum(1, dtype=np.float64), np.inf)  # a sum of weights
    kept = np.ones(logits.shape, np.bool_)
    left = np.flatnonzero(wanted < np.inf)
    for most in (_MOST_CANDIDATES, logits.shape[1]):
        if len(left):
            kept[left], enough = _most_likely(weights[left], wanted[left], most)
            left = left[~enough]
    return keep_allowed(logits, kept)


def _most_likely(
    weights: Logits, wanted: NDArray[np.float64], most: int
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """The largest weights of each row that have a sum of at least `wanted`, as a mask `(R, V)`.

    Only the `most` largest of each row are sorted.

    Returns:
        The mask, and whether these were enough, `(R,)`.
    """
    V = weights.shape[1]
    if most < V:
        ids = np.sort(np.argpartition(weights, V - most, 1)[:, V - most :], 1)
        found = np.take_along_axis(weights, ids, 1)
    else:
        ids, found = np.broadcast_to(np.arange(V), weights.shape), weights
    order = np.argsort(-found, axis=1, kind="stable")
    ranked = np.take_along_axis(found, order, 1).astype(np.float64)
    sums = ranked.cumsum(1)
    # Which of several that are equal to the last one are among the largest is arbitrary; those before it are sure.
    sure = ranked > ranked[:, -1:] if most < V else np.ones(ranked.shape, np.bool_)
    mask = np.zeros(weights.shape, np.bool_)
    np.put_along_axis(mask, np.take_along_axis(ids, order, 1), (sums - ranked < wanted[:, None]) & sure, 1)
    return mask, np.max(sums, 1, initial=0.0, where=sure) >= wanted if most < V else np.ones(len(mask), np.bool_)


def keep_min_p(logits: Logits, p: NDArray[np.floating[Any]]) -> Logits:
    """Keeps the characters of each row with softmax(logits) ≥ p · max softmax(logits).

    Args:
        logits: `(R, V)`.
        p: `(R,)`, from [0, 1]; 0 keeps all.
    """
    with np.errstate(divide="ignore"):
        least = logits.max(1, keepdims=True) + np.log(p)[:, None]
    return keep_allowed(logits, logits >= least.astype(logits.dtype))


def apply_temperature(logits: Logits, temperature: NDArray[np.floating[Any]]) -> Logits:
    """(logits − max logits) / temperature, so that the largest is 0; temperature is `(R,)`, above 0."""
    moved = logits - logits.max(1, keepdims=True)
    return _divide(moved, temperature, out=moved)


def probabilities(logits: Logits) -> NDArray[np.float64]:
    """softmax(logits), `(R, V)`."""
    weights = np.exp(logits - logits.max(1, keepdims=True), dtype=np.float64)
    return weights / weights.sum(1, keepdims=True)


def greedy(logits: Logits) -> Ids:
    """The most likely id of each row, `(R,)`; of several, the lowest."""
    return logits.argmax(1)


def draw(logits: Logits, uniform: NDArray[np.float64], source: Ids | None = None) -> Ids:
    """Samples ids from softmax(logits) by inverting the cumulative distribution function.

        id = min {i : Σ_{j ≤ i} exp(logits_j) > uniform · Σ_j exp(logits_j)}

    Args:
        logits: `(R, V)`, with 0 as the largest of each row, as `apply_temperature` returns them.
        uniform: numbers from [0, 1), `(D,)`.
        source: the row of each draw, `(D,)`; None: one draw from each row.
    """
    source = np.arange(len(logits)) if source is None else source
    return _invert(np.exp(logits), uniform, source)[0]


def nll(logits: Logits, ids: Ids, source: Ids | None = None) -> NDArray[np.float64]:
    """−log softmax(logits)[source, ids], in nats, `(D,)`; `source` is the row of each, None: one in each row."""
    source = np.arange(len(logits)) if source is None else source
    top = logits.max(1)
    total = np.exp(logits - top[:, None]).sum(1, dtype=np.float64)
    return np.log(total)[source] - (logits[source, ids] - top[source])


def draw_weighed(
    logits: Logits,
    temperature: NDArray[np.floating[Any]],
    allowed: NDArray[np.bool_] | None,
    uniform: NDArray[np.float64],
    source: Ids,
) -> tuple[Ids, NDArray[np.float64], NDArray[np.float64]]:
    """Steps 1, 5 and 6 at once, with the figures that texts need: the same in a third of the passes.

    Args:
        logits: `(R, V)`.
        temperature: T, above 0, `(R,)`.
        allowed: the characters that may come next, `(R, V)`; None: all.
        uniform: numbers from [0, 1), `(D,)`.
        source: the row of each draw, `(D,)`.

    Returns:
        The ids `(D,)`; their nll by the unrestricted logits at temperature 1, in nats `(D,)`; and
        log Σ_{i allowed} softmax(logits / T)_i, in nats `(R,)`, −∞ where nothing is allowed (the ids mean nothing
        there) or all that is allowed is too improbable for float32.
    """
    moved = logits - np.maximum.reduce(logits, 1, keepdims=True)
    weights = np.exp(moved)
    log_total = np.log(np.add.reduce(weights, 1, np.float64))
    if np.count_nonzero(temperature != 1.0):
        _divide(moved, temperature, out=weights)
        np.exp(weights, out=weights)
    if allowed is None:
        chosen, _ = _invert(weights, uniform, source)
        share = np.zeros(len(logits))
    else:
        total = np.add.reduce(weights, 1, np.float64)
        weights *= allowed
        chosen, kept = _invert(weights, uniform, source)
        with np.errstate(divide="ignore"):
            share = np.log(kept.astype(np.float64)) - np.log(total)
    return chosen, log_total[source] - moved[source, chosen], share


def _divide(moved: Logits, temperature: NDArray[np.floating[Any]], out: Logits) -> Logits:
    """`moved / temperature`, for logits of at most 0; −∞ where that is less than the least number."""
    factor = np.minimum(1.0 / temperature, _LARGEST).astype(out.dtype)[:, None]
    if factor.max() < _NEVER_TOO_MUCH:
        return np.multiply(moved, factor, out)
    with np.errstate(over="ignore"):  # −∞ for a logit so far below the largest has no effect on the draw
        return np.multiply(moved, factor, out)


def _invert(weights: Logits, uniform: NDArray[np.float64], source: Ids) -> tuple[Ids, Logits]:
    """min {i : Σ_{j ≤ i} w_j > uniform · Σ_j w_j} in the row of each draw, `(D,)`, and the sums Σ_j w_j, `(R,)`.

    The weights are summed over blocks of characters, and then within the block that a draw falls into: ten times as
    fast as cumulative sums over all characters.
    """
    V = weights.shape[1]
    bounds = np.add.reduceat(weights, _block_starts(V), 1).cumsum(1)  # (R, blocks)
    total = bounds[:, -1]
    if len(source) <= _FEW_DRAWS:
        found = [_find(weights[row], bounds[row], u) for row, u in zip(source.tolist(), uniform.tolist(), strict=True)]
        return np.array(found), total
    of_draw = total[source].astype(np.float64)
    wanted = np.minimum(uniform * of_draw, np.nextafter(of_draw, 0.0))  # the product may round up to the total
    block = (bounds[source, :-1] <= wanted[:, None]).sum(1)
    wanted -= np.where(block, bounds[source, block - 1], 0.0)
    ids = block[:, None] * _BLOCK + np.arange(_BLOCK)
    inside = np.where(ids < V, weights[source[:, None], np.minimum(ids, V - 1)], 0.0).cumsum(1)
    of_block = inside[:, -1].astype(np.float64)
    wanted = np.minimum(wanted, np.nextafter(of_block, 0.0))  # added up in another order
    return np.minimum(ids[:, 0] + (inside <= wanted[:, None]).sum(1), V - 1), total


def _find(weights: Logits, bounds: Logits, uniform: float) -> int:
    """What `_invert` finds for one draw, from the weights of its row `(V,)` and the bounds of its blocks.

    The same operations, which numpy needs a third of the time for if there is one number of each.
    """
    total = bounds.item(-1)
    wanted = min(uniform * total, nextafter(total, 0.0))
    block = int(bounds[:-1].searchsorted(wanted, "right"))
    wanted -= bounds.item(block - 1) if block else 0.0
    inside = weights[block * _BLOCK : (block + 1) * _BLOCK].cumsum()
    wanted = min(wanted, nextafter(inside.item(-1), 0.0))
    return min(block * _BLOCK + int(inside.searchsorted(wanted, "right")), len(weights) - 1)


@cache
def _block_starts(V: int) -> Ids:
    """Where blocks of characters begin."""
    return np.arange(0, V, _BLOCK)


def log_share(logits: Logits, allowed: NDArray[np.bool_]) -> NDArray[Any]:
    """log Σ_{i allowed} softmax(logits)_i, in nats, `(R,)`; −∞ if nothing is allowed."""
    return _log_sum_exp(np.where(allowed, logits, -np.inf)) - _log_sum_exp(logits)


def _log_sum_exp(logits: Logits) -> NDArray[np.float64]:
    top = np.maximum(logits.max(1), np.finfo(logits.dtype).min)  # finite, for rows in which all logits are −∞
    with np.errstate(divide="ignore"):
        return np.log(np.exp(logits - top[:, None]).sum(1, dtype=np.float64)) + top
