"""How well a model predicts a text."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from pydantic import BaseModel, ConfigDict
from torch.nn.functional import cross_entropy, pad

from zuoci.errors import CorpusError

if TYPE_CHECKING:
    from torch import Tensor

    from zuoci.model.language_model import CharLM

_CHUNK = 256  # characters read at once; has no influence on the figures
_LANE = 8192  # a longer text is read in several lanes of at least this length, side by side


def perplexity(nll: float) -> float:
    """exp(nll): among how many equally likely characters the model would be as unsure; ∞ where that overflows."""
    return math.exp(nll) if nll < 709.0 else math.inf


class Score(BaseModel):
    """How well a model predicted a text.

    Attributes:
        nll: mean negative log-likelihood, nats a character.
        characters: how many characters were predicted.
        protocol: on which text, and with which context.
    """

    model_config = ConfigDict(frozen=True)

    nll: float
    characters: int
    protocol: str

    @property
    def bits_per_char(self) -> float:
        """nll / ln 2."""
        return self.nll / math.log(2.0)

    @property
    def perplexity(self) -> float:
        """exp(nll)."""
        return perplexity(self.nll)

    def as_dict(self) -> dict[str, float | int | str | None]:
        """All figures, for JSON, which knows no infinity: a figure that is not finite is None."""
        figures = {"nll": self.nll, "bits_per_char": self.bits_per_char, "perplexity": self.perplexity}
        finite = {name: value if math.isfinite(value) else None for name, value in figures.items()}
        return {**finite, "characters": self.characters, "protocol": self.protocol}


@torch.no_grad()
def evaluate(model: CharLM, ids: Tensor, *, of: str = "the text") -> Score:
    """Scores a text, every character after the first, with the state carried through.

    A text of more than 16,384 characters is read in lanes of at least 8,192, each of which starts with a zero
    state; the protocol says so.

    Args:
        model: left as it was, training or not.
        ids: int64 `(n,)`.
        of: what to call the text in the protocol.

    Raises:
        CorpusError: the text has fewer than 2 characters, so that nothing can be predicted.
    """
    if len(ids) < 2:
        raise CorpusError(f"{of} is too short to be scored: {len(ids)} characters, 2 are needed")
    count = len(ids) - 1
    lanes = max(1, count // _LANE)
    length = -(-count // lanes)
    padding = lanes * length - count  # at the end of the last lane; the loss ignores targets of -100
    inputs = pad(ids[:-1], (0, padding)).view(lanes, length).t()  # (T, B)
    targets = pad(ids[1:], (0, padding), value=-100).view(lanes, length).t()
    total = 0.0
    was_training = model.training
    model.eval()
    state = model.initial_state(lanes)
    for start in range(0, length, _CHUNK):
        logits, state = model(inputs[start : start + _CHUNK].to(model.device), state)
        expected = targets[start : start + _CHUNK].to(model.device)
        total += cross_entropy(logits.flatten(0, 1), expected.flatten(), reduction="sum").item()
    model.train(was_training)
    carried = "state carried through" + (f" in {lanes} lanes" if lanes > 1 else "")
    return Score(nll=total / count, characters=count, protocol=f"{of}, {carried}")
