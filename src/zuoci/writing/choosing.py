"""Logits and what texts ask for → their next characters, with the figures of `StepResult`.

`zuoci.writing.batch` calls `choose` and `choose_weighed` in each step, and `zuoci.writing.passage` chooses with
`draw_allowed` too.

Dimensions: R rows, D draws (one or several for each row), V vocabulary.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from zuoci.writing.sampling import (
    apply_temperature,
    draw,
    draw_weighed,
    greedy,
    keep_allowed,
    log_share,
    nll,
    sample,
)
from zuoci.writing.steps import FREE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from zuoci.writing.config import Sampling
    from zuoci.writing.steps import StepRequest

# In nats; the lower bound of `StepResult.share` where something is left.
_LOWEST_SHARE = float(np.finfo(np.float32).min)


def is_population(request: StepRequest, settings: Sampling) -> bool:
    """Whether `choose_weighed` can compute a step."""
    return request.weigh and request.uniform is not None and request.forced is None and not settings.has_filters


def choose_weighed(
    logits: NDArray[Any], request: StepRequest, temperature: float
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """The ids, the nll and the share of `StepResult` for particles."""
    R = len(logits)
    allowed = allowed_characters([request], [(0, R)], logits.shape)
    source = np.arange(R) if request.draws is None else np.repeat(np.arange(R), request.draws)
    uniform = np.zeros(len(source)) if request.uniform is None else request.uniform
    biased = logits if request.bias is None else logits + request.bias
    chosen, costs, share = draw_allowed(biased, np.full(R, temperature), allowed, uniform, source)
    if request.bias is not None:
        costs = nll(logits, chosen, source)
    return chosen, costs, share


def draw_allowed(
    logits: NDArray[Any],
    temperature: NDArray[np.float64],
    allowed: NDArray[np.bool_] | None,
    uniform: NDArray[np.float64],
    source: NDArray[np.int64] | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """`draw_weighed`, also for rows in which all that is allowed is too improbable for float32."""
    source = np.arange(len(logits)) if source is None else source
    chosen, costs, share = draw_weighed(logits, temperature, allowed, uniform, source)
    if allowed is None:
        return chosen, costs, share
    for row in np.flatnonzero(share == -np.inf):
        if allowed[row].any():
            left, draws = keep_allowed(logits[[row]], allowed[[row]]), np.flatnonzero(source == row)
            T = temperature[[row]]
            chosen[draws] = draw(apply_temperature(left, T), uniform[draws], np.zeros(len(draws), np.int64))
            costs[draws] = nll(logits, chosen[draws], source[draws])
            share[row] = max(log_share(apply_temperature(logits[[row]], T), allowed[[row]])[0], _LOWEST_SHARE)
    return chosen, costs, share


def choose(
    logits: NDArray[Any], requests: Sequence[StepRequest], settings: Sequence[Sampling]
) -> list[tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]]:
    """The ids, the nll and the share of `StepResult` for each of some texts, whose rows follow one another."""
    rows = [len(request.ids) for request in requests]
    bounds = list(pairwise(np.cumsum([0, *rows]).tolist()))
    counts = _column([request.draws for request in requests], rows, 1)
    source = np.repeat(np.arange(len(logits)), counts)
    allowed = allowed_characters(requests, bounds, logits.shape)
    share = np.zeros(len(logits))
    left = logits
    if allowed is not None:
        impossible = np.logical_not(np.any(allowed, axis=1))
        if any(request.weigh for request in requests):
            share = _shares(logits, allowed, requests, settings, rows)
        share[impossible] = -np.inf
        left = keep_allowed(logits, allowed | impossible[:, None])
    first = np.concatenate([[0], np.cumsum(counts)])  # the first draw of each row
    if all(request.uniform is None for request in requests):
        chosen = greedy(left)[source]
    else:
        draws = [int(first[b] - first[a]) for a, b in bounds]
        uniform = _column([request.uniform for request in requests], draws, -1.0)
        chosen = sample(left, settings, rows, uniform, source)
    if any(request.forced is not None for request in requests):
        forced = _column([request.forced for request in requests], rows, FREE)
        chosen = np.where(forced[source] == FREE, chosen, forced[source])
        if allowed is not None:
            share = np.where((forced == FREE) | allowed[np.arange(len(forced)), forced], share, -np.inf)
    costs = nll(logits, chosen, source)
    return [(chosen[first[a] : first[b]], costs[first[a] : first[b]], share[a:b]) for a, b in bounds]


def _column(values: Sequence[NDArray[Any] | None], rows: Sequence[int], default: float) -> NDArray[Any]:
    """The values of all rows, `(R,)`, with a default for texts that give none."""
    pairs = zip(values, rows, strict=True)
    return np.concatenate([np.full(count, default) if value is None else value for value, count in pairs])


def _shares(
    logits: NDArray[Any],
    allowed: NDArray[np.bool_],
    requests: Sequence[StepRequest],
    settings: Sequence[Sampling],
    rows: Sequence[int],
) -> NDArray[np.float64]:
    """log of the probability, at each text's temperature, of what is allowed, `(R,)`; 0 for texts that do not weigh."""
    drawing = any(request.uniform is not None for request in requests)
    temperature = np.repeat([one.temperature if drawing else 1.0 for one in settings], rows)
    shares = np.maximum(log_share(apply_temperature(logits, temperature), allowed), _LOWEST_SHARE)
    return np.where(np.repeat([request.weigh for request in requests], rows), shares, 0.0)


def allowed_characters(
    requests: Sequence[StepRequest], bounds: Sequence[tuple[int, int]], shape: tuple[int, int]
) -> NDArray[np.bool_] | None:
    """The characters that may come next, `(R, V)`; None: all."""
    if all(request.allowed is None and request.guard is None for request in requests):
        return None
    allowed = np.ones(shape, np.bool_)
    for request, (a, b) in zip(requests, bounds, strict=True):
        if request.allowed is not None:
            allowed[a:b] = request.allowed
    for guard in dict.fromkeys(request.guard for request in requests if request.guard is not None):
        guarded = [(request, a, b) for request, (a, b) in zip(requests, bounds, strict=True) if request.guard is guard]
        rows = np.concatenate([np.arange(a, b) for _, a, b in guarded])
        recent = [request.recent for request, _, _ in guarded if request.recent is not None]
        given = _column([request.given for request, _, _ in guarded], [b - a for _, a, b in guarded], 0)
        indices, ids = guard.banned(np.concatenate(recent), given)
        allowed[rows[indices], ids] = False
    return allowed
