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
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np

from zuoci.model.threads import core_count
from zuoci.writing.choosing import choose, choose_weighed, is_population
from zuoci.writing.config import Sampling
from zuoci.writing.passage import write_passages
from zuoci.writing.steps import PassageRequest, StepResult

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zuoci.model.stepper import Stepper
    from zuoci.writing.steps import StepRequest, Steps

Result = TypeVar("Result")
MAX_ROWS = 512  # of a step
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

        taken = sum(text.rows for text in self._texts.values())
        while self._new and taken < self.max_rows:
            number = next(iter(self._new))
            steps, sampling, rows = self._new.pop(number)
            if first := advance(number, steps, None):
                self._texts[number] = _Text(steps, sampling, rows, first)
                taken += rows
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
        """One step, or one passage, of each of some texts."""
        passages = [(text.request, text.sampling) for text in texts if isinstance(text.request, PassageRequest)]
        written = iter(write_passages(self.stepper, passages))
        stepped = iter(self._step_once([text for text in texts if not isinstance(text.request, PassageRequest)]))
        return [next(written if isinstance(text.request, PassageRequest) else stepped) for text in texts]

    def _step_once(self, texts: Sequence[_Text[Result]]) -> list[StepResult]:
        """One step of some texts."""
        if not texts:
            return []
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
            if is_population(requests[i], texts[i].sampling):
                chosen = choose_weighed(logits[a:b], requests[i], texts[i].sampling.temperature)
                results[i] = StepResult(*chosen[:1], [layer[a:b] for layer in state], *chosen[1:], logits[a:b])
            else:
                others.append(i)
        if others:
            rest = logits if len(others) == len(texts) else np.concatenate([logits[slice(*bounds[i])] for i in others])
            found = choose(rest, [requests[i] for i in others], [texts[i].sampling for i in others])
            for i, (ids, costs, share) in zip(others, found, strict=True):
                a, b = bounds[i]
                results[i] = StepResult(ids, [layer[a:b] for layer in state], costs, share, logits[a:b])
        return [result for result in results if result]
