"""Lines and the text before them: what `zuoci.writing.particles` writes, and how a given text is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from zuoci.writing.random import uniform, uniforms
from zuoci.writing.steps import StepRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zuoci.model.stepper import Streams
    from zuoci.writing.rules import WritingModel
    from zuoci.writing.steps import Steps


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
        log_weight: the logarithm of its weight among the lines that were written with it.
        after: the text up to and including the end of the line.
    """

    text: str
    nll: float
    log_weight: float
    after: Context


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


def draw_lines(lines: Sequence[WrittenLine], key: int, most: int) -> list[WrittenLine]:
    """Draws different lines without replacement, with probabilities proportional to their weights.

    The lines with the largest log w − log(−log u), u uniform, are such a sample (Gumbel top k: Kool et al. 2019).

    Args:
        lines: the lines.
        key: of the random numbers.
        most: how many lines to return at most.
    """
    different = list({line.text: line for line in lines}.values())
    u = np.maximum(uniforms(key, 0, len(different)), np.finfo(np.float64).tiny)
    scores = np.array([line.log_weight for line in different]) - np.log(-np.log(u))
    return [different[i] for i in np.argsort(-scores, kind="stable")[:most]]
