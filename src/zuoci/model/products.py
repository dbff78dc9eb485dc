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

import numpy as np
import torch

if TYPE_CHECKING:
    from numpy.typing import NDArray
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


class RowByRow:
    """A matrix W `(N, K)`, by which rows are multiplied so that the product of each does not depend on the others.

    The order in which a product of two matrices sums depends, in most libraries, on how many rows there are. That of
    oneDNN with a matrix that is laid out does not, where it was tried; it is tried here. Else each row is multiplied
    for itself.
    """

    def __init__(self, weight: Tensor) -> None:
        """Copies the matrix, on the CPU."""
        self.across: NDArray[Any] = weight.t().contiguous().numpy()  # (K, N)
        self._laid_out = None
        if weight.dtype == torch.float32 and torch.backends.mkldnn.is_available():
            self._laid_out = _onednn._reorder_linear_weight(weight.contiguous(), None)
            x = np.sin(np.arange(61 * weight.shape[1], dtype=np.float32)).reshape(61, -1)
            pieces = [self.all(x[a:b]) for a, b in ((0, 1), (1, 2), (2, 9), (9, 26), (26, 61))]
            if not np.array_equal(np.concatenate(pieces), self.all(x)):
                self._laid_out = None

    def all(self, x: NDArray[Any]) -> NDArray[Any]:
        """x Wᵀ `(B, N)`, of x `(B, K)`."""
        if self._laid_out is None:
            return self.each(x)
        return _onednn._linear_pointwise(torch.from_numpy(x), self._laid_out, None, "none", [], "").numpy()

    def each(self, x: NDArray[Any]) -> NDArray[Any]:
        """The same but for rounding, row after row: faster for one row, slower for several."""
        return np.dot(x, self.across) if len(x) == 1 else np.matmul(x[:, None], self.across)[:, 0]


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
