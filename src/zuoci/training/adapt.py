"""Going on from a model: a trained model and another text → a model that knows the characters of both.

A run whose settings name a `base` starts from it. `trainer` calls `adapt`, and trains the result on the text. Known
characters keep their ids and their weights, since a model whose characters got other ids would write a cipher.

Dimensions: V characters of the model, N new ones, E embedding, H hidden, G gates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from zuoci.errors import Message, ModelFolderError, SettingsError
from zuoci.model.base import NO_BASE, base_folder
from zuoci.model.checkpoint import load, load_description
from zuoci.model.language_model import CharLM
from zuoci.model.mixture import ORDER
from zuoci.model.ngram import NGram
from zuoci.training.evaluation import fit_mixture

if TYPE_CHECKING:
    from os import PathLike

    from torch import Tensor

    from zuoci.model.config import ModelConfig
    from zuoci.training.evaluation import Score
    from zuoci.training.gradients import Workers

_RAREST = 0.1  # share of the known characters, the rarest, that a new one is like before it is trained


def load_base(name: str, config: ModelConfig, text: str) -> CharLM:
    """Loads the model that a run starts from, with all characters of a text.

    Args:
        name: `zh` or `en`, the base models that come with zuoci, or a folder.
        config: the settings of the run's model: those of the base, but for `dropout`.
        text: the corpus.

    Raises:
        ModelFolderError: there is no such model, or it is damaged.
    """
    return adapt(load(base_folder(name)), text, dropout=config.dropout)


@torch.no_grad()
def adapt(model: CharLM, text: str, *, dropout: float | None = None) -> CharLM:
    """A copy of a model that knows every character of a text.

    New characters are appended to the vocabulary. Their weights are the mean of those of the tenth of the known
    characters with the lowest output bias: the rarest ones, which new characters resemble more than they do the rest.

    Args:
        model: the model; not changed.
        text: the text.
        dropout: the dropout probability of the copy; default: that of the model.
    """
    vocabulary = model.vocabulary.extended(text)
    config = model.config if dropout is None else model.config.model_copy(update={"dropout": dropout})
    weights = {name: value.detach().cpu() for name, value in model.state_dict().items()}
    more = len(vocabulary) - len(model.vocabulary)
    rare = weights["output.bias"].argsort()[: max(1, round(_RAREST * len(model.vocabulary)))]

    def appended(rows: Tensor) -> Tensor:
        """`(V, …)` → `(V + N, …)`."""
        return torch.cat([rows, rows[rare].mean(0, keepdim=True).expand(more, *rows.shape[1:])])

    for name in ("embedding.weight", "output.weight", "output.bias"):
        if name in weights:
            weights[name] = appended(weights[name])
    if model.embedding is None:  # one-hot input: a column of the input weights for each character
        name = "layers.0.weight_ih_l0"
        weights[name] = appended(weights[name].t()).t()
    copy = CharLM(config, vocabulary)
    copy.load_state_dict(weights)
    copy.path = model.path
    copy.mixture = model.mixture and model.mixture.widened(len(vocabulary))
    return copy


def set_voice(model: CharLM, folder: str | PathLike[str], voice: float) -> None:
    """Moves the weights of a saved model towards those of the model that it started from.

        w = (1 − v) w_base + v w_own

    The counts of its own text have v times their share of the mixture.

    Args:
        model: the model, loaded from the folder; changed.
        folder: the folder of the model.
        voice: v, from 0 (the base) to 1 (the model as it was trained).

    Raises:
        SettingsError: `voice` is out of bounds, the model did not start from another one, or that one is gone or is
            another one now.
    """
    if not 0.0 <= voice <= 1.0:
        told = "voice must be from 0 (the base model) to 1 (the model as it was trained): got {voice}"
        raise SettingsError(Message("wrong_voice", told, voice=voice))
    if voice == 1.0:
        return
    name = str(load_description(folder)["training"].get("base", NO_BASE))
    if name == NO_BASE:
        told = "voice needs a model that started from a base model: {folder} started from nothing"
        raise SettingsError(Message("no_voice", told, folder=str(folder)))
    try:
        base = adapt(load(base_folder(name)), model.vocabulary.characters)
    except ModelFolderError as error:
        told = "voice needs the model that {folder} started from: {error}"
        raise SettingsError(Message("no_base_for_voice", told, folder=str(folder), error=str(error))) from None
    weights, others = model.state_dict(), base.state_dict()
    shapes = [{key: value.shape for key, value in each.items()} for each in (weights, others)]
    if shapes[0] != shapes[1] or base.vocabulary != model.vocabulary:
        told = "voice needs the model that {folder} started from, and {name} is another one now"
        raise SettingsError(Message("other_base_for_voice", told, folder=str(folder), name=name))
    model.load_state_dict({key: torch.lerp(others[key], value, voice) for key, value in weights.items()})
    if model.mixture:
        model.mixture = model.mixture.with_less_of_the_first(voice)


def mix_with_counts(model: CharLM, training: Tensor, held_out: Tensor, workers: Workers, *, of: str) -> Score | None:
    """Mixes a trained network with the counts of its text, and those of the base it started from.

    If no text is held out, the model keeps the mixture of its base: weights for counts of its own text cannot be found
    on a text that these counts know.

    Args:
        model: the model; its mixture is replaced. Before, that is the base's; of several n-grams in it, the last is.
        training: the text that it was trained on, int `(n,)`.
        held_out: the text to find the weights with, int64 `(m,)`.
        workers: threads to read that text.
        of: the name of the held-out text in the protocol.

    Returns:
        The score on the held-out text, with weights that have not seen the part that they are used on; None if no text
        is held out.
    """
    if len(held_out) < 2:
        return None
    own = NGram.of(training.numpy(), len(model.vocabulary), ORDER)
    ngrams = [own, *(model.mixture.ngrams[-1:] if model.mixture else ())]
    model.mixture, score = fit_mixture(model, ngrams, held_out, of=of, workers=workers)
    return score
