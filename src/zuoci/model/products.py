"""Matrix products on a CPU by the faster of the two libraries in torch, for `fused`.

torch passes float32 products to MKL and bfloat16 products to oneDNN. On AMD processors MKL uses vectors of 256 bits
only, so on those with AVX-512 oneDNN is twice as fast in float32 as well (measurements in docs/experiments.md). oneDNN
can also reorder a matrix for its kernels once, instead of in every product. That pays for a matrix that is used in
every step of a sequence.

Autograd does not record these products. Dimensions: B rows, K inputs, N outputs.
"""

from __future__ import annotations

import platform
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from torch import Tensor

_onednn: Any = torch.ops.mkldnn
_LEAST_LAID_OUT = 1 << 16  # weights; reordering does not make products with a smaller matrix faster


def product(x: Tensor, weight: Tensor) -> Tensor:
    """x Wᵀ `(B, N)`, for x `(B, K)` and W `(N, K)`."""
    if x.dtype == torch.float32 and _by_onednn(x):
        return _onednn._linear_pointwise(x, weight, None, "none", [], "")
    return x @ weight.t()


def product_plus(x: Tensor, weight: Tensor, other: Tensor) -> Tensor:
    """x Wᵀ + other `(B, N)`; W is a plain matrix, or comes from `lay_out`."""
    if _by_onednn(x):
        return _onednn._linear_pointwise.binary(x, other, weight, None, "add")
    return torch.addmm(other, x, weight.t())


def lay_out(weight: Tensor) -> Tensor:
    """Reorders W `(N, K)` for `product_plus`, if that is faster. No other function can use the result."""
    if weight.numel() < _LEAST_LAID_OUT or not _by_onednn(weight):
        return weight
    return _onednn._reorder_linear_weight(weight, None)


def _by_onednn(x: Tensor) -> bool:
    """Whether oneDNN is the faster library for products with a tensor."""
    if x.is_cuda:
        return False
    return _float32_by_onednn() if x.dtype == torch.float32 else x.dtype == torch.bfloat16 and _bfloat16_by_onednn()


@cache
def _bfloat16_by_onednn() -> bool:
    return torch.backends.mkldnn.is_available() and _onednn._is_mkldnn_bf16_supported()


@cache
def _float32_by_onednn() -> bool:
    if not torch.backends.mkldnn.is_available() or "AVX512" not in torch.backends.cpu.get_cpu_capability():
        return False
    cpuinfo = Path("/proc/cpuinfo")
    return "AuthenticAMD" in (cpuinfo.read_text() if cpuinfo.exists() else platform.processor())
