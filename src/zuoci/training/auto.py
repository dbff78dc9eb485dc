"""The settings that the recipe `auto` chooses, by the size of the text and the time there is.

`recipe.resolve` calls these. The measurements behind the values are in docs/experiments.md. This file does not import
torch, so that the command line can show its options without waiting.
"""

from __future__ import annotations

from typing import Any

from zuoci.text.characters import distinct

_SMALL = 200_000  # characters; a smaller text is memorised before anything else is learnt
MEDIUM = 500_000  # characters; for a smaller text a minute of training gives most of what three give
_MEDIUM_SECONDS, _LARGE_SECONDS = 45.0, 180.0  # roughly what a run takes if no time budget is given
_LEAST_PASSES = 10  # epochs of a medium text for which 384 units pay off
_PER_SEQUENCE = 400  # characters of a text for each sequence in a minibatch: a dozen times 32
_OPERATIONS = 3e11  # per second, of matrix products on two cores; a rough figure, used for choices only


def choose(text: str, size: int, seconds: float = 0.0) -> dict[str, Any]:
    """The settings that the recipe `auto` chooses for a text and a time budget.

    The more epochs a run has, the more dropout it needs. With little time, a smaller model sees more of the text, and
    that is worth more than its size.

    Args:
        text: the corpus, or a part of it that has nearly all its characters.
        size: the number of characters of the corpus.
        seconds: the time budget; 0: none. Then the run gets as many epochs as usually help, and stops early if they
            no longer do.
    """
    if size < _SMALL:
        return {"hidden_size": 256, "dropout": 0.5, "epochs": 24, "patience": 4, "batch_size": _batch_size(size, 16)}
    medium = size < MEDIUM
    time = seconds or (_MEDIUM_SECONDS if medium else _LARGE_SECONDS)
    vocab_size = len(distinct(text))
    readable = {size: _readable(time, size, vocab_size) for size in (256, 384, 512)}
    few_passes = medium and readable[384] < _LEAST_PASSES * size
    hidden_size = 512 if readable[512] > 8e6 else 256 if few_passes else 384
    passes = readable[hidden_size] / size
    return {
        "hidden_size": hidden_size,
        # A small model on a medium text makes few steps: smaller minibatches, and longer steps.
        **({"batch_size": 32, "learning_rate": 6e-3} if hidden_size == 256 else {"batch_size": 64}),
        "dropout": 0.0 if passes < 6 else 0.2 if passes < 15 else 0.3,
        "epochs": 0 if seconds else max(1, round(passes)),
        "warmup_steps": 50,
        "patience": 0 if seconds else 4,
    }


def choose_tuning(size: int, seconds: float = 0.0) -> dict[str, Any]:
    """The settings that the recipe `auto` chooses for a run that starts from a trained model.

    Args:
        size: the number of characters of the corpus.
        seconds: the time budget; 0: none.
    """
    epochs = 10 if size < 10_000 else 6 if size < 100_000 else 3 if size < 250_000 else 2
    return {
        "batch_size": _batch_size(size, 32),
        "learning_rate": 2e-3,
        "dropout": 0.3,
        "weight_decay": 0.0,
        "warmup_steps": 20,
        "counts": True,
        "in_8_bits": True,
        "epochs": 0 if seconds else epochs,
        "patience": 2,
    }


def _batch_size(size: int, most: int) -> int:
    """Sequences per minibatch: fewer for a short text, so that an epoch has a dozen steps."""
    return max(1, min(most, size // _PER_SEQUENCE))


def _readable(seconds: float, hidden_size: int, vocab_size: int) -> float:
    """Roughly how many characters a GRU with an embedding of 128 can be trained on in that time, on a laptop."""
    operations = 6 * hidden_size * (3 * hidden_size + 3 * 128 + vocab_size)  # per character, forward and backward
    return seconds * _OPERATIONS / operations
