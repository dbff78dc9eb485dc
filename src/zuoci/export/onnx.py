"""A model as an ONNX graph: one step, the state passed in and returned.

The graph is the arithmetic of `zuoci.model.stepper`, in operators that every runtime has.
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

_OPSET = 17  # what any runtime since 2022 reads
_IR_VERSION = 8


def export_onnx(model: CharLM, file: str | os.PathLike[str], *, overwrite: bool = False) -> int:
    """Writes one step of a model.

        ids int64 (B,), hidden (L, B, H)[, cell (L, B, H)] → logits (B, V), next_hidden[, next_cell]

    The batch is of any size; the state before the first character is zeros. The metadata `characters` is the
    vocabulary, by id.

    Returns:
        The size of the file in bytes.

    Raises:
        SettingsError: the file exists or cannot be written, or the extra is not installed.
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
    """Builds the graph of a step. Values are known by their names."""

    def __init__(self, stepper: Stepper) -> None:
        self.stepper = stepper
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, value: Any) -> str:
        from onnx import numpy_helper

        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def do(self, operator: str, *inputs: str, into: str = "", **attributes: Any) -> str:
        return self.split(operator, *inputs, into=[into or f"value_{len(self.nodes)}"], **attributes)[0]

    def split(self, operator: str, *inputs: str, into: list[str], **attributes: Any) -> list[str]:
        from onnx import helper

        self.nodes.append(helper.make_node(operator, inputs, into, **attributes))
        return into

    def parts(self, value: str, count: int) -> list[str]:
        """`count` equal parts of `(B, count·H)`."""
        sizes = self.constant(np.full(count, self.stepper.hidden_size, np.int64))
        into = [f"value_{len(self.nodes)}_{part}" for part in range(count)]
        return self.split("Split", value, sizes, into=into, axis=1)

    def build(self) -> Any:
        from onnx import TensorProto, helper

        stepper = self.stepper
        names = ["hidden", "cell"] if stepper.cell == "lstm" else ["hidden"]
        after: list[list[str]] = []
        x = self.do("Gather", self.constant(stepper.first), "ids")
        for layer in range(len(stepper.biases)):
            place = self.constant(np.array(layer))
            before = [self.do("Gather", name, place, axis=0) for name in names]
            if layer:
                product = self.do("MatMul", after[-1][0], self.constant(stepper.inputs[layer - 1].across))
                x = self.do("Add", product, self.constant(stepper.biases[layer]))
            after.append(self.cell(layer, x, before))
        product = self.do("MatMul", after[-1][0], self.constant(stepper.output.across))
        self.do("Add", product, self.constant(stepper.output_bias), into="logits")
        axis = self.constant(np.array([0]))
        for name, layers in zip(names, zip(*after, strict=True), strict=True):
            stacked = [self.do("Unsqueeze", part, axis) for part in layers]
            self.do("Concat", *stacked, into=f"next_{name}", axis=0)
        shape = [len(after), "B", stepper.hidden_size]
        states = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in names]
        ids = helper.make_tensor_value_info("ids", TensorProto.INT64, ["B"])
        logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["B", len(stepper.output_bias)])
        following = [helper.make_tensor_value_info(f"next_{name}", TensorProto.FLOAT, shape) for name in names]
        return helper.make_graph(self.nodes, "step", [ids, *states], [logits, *following], self.constants)

    def cell(self, layer: int, x: str, before: list[str]) -> list[str]:
        hidden = self.do("MatMul", before[0], self.constant(self.stepper.recurrent[layer].across))
        if self.stepper.cell == "gru":
            x_r, x_z, x_n = self.parts(x, 3)
            h_r, h_z, h_n = self.parts(hidden, 3)
            r = self.do("Sigmoid", self.do("Add", x_r, h_r))
            z = self.do("Sigmoid", self.do("Add", x_z, h_z))
            gated = self.do("Mul", r, self.do("Add", h_n, self.constant(self.stepper.bias_new[layer])))
            n = self.do("Tanh", self.do("Add", x_n, gated))
            return [self.do("Add", n, self.do("Mul", z, self.do("Sub", before[0], n)))]
        total = self.do("Add", x, hidden)
        if self.stepper.cell != "lstm":
            return [self.do("Tanh" if self.stepper.cell == "rnn" else "Relu", total)]
        i, f, g, o = self.parts(total, 4)
        kept = self.do("Mul", self.do("Sigmoid", f), before[1])
        cell = self.do("Add", kept, self.do("Mul", self.do("Sigmoid", i), self.do("Tanh", g)))
        return [self.do("Mul", self.do("Sigmoid", o), self.do("Tanh", cell)), cell]
