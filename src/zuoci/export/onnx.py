"""A model → an ONNX graph of one step, with the state passed in and returned.

`zuoci.export.formats` calls `export_onnx`. The graph does the arithmetic of `zuoci.model.stepper`, with operators that
every runtime has; counts that the network is mixed with (`zuoci.model.mixture`) are not in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from zuoci.errors import SettingsError
from zuoci.model.output import check_output, write_output
from zuoci.model.stepper import Stepper

if TYPE_CHECKING:
    import os

    from zuoci.model.language_model import CharLM

_OPSET = 17  # which every runtime since 2022 reads
_IR_VERSION = 8


def export_onnx(model: CharLM, file: str | os.PathLike[str], *, overwrite: bool = False) -> int:
    """Writes one step of a model as an ONNX graph.

        ids int64 (B,), hidden (L, B, H)[, cell (L, B, H)] → logits (B, V), next_hidden[, next_cell]

    The batch size B is free. The state before the first character is zeros. The metadata entry `characters` is the
    vocabulary: the character of each id.

    The graph is the network alone: the logits of a model that is mixed with counts are those before the mixing.

    Args:
        model: the model.
        file: the file to write.
        overwrite: replace a file that exists.

    Returns:
        The size of the file in bytes.

    Raises:
        SettingsError: the file exists or cannot be written, or the extra `onnx` is not installed.
    """
    check_output(file, overwrite=overwrite)
    try:
        from onnx import checker, helper
    except ImportError:
        raise SettingsError("an ONNX file needs onnx: pip install 'zuoci[onnx]'") from None
    opset = [helper.make_opsetid("", _OPSET)]
    graph = _Graph(Stepper(model)).build()
    whole: Any = helper.make_model(graph, opset_imports=opset, ir_version=_IR_VERSION, producer_name="zuoci")
    helper.set_model_props(whole, {"characters": model.vocabulary.characters})
    checker.check_model(whole, full_check=True)
    data: bytes = whole.SerializeToString(deterministic=True)
    write_output(file, data, overwrite=overwrite)
    return len(data)


class _Graph:
    """Builds the graph of a step. Each method adds nodes and returns the names of the values that they compute."""

    def __init__(self, stepper: Stepper) -> None:
        """Begins with an empty graph."""
        self.stepper = stepper
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, value: Any) -> str:
        """A constant tensor."""
        from onnx import numpy_helper

        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def node(self, operator: str, *inputs: str, into: str = "", **attributes: Any) -> str:
        """A node with one output, which is named `into` or gets a name of its own."""
        return self.node_of_many(operator, *inputs, into=[into or f"value_{len(self.nodes)}"], **attributes)[0]

    def node_of_many(self, operator: str, *inputs: str, into: list[str], **attributes: Any) -> list[str]:
        """A node whose outputs are named `into`."""
        from onnx import helper

        self.nodes.append(helper.make_node(operator, inputs, into, **attributes))
        return into

    def split(self, value: str, count: int) -> list[str]:
        """`(B, count·H)` → `count` values `(B, H)`."""
        sizes = self.constant(np.full(count, self.stepper.hidden_size, np.int64))
        into = [f"value_{len(self.nodes)}_{part}" for part in range(count)]
        return self.node_of_many("Split", value, sizes, into=into, axis=1)

    def build(self) -> Any:
        """The graph of all layers and the output."""
        stepper = self.stepper
        names = ["hidden", "cell"] if stepper.cell == "lstm" else ["hidden"]
        after: list[list[str]] = []  # of each layer its new state
        x = self.node("Gather", self.constant(stepper.first), "ids")
        for layer in range(len(stepper.biases)):
            index = self.constant(np.array(layer))
            before = [self.node("Gather", name, index, axis=0) for name in names]
            if layer:
                product = self.node("MatMul", after[-1][0], self.constant(stepper.inputs[layer - 1].weight.T))
                x = self.node("Add", product, self.constant(stepper.biases[layer]))
            after.append(self.cell(layer, x, before))
        x = after[-1][0]
        if stepper.projection:
            x = self.node("MatMul", x, self.constant(stepper.projection.weight.T))
        product = self.node("MatMul", x, self.constant(stepper.output.weight.T))
        self.node("Add", product, self.constant(stepper.output_bias), into="logits")
        axis = self.constant(np.array([0]))
        for name, layers in zip(names, zip(*after, strict=True), strict=True):
            stacked = [self.node("Unsqueeze", part, axis) for part in layers]
            self.node("Concat", *stacked, into=f"next_{name}", axis=0)
        return self._graph(names, len(after))

    def _graph(self, names: list[str], layers: int) -> Any:
        """The graph of all nodes, with its inputs and outputs declared."""
        from onnx import TensorProto, helper

        stepper = self.stepper
        shape = [layers, "B", stepper.hidden_size]
        states = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in names]
        ids = helper.make_tensor_value_info("ids", TensorProto.INT64, ["B"])
        logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["B", len(stepper.output_bias)])
        following = [helper.make_tensor_value_info(f"next_{name}", TensorProto.FLOAT, shape) for name in names]
        return helper.make_graph(self.nodes, "step", [ids, *states], [logits, *following], self.constants)

    def cell(self, layer: int, x: str, before: list[str]) -> list[str]:
        """One layer: the products of its input `(B, gates·H)`, and its state → its new state."""
        hidden = self.node("MatMul", before[0], self.constant(self.stepper.recurrent[layer].weight.T))
        if self.stepper.cell == "gru":
            x_r, x_z, x_n = self.split(x, 3)
            h_r, h_z, h_n = self.split(hidden, 3)
            r = self.node("Sigmoid", self.node("Add", x_r, h_r))
            z = self.node("Sigmoid", self.node("Add", x_z, h_z))
            gated = self.node("Mul", r, self.node("Add", h_n, self.constant(self.stepper.bias_new[layer])))
            n = self.node("Tanh", self.node("Add", x_n, gated))
            return [self.node("Add", n, self.node("Mul", z, self.node("Sub", before[0], n)))]
        total = self.node("Add", x, hidden)
        if self.stepper.cell != "lstm":
            return [self.node("Tanh" if self.stepper.cell == "rnn" else "Relu", total)]
        i, f, g, o = self.split(total, 4)
        kept = self.node("Mul", self.node("Sigmoid", f), before[1])
        cell = self.node("Add", kept, self.node("Mul", self.node("Sigmoid", i), self.node("Tanh", g)))
        return [self.node("Mul", self.node("Sigmoid", o), self.node("Tanh", cell)), cell]
