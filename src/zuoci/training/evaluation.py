"""How well a model predicts a text."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from pydantic import BaseModel, ConfigDict
from torch.nn.functional import cross_entropy, pad

from zuoci.errors import CorpusError
from zuoci.model.threads import core_count
from zuoci.training.gradients import Workers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from zuoci.model.language_model import CharLM

_LANE, _LANES = 1024, 128  # a text is read in lanes of at least so many characters, and in at most so many lanes
_EARLY = 512  # characters that a lane reads before its own
_SIDE_BY_SIDE = 32  # lanes that are one piece of work
_LOGITS = 1 << 21  # logits in memory at once; has no influence on the figures


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

    @classmethod
    def from_dict(cls, figures: Mapping[str, Any]) -> Score:
        """What `as_dict` gave, as a score again."""
        nll = math.inf if figures["nll"] is None else figures["nll"]
        return cls(nll=nll, characters=figures["characters"], protocol=figures["protocol"])

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
def evaluate(
    model: CharLM, ids: Tensor, *, of: str = "the text", window: int = 0, workers: Workers | None = None
) -> Score:
    """Scores a text, every character after the first.

    By default the state is carried through the whole text. To be faster on a longer text, it is read in lanes
    of at least 1,024 characters, side by side; each begins 512 characters early, unscored, so that its state
    has caught up when its own characters come.

    Args:
        model: left as it was, training or not.
        ids: int64 `(n,)`.
        of: what to call the text in the protocol.
        window: instead, cut the text into pieces of so many characters, each read from a zero state: how models
            with a fixed context are often judged, and harder.
        workers: share the lanes among these; by default among as many as there are cores.

    Raises:
        CorpusError: the text has fewer than 2 characters, so that nothing can be predicted.
    """
    if workers is None:
        with Workers(core_count() if model.device.type == "cpu" else 1) as own:
            return evaluate(model, ids, of=of, window=window, workers=own)
    if len(ids) < 2:
        raise CorpusError(f"{of} is too short to be scored: {len(ids)} characters, 2 are needed")
    count = len(ids) - 1
    if window:
        length, lanes, early = min(window, count), -(-count // window), 0  # a longer one takes no more memory
        protocol = f"{of}, the state reset every {window} characters"
    else:
        lanes = min(_LANES, max(1, count // _LANE))
        length, early = -(-count // lanes), _EARLY if lanes > 1 else 0
        protocol = f"{of}, state carried through" + (f" ({lanes} lanes, {early} characters read ahead)" * (lanes > 1))
    # Column k reads length characters before text position (k + 1) · length; targets of -100 are ignored.
    padding = lanes * length - count
    starts = torch.arange(lanes) * length
    places = (starts - early) + torch.arange(early + length).unsqueeze(1)  # (early + length, lanes)
    inputs = pad(ids[:-1], (0, padding))[places.clamp(min=0)]
    targets = pad(ids[1:], (0, padding), value=-100)[places[early:]]

    def total(part: tuple[int, Tensor, Tensor]) -> float:
        first, inputs, targets = part
        with torch.no_grad():  # a thread has its own mode
            return _total(model, inputs, targets, early, first == 0)

    parts = range(0, lanes, _SIDE_BY_SIDE)
    columns = [(k, inputs[:, k : k + _SIDE_BY_SIDE], targets[:, k : k + _SIDE_BY_SIDE]) for k in parts]
    was_training = model.training
    model.eval()
    try:
        nll = sum(workers.map(total, columns)) / count
    finally:
        model.train(was_training)
    return Score(nll=nll, characters=count, protocol=protocol)


def _total(model: CharLM, inputs: Tensor, targets: Tensor, early: int, from_the_start: bool) -> float:
    state = model.initial_state(inputs.shape[1])
    if early:
        _, state = model.hidden(inputs[:early].to(model.device), state)
        if from_the_start:  # nothing comes before the first lane
            for part in state:
                part[:, 0] = 0.0
    total = 0.0
    rows = max(1, _LOGITS // (inputs.shape[1] * len(model.vocabulary)))
    for piece, expected in zip(inputs[early:].split(rows), targets.split(rows), strict=True):
        logits, state = model(piece.to(model.device), state)
        score = cross_entropy(
            logits.flatten(0, 1).float(), expected.flatten().to(model.device), reduction="sum", ignore_index=-100
        )
        total += score.item()
    return total
