"""Many texts in one batch: each text asks for steps, and one step computes what all of them asked for.

A text is a generator (`Steps`) that knows nothing of other texts. It yields a `StepRequest` with a row for each of its
streams and is sent a `StepResult`. A `Batch` concatenates the rows of all texts, computes their logits and chooses
their next characters. `zuoci.writing.writer` and the server's engine run batches.

Texts can join and leave between two steps, and no text influences another: the arithmetic of a row does not depend on
the rows beside it (`Stepper`), and random numbers come with the request (`zuoci.writing.random`). Therefore a step may
leave out texts for which there is no room, so that memory is bounded. If a step fails, it is repeated text by text,
and only the text that makes it fail ends.

Dimensions: R rows, D draws (one or several for each row), V vocabulary.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

from zuoci.model.threads import core_count
from zuoci.writing.config import Sampling
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
from zuoci.writing.steps import FREE, StepResult

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from zuoci.model.stepper import Stepper
    from zuoci.writing.steps import StepRequest, Steps

Result = TypeVar("Result")
MAX_ROWS = 512  # of a step
_LOWEST_SHARE = float(
    np.finfo(np.float32).min
)  # in nats; the lower bound of `StepResult.share` where something is left
_ROWS_PER_THREAD = 16  # with fewer, waiting for another thread costs more than it saves
_DEFAULT = Sampling()


@dataclass(slots=True)
class _Text(Generic[Result]):
    steps: Steps[Result]
    sampling: Sampling
    rows: int
    request: StepRequest


class Batch(Generic[Result]):
    """Texts that are written side by side."""

    def __init__(self, stepper: Stepper, threads: int = 0, max_rows: int = MAX_ROWS) -> None:
        """Creates a batch without texts.

        Args:
            stepper: the model.
            threads: number of threads that share the rows; 0: one for each core. It does not influence the texts.
            max_rows: most rows of a step; a text that asks for more is computed alone. It does not influence the texts.
        """
        self.stepper = stepper
        self.threads = threads or core_count()
        self.max_rows = max_rows
        self._new: dict[int, tuple[Steps[Result], Sampling, int]] = {}
        self._texts: dict[int, _Text[Result]] = {}  # those that have waited longest come first
        self._count = 0

    def __len__(self) -> int:
        """The number of texts."""
        return len(self._new) + len(self._texts)

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self.threads, "zuoci-write")

    def add(self, steps: Steps[Result], sampling: Sampling = _DEFAULT, rows: int = 1) -> int:
        """Adds a text.

        Args:
            steps: the text.
            sampling: how its characters are chosen.
            rows: how many rows it usually asks for.

        Returns:
            The number of the text in this batch.
        """
        self._count += 1
        self._new[self._count] = (steps, sampling, rows)
        return self._count

    def remove(self, number: int) -> None:
        """Removes a text, if it is still there."""
        self._new.pop(number, None)
        text = self._texts.pop(number, None)
        if text:
            text.steps.close()

    def step(self) -> list[tuple[int, Result | Exception]]:
        """Computes one step of all texts, or of as many as there is room for; the others come first in the next step.

        Returns:
            The number of each text that has ended, with its result or the error that ended it.
        """
        ended: list[tuple[int, Result | Exception]] = []

        def advance(number: int, steps: Steps[Result], result: StepResult | None) -> StepRequest | None:
            try:
                return steps.send(result)  # pyright: ignore[reportArgumentType]  # None begins
            except StopIteration as end:
                ended.append((number, end.value))
            except Exception as error:  # ends this text; the others go on
                ended.append((number, error))
            return None

        while self._new and sum(text.rows for text in self._texts.values()) < self.max_rows:
            number = next(iter(self._new))
            steps, sampling, rows = self._new.pop(number)
            if first := advance(number, steps, None):
                self._texts[number] = _Text(steps, sampling, rows, first)
        numbers = self._next()
        texts = [self._texts[number] for number in numbers]
        for number, text, result in zip(numbers, texts, self._results(texts), strict=True):
            del self._texts[number]
            if isinstance(result, Exception):
                text.steps.close()
                ended.append((number, result))
            elif request := advance(number, text.steps, result):
                text.request = request
                self._texts[number] = text
        return ended

    def _next(self) -> list[int]:
        """The numbers of the texts of the next step, in the order in which they were added."""
        rows = 0
        numbers: list[int] = []
        for number, text in self._texts.items():
            rows += len(text.request.ids)
            if rows > self.max_rows and numbers:
                break
            numbers.append(number)
        return sorted(numbers)

    def _results(self, texts: Sequence[_Text[Result]]) -> list[StepResult | Exception]:
        """The result of each text, or the error that this text causes."""
        results: dict[int, StepResult | Exception] = {}

        def compute(indices: Sequence[int]) -> None:
            try:
                results.update(zip(indices, self._compute([texts[i] for i in indices]), strict=True))
            except Exception as error:
                if len(indices) == 1:
                    results[indices[0]] = error
                else:
                    for i in indices:
                        compute([i])

        if len(texts) == 1 and len(texts[0].request.ids) >= 2 * _ROWS_PER_THREAD and self.threads > 1:
            return [self._in_parts(texts[0])]
        groups = self._groups(texts)
        if len(groups) > 1:
            list(self._pool.map(compute, groups))
        elif groups:
            compute(groups[0])
        return [results[i] for i in range(len(texts))]

    def _in_parts(self, text: _Text[Result]) -> StepResult | Exception:
        """The result of one text alone, whose rows are computed by several threads; or the error that it causes."""
        rows = len(text.request.ids)
        count = min(self.threads, rows // _ROWS_PER_THREAD)
        edges = [rows * k // count for k in range(count + 1)]
        parts = [replace(text, request=text.request.part(a, b)) for a, b in pairwise(edges)]
        try:
            return StepResult.joined(
                [results[0] for results in self._pool.map(self._compute, [[one] for one in parts])]
            )
        except Exception as error:
            return error

    def _groups(self, texts: Sequence[_Text[Result]]) -> list[list[int]]:
        """Indices of texts that are computed together, one group for each thread."""
        if len(texts) == 1:
            return [[0]]
        rows = sum(len(text.request.ids) for text in texts)
        parts = [list[int]() for _ in range(max(1, min(self.threads, rows // _ROWS_PER_THREAD)))]
        done = 0
        for i, text in enumerate(texts):
            parts[done * len(parts) // rows].append(i)
            done += len(text.request.ids)
        return [part for part in parts if part]

    def _compute(self, texts: Sequence[_Text[Result]]) -> list[StepResult]:
        """One step of some texts."""
        requests = [text.request for text in texts]
        rows = [len(request.ids) for request in requests]
        if len(requests) == 1:
            ids, state = requests[0].ids, requests[0].state
        else:
            ids = np.concatenate([request.ids for request in requests])
            state = [np.concatenate(layers) for layers in zip(*(request.state for request in requests), strict=True)]
        logits, state = self.stepper.step(ids, state)
        bounds = list(pairwise(np.cumsum([0, *rows]).tolist()))
        results: list[StepResult | None] = [None] * len(texts)
        others: list[int] = []
        for i, (a, b) in enumerate(bounds):
            if _is_population(requests[i], texts[i].sampling):
                chosen = _choose_weighed(logits[a:b], requests[i], texts[i].sampling.temperature)
                results[i] = StepResult(*chosen[:1], [layer[a:b] for layer in state], *chosen[1:], logits[a:b])
            else:
                others.append(i)
        if others:
            rest = logits if len(others) == len(texts) else np.concatenate([logits[slice(*bounds[i])] for i in others])
            found = _choose(rest, [requests[i] for i in others], [texts[i].sampling for i in others])
            for i, (ids, costs, share) in zip(others, found, strict=True):
                a, b = bounds[i]
                results[i] = StepResult(ids, [layer[a:b] for layer in state], costs, share, logits[a:b])
        return [result for result in results if result]


def _is_population(request: StepRequest, settings: Sampling) -> bool:
    """Whether `_choose_weighed` can compute a step."""
    filters = settings.top_k or settings.top_p < 1.0 or settings.min_p
    return request.weigh and request.uniform is not None and request.forced is None and not filters


def _choose_weighed(
    logits: NDArray[Any], request: StepRequest, temperature: float
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """The ids, the nll and the share of `StepResult` for particles."""
    R = len(logits)
    allowed = _allowed([request], [(0, R)], logits.shape)
    allowed = np.ones(logits.shape, np.bool_) if allowed is None else allowed
    source = np.arange(R) if request.draws is None else np.repeat(np.arange(R), request.draws)
    uniform = np.zeros(len(source)) if request.uniform is None else request.uniform
    model = logits
    if request.bias is not None:
        logits = logits + request.bias
    chosen, costs, share = draw_weighed(logits, temperature, allowed, uniform, source)
    # What is too improbable for float32 may be all that is allowed.
    low = np.flatnonzero((share == -np.inf) & allowed.any(1))
    for row in low:
        left, draws = keep_allowed(logits[[row]], allowed[[row]]), np.flatnonzero(source == row)
        T = np.full(1, temperature)
        chosen[draws] = draw(apply_temperature(left, T), uniform[draws], np.zeros(len(draws), np.int64))
        costs[draws] = nll(logits, chosen[draws], source[draws])
        share[row] = max(log_share(apply_temperature(logits[[row]], T), allowed[[row]])[0], _LOWEST_SHARE)
    if request.bias is not None:
        costs = nll(model, chosen, source)
    return chosen, costs, share


def _choose(
    logits: NDArray[Any], requests: Sequence[StepRequest], settings: Sequence[Sampling]
) -> list[tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]]:
    """The ids, the nll and the share of `StepResult` for each of some texts, whose rows follow one another."""
    rows = [len(request.ids) for request in requests]
    bounds = list(pairwise(np.cumsum([0, *rows]).tolist()))
    counts = _column([request.draws for request in requests], rows, 1)
    source = np.repeat(np.arange(len(logits)), counts)
    allowed = _allowed(requests, bounds, logits.shape)
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


def _allowed(
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
