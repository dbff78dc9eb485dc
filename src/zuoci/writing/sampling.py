"""Logits → the ids of the next characters, of many streams at once.

Dimensions: B streams, V vocabulary.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def greedy(logits: NDArray[Any]) -> NDArray[np.int64]:
    """The most probable ids `(B,)`; of several, the first.

    Args:
        logits: `(B, V)`.
    """
    return logits.argmax(1)


def draw(logits: NDArray[Any], temperature: NDArray[Any], uniform: NDArray[np.float64]) -> NDArray[np.int64]:
    """Draws ids `(B,)` with probabilities softmax(logits / temperature), each by inverting the distribution function.

    Args:
        logits: `(B, V)`.
        temperature: `(B,)`, above 0.
        uniform: from [0, 1), `(B,)`.
    """
    weights = logits - logits.max(1, keepdims=True)
    weights /= temperature[:, None]
    np.exp(weights, out=weights)
    bounds = weights.cumsum(1, dtype=np.float64)
    ids = (bounds <= (uniform * bounds[:, -1])[:, None]).sum(1)
    return np.minimum(ids, logits.shape[1] - 1)


def surprise(logits: NDArray[Any], ids: NDArray[np.int64]) -> NDArray[np.float64]:
    """−log softmax(logits)[ids], in nats `(B,)`."""
    top = logits.max(1, keepdims=True)
    total = np.exp(logits - top).sum(1, dtype=np.float64)
    chosen = np.take_along_axis(logits, ids[:, None], 1)
    return np.log(total) - (chosen - top)[:, 0]
