"""Matrix products with numpy that have the same bits for a row whatever other rows are multiplied with it.

`zuoci.model.stepper` computes with them. In most libraries the order of summation in a product depends on the number of
rows, and on where a row stands among them. OpenBLAS, the library in numpy's wheels, has a second kernel for small
products, which adds in one order and does not rearrange the matrix first. On processors with AVX-512 it is as fast as
oneDNN in torch, for one row and for many (measurements in docs/experiments.md). So the matrix is cut into blocks of
columns, and the rows into groups of 8, all small enough for that kernel.

Dimensions: R rows, K inputs, N outputs.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]

_ROWS = 8
_SMALL = 1_000_000  # multiplications; OpenBLAS's limit for its kernel for small products
_VECTOR = 16  # columns; blocks are as wide as whole vectors
_IN_CACHE = 1 << 20  # weights; reading a larger matrix once for each row takes longer than its products do


class RowByRow:
    """A matrix W `(N, K)` whose product with a row has the same bits whatever other rows are multiplied with it.

    The constructor checks this for groups of up to 8 rows. Where only groups of exactly 8 rows pass, as with OpenBLAS
    without AVX-512, large matrices are multiplied by such groups, and small ones by one row after another. Where
    neither passes, all are multiplied by one row after another.

    Attributes:
        weight: W.
    """

    def __init__(self, weight: Array) -> None:
        """Copies a matrix."""
        self.weight = weight
        N, K = weight.shape
        width = max(1, _SMALL // (_ROWS * K * _VECTOR)) * _VECTOR
        self._cut(width=-(-N // -(-N // width)), rows=_ROWS, least=2)
        if self._is_steady():
            return
        self._least = _ROWS
        if weight.size <= _IN_CACHE or not self._is_steady():
            self._cut(width=N, rows=1, least=1)

    def _cut(self, width: int, rows: int, least: int) -> None:
        """Cuts the matrix into blocks of about `width` columns, for groups of `least` to `rows` rows."""
        N, K = self.weight.shape
        count = -(-N // width)
        width = -(-N // (count * _VECTOR)) * _VECTOR if count > 1 else N
        padded = np.zeros((count * width, K), self.weight.dtype)
        padded[:N] = self.weight
        self._blocks: Array = padded.reshape(count, width, K).transpose(0, 2, 1).copy()
        self._rows, self._least = rows, least

    def _is_steady(self) -> bool:
        """Whether rows have the same products in groups of each size and in each position."""
        sizes = range(1, _ROWS + 1)
        x = np.sin(np.arange(sum(sizes) * self.weight.shape[1])).astype(self.weight.dtype).reshape(sum(sizes), -1)
        pieces = np.split(x, np.cumsum(sizes)[:-1])
        return np.array_equal(np.concatenate([self.times(piece) for piece in pieces]), self.times(x))

    def times(self, x: Array) -> Array:
        """x Wᵀ `(R, N)`, for x `(R, K)`."""
        count, K, width = self._blocks.shape
        grouped = len(x) // self._rows * self._rows
        if not grouped:
            return self._times_few(x)
        product = np.empty((len(x), count * width), self._blocks.dtype)
        groups = x[:grouped].reshape(-1, self._rows, K)
        into = product[:grouped].reshape(-1, self._rows, count, width)
        for k, block in enumerate(self._blocks):  # a block stays in the cache for all groups
            np.matmul(groups, block, out=into[:, :, k])
        product = product[:, : len(self.weight)]
        if grouped < len(x):
            product[grouped:] = self._times_few(x[grouped:])
        return product

    def _times_few(self, x: Array) -> Array:
        """The same for less than a group."""
        rows = len(x)
        if rows < self._least:
            padded = np.zeros((self._least, x.shape[1]), x.dtype)
            padded[:rows] = x
            x = padded
        product = np.matmul(x, self._blocks)[:, :rows]  # (blocks, R, width)
        if len(product) == 1:
            return product[0]
        return product.swapaxes(0, 1).reshape(rows, -1)[:, : len(self.weight)]
