"""Recurrent layers over whole sequences, with backpropagation through time written by hand.

`CharLM.hidden` calls `run_layer`, and training computes its loss with `output_loss`. tests/model/test_fused.py holds
both equal to `torch.nn`.

Dimensions: T time, B batch, I inputs, H hidden, G gates (1 for rnn, 3 for gru), V vocabulary.

The cells of `torch.nn` record every time step for autograd on a CPU. Here one autograd function covers all time steps:
they write into buffers that are allocated once, the derivatives of the activations are computed for the whole sequence
at once, and the gradient of the recurrent weights is one matrix product (Σ_t dg_tᵀ h_{t-1}) instead of T. The loop over
time keeps one product and a few element-wise operations per step, which fit into the cache.

The weights are laid out as in `torch.nn`: gates stacked along the rows, r z n for the GRU. The functions compute in the
dtype of their arguments. There is no LSTM here: that of `torch.nn` is one kernel already, and as fast or faster.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.autograd import Function
from torch.nn import functional

from zuoci.model.products import Library, lay_out, product, product_plus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

_sigmoid_backward = torch.ops.aten.sigmoid_backward  # (dy, y) → dy · y(1 − y), in one pass
_tanh_backward = torch.ops.aten.tanh_backward  # (dy, y) → dy · (1 − y²)


def run_layer(
    cell: str,
    x: Tensor,
    h0: Tensor,
    weight_ih: Tensor,
    weight_hh: Tensor,
    bias_ih: Tensor,
    bias_hh: Tensor,
    *,
    library: Library = "torch",
) -> Tensor:
    """One recurrent layer over a whole sequence.

        rnn   h_t = tanh(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh)              (rnn_relu: relu instead)
        gru   r, z = σ(…) of the same sum;  n = tanh(W_in x_t + b_in + r (W_hn h_{t-1} + b_hn))
              h_t = (1 − z) n + z h_{t-1}

    Args:
        cell: rnn, rnn_relu or gru.
        x: `(T, B, I)`; or int64 ids `(T, B)` for one-hot vectors, whose products with the weights are looked up.
        h0: the state before the first step, `(B, H)`.
        weight_ih: `(G·H, I)`.
        weight_hh: `(G·H, H)`.
        bias_ih: `(G·H,)`.
        bias_hh: `(G·H,)`.
        library: computes the matrix products.

    Returns:
        h_1 … h_T `(T, B, H)`.
    """
    H = weight_hh.shape[1]
    bias_hn = bias_hh[2 * H :]
    bias = torch.cat([bias_ih[: 2 * H] + bias_hh[: 2 * H], bias_ih[2 * H :]]) if cell == "gru" else bias_ih + bias_hh
    if x.is_floating_point():
        gates = functional.linear(x, weight_ih, bias)
    elif weight_ih.shape[1] <= x.numel():  # add the bias to the smaller of the two tensors
        gates = functional.embedding(x, weight_ih.t() + bias)
    else:
        gates = functional.embedding(x, weight_ih.t().contiguous()) + bias
    if cell == "gru":
        return _GRU.apply(gates, h0, weight_hh, bias_hn, library)  # pyright: ignore[reportReturnType]
    return _RNN.apply(gates, h0, weight_hh, cell == "rnn_relu", library)  # pyright: ignore[reportReturnType]


# `gates` below are the sums of all terms that do not depend on h, `(T, B, G·H)`. The functions overwrite them.


def _relu(x: Tensor, out: Tensor) -> Tensor:
    return torch.clamp_min(x, 0.0, out=out)


class _RNN(Function):
    @staticmethod
    def forward(ctx: Any, gates: Tensor, h0: Tensor, weight: Tensor, relu: bool, library: Library) -> Tensor:
        activate = _relu if relu else torch.tanh
        h, across = h0, lay_out(weight, library)
        out = torch.empty_like(gates)
        for t, gate in enumerate(gates):
            h = activate(product_plus(h, across, gate, library), out=out[t])
        ctx.relu, ctx.library = relu, library
        ctx.save_for_backward(out, h0, weight)
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (dout,) = grads
        out, h0, weight = ctx.saved_tensors
        T = len(out)
        slope = (out > 0).to(out.dtype) if ctx.relu else _tanh_backward(torch.ones_like(out), out)
        dgates = slope  # each step replaces its slope by its gradient
        dh, back = dout[-1], weight.t()
        before = _before(dout)
        for t in range(T - 1, -1, -1):
            dgates[t].mul_(dh)
            dh = product_plus(dgates[t], back, before[t], ctx.library)
        dweight = _outer(dgates, out, h0, ctx.library)
        return dgates, dh, dweight, None, None


class _GRU(Function):
    @staticmethod
    def forward(ctx: Any, gates: Tensor, h0: Tensor, weight: Tensor, bias: Tensor, library: Library) -> Tensor:
        T, B, H = *gates.shape[:2], h0.shape[1]
        out = gates.new_empty(T, B, H)
        new = gates[:, :, 2 * H :].clone(memory_format=torch.contiguous_format)  # x_n, then n
        # The memory of the gates becomes r, z and hn = W_hn h + b_hn: one product with h is added to all three.
        gates[:, :, 2 * H :] = bias
        h, across = h0, lay_out(weight, library)
        for t in range(T):
            total, gate, n = product_plus(h, across, gates[t], library), gates[t], new[t]
            torch.sigmoid(total[:, : 2 * H], out=gate[:, : 2 * H])
            r, z, hn = gate.chunk(3, 1)
            hn.copy_(total[:, 2 * H :])
            n.addcmul_(r, hn).tanh_()
            h = torch.lerp(n, h, z, out=out[t])
        ctx.library = library
        ctx.save_for_backward(gates, new, out, h0, weight)
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (dout,) = grads
        gates, new, out, h0, weight = ctx.saved_tensors
        T, B, H = out.shape
        r, z, hn = gates.chunk(3, 2)
        # Factors of dh in the gradients of the sums of r and z, and of hn; slope_n: in that of the sum of n.
        slopes = torch.empty_like(gates).view(T, B, 3, H)
        work = 1 - z
        slope_n = _tanh_backward(work, new)
        _sigmoid_backward(torch.mul(slope_n, hn, out=work), r, grad_input=slopes[:, :, 0])
        torch.sub(h0, new[0], out=work[0])
        torch.sub(out[:-1], new[1:], out=work[1:])
        _sigmoid_backward(work, z, grad_input=slopes[:, :, 1])
        torch.mul(slope_n, r, out=slopes[:, :, 2])
        dgates = slopes.view(T, B, 3 * H)
        dnew = slope_n
        dh, back = dout[-1], weight.t()
        before = _before(dout)
        for t in range(T - 1, -1, -1):
            slopes[t].mul_(dh.unsqueeze(1))
            dnew[t].mul_(dh)
            dh = product_plus(dgates[t], back, torch.addcmul(before[t], dh, z[t]), ctx.library)
        dweight = _outer(dgates, out, h0, ctx.library)
        dbias = dgates[:, :, 2 * H :].sum((0, 1))
        dgates[:, :, 2 * H :] = dnew
        return dgates, dh, dweight, dbias, None


def _outer(dgates: Tensor, out: Tensor, h0: Tensor, library: Library) -> Tensor:
    """Σ_t dg_tᵀ h_{t-1}, the gradient of the recurrent weights."""
    before = torch.cat([h0.unsqueeze(0), out[:-1]])
    return product(dgates.flatten(0, 1).t(), before.flatten(0, 1).t(), library)


def _before(dout: Tensor) -> Sequence[Tensor]:
    """For each step, the gradient that the output of the step before contributes; zeros for the first step."""
    return [torch.zeros_like(dout[0]), *dout[:-1]]


def output_loss(hidden: Tensor, weight: Tensor, bias: Tensor, targets: Tensor, *, library: Library = "torch") -> Tensor:
    """The summed negative log-likelihood −Σ_i log softmax(W h_i + b)[y_i] of N characters.

    The loss and its gradient with respect to the logits, softmax − onehot(y), are computed together, for as many rows
    at a time as fit into the cache, so that no float32 tensor of the size of all logits is allocated.

    Args:
        hidden: `(N, H)`.
        weight: `(V, H)`.
        bias: `(V,)`.
        targets: int64 `(N,)`.
        library: computes the matrix products.

    Returns:
        A scalar in float32, or in the dtype of `hidden` if that is wider.
    """
    return _OutputLoss.apply(hidden, weight, bias, targets, library)  # pyright: ignore[reportReturnType]


_CACHED = 1 << 17  # logits computed at once: half a megabyte in float32


class _OutputLoss(Function):
    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor, targets: Tensor, library: Library) -> Tensor:
        dtype = torch.promote_types(hidden.dtype, torch.float32)
        rows = max(16, _CACHED // len(weight))
        dlogits = hidden.new_empty(len(hidden), len(weight))
        total = hidden.new_zeros((), dtype=dtype)
        for part, h, y in zip(dlogits.split(rows), hidden.split(rows), targets.split(rows), strict=True):
            work = part if part.dtype == dtype else torch.empty_like(part, dtype=dtype)
            log_p = torch.log_softmax(product(h, weight, library).add_(bias), 1, dtype=dtype, out=work)
            expected = y.unsqueeze(1)
            total -= log_p.gather(1, expected).sum()
            p = log_p.exp_()
            p.scatter_add_(1, expected, p.new_full((len(y), 1), -1.0))
            if p is not part:
                part.copy_(p)
        ctx.library = library
        ctx.save_for_backward(dlogits, hidden, weight)
        return total

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        dlogits, hidden, weight = ctx.saved_tensors
        scale = grads[0].to(dlogits.dtype)
        dhidden = product(dlogits, weight.t(), ctx.library)
        dweight = product(dlogits.t(), hidden.t(), ctx.library)
        return dhidden.mul_(scale), dweight.mul_(scale), dlogits.sum(0).mul_(scale), None, None
