"""Matrix products on a CPU by either of the two libraries in torch, for `fused`.

torch passes float32 products to MKL and bfloat16 products to oneDNN. On some processors oneDNN is twice as fast in
float32 as well, on others MKL is faster (measurements in docs/experiments.md): a run measures both, and its model
carries the faster one in `CharLM.products`. oneDNN can also reorder a matrix for its kernels once, instead of in every
product. That pays for a matrix that is used in every step of a sequence.

Autograd does not record these products. Dimensions: B rows, K inputs, N outputs.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import torch

if TYPE_CHECKING:
    from torch import Tensor

Library: TypeAlias = Literal["torch", "onednn"]  # torch: the one that torch chooses

_onednn: Any = torch.ops.mkldnn
_LEAST_LAID_OUT = 1 << 16  # weights; reordering does not make products with a smaller matrix faster


def has_onednn() -> bool:
    """Whether this build of torch has oneDNN."""
    return torch.backends.mkldnn.is_available()


@cache
def has_bfloat16() -> bool:
    """Whether oneDNN has bfloat16 products for this processor."""
    return has_onednn() and _onednn._is_mkldnn_bf16_supported()


def product(x: Tensor, weight: Tensor, library: Library) -> Tensor:
    """x Wᵀ `(B, N)`, for x `(B, K)` and W `(N, K)`."""
    if x.dtype == torch.float32 and _by_onednn(x, library):
        return _onednn._linear_pointwise(x, weight, None, "none", [], "")
    return x @ weight.t()


def product_plus(x: Tensor, weight: Tensor, other: Tensor, library: Library) -> Tensor:
    """x Wᵀ + other `(B, N)`; W is a plain matrix, or comes from `lay_out` with the same library."""
    if _by_onednn(x, library):
        return _onednn._linear_pointwise.binary(x, other, weight, None, "add")
    return torch.addmm(other, x, weight.t())


def lay_out(weight: Tensor, library: Library) -> Tensor:
    """Reorders W `(N, K)` for `product_plus`, if that is faster. No other function can use the result."""
    if weight.numel() < _LEAST_LAID_OUT or not _by_onednn(weight, library):
        return weight
    return _onednn._reorder_linear_weight(weight, None)


def _by_onednn(x: Tensor, library: Library) -> bool:
    """Whether oneDNN is asked for, and has products for this tensor."""
    if library == "torch" or x.is_cuda:
        return False
    return x.dtype == torch.float32 or (x.dtype == torch.bfloat16 and has_bfloat16())
