"""What a text asks of the model at each step, and what it gets: `StepRequest` (or `PassageRequest`) and `StepResult`.

A text is a generator of steps (`Steps`). `zuoci.writing.batch` computes the steps of many texts together.

Dimensions: R rows, D draws (one or several for each row), V vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from numpy.typing import NDArray

    from zuoci.model.stepper import Streams
    from zuoci.writing.alphabet import Alphabet
    from zuoci.writing.guards import Guard

Result = TypeVar("Result")
FREE = -1  # in `StepRequest.forced`: a character that is chosen rather than given


@dataclass(slots=True)
class StepRequest:
    """One step that a text asks for.

    Attributes:
        ids: the character that each row reads, `(R,)`.
        state: the state of the rows before that.
        draws: how many characters to draw after each row, `(R,)`; None: one.
        uniform: a random number from [0, 1) for each draw, `(D,)`; None: the most likely characters are chosen.
        forced: the id that each row's next character must have, or `FREE`, `(R,)`; None: all are free.
        bias: is added to the logits that characters are drawn from, `(R, V)`; None: 0. Particles only.
        allowed: the characters that may come next, `(V,)` or `(R, V)`; None: all.
        guard: forbids copies as well; None: copies are allowed.
        recent: the last ids of each row, for the guard, `(R, look_back)`.
        given: how many of the last characters of each row were given together with the next one, `(R,)`; None: none.
        weigh: whether `StepResult.share` is needed.
    """

    ids: NDArray[np.int64]
    state: Streams
    draws: NDArray[np.int64] | None = None
    uniform: NDArray[np.float64] | None = None
    forced: NDArray[np.int64] | None = None
    bias: NDArray[np.float32] | None = None
    allowed: NDArray[np.bool_] | None = None
    guard: Guard | None = None
    recent: NDArray[np.int64] | None = None
    given: NDArray[np.int64] | None = None
    weigh: bool = False

    def part(self, a: int, b: int) -> StepRequest:
        """The rows from a to b − 1."""
        draws = (a, b) if self.draws is None else (int(self.draws[:a].sum()), int(self.draws[:b].sum()))
        return replace(
            self,
            ids=self.ids[a:b],
            state=[layer[a:b] for layer in self.state],
            draws=None if self.draws is None else self.draws[a:b],
            uniform=None if self.uniform is None else self.uniform[slice(*draws)],
            forced=None if self.forced is None else self.forced[a:b],
            bias=None if self.bias is None else self.bias[a:b],
            allowed=self.allowed[a:b] if self.allowed is not None and self.allowed.ndim == 2 else self.allowed,
            recent=None if self.recent is None else self.recent[a:b],
            given=None if self.given is None else self.given[a:b],
        )


@dataclass(slots=True)
class PassageRequest(StepRequest):
    """Several steps of one row: characters are drawn one after another, and each is read before the next one is drawn.

    `uniform` holds a number for each character, `(count,)`; `allowed` is `(V,)`. What is not named here or below has no
    effect but for `ids`, `state`, `guard` and `recent`.

    Attributes:
        count: how many characters to draw.
        text: the text so far, for `max_repeats`.
        max_repeats: how often a block of characters may occur in a row; 0: any number.
        alphabet: the characters by id.
    """

    count: int = field(kw_only=True)
    text: str = field(kw_only=True)
    max_repeats: int = field(kw_only=True)
    alphabet: Alphabet = field(kw_only=True)


@dataclass(slots=True)
class StepResult:
    """The result of a step, or of a passage.

    Attributes:
        ids: the next characters, `(D,)`; of a passage, those that were drawn before none was allowed.
        state: the state after `StepRequest.ids`, which has not read the next characters; of a passage, the state before
            its last character is read.
        nll: −log p of each next character by the model's own probabilities, in nats, `(D,)`.
        share: −∞ in rows where nothing was allowed, or not the forced character; their ids are meaningless. In other
            rows 0, or, if requested, the log of the probability that what was allowed had; `(R,)`.
        logits: the model's logits, `(R, V)`; of a passage, the last ones.
        states: of a passage, for each character the state in which the character before it was read: that of some rows,
            and the number of its row.
    """

    ids: NDArray[np.int64]
    state: Streams
    nll: NDArray[np.float64]
    share: NDArray[np.float64]
    logits: NDArray[Any]
    states: Sequence[tuple[Streams, int]] = ()

    @classmethod
    def joined(cls, parts: Sequence[StepResult]) -> StepResult:
        """The result of several parts of a step."""
        return cls(
            np.concatenate([part.ids for part in parts]),
            [np.concatenate(layers) for layers in zip(*(part.state for part in parts), strict=True)],
            np.concatenate([part.nll for part in parts]),
            np.concatenate([part.share for part in parts]),
            np.concatenate([part.logits for part in parts]),
        )

    @property
    def impossible(self) -> bool:
        """Whether nothing was allowed in the first row."""
        return bool(self.share[0] == -np.inf)


Steps: TypeAlias = "Generator[StepRequest, StepResult, Result]"
