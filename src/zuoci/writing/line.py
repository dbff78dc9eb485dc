"""One line of a text: rules + the text before the line + the plan of the line → lines that fulfil the plan.

A line is sampled character by character from what its plan, its rhyme and the copy guard allow. The end of a line that
has to rhyme is sampled several times in parallel, beginning two syllables before it, and one of the resulting lines is
kept (importance resampling: Rubin 1988). Restricting a step to the allowed characters A samples from p(c) / p(A)
in place of p(c), so that a line with the allowed shares p(A_1), …, p(A_n) gets the weight

    w = Π_t p(A_t)

and is kept with probability w / Σ w. Lines that rhyme naturally are preferred to lines that were forced to rhyme.

`zuoci.writing.text` and `zuoci.writing.candidates` write their lines with `write_line`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from zuoci.model.random import key_of
from zuoci.writing.batch import FREE, StepRequest
from zuoci.writing.line_state import LineState
from zuoci.writing.random import FORK, uniform
from zuoci.writing.repetition import characters_that_would_repeat

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from zuoci.model.stepper import Streams
    from zuoci.writing.batch import StepResult, Steps
    from zuoci.writing.form import LinePlan
    from zuoci.writing.rhyme.constraint import RhymeConstraint
    from zuoci.writing.rules import Rules, WritingModel

_SYLLABLES_TO_FORK = 2  # before the end of a rhymed line, where one line becomes several


@dataclass(frozen=True)
class Context:
    """A text so far: everything that the next character depends on.

    Attributes:
        text: the whole text so far.
        id: the last character, which the state has not read yet.
        state: the state of the model, one row.
        given: how many of the last characters were given and not sampled.
    """

    text: str
    id: int
    state: Streams
    given: int = 0


@dataclass(frozen=True)
class WrittenLine:
    """A line that was written.

    Attributes:
        text: the line without the character that ends it.
        nll: of the line and its end by the model's own probabilities, in nats, summed.
        log_weight: log w, as defined at the top of this file.
        after: the text up to and including the end of the line.
    """

    text: str
    nll: float
    log_weight: float
    after: Context


class _Draft:
    """A line that is being written: one row of the batch.

    Attributes:
        context: the text up to here.
        state: how far the line has come.
        key: of the random numbers.
        drawn: how many random numbers have been used.
        nll, log_weight: as in `WrittenLine`, so far.
        misread: last characters that were tried and have another reading in this line, which does not rhyme.
    """

    __slots__ = ("context", "drawn", "key", "log_weight", "misread", "nll", "state")

    def __init__(self, context: Context, state: LineState, key: int, nll: float = 0.0, log_weight: float = 0.0) -> None:
        self.context = context
        self.state = state
        self.key = key
        self.drawn = 0
        self.nll = nll
        self.log_weight = log_weight
        self.misread = ""

    def fork(self, key: int) -> _Draft:
        """A copy that goes on with random numbers of its own."""
        return _Draft(self.context, self.state.copy(), key, self.nll, self.log_weight)


def write_line(
    rules: Rules,
    before: Context,
    plan: LinePlan,
    key: int,
    constraint: RhymeConstraint | None = None,
    drafts: int = 0,
) -> Steps[list[WrittenLine]]:
    """Writes a line.

    Args:
        rules: the compiled wish.
        before: the text before the line. It ends with the end of the previous line, unless the text only begins.
        plan: what the line has to be.
        key: of the random numbers.
        constraint: the rhyme; None: the line need not rhyme.
        drafts: how many lines to sample in parallel from the beginning; 0: one, which may fork near its end.

    Returns:
        The lines that fulfil the plan, with the probabilities to keep them in their weights; none if none was found.
    """
    going_on = [_Draft(before, LineState(rules.model.alphabet, plan), key_of(key, k)) for k in range(max(drafts, 1))]
    may_fork = constraint is not None and bool(constraint.partners) and len(going_on) == 1 and not rules.greedy
    written: list[WrittenLine] = []
    while going_on:
        if may_fork and going_on[0].state.left <= _SYLLABLES_TO_FORK:
            going_on = [going_on[0].fork(key_of(key, FORK, k)) for k in range(rules.draws)]
            may_fork = False
        forced = [draft.state.forced() for draft in going_on]
        result = yield _request(rules, going_on, forced, constraint, weigh=len(going_on) > 1 or bool(written))
        unfinished: list[_Draft] = []
        for row, draft in enumerate(going_on):
            outcome = _take(rules, draft, result, row, constraint, forced=bool(forced[row]))
            if isinstance(outcome, WrittenLine):
                written.append(outcome)
            elif outcome:
                unfinished.append(outcome)
        going_on = unfinished
    return written


def _request(
    rules: Rules, drafts: Sequence[_Draft], forced: Sequence[str], constraint: RhymeConstraint | None, *, weigh: bool
) -> StepRequest:
    """The step that some drafts ask for.

    Args:
        rules: the compiled wish.
        drafts: the rows.
        forced: the character that each row's plan requires; "" if it is free.
        constraint: the rhyme.
        weigh: whether the allowed shares are needed.
    """
    pairs = list(zip(drafts, forced, strict=True))
    guard, alphabet = rules.guard, rules.model.alphabet
    recent: NDArray[np.int64] | None = None
    given: NDArray[np.int64] | None = None
    if guard:
        recent = np.concatenate([rules.model.recent(draft.context.text, guard.limit) for draft in drafts])
        # A character that was asked for may complete a copy if all characters before it were given as well.
        given = np.array([draft.context.given if char else 0 for draft, char in pairs])
    return StepRequest(
        ids=np.array([draft.context.id for draft in drafts]),
        state=[np.concatenate(layers) for layers in zip(*(draft.context.state for draft in drafts), strict=True)],
        uniform=None if rules.greedy else np.array([uniform(draft.key, draft.drawn) for draft in drafts]),
        forced=np.array([alphabet.id(char) if char else FREE for char in forced]),
        allowed=np.stack([_allowed(rules, draft, char, constraint) for draft, char in pairs]),
        guard=guard,
        recent=recent,
        given=given,
        weigh=weigh,
    )


def _allowed(rules: Rules, draft: _Draft, forced: str, constraint: RhymeConstraint | None) -> NDArray[np.bool_]:
    """The mask `(V,)` of the characters that may come next in a draft."""
    alphabet = rules.model.alphabet
    if forced:
        return alphabet.mask(forced)
    allowed = draft.state.allowed()
    if rules.allowed_in_line is not None:
        allowed = allowed & rules.allowed_in_line
    if constraint:
        allowed = constraint.narrow(allowed, draft.state)
    banned = draft.misread
    if rules.max_repeats:
        banned += characters_that_would_repeat(draft.context.text, rules.max_repeats)
    return allowed & ~alphabet.mask(banned) if banned else allowed


def _take(
    rules: Rules, draft: _Draft, result: StepResult, row: int, constraint: RhymeConstraint | None, *, forced: bool
) -> WrittenLine | _Draft | None:
    """Appends to a draft the character that its row of a step's result holds.

    Returns:
        The finished line, if the character ends it; the draft, if it goes on; None if it is given up, because nothing
        was allowed or what was forced does not rhyme.
    """
    draft.drawn += 1
    if result.share[row] == -np.inf:
        return None
    char = rules.model.vocabulary.characters[result.ids[row]]
    ends = char == rules.model.alphabet.line_end and not forced
    if not ends:
        is_last = constraint is not None and draft.state.left == 1
        state = draft.state.copy() if is_last else draft.state
        state.advance(char)
        if constraint and is_last and state.is_full and not constraint.fits(state.text):
            draft.misread += char
            return None if forced else draft
        draft.state = state
        draft.misread = ""
    draft.nll += result.nll[row]
    draft.log_weight += result.share[row]
    model_state = [layer[row : row + 1] for layer in result.state]
    given = draft.context.given + 1 if forced else 0
    draft.context = Context(draft.context.text + char, int(result.ids[row]), model_state, given)
    return WrittenLine(draft.state.text, draft.nll, draft.log_weight, draft.context) if ends else draft


def read(model: WritingModel, before: Context, text: str) -> Steps[tuple[Context, float]]:
    """Reads a text.

    Args:
        model: the model.
        before: the text before it.
        text: known characters.

    Returns:
        The context after the text, whose state has read all but its last character, and the nll of the text, in nats,
        summed.
    """
    context, nll = before, 0.0
    for char in text:
        number = model.alphabet.id(char)
        result = yield StepRequest(np.array([context.id]), context.state, forced=np.array([number]))
        context = Context(context.text + char, number, result.state, context.given + 1)
        nll += float(result.nll[0])
    return context, nll


def pick(lines: Sequence[WrittenLine], key: int) -> WrittenLine:
    """Keeps one of some lines, with probabilities proportional to their weights."""
    weights = np.array([line.log_weight for line in lines])
    bounds = np.exp(weights - weights.max()).cumsum()
    chosen = int((bounds <= uniform(key, 0) * bounds[-1]).sum())
    return lines[min(chosen, len(lines) - 1)]
