"""The settings that the recipe `auto` chooses, by the size of the text, the time there is and the pace of the machine.

`recipe.resolve` calls these. The measurements behind the values are in docs/experiments.md. This file does not import
torch, so that the command line can show its options without waiting.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

from zuoci.text.characters import distinct

if TYPE_CHECKING:
    from collections.abc import Callable

    SpeedOf: TypeAlias = Callable[[int, int, int], float]  # hidden size, batch size, vocabulary size → characters/s

_SMALL = 200_000  # characters; a smaller text is memorised before anything else is learnt
MEDIUM = 500_000  # characters; for a smaller text a minute of training gives most of what three give
_MEDIUM_SECONDS, _LARGE_SECONDS = 45.0, 180.0  # roughly what a run takes if no time budget is given
_LEAST_PASSES = 10  # epochs of a medium text for which 384 units pay off
# Characters that a model has to be trained on for 512 units to pay off, and for 384 and 256 in a large text.
_MANY, _FEW, _VERY_FEW = 8e6, 2.2e6, 5e5
_LEAST_EPOCHS, _LEAST_EPOCHS_LARGE = 6, 2  # of a run without a time budget
_BATCHES = {256: 32, 128: 32}  # sequences per minibatch of the smaller models
_PER_SEQUENCE = 400  # characters of a text for each sequence in a minibatch: a dozen times 32
REFERENCE_SIZE, REFERENCE_BATCH = 384, 64  # the model with which the ways to compute a step are compared

# What `choose` chooses. With these options a run has the same settings on a machine with another pace.
CHOSEN = ("hidden_size", "batch_size", "learning_rate", "dropout", "epochs", "warmup_steps", "patience")


def choose(text: str, seconds: float, speed_of: SpeedOf) -> dict[str, Any]:
    """The settings that the recipe `auto` chooses for a text and a time budget.

    The more epochs a run has, the more dropout it needs. With little time, or on a slow machine, a smaller model sees
    more of the text, and that is worth more than its size.

    Args:
        text: the corpus.
        seconds: the time budget; 0: none. Then the run gets as many epochs as usually help, and stops early if they
            no longer do.
        speed_of: characters a second that the machine trains on, by hidden size, batch size and size of the vocabulary.
    """
    if len(text) < _SMALL:
        return {"hidden_size": 256, "dropout": 0.5, "epochs": 24, "patience": 4, "batch_size": _batch_size(text, 16)}
    medium = len(text) < MEDIUM
    time = seconds or (_MEDIUM_SECONDS if medium else _LARGE_SECONDS)
    vocab_size = len(distinct(text))

    @cache
    def readable(hidden_size: int) -> float:
        """Characters that a model is trained on in that time."""
        return time * speed_of(hidden_size, _BATCHES.get(hidden_size, REFERENCE_BATCH), vocab_size)

    if readable(512) > _MANY:
        hidden_size = 512
    elif readable(384) >= (_LEAST_PASSES * len(text) if medium else _FEW):
        hidden_size = 384
    else:
        hidden_size = 256 if readable(256) >= _VERY_FEW else 128
    passes = readable(hidden_size) / len(text)
    if not seconds:  # nobody asked for less, even if it takes a slow machine longer
        passes = max(passes, _LEAST_EPOCHS if medium else _LEAST_EPOCHS_LARGE)
    return {
        "hidden_size": hidden_size,
        # A small model makes few steps: smaller minibatches, and longer steps.
        "batch_size": _BATCHES.get(hidden_size, REFERENCE_BATCH),
        **({"learning_rate": 6e-3} if hidden_size in _BATCHES else {}),
        "dropout": 0.0 if passes < 6 else 0.2 if passes < 15 else 0.3,
        "epochs": 0 if seconds else round(passes),
        "warmup_steps": 50,
        "patience": 0 if seconds else 4,
    }


def choose_tuning(text: str, seconds: float = 0.0) -> dict[str, Any]:
    """The settings that the recipe `auto` chooses for a run that starts from a trained model.

    Args:
        text: the corpus.
        seconds: the time budget; 0: none.
    """
    size = len(text)
    epochs = 10 if size < 10_000 else 6 if size < 100_000 else 3 if size < 250_000 else 2
    return {
        "batch_size": _batch_size(text, 32),
        "learning_rate": 2e-3,
        "dropout": 0.3,
        "weight_decay": 0.0,
        "warmup_steps": 20,
        "counts": True,
        "in_8_bits": True,
        "epochs": 0 if seconds else epochs,
        "patience": 2,
    }


def _batch_size(text: str, most: int) -> int:
    """Sequences per minibatch: fewer for a short text, so that an epoch has a dozen steps."""
    return max(1, min(most, len(text) // _PER_SEQUENCE))
