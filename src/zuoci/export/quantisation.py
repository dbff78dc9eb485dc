"""The weights of a model in fewer bits, for the page that `export.html` makes.

Matrices become float16, or int8 with a scale for each row (`zuoci.model.quantisation`). Vectors stay float32.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from zuoci.errors import SettingsError
from zuoci.model.language_model import CharLM
from zuoci.model.mixture import Mixture
from zuoci.model.quantisation import quantise_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

Precision: TypeAlias = Literal["int8", "float16"]


@dataclass(frozen=True, slots=True)
class Quantised:
    """The weights of a model in fewer bits.

    Attributes:
        tensors: for each weight its `name`, `shape`, `type`, where it begins in `data` (`at`, bytes), and for int8
            where its scales begin (`scales`).
        data: the bytes of all weights and scales, little-endian.
        model: a model with the weights as they are read back, to measure what was lost. If the model is mixed with
            counts, so is this one, with the counts as they are read back.
    """

    tensors: list[dict[str, Any]]
    data: bytes
    model: CharLM


def quantise(model: CharLM, precision: Precision) -> Quantised:
    """Writes the weights of a model in fewer bits.

    Raises:
        SettingsError: a weight is larger than float16 can hold.
    """
    weights = {name: array.astype(np.float32) for name, array in model.weights().arrays.items()}
    tensors, data, decoded = pack_weights(weights, precision)
    copy = CharLM(model.config, model.vocabulary)
    copy.load_arrays(decoded)
    if model.mixture:
        copy.mixture = Mixture.from_arrays(model.mixture.to_arrays(), len(model.vocabulary))
    return Quantised(tensors, data, copy.eval())


def pack_weights(
    weights: Mapping[str, Floats], precision: Precision
) -> tuple[list[dict[str, Any]], bytes, dict[str, Floats]]:
    """Writes some weights in fewer bits.

    Returns:
        `tensors` and `data` of `Quantised`, and the weights as they are read back.

    Raises:
        SettingsError: a weight is larger than float16 can hold.
    """
    tensors: list[dict[str, Any]] = []
    data = bytearray()
    decoded: dict[str, Floats] = {}
    for name, given in weights.items():
        tensor: dict[str, Any] = {"name": name, "shape": list(given.shape), "type": "float32"}
        stored: NDArray[Any] = given
        values = given
        if given.ndim > 1 and precision == "int8":
            stored, scales = quantise_rows(given)
            tensor |= {"type": "int8", "scales": len(data)}
            data += scales.astype("<f4").tobytes()
            values = stored * scales
        elif given.ndim > 1:
            if (largest := float(np.abs(given).max())) > float(np.finfo(np.float16).max):
                raise SettingsError(f"{name} holds {largest:g}, and float16 cannot go beyond 65504; choose int8")
            stored = given.astype(np.float16)
            tensor["type"] = "float16"
            values = stored.astype(np.float32)
        tensors.append({**tensor, "at": len(data)})
        data += stored.astype(stored.dtype.newbyteorder("<")).tobytes()
        decoded[name] = values
    return tensors, bytes(data), decoded
