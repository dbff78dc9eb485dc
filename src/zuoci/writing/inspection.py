"""Looking inside: what a model expected at each place of a text, and what its units did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from zuoci.writing.sampling import probabilities

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from zuoci.writing.rules import Desk


@dataclass(frozen=True)
class Inspection:
    """A text, character by character, as a model reads it.

    Dimensions: T characters, H hidden units.

    Attributes:
        text: its known characters.
        unknown: those that were left out, each once.
        nll: how unlikely each was, in nats, `(T,)`.
        likeliest: at each place, the characters that the model expected most, with their probabilities.
        hidden: the last layer's units after each character, `(T, H)`.
    """

    text: str
    unknown: str
    nll: NDArray[np.float64]
    likeliest: Sequence[Sequence[tuple[str, float]]]
    hidden: NDArray[Any]


def inspect(desk: Desk, text: str, most: int = 5, watch: Callable[[], None] = lambda: None) -> Inspection:
    """Reads a text as if it began with a new line.

    Args:
        desk: the model.
        text: any; characters that the model does not know are left out.
        most: how many expected characters to name at each place.
        watch: is called at each step; what it raises ends the work.
    """
    known, unknown = desk.vocabulary.adapt(text)
    ids = desk.vocabulary.encode(known).numpy()
    state = desk.stepper.start(1)
    last = np.array([desk.alphabet.id(desk.alphabet.end)])
    nll = np.zeros(len(ids))
    hidden = np.zeros((len(ids), desk.stepper.hidden_size), np.float32)
    likeliest: list[list[tuple[str, float]]] = []
    for t in range(len(ids)):
        watch()
        logits, state = desk.stepper.step(last, state)
        shares = probabilities(logits)[0]
        nll[t] = -np.log(max(shares[ids[t]], np.finfo(np.float64).tiny))
        expected = np.argsort(-shares, kind="stable")[:most]
        likeliest.append([(desk.vocabulary.characters[i], float(shares[i])) for i in expected])
        last = ids[t : t + 1]
        hidden[t - 1] = desk.stepper.top(state)[0]  # t = 0 reads the line end, and is overwritten last
    if len(ids):
        hidden[-1] = desk.stepper.top(desk.stepper.step(last, state)[1])[0]
    return Inspection(known, unknown, nll, likeliest, hidden)
