"""Matrix products on a CPU by either of the two libraries in torch, for `fused` and `stepper`.

torch passes float32 products to MKL and bfloat16 products to oneDNN. On some processors oneDNN is twice as fast in
float32 as well, on others MKL is faster (measurements in docs/experiments.md): a run measures both, and its model
carries the faster one in `CharLM.products`. oneDNN can also reorder a matrix for its kernels once, instead of in every
product. That pays for a matrix that is used in every step of a sequence.

Autograd does not record these products. Dimensions: B rows, K inputs, N outputs.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import torch

if TYPE_CHECKING:
    from numpy.typing import NDArray
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


class RowByRow:
    """A matrix W `(N, K)` whose product with a row has the same bits whatever other rows are multiplied with it.

    In most libraries the order of summation in a matrix product depends on the number of rows. With a reordered matrix,
    oneDNN's did not on any machine that was tried; the constructor checks this one. If it does, each row is multiplied
    by itself.
    """

    def __init__(self, weight: Tensor) -> None:
        """Copies a matrix that is on the CPU."""
        self.across: NDArray[Any] = weight.t().contiguous().numpy()  # (K, N)
        self._laid_out = None
        if weight.dtype == torch.float32 and torch.backends.mkldnn.is_available():
            self._laid_out = _onednn._reorder_linear_weight(weight.contiguous(), None)
            x = np.sin(np.arange(61 * weight.shape[1], dtype=np.float32)).reshape(61, -1)
            pieces = [self.all(x[a:b]) for a, b in ((0, 1), (1, 2), (2, 9), (9, 26), (26, 61))]
            if not np.array_equal(np.concatenate(pieces), self.all(x)):
                self._laid_out = None

    def all(self, x: NDArray[Any]) -> NDArray[Any]:
        """x Wᵀ `(B, N)`, for x `(B, K)`."""
        if self._laid_out is None:
            return self.each(x)
        return _onednn._linear_pointwise(torch.from_numpy(x), self._laid_out, None, "none", [], "").numpy()

    def each(self, x: NDArray[Any]) -> NDArray[Any]:
        """Like `all` up to rounding, one row after another: faster for one row, slower for several."""
        return np.dot(x, self.across) if len(x) == 1 else np.matmul(x[:, None], self.across)[:, 0]


def _by_onednn(x: Tensor, library: Library) -> bool:
    """Whether oneDNN is asked for, and has products for this tensor."""
    if library == "torch" or x.is_cuda:
        return False
    return x.dtype == torch.float32 or (x.dtype == torch.bfloat16 and has_bfloat16())
