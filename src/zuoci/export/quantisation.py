"""Weights in fewer bits, for a file that is given away.

Matrices become float16, or int8 with a float32 scale a row (w ≈ q · s, s = max |w| / 127); vectors stay float32.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import torch

from zuoci.errors import SettingsError
from zuoci.model.language_model import CharLM

if TYPE_CHECKING:
    from numpy.typing import NDArray

Precision: TypeAlias = Literal["int8", "float16"]


@dataclass(frozen=True, slots=True)
class Quantised:
    """A model's weights in fewer bits.

    Attributes:
        tensors: of each weight its name, shape, type, where it begins in `data`, and where its scales do.
        data: all of them, little-endian.
        model: a model with the weights that come out again.
    """

    tensors: list[dict[str, Any]]
    data: bytes
    model: CharLM


def quantise(model: CharLM, precision: Precision) -> Quantised:
    """Writes a model's weights in fewer bits.

    Raises:
        SettingsError: a weight is beyond what float16 holds.
    """
    tensors: list[dict[str, Any]] = []
    data = bytearray()
    decoded: dict[str, torch.Tensor] = {}
    for name, weight in model.state_dict().items():
        values: NDArray[np.float32] = weight.detach().cpu().float().numpy()
        tensor: dict[str, Any] = {"name": name, "shape": list(values.shape), "type": "float32"}
        stored: NDArray[Any] = values
        if values.ndim > 1 and precision == "int8":
            scales = np.abs(values).max(1, keepdims=True) / np.float32(127)
            stored = np.rint(values / np.where(scales > 0, scales, 1)).astype(np.int8)
            tensor |= {"type": "int8", "scales": len(data)}
            data += scales.astype("<f4").tobytes()
            values = stored * scales
        elif values.ndim > 1:
            if (largest := float(np.abs(values).max())) > float(np.finfo(np.float16).max):
                raise SettingsError(f"{name} holds {largest:g}, and float16 nothing beyond 65504; choose int8")
            stored = values.astype(np.float16)
            tensor["type"] = "float16"
            values = stored.astype(np.float32)
        tensors.append({**tensor, "at": len(data)})
        data += stored.astype(stored.dtype.newbyteorder("<")).tobytes()
        decoded[name] = torch.from_numpy(values.copy())
    copy = CharLM(model.config, model.vocabulary)
    copy.load_state_dict(decoded)
    return Quantised(tensors, bytes(data), copy.eval())
