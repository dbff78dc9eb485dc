"""Looking inside a model: what it expects at each character of a text, and the activations of its hidden units.

`Writer.inspect` and, through it, the studio call `inspect`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from zuoci.writing.sampling import probabilities

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from zuoci.writing.rules import WritingModel


@dataclass(frozen=True)
class Inspection:
    """A text, character by character, as a model reads it.

    Dimensions: T characters, H hidden units.

    Attributes:
        text: the known characters of the text.
        unknown: the characters that were left out, each once.
        nll: −log p of each character by the model's own probabilities, in nats, `(T,)`.
        most_likely: for each character, the most likely ones in its position, with their probabilities.
        hidden: the activations of the last layer after each character, `(T, H)`.
    """

    text: str
    unknown: str
    nll: NDArray[np.float64]
    most_likely: Sequence[Sequence[tuple[str, float]]]
    hidden: NDArray[Any]


def inspect(model: WritingModel, text: str, most: int = 5, watch: Callable[[], None] = lambda: None) -> Inspection:
    """Reads a text as if it began with a new line.

    Args:
        model: the model.
        text: any text; characters that the model does not know are left out.
        most: how many of the most likely characters to name in each position.
        watch: is called before each step; an exception that it raises ends the work.
    """
    known, unknown = model.vocabulary.adapt(text)
    ids = model.vocabulary.look_up(known)
    state = model.stepper.start(1)
    last = np.array([model.alphabet.line_end_id])
    nll = np.zeros(len(ids))
    hidden = np.zeros((len(ids), model.stepper.hidden_size), np.float32)
    most_likely: list[list[tuple[str, float]]] = []
    for t in range(len(ids)):
        watch()
        logits, state = model.stepper.step(last, state)
        shares = probabilities(logits)[0]
        nll[t] = -np.log(max(shares[ids[t]], np.finfo(np.float64).tiny))
        expected = np.argsort(-shares, kind="stable")[:most]
        most_likely.append([(model.vocabulary.characters[i], float(shares[i])) for i in expected])
        last = ids[t : t + 1]
        hidden[t - 1] = model.stepper.top(state)[0]  # t = 0 reads the line end, and is overwritten last
    if len(ids):
        hidden[-1] = model.stepper.top(model.stepper.step(last, state)[1])[0]
    return Inspection(known, unknown, nll, most_likely, hidden)
