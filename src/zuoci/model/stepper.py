"""A model prepared for writing: it reads one character at a time in B streams. The writing code calls `Stepper.step`.

Dimensions: B streams, V vocabulary, H hidden, L layers, G gates.

Everything is done with numpy. It is imported in a tenth of the time that torch takes, and its calls take half a
microsecond where torch's take two or more, which counts because a step of a small model is a few short vector
operations. Everything that depends on the character alone (its embedding, the input weights, the biases) is precomputed
as one row per character. That makes a step several times as fast as `CharLM.forward`, with the same logits up to
rounding.

The logits of a stream have the same bits whatever the other streams are, so that a text does not depend on what is
written beside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from zuoci.model.row_products import RowByRow
from zuoci.model.weights import ModelWeights

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zuoci.model.language_model import CharLM

Array: TypeAlias = "NDArray[Any]"
# For each layer the state `(B, H)`; for the lstm `(B, 2, H)`, hidden and cell. If the model is mixed with counts, the
# characters read last come after them, `(B, order − 1)`.
Streams: TypeAlias = "list[Array]"


class Stepper:
    """Computes single steps of a model on the CPU, with a copy of its weights."""

    def __init__(self, model: CharLM | ModelWeights) -> None:
        """Copies the weights of a model on any device. Later changes of the model have no effect."""
        model = model if isinstance(model, ModelWeights) else model.weights()
        weights = model.arrays
        self.cell = model.config.cell
        H = self.hidden_size = model.config.hidden_size
        self.recurrent: list[RowByRow] = []  # (G·H, H)
        self.first: Array = np.empty(0)  # (V, G·H): what each character contributes to the gates of layer 0
        self.inputs: list[RowByRow] = []  # (G·H, H), for the layers above
        self.biases: list[Array] = []  # (G·H,)
        self.bias_new: list[Array] = []  # (H,), b_hn of the gru
        for layer in range(model.config.num_layers):
            ih, hh, bias_ih, bias_hh = (
                weights[f"layers.{layer}.{name}_l0"] for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            )
            bias = bias_ih + bias_hh
            if self.cell == "gru":
                bias[2 * H :] = bias_ih[2 * H :]
            if layer == 0:
                x = weights["embedding.weight"] @ ih.T if model.config.embedding_size else ih.T
                self.first = np.ascontiguousarray(x + bias)  # `take` would copy all of any other
            else:
                self.inputs.append(RowByRow(ih))
            self.biases.append(bias)
            self.recurrent.append(RowByRow(hh))
            self.bias_new.append(bias_hh[2 * H :])
        tied = model.config.tie_embedding
        self.projection = RowByRow(weights["projection.weight"]) if tied else None
        self.output = RowByRow(weights["embedding.weight" if tied else "output.weight"])
        self.output_bias: Array = weights["output.bias"]
        self.mixture = model.mixture

    def start(self, count: int) -> Streams:
        """The state of `count` streams before their first character."""
        shape = (count, 2, self.hidden_size) if self.cell == "lstm" else (count, self.hidden_size)
        zeros = [np.zeros(shape, self.output_bias.dtype) for _ in self.biases]
        return [*zeros, self.mixture.start(count)] if self.mixture else zeros

    def step(self, ids: Array, state: Streams) -> tuple[Array, Streams]:
        """Reads one character in each stream.

        Args:
            ids: int64 `(B,)`.
            state: the state before the step; not changed.

        Returns:
            Logits `(B, V)` and the new state. If the model is mixed with counts, the logits are the logarithms of
            the mixed probabilities.
        """
        after: Streams = []
        x = self.first.take(ids, 0)
        for layer, before in enumerate(state[: len(self.biases)]):
            if layer:
                x = self.inputs[layer - 1].times(self._hidden(after[-1])) + self.biases[layer]
            after.append(self._cell(layer, x, before))
        x = self._hidden(after[-1])
        if self.projection:
            x = self.projection.times(x)
        logits = self.output.times(x)
        logits += self.output_bias
        if self.mixture:
            recent = np.concatenate([state[-1][:, 1:], ids[:, None]], 1)
            return self.mixture.mix(logits, recent), [*after, recent]
        return logits, after

    def top(self, state: Streams) -> Array:
        """The hidden state of the last layer, `(B, H)`."""
        return self._hidden(state[len(self.biases) - 1])

    def _hidden(self, state: Array) -> Array:
        """The hidden part `(B, H)` of the state of a layer."""
        return state[:, 0] if self.cell == "lstm" else state

    def _cell(self, layer: int, x: Array, before: Array) -> Array:
        """The new state of a layer. `x` `(B, G·H)` is overwritten; the equations are those of `fused.run_layer`."""
        H = self.hidden_size
        hidden = self.recurrent[layer].times(self._hidden(before))
        if self.cell == "lstm":
            x += hidden
            i, f, o = _sigmoid(x[:, :H]), _sigmoid(x[:, H : 2 * H]), _sigmoid(x[:, 3 * H :])
            cell = f * before[:, 1] + i * np.tanh(x[:, 2 * H : 3 * H])
            return np.stack([o * np.tanh(cell), cell], 1)
        if self.cell == "gru":
            gates = hidden[:, : 2 * H]
            gates += x[:, : 2 * H]
            _sigmoid(gates)
            new = hidden[:, 2 * H :]
            new += self.bias_new[layer]
            new *= gates[:, :H]
            new += x[:, 2 * H :]
            np.tanh(new, out=new)
            return new + gates[:, H:] * (before - new)
        x += hidden
        return np.tanh(x, out=x) if self.cell == "rnn" else np.maximum(x, 0.0, out=x)


def _sigmoid(x: Array) -> Array:
    """σ(x) = (1 + tanh(x/2)) / 2, in place; unlike 1 / (1 + exp(−x)) it cannot overflow."""
    x *= 0.5
    np.tanh(x, out=x)
    x += 1.0
    x *= 0.5
    return x
