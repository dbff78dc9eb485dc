"""Matrices in 8 bits: how the base models are stored, and the weights in a page that was made with `zuoci export`.

A matrix becomes int8 with one float32 scale for each row:

    q = round(w / s),  w ≈ q s,  s = max |w| / 127

`checkpoint` writes and reads model folders with it, `zuoci.export.quantisation` makes pages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from numpy.typing import NDArray

_SCALE = ".scale"  # the name of the scales of a tensor ends with this


def is_scale_of(name: str, weights: Container[str]) -> bool:
    """Whether a tensor with this name holds the scales of one of the weights."""
    return name.endswith(_SCALE) and name.removesuffix(_SCALE) in weights


def quantise_rows(weight: NDArray[Any]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """A matrix `(R, n)` → int8 `(R, n)`, and the scales of its rows, float32 `(R, 1)`."""
    weight = weight.astype(np.float32)
    scales = np.abs(weight).max(1, keepdims=True) / np.float32(127)
    return np.rint(weight / np.where(scales > 0, scales, np.float32(1))).astype(np.int8), scales


def encode(weights: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Weights by name, the matrices in 8 bits; `NAME.scale` holds the scales of the matrix `NAME`."""
    encoded: dict[str, NDArray[Any]] = {}
    for name, weight in weights.items():
        if weight.ndim == 2:
            encoded[name], encoded[name + _SCALE] = quantise_rows(weight)
        else:
            encoded[name] = weight.astype(np.float32)
    return encoded


def decode(encoded: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The inverse of `encode`; weights that are not in 8 bits stay as they are.

    Raises:
        ValueError: the scales of a matrix are missing, or do not fit.
    """
    weights: dict[str, NDArray[Any]] = {}
    for name, weight in encoded.items():
        if is_scale_of(name, encoded):
            continue
        if weight.dtype == np.int8:
            scales = encoded.get(name + _SCALE)
            if scales is None or scales.shape != (*weight.shape[:1], 1) or scales.dtype.kind != "f":
                raise ValueError(f"the scales of {name} are missing, or do not fit")
            weight = weight * scales.astype(np.float32)
        weights[name] = weight
    return weights
