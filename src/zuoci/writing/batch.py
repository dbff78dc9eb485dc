"""Many texts, one batch: whoever writes asks for steps, and all that was asked for is done at once.

A text is written by a generator (`Steps`) that knows nothing of others: it yields an `StepRequest`, with a row for each
stream that it follows, and is sent the `StepResult`. A `Batch` puts the rows of all its texts side by side, reads one
character in each, and draws the next. Texts join and leave between two steps, and none changes what another writes:
the arithmetic of a row does not depend on its neighbours (`Stepper`), nor do its draws (`uniforms`). So a step may
leave out texts for which there is no room, and memory is bounded however many rows texts ask for; and where a step
fails, it is repeated text by text, and only the text that makes it fail ends.

Dimensions: R rows, V vocabulary.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

import numpy as np
import torch

from zuoci.model.threads import core_count
from zuoci.writing.sampling import (
    at_temperature,
    draw,
    greedy,
    keep_min_p,
    keep_top_k,
    keep_top_p,
    nll,
    only,
    share_allowed,
)

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from numpy.typing import NDArray

    from zuoci.model.stepper import Stepper, Streams
    from zuoci.writing.config import WriteConfig
    from zuoci.writing.originality import CopyGuard

Result = TypeVar("Result")
FREE = -1  # in `forced`: a character that is drawn
_LEAST_SHARE = float(np.finfo(np.float32).min)  # in nats, of characters that are allowed, however unlikely
ROWS = 512  # that a step reads, at most
_ROWS_A_THREAD = 16  # with fewer, waiting for another thread costs more than it brings


@dataclass(slots=True)
class StepRequest:
    """A step that a text asks for.

    Attributes:
        ids: the character that each row reads, `(R,)`.
        state: of each row before.
        uniform: the number from [0, 1) that each row's draw takes, `(R,)`; None: the most probable one is taken.
        forced: what each row's next character must be, `(R,)`, or `FREE`; None: all are free.
        allowed: the characters that may come next, `(V,)` or `(R, V)`; None: any.
        guard: forbids what would copy, too.
        recent: the last ids of each row, for the guard, `(R, limit)`.
        weigh: whether the share that was allowed is wanted.
    """

    ids: NDArray[np.int64]
    state: Streams
    uniform: NDArray[np.float64] | None = None
    forced: NDArray[np.int64] | None = None
    allowed: NDArray[np.bool_] | None = None
    guard: CopyGuard | None = None
    recent: NDArray[np.int64] | None = None
    weigh: bool = False


@dataclass(slots=True)
class StepResult:
    """What came of it.

    Attributes:
        ids: the next characters, `(R,)`.
        state: after what was read, before what was drawn.
        nll: how unlikely the model itself thought each, in nats, `(R,)`.
        share: −∞ where nothing was allowed, a forced character neither, and the id means nothing; else 0, or if it
            is wanted, the log of the share of the probability that was allowed, or that a forced character had; `(R,)`.
        logits: the model's, `(R, V)`.
    """

    ids: NDArray[np.int64]
    state: Streams
    nll: NDArray[np.float64]
    share: NDArray[np.float64]
    logits: NDArray[Any]


Steps: TypeAlias = "Generator[StepRequest, StepResult, Result]"


@dataclass(slots=True)
class _Text(Generic[Result]):
    steps: Steps[Result]
    config: WriteConfig
    ask: StepRequest


class Batch(Generic[Result]):
    """Texts that are being written side by side."""

    def __init__(self, stepper: Stepper, threads: int = 0, rows: int = ROWS) -> None:
        """Begins without texts.

        Args:
            stepper: the model.
            threads: that share the rows; 0: one a core. It has no influence on what is written.
            rows: that a step reads, at most; a text that asks for more is read alone. No influence either.
        """
        self.stepper = stepper
        self.threads = threads or core_count()
        self.rows = rows
        self._new: dict[int, tuple[Steps[Result], WriteConfig]] = {}
        self._texts: dict[int, _Text[Result]] = {}  # those that have waited longest come first
        self._count = 0

    def __len__(self) -> int:
        """The number of texts."""
        return len(self._new) + len(self._texts)

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self.threads, "zuoci-write", torch.set_num_threads, (1,))

    def add(self, steps: Steps[Result], config: WriteConfig) -> int:
        """Takes a text in; returns its number."""
        self._count += 1
        self._new[self._count] = (steps, config)
        return self._count

    def remove(self, number: int) -> None:
        """Lets go of a text that nobody waits for any more."""
        self._new.pop(number, None)
        text = self._texts.pop(number, None)
        if text:
            text.steps.close()

    def step(self) -> list[tuple[int, Result | Exception]]:
        """One step of all texts, or of as many as there is room for: the others come first in the next one.

        To be called in `one_thread()`.

        Returns:
            The number of each text that has come to its end, with its result, or the error that ended it.
        """
        ended: list[tuple[int, Result | Exception]] = []

        def ask(number: int, steps: Steps[Result], answer: StepResult | None) -> StepRequest | None:
            try:
                return steps.send(answer)  # pyright: ignore[reportArgumentType]  # None begins
            except StopIteration as end:
                ended.append((number, end.value))
            except Exception as error:  # this text's; the others go on
                ended.append((number, error))
            return None

        while self._new and sum(text.config.rows for text in self._texts.values()) < self.rows:
            number = next(iter(self._new))
            steps, config = self._new.pop(number)
            if first := ask(number, steps, None):
                self._texts[number] = _Text(steps, config, first)
        numbers = self._next()
        texts = [self._texts[number] for number in numbers]
        for number, text, answer in zip(numbers, texts, self._answers(texts), strict=True):
            del self._texts[number]
            if isinstance(answer, Exception):
                text.steps.close()
                ended.append((number, answer))
            elif following := ask(number, text.steps, answer):
                text.ask = following
                self._texts[number] = text
        return ended

    def _next(self) -> list[int]:
        """The texts of the next step, in the order in which they came."""
        rows = 0
        numbers: list[int] = []
        for number, text in self._texts.items():
            rows += len(text.ask.ids)
            if rows > self.rows and numbers:
                break
            numbers.append(number)
        return sorted(numbers)

    def _answers(self, texts: Sequence[_Text[Result]]) -> list[StepResult | Exception]:
        """The answer to each text, or the error that it alone gives."""
        answers: dict[int, StepResult | Exception] = {}

        def work(places: Sequence[int]) -> None:
            try:
                answers.update(zip(places, self._work([texts[k] for k in places]), strict=True))
            except Exception as error:
                if len(places) == 1:
                    answers[places[0]] = error
                else:
                    for place in places:
                        work([place])

        pieces = self._pieces(texts)
        if len(pieces) > 1:
            list(self._pool.map(work, pieces))
        elif pieces:
            work(pieces[0])
        return [answers[k] for k in range(len(texts))]

    def _pieces(self, texts: Sequence[_Text[Result]]) -> list[list[int]]:
        """Places of texts that are worked on together.

        Greedy texts go another way, which is faster for one alone: which way a text goes, it decides alone.
        """
        if len(texts) == 1:
            return [[0]]
        pieces: list[list[int]] = []
        for greedy_ones in (False, True):
            places = [k for k, text in enumerate(texts) if text.config.greedy == greedy_ones]
            rows = sum(len(texts[k].ask.ids) for k in places)
            parts = [list[int]() for _ in range(max(1, min(self.threads, rows // _ROWS_A_THREAD)))]
            done = 0
            for k in places:
                parts[done * len(parts) // rows].append(k)
                done += len(texts[k].ask.ids)
            pieces += [part for part in parts if part]
        return pieces

    def _work(self, texts: Sequence[_Text[Result]]) -> list[StepResult]:
        asks = [text.ask for text in texts]
        counts = [len(ask.ids) for ask in asks]
        if len(asks) == 1:
            ids, state = asks[0].ids, asks[0].state
        else:
            ids = np.concatenate([ask.ids for ask in asks])
            state = [np.concatenate(layers) for layers in zip(*(ask.state for ask in asks), strict=True)]
        logits, state = self.stepper.step(ids, state, one_by_one=texts[0].config.greedy)
        bounds = list(pairwise(np.cumsum([0, *counts]).tolist()))
        chosen, costs, share = _choose(logits, texts, counts, bounds)
        return [
            StepResult(chosen[a:b], [layer[a:b] for layer in state], costs[a:b], share[a:b], logits[a:b])
            for a, b in bounds
        ]


def _choose(
    logits: NDArray[Any], texts: Sequence[_Text[Any]], counts: Sequence[int], bounds: Sequence[tuple[int, int]]
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """The next characters `(R,)`, and their `StepResult.nll` and `StepResult.share`."""
    asks = [text.ask for text in texts]

    def setting(name: str) -> NDArray[Any]:
        return np.repeat([getattr(text.config, name) for text in texts], counts)

    def column(values: Sequence[NDArray[Any] | None], otherwise: float) -> NDArray[Any]:
        pairs = zip(values, counts, strict=True)
        return np.concatenate([np.full(count, otherwise) if value is None else value for value, count in pairs])

    drawing = any(ask.uniform is not None for ask in asks)
    temperature = setting("temperature") if drawing else np.ones(len(logits))
    share = np.zeros(len(logits))
    left = logits
    allowed = _allowed(asks, bounds, logits.shape)
    if allowed is not None:
        hopeless = np.logical_not(np.any(allowed, axis=1))
        if any(ask.weigh for ask in asks):
            weighed = np.maximum(share_allowed(at_temperature(logits, temperature), allowed), _LEAST_SHARE)
            share = np.where(np.repeat([ask.weigh for ask in asks], counts), weighed, 0.0)
        share[hopeless] = -np.inf
        left = only(logits, allowed | hopeless[:, None])
    if drawing and any(text.config.top_k for text in texts):
        left = keep_top_k(left, setting("top_k"))
    if drawing and any(text.config.top_p < 1.0 for text in texts):
        left = keep_top_p(left, setting("top_p"))
    if drawing and any(text.config.min_p for text in texts):
        left = keep_min_p(left, setting("min_p"))
    if drawing:
        uniform = column([ask.uniform for ask in asks], -1.0)
        chosen = draw(at_temperature(left, temperature), uniform)
        if (uniform < 0.0).any():
            chosen = np.where(uniform < 0.0, greedy(left), chosen)
    else:
        chosen = greedy(left)
    forced = column([ask.forced for ask in asks], FREE) if any(ask.forced is not None for ask in asks) else None
    if forced is not None:
        chosen = np.where(forced == FREE, chosen, forced)
    costs = nll(logits, chosen)
    if forced is not None:
        possible = np.ones(len(chosen), np.bool_) if allowed is None else allowed[np.arange(len(chosen)), chosen]
        share = np.where(forced == FREE, share, np.where(possible, -costs, -np.inf))
    return chosen, costs, share


def _allowed(
    asks: Sequence[StepRequest], bounds: Sequence[tuple[int, int]], shape: tuple[int, int]
) -> NDArray[np.bool_] | None:
    """The characters that may come next `(R, V)`; None: any."""
    if all(ask.allowed is None and ask.guard is None for ask in asks):
        return None
    allowed = np.ones(shape, np.bool_)
    for ask, (a, b) in zip(asks, bounds, strict=True):
        if ask.allowed is not None:
            allowed[a:b] = ask.allowed
    for guard in dict.fromkeys(ask.guard for ask in asks if ask.guard is not None):
        mine = [(ask.recent, a, b) for ask, (a, b) in zip(asks, bounds, strict=True) if ask.guard is guard]
        places = np.concatenate([np.arange(a, b) for _, a, b in mine])
        rows, ids = guard.banned(np.concatenate([recent for recent, _, _ in mine if recent is not None]))
        allowed[places[rows], ids] = False
    return allowed
