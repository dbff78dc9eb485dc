"""One line of a text, as its form wants it.

A line is drawn character by character among what the form, the rhyme and the originality of the text allow. Where
it has to rhyme, its end is drawn several times side by side from two units before, and one of them is kept, with a
probability proportional to the share of the model's own probability that it did not have to give up (sampling,
importance, resampling: Rubin 1988): what rhymes by nature is preferred to what is forced into rhyme.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from zuoci.writing.alphabet import LineState
from zuoci.writing.batch import FREE, StepRequest
from zuoci.writing.sampling import characters_that_would_repeat, key_of, uniform

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from zuoci.model.stepper import Streams
    from zuoci.writing.batch import Steps
    from zuoci.writing.config import WriteConfig
    from zuoci.writing.form import Line
    from zuoci.writing.rhyme.constraint import RhymeConstraint
    from zuoci.writing.rules import Desk

_FORKS = 2  # units before the end of a rhymed line


@dataclass(frozen=True)
class Context:
    """Where a text is: everything that the next character depends on.

    Attributes:
        text: all of it so far.
        id: its last character, which the state has not read yet.
        state: one row.
        given: how many of its last characters are a person's own wish, and not drawn.
    """

    text: str
    id: int
    state: Streams
    given: int = 0


@dataclass(frozen=True)
class WrittenLine:
    """A line that was written.

    Attributes:
        text: without what ends it.
        nll: summed over its characters and its end, in nats.
        weight: log of the share of probability that was left to it at each step, summed.
        after: the text with it and its end.
    """

    text: str
    nll: float
    weight: float
    after: Context


class _Row:
    """A line that is being written."""

    __slots__ = ("banned", "context", "drawn", "key", "nll", "place", "weight")

    def __init__(self, context: Context, place: LineState, key: int, nll: float = 0.0, weight: float = 0.0) -> None:
        self.context = context
        self.place = place
        self.key = key
        self.drawn = 0
        self.nll = nll
        self.weight = weight
        self.banned = ""  # last characters that look like the rhyme, but are read otherwise in this line

    def fork(self, key: int) -> _Row:
        return _Row(self.context, self.place.copy(), key, self.nll, self.weight)


def write_line(
    desk: Desk,
    before: Context,
    line: Line,
    config: WriteConfig,
    key: int,
    ending: RhymeConstraint | None = None,
    draws: int = 0,
) -> Steps[list[WrittenLine]]:
    """Writes a line.

    Args:
        desk: the model and what it must not copy.
        before: what stands before it; its last character ends the line before, unless the text only begins.
        line: its form.
        config: how to draw.
        key: of the random numbers.
        ending: the rhyme.
        draws: begin with so many lines; 0: with one.

    Returns:
        Lines that keep the form, none if none was found.
    """
    rows = [_Row(before, LineState(desk.alphabet, line), key_of(key, k)) for k in range(max(draws, 1))]
    forked = not (ending and ending.partners) or len(rows) > 1 or config.greedy
    guard = desk.guard(config)
    verses: list[WrittenLine] = []
    while rows:
        if not forked and rows[0].place.left <= _FORKS:
            rows = [rows[0].fork(key_of(key, k)) for k in range(config.draws)]
            forked = True
        forced = [row.place.forced() for row in rows]
        answer = yield StepRequest(
            ids=np.array([row.context.id for row in rows]),
            state=[np.concatenate(layers) for layers in zip(*(row.context.state for row in rows), strict=True)],
            uniform=None if config.greedy else np.array([uniform(row.key, row.drawn) for row in rows]),
            forced=np.array([desk.alphabet.id(char) if char else FREE for char in forced]),
            allowed=np.stack(
                [_allowed(desk, row, char, config, ending) for row, char in zip(rows, forced, strict=True)]
            ),
            guard=guard,
            recent=np.concatenate([_recent(desk, *pair, guard.limit) for pair in zip(rows, forced, strict=True)])
            if guard
            else None,
            weigh=len(rows) > 1 or bool(verses),
        )
        going_on: list[_Row] = []
        for k, row in enumerate(rows):
            row.drawn += 1
            if answer.share[k] == -np.inf:
                continue
            char = desk.vocabulary.characters[answer.ids[k]]
            ends = char == desk.alphabet.end and not forced[k]
            if not ends:
                place = row.place.copy()
                place.advance(char)
                if ending and row.place.left == 1 and place.ended_by_itself and not ending.fits(place.text):
                    row.banned += char
                    going_on.extend([] if forced[k] else [row])
                    continue
                row.place = place
                row.banned = ""
            row.nll += answer.nll[k]
            row.weight += answer.share[k]
            state = [layer[k : k + 1] for layer in answer.state]
            given = row.context.given + 1 if forced[k] else 0
            row.context = Context(row.context.text + char, int(answer.ids[k]), state, given)
            if ends:
                verses.append(WrittenLine(row.place.text, row.nll, row.weight, row.context))
            else:
                going_on.append(row)
        rows = going_on
    return verses


def _allowed(
    desk: Desk, row: _Row, forced: str, config: WriteConfig, ending: RhymeConstraint | None
) -> NDArray[np.bool_]:
    """The characters that may come next in a line."""
    if forced:
        return desk.alphabet.mask(forced)
    allowed = row.place.allowed()
    if (wanted := desk.wanted(config)) is not None:
        allowed = allowed & (wanted | desk.alphabet.mask(desk.alphabet.end))
    if ending:
        allowed = ending.narrow(allowed, row.place)
    banned = row.banned
    if config.repeats:
        banned += characters_that_would_repeat(row.context.text, config.repeats)
    return allowed & ~desk.alphabet.mask(banned) if banned else allowed


def _recent(desk: Desk, row: _Row, forced: str, limit: int) -> NDArray[np.int64]:
    """What the next character must not prolong. What a person wishes for may itself be a copy."""
    return desk.recent("" if forced and row.context.given >= limit else row.context.text, limit)


def read(before: Context, desk: Desk, text: str) -> Steps[tuple[Context, float]]:
    """Reads a text, all but its last character.

    Args:
        before: what stands before it.
        desk: that of the model.
        text: known characters.

    Returns:
        Where it then is, and how unlikely the text was, in nats.
    """
    context, nll = before, 0.0
    for char in text:
        number = desk.alphabet.id(char)
        answer = yield StepRequest(np.array([context.id]), context.state, forced=np.array([number]))
        context = Context(context.text + char, number, answer.state, context.given + 1)
        nll += float(answer.nll[0])
    return context, nll


def pick(verses: Sequence[WrittenLine], key: int) -> WrittenLine:
    """Keeps one of some lines, with probabilities proportional to their weights."""
    weights = np.array([verse.weight for verse in verses])
    bounds = np.exp(weights - weights.max()).cumsum()
    chosen = int((bounds <= uniform(key, 0) * bounds[-1]).sum())
    return verses[min(chosen, len(verses) - 1)]
