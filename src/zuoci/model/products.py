"""Matrix products on a CPU, by whichever of torch's two libraries is faster.

torch gives float32 products to MKL and bfloat16 ones to oneDNN. On AMD's processors MKL keeps to vectors of 256
bits, so that with AVX-512 oneDNN is twice as fast in float32 too (figures in docs/experiments.md). oneDNN can also
lay a matrix out for its kernels once instead of at every product, which pays where it is used at every step of a
sequence.

None of these is recorded for gradients.
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
_LEAST_LAID_OUT = 1 << 16  # weights; a smaller matrix is multiplied as fast as it is


def product(x: Tensor, weight: Tensor) -> Tensor:
    """x Wᵀ `(B, N)`, of x `(B, K)` and W `(N, K)`."""
    if x.dtype == torch.float32 and _by_onednn(x):
        return _onednn._linear_pointwise(x, weight, None, "none", [], "")
    return x @ weight.t()


def product_plus(x: Tensor, weight: Tensor, other: Tensor) -> Tensor:
    """x Wᵀ + other `(B, N)`; W as it is or from `lay_out`."""
    if _by_onednn(x):
        return _onednn._linear_pointwise.binary(x, other, weight, None, "add")
    return torch.addmm(other, x, weight.t())


def lay_out(weight: Tensor) -> Tensor:
    """W `(N, K)`, in the faster layout if there is one; only `product_plus` understands it."""
    if weight.numel() < _LEAST_LAID_OUT or not _by_onednn(weight):
        return weight
    return _onednn._reorder_linear_weight(weight, None)


def _by_onednn(x: Tensor) -> bool:
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
