"""A model and a text → a `Score`: how well the model predicts the text.

Runs evaluate the held-out text with it; `zuoci score` and programs any text.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict
from torch.nn.functional import cross_entropy, pad

from zuoci.errors import CorpusError
from zuoci.model.mixture import FOLDS, Mixture
from zuoci.model.threads import core_count
from zuoci.training.gradients import Workers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from zuoci.model.language_model import CharLM
    from zuoci.model.ngram import NGram

_LANE, _LANES = 1024, 128  # minimum characters per lane, and maximum number of lanes
_EARLY = 512  # characters that a lane reads before its own, so that its state catches up
_SIDE_BY_SIDE = 32  # lanes per worker at a time
_LOGITS = 1 << 21  # logits in memory at once; does not change the figures


def perplexity(nll: float) -> float:
    """exp(nll), or ∞ if that overflows: a uniform choice among this many characters would have the same loss."""
    return math.exp(nll) if nll < 709.0 else math.inf


class Score(BaseModel):
    """How well a model predicted a text.

    Attributes:
        nll: mean negative log-likelihood, nats per character.
        characters: the number of predicted characters.
        protocol: on which text and with which context it was measured, in words.
    """

    model_config = ConfigDict(frozen=True)

    nll: float
    characters: int
    protocol: str

    @classmethod
    def from_dict(cls, figures: Mapping[str, Any]) -> Score:
        """The score of which `as_dict` gave these figures."""
        nll = math.inf if figures["nll"] is None else figures["nll"]
        return cls(nll=nll, characters=figures["characters"], protocol=figures["protocol"])

    @property
    def bits_per_char(self) -> float:
        """Bits per character: nll / ln 2."""
        return self.nll / math.log(2.0)

    @property
    def perplexity(self) -> float:
        """exp(nll)."""
        return perplexity(self.nll)

    def as_dict(self) -> dict[str, float | int | str | None]:
        """All figures as a JSON object. A figure that is infinite is None, because JSON has no infinity."""
        figures = {"nll": self.nll, "bits_per_char": self.bits_per_char, "perplexity": self.perplexity}
        finite = {name: value if math.isfinite(value) else None for name, value in figures.items()}
        return {**finite, "characters": self.characters, "protocol": self.protocol}


class _Lanes(NamedTuple):
    """A text, cut into lanes that are read side by side. Dimensions: n characters per lane, e read ahead, B lanes.

    Attributes:
        inputs: int64 `(e + n, B)`.
        targets: int64 `(n, B)`; −100 is ignored.
        early: e.
        protocol: how the text is cut, in words.
    """

    inputs: Tensor
    targets: Tensor
    early: int
    protocol: str


@torch.no_grad()
def evaluate(
    model: CharLM, ids: Tensor, *, of: str = "the text", window: int = 0, workers: Workers | None = None
) -> Score:
    """Scores every character of a text after the first, by the network and the counts that it is mixed with.

    By default the state is carried through the whole text. A text of more than 2,048 characters is read faster, in
    lanes of at least 1,024 characters side by side. Each lane starts 512 characters early, unscored, so that its state
    has caught up when its own characters come.

    Args:
        model: its mode (training or evaluation) is the same afterwards.
        ids: the text, int64 `(n,)`.
        of: the name of the text in the protocol.
        window: if not 0, cut the text into windows of this many characters and read each from a zero state. This is
            how models with a fixed context are often evaluated; it gives higher figures.
        workers: threads to share the lanes among, of all processes of a run; default: one per CPU core, of this one.

    Raises:
        CorpusError: the text has fewer than 2 characters, so that there is nothing to predict.
    """
    if len(ids) < 2:
        raise CorpusError(f"{of} is too short to be scored: {len(ids)} characters, 2 are needed")
    lanes = _lanes(ids, window)
    nll = _read(model, lanes, workers)[: len(ids) - 1]
    protocol = f"{of}, {lanes.protocol}"
    if model.mixture:
        p = model.mixture.probabilities(ids.numpy(), (-nll).exp().numpy())
        nll, protocol = -torch.from_numpy(p).log(), f"{protocol}, mixed with counts"
    return Score(nll=nll.mean().item(), characters=len(ids) - 1, protocol=protocol)


def fit_mixture(
    model: CharLM, ngrams: Sequence[NGram], ids: Tensor, *, of: str = "the text", workers: Workers | None = None
) -> tuple[Mixture, Score]:
    """Mixes a network with n-grams, with the weights under which a text is most likely, and scores it on that text.

    For the score, the weights of each part of the text are fitted on the rest of it, since a text that they were fitted
    on would flatter them.

    Args:
        model: the model; its own mixture is not used.
        ngrams: the n-grams.
        ids: a text that neither the network nor the n-grams have seen, int64 `(n,)`, n ≥ 2.
        of: the name of the text in the protocol.
        workers: as in `evaluate`.
    """
    lanes = _lanes(ids, 0)
    network = (-_read(model, lanes, workers)[: len(ids) - 1]).exp().numpy()
    mixture = Mixture.fit(ngrams, ids.numpy(), network)
    nll = float(-np.log(Mixture.cross_fitted(ngrams, ids.numpy(), network)).mean())
    protocol = f"{of}, {lanes.protocol}, mixed with counts (weights cross-fitted in {FOLDS} parts)"
    return mixture, Score(nll=nll, characters=len(ids) - 1, protocol=protocol)


@torch.no_grad()
def _read(model: CharLM, lanes: _Lanes, workers: Workers | None) -> Tensor:
    """−log p of each character in its lane, one lane after another, float64 `(n · B,)`."""
    if workers is None:
        with Workers(core_count() if model.device.type == "cpu" else 1) as own:
            return _read(model, lanes, own)

    def read(first: int) -> Tensor:
        columns = slice(first, first + _SIDE_BY_SIDE)
        with torch.no_grad():  # each thread has its own mode
            return _nll(model, lanes.inputs[:, columns], lanes.targets[:, columns], lanes.early, first == 0)

    was_training = model.training
    model.eval()
    nll = torch.zeros(lanes.targets.shape, dtype=torch.float64)
    starts = workers.ranks.share(range(0, nll.shape[1], _SIDE_BY_SIDE))
    try:
        for first, part in zip(starts, workers.map(read, starts), strict=True):
            nll[:, first : first + _SIDE_BY_SIDE] = part
    finally:
        model.train(was_training)
    workers.ranks.sum([nll])
    return nll.t().flatten()


def _lanes(ids: Tensor, window: int) -> _Lanes:
    """Cuts a text into windows, or if `window` is 0 into as few lanes as are fast."""
    count = len(ids) - 1
    if window:
        length, lanes, early = min(window, count), -(-count // window), 0
        protocol = f"the state reset every {window} characters"
    else:
        lanes = min(_LANES, max(1, count // _LANE))
        length, early = -(-count // lanes), _EARLY if lanes > 1 else 0
        protocol = "state carried through" + (f" ({lanes} lanes, {early} characters read ahead)" * (lanes > 1))
    # Column k predicts the characters 1 + k · length … (k + 1) · length of the text.
    padding = lanes * length - count
    starts = torch.arange(lanes) * length
    places = (starts - early) + torch.arange(early + length).unsqueeze(1)  # (early + length, lanes)
    inputs = pad(ids[:-1], (0, padding))[places.clamp(min=0)]
    targets = pad(ids[1:], (0, padding), value=-100)[places[early:]]
    return _Lanes(inputs, targets, early, protocol)


def _nll(model: CharLM, inputs: Tensor, targets: Tensor, early: int, from_the_start: bool) -> Tensor:
    """−log p of each character of some lanes, float64 `(n, B)`; the first has no text before it if `from_the_start`."""
    state = model.initial_state(inputs.shape[1])
    if early:
        _, state = model.hidden(inputs[:early].to(model.device), state)
        if from_the_start:
            for part in state:
                part[:, 0] = 0.0
    found: list[Tensor] = []
    rows = max(1, _LOGITS // (inputs.shape[1] * len(model.vocabulary)))
    for piece, expected in zip(inputs[early:].split(rows), targets.split(rows), strict=True):
        logits, state = model(piece.to(model.device), state)
        wanted = expected.flatten().to(model.device)
        nll = cross_entropy(logits.flatten(0, 1).float(), wanted, reduction="none", ignore_index=-100)
        found.append(nll.view(expected.shape).double().cpu())
    return torch.cat(found)
