"""Passages: several characters of each of some texts, drawn one after another without asking the texts in between.

A text without form asks for a `PassageRequest`. To build a request and a result for each single character took longer
than the model. What a text would have done in between is done here: each character is read next, and those that would
complete a loop or a copy are left out.

Dimensions: R rows, one for each text, V vocabulary.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from zuoci.writing.choosing import draw_allowed
from zuoci.writing.repetition import characters_that_would_repeat
from zuoci.writing.sampling import greedy, keep_allowed, nll, sample
from zuoci.writing.steps import StepResult

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from zuoci.model.stepper import Stepper, Streams
    from zuoci.writing.config import Sampling
    from zuoci.writing.guards import Guard
    from zuoci.writing.steps import PassageRequest

    Array = NDArray[Any]


def write_passages(stepper: Stepper, asked: Sequence[tuple[PassageRequest, Sampling]]) -> list[StepResult]:
    """The passages of some texts.

    Texts whose characters are chosen in different ways are written apart, because each way rounds differently.
    """
    kinds = [(request.uniform is None, settings.has_filters) for request, settings in asked]
    results: list[StepResult | None] = [None] * len(asked)
    for kind in dict.fromkeys(kinds):
        numbers = [number for number, other in enumerate(kinds) if other == kind]
        for number, result in zip(numbers, _Passages([asked[i] for i in numbers]).write(stepper), strict=True):
            results[number] = result
    return [result for result in results if result]


class _Passages:
    """Passages of texts whose characters are chosen in the same way.

    A row that has come to its end is left out of the steps that follow.
    """

    def __init__(self, asked: Sequence[tuple[PassageRequest, Sampling]]) -> None:
        requests = self._requests = [request for request, _ in asked]
        self._settings = [settings for _, settings in asked]
        self._temperature = np.array([settings.temperature for settings in self._settings])
        self._texts = [request.text for request in requests]
        counts = [request.count for request in requests]
        self._fewest, self._steps = min(counts), max(counts)
        self._rows = np.arange(len(asked))  # the number of the text of each row
        self._all: Array | slice = slice(None)  # the same as an index
        shape = (len(asked), self._steps)
        self._uniform = None if requests[0].uniform is None else np.zeros(shape)
        self._ids, self._nll = np.empty(shape, np.int64), np.empty(shape)
        self._states: list[list[tuple[Streams, int]]] = [[] for _ in asked]
        self._greedy: list[tuple[Array, int, Array, Array]] = []  # rows, step, logits and ids to find the nll of
        self._results: dict[int, StepResult] = {}
        self._is_limited = any(one.max_repeats or one.guard or one.allowed is not None for one in requests)
        self._guards = [*dict.fromkeys(request.guard for request in requests if request.guard)]
        self._look_back = max((guard.look_back for guard in self._guards), default=0)
        self._recent = np.empty((len(asked), self._look_back + self._steps), np.int64)
        for number, request in enumerate(requests):
            if request.recent is not None:
                self._recent[number, self._look_back - request.recent.shape[1] : self._look_back] = request.recent
            if self._uniform is not None:
                self._uniform[number, : request.count] = request.uniform

    def write(self, stepper: Stepper) -> list[StepResult]:
        """Draws the characters; the result of each text."""
        ids = np.concatenate([request.ids for request in self._requests])
        state = [np.concatenate(layers) for layers in zip(*(one.state for one in self._requests), strict=True)]
        for k in range(self._steps):
            before = state
            logits, state = stepper.step(ids, before)
            ids, stuck = self._choose(k, logits)
            self._keep(ids, before)
            if stuck is None and k + 1 < self._fewest:
                continue
            left: list[int] = []  # rows that go on
            for i, number in enumerate(self._rows.tolist()):
                if stuck is not None and stuck[i]:
                    self._end(number, k, before, i, logits)
                elif k + 1 == self._requests[number].count:
                    self._end(number, k + 1, state, i, logits)
                else:
                    left.append(i)
            if not left:
                break
            if len(left) < len(self._rows):
                self._rows, ids, state = self._rows[left], ids[left], [layer[left] for layer in state]
                self._all = self._rows
        if self._greedy:  # all at once, which is twice as fast for a text alone
            rows, steps, logits, ids = zip(*self._greedy, strict=True)
            steps = np.repeat(steps, [len(each) for each in rows])
            self._nll[np.concatenate(rows), steps] = nll(np.concatenate(logits), np.concatenate(ids))
        return [self._results[number] for number in range(len(self._requests))]

    def _keep(self, ids: Array, before: Streams) -> None:
        """Keeps what later characters, and the texts, need of those that were drawn."""
        if not self._is_limited:
            return
        for i, (number, drawn) in enumerate(zip(self._rows.tolist(), ids.tolist(), strict=True)):
            request = self._requests[number]
            if request.max_repeats:
                self._texts[number] += request.alphabet.vocabulary.characters[drawn]
            if request.guard:
                self._states[number].append((before, i))

    def _end(self, number: int, count: int, state: Streams, row: int, logits: Array) -> None:
        """The passage of a text ends after so many characters."""
        share = 0.0 if count == self._requests[number].count else -np.inf
        self._results[number] = StepResult(
            self._ids[number, :count],
            [layer[row : row + 1] for layer in state],
            self._nll[number, :count],
            np.array([share]),
            logits[row : row + 1],
            self._states[number][:count],
        )

    def _choose(self, k: int, logits: Array) -> tuple[Array, Array | None]:
        """Character k of each row, `(R,)`, and in which rows none is allowed, `(R,)`; None: in no row."""
        allowed = self._allowed(k, logits.shape)
        stuck: Array | None = None if allowed is None else np.logical_not(np.any(allowed, 1))
        if self._uniform is not None and not self._settings[0].has_filters:
            uniform, temperature = self._uniform[self._all, k], self._temperature[self._all]
            ids, costs, _ = draw_allowed(logits, temperature, allowed, uniform)
            self._nll[self._all, k] = costs
        else:
            left = logits if allowed is None or stuck is None else keep_allowed(logits, allowed | stuck[:, None])
            if self._uniform is None:
                ids = greedy(left)
                self._greedy.append((self._rows, k, logits, ids))
            else:
                settings = [self._settings[number] for number in self._rows]
                ids = sample(left, settings, [1] * len(settings), self._uniform[self._all, k])
                self._nll[self._all, k] = nll(logits, ids)
        self._ids[self._all, k] = ids
        if self._guards:
            self._recent[self._all, self._look_back + k] = ids
        return ids, stuck

    def _allowed(self, k: int, shape: tuple[int, ...]) -> Array | None:
        """The characters that may come next, `(R, V)`; None: all."""
        if not self._is_limited:
            return None
        found: dict[int, Array] = {}
        for i, number in enumerate(self._rows.tolist()):
            request, allowed = self._requests[number], self._requests[number].allowed
            if request.max_repeats:
                repeating = characters_that_would_repeat(self._texts[number], request.max_repeats)
                allowed = request.alphabet.without(repeating, allowed) if repeating else allowed
            if allowed is not None:
                found[i] = allowed
        banned = [pair for guard in self._guards for pair in self._copies(guard, k)]
        if not found and not banned:
            return None
        mask = np.ones(shape, np.bool_)
        for i, allowed in found.items():
            mask[i] = allowed
        for i, number in banned:
            mask[i, number] = False
        return mask

    def _copies(self, guard: Guard, k: int) -> list[tuple[int, int]]:
        """Rows and ids of what a guard forbids."""
        guarded = [i for i, number in enumerate(self._rows) if self._requests[number].guard is guard]
        end = self._look_back + k
        recent = self._recent[self._rows[guarded], end - guard.look_back : end]
        rows, ids = guard.banned(recent)
        return [(guarded[row], number) for row, number in zip(rows.tolist(), ids.tolist(), strict=True)]
