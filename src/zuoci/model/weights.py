"""A model's settings, characters and weights as numpy arrays: what writing needs, without torch.

`checkpoint` reads them from a folder, `CharLM.weights` copies them out of a model, and `Stepper` writes with them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from zuoci.model.config import ModelConfig
    from zuoci.model.mixture import Mixture
    from zuoci.text.vocabulary import Vocabulary


@dataclass(frozen=True)
class ModelWeights:
    """A model without torch.

    Attributes:
        config: the settings.
        vocabulary: the characters by id.
        arrays: the weights by their names in `CharLM.state_dict`, with the shapes of `shapes_of`; float32 or float64.
        mixture: the counts that the network is mixed with; None: the network alone.
    """

    config: ModelConfig
    vocabulary: Vocabulary
    arrays: dict[str, NDArray[Any]]
    mixture: Mixture | None = None


def shapes_of(config: ModelConfig, vocab_size: int) -> dict[str, tuple[int, ...]]:
    """The shapes of the weights of a model, by their names in `CharLM.state_dict` and in its order.

    Args:
        config: the settings.
        vocab_size: V.
    """
    V, E, H = vocab_size, config.embedding_size, config.hidden_size
    rows = {"gru": 3, "lstm": 4}.get(config.cell, 1) * H
    shapes: dict[str, tuple[int, ...]] = {"embedding.weight": (V, E)} if E else {}
    for layer in range(config.num_layers):
        sizes = {"weight_ih": ((E or V) if layer == 0 else H,), "weight_hh": (H,), "bias_ih": (), "bias_hh": ()}
        shapes |= {f"layers.{layer}.{name}_l0": (rows, *size) for name, size in sizes.items()}
    last = {"projection.weight": (E, H)} if config.tie_embedding else {"output.weight": (V, H)}
    return {**shapes, **last, "output.bias": (V,)}


def fault_of(arrays: Mapping[str, NDArray[Any]], config: ModelConfig, vocab_size: int) -> str | None:
    """The first difference between some arrays and the weights of a model, in words; None if there is none.

    Args:
        arrays: the arrays by name; their precision does not matter.
        config: the settings of the model.
        vocab_size: V.
    """
    shapes = shapes_of(config, vocab_size)
    for name, shape in shapes.items():
        if name not in arrays:
            return f"{name} is missing"
        found = arrays[name]
        if found.shape != shape:
            return f"{name} must have the shape {list(shape)}: got {list(found.shape)}"
        if found.dtype.kind != "f":
            return f"{name} must be of floating-point numbers: got {found.dtype}"
    more = next((name for name in arrays if name not in shapes), None)
    return f"{more} does not belong in it" if more is not None else None


def not_finite(arrays: Mapping[str, NDArray[Any]]) -> str | None:
    """The name of the first array that holds values that are not finite numbers; None if none does."""
    return next((name for name, array in arrays.items() if not np.isfinite(array).all()), None)
