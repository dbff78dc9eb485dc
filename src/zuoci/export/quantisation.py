"""The weights of a model in fewer bits, for the page that `export.html` makes.

Matrices become float16, or int8 with a scale for each row (`zuoci.model.quantisation`). Vectors stay float32.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import torch

from zuoci.errors import SettingsError
from zuoci.model.language_model import CharLM
from zuoci.model.mixture import Mixture
from zuoci.model.quantisation import quantise_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

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
    tensors: list[dict[str, Any]] = []
    data = bytearray()
    decoded: dict[str, torch.Tensor] = {}
    for name, weight in model.state_dict().items():
        values: NDArray[np.float32] = weight.detach().cpu().float().numpy()
        tensor: dict[str, Any] = {"name": name, "shape": list(values.shape), "type": "float32"}
        stored: NDArray[Any] = values
        if values.ndim > 1 and precision == "int8":
            stored, scales = (part.numpy() for part in quantise_rows(torch.from_numpy(values)))
            tensor |= {"type": "int8", "scales": len(data)}
            data += scales.astype("<f4").tobytes()
            values = stored * scales
        elif values.ndim > 1:
            if (largest := float(np.abs(values).max())) > float(np.finfo(np.float16).max):
                raise SettingsError(f"{name} holds {largest:g}, and float16 cannot go beyond 65504; choose int8")
            stored = values.astype(np.float16)
            tensor["type"] = "float16"
            values = stored.astype(np.float32)
        tensors.append({**tensor, "at": len(data)})
        data += stored.astype(stored.dtype.newbyteorder("<")).tobytes()
        decoded[name] = torch.from_numpy(values.copy())
    copy = CharLM(model.config, model.vocabulary)
    copy.load_state_dict(decoded)
    if model.mixture:
        copy.mixture = Mixture.from_arrays(model.mixture.to_arrays(), len(model.vocabulary))
    return Quantised(tensors, bytes(data), copy.eval())
