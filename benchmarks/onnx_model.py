"""Quantized networks as ONNX models, so that programs that read those can be measured on the same networks.

Integer operators throughout (QLinearConv and its kin): what they compute differs from the profiles of
Lilliput by a step where a product of scales is rounded elsewhere.  Images are (1, channels, height, width).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper

from lilliput.net import (
    Activation,
    Add,
    AveragePool2D,
    Conv2D,
    DepthwiseConv2D,
    FullyConnected,
    GlobalAveragePool2D,
    Net,
    Op,
    Reshape,
    Softmax,
    Tensor,
)

OPSETS = (("", 18), ("com.microsoft", 1))
IR_VERSION = 9


def to_onnx(net: Net) -> ModelProto:
    """The ONNX model of a quantized network.

    Args:
        net: int8 from input to output, with weights; pools average over whole images.

    Raises:
        ValueError: it has an op or an attribute that benchmarks do not need.
    """
    draft = _Draft(net)
    for op in net.ops:
        emit = _EMITTERS.get(type(op))
        if emit is None:
            raise ValueError(f"op '{op.name}' ({type(op).__name__}) is not written to ONNX")
        emit(op, draft)
    between = [draft.value(net.tensors[op.outputs[0]]) for op in net.ops[:-1]]
    graph = helper.make_graph(
        draft.nodes,
        net.name,
        [draft.value(net.input)],
        [draft.value(net.output)],
        draft.constants,
        value_info=between,
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid(*one) for one in OPSETS], ir_version=IR_VERSION
    )
    return model


def channels_first(x: np.ndarray) -> np.ndarray:
    """Examples of Lilliput's, (n, height, width, channels) or (n, features), in ONNX's order."""
    return np.ascontiguousarray(np.moveaxis(x, -1, 1)) if x.ndim == 4 else x


class _Draft:
    """Nodes and constants of a graph that grows."""

    def __init__(self, net: Net) -> None:
        self.net = net
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def value(self, tensor: Tensor) -> Any:
        *image, channels = tensor.shape
        return helper.make_tensor_value_info(tensor.name, TensorProto.INT8, [1, channels, *image])

    def constant(self, name: str, data: np.ndarray) -> str:
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(data), name))
        return name

    def quant(self, tensor_name: str, owner: str) -> tuple[str, str]:
        """Names of constants with scale and zero point of a tensor, made for one node."""
        tensor = self.net.tensors[tensor_name]
        assert tensor.quant is not None
        stem = f"{owner}_{len(self.constants)}"
        scales, zero_points = (
            tensor.quant.scales,
            np.broadcast_to(tensor.quant.zero_points, len(tensor.quant.scales)),
        )
        one = len(scales) == 1
        return (
            self.constant(f"{stem}_scale", np.float32(scales[0]) if one else np.array(scales, np.float32)),
            self.constant(f"{stem}_zero", np.int8(zero_points[0]) if one else np.array(zero_points, np.int8)),
        )

    def add(self, kind: str, op: Op, inputs: list[str], domain: str = "", **attributes: Any) -> None:
        node = helper.make_node(kind, inputs, list(op.outputs), name=op.name, domain=domain, **attributes)
        self.nodes.append(node)

    def data(self, name: str) -> np.ndarray:
        found = self.net.tensors[name].data
        if found is None:
            raise ValueError(f"constant '{name}' has no data")
        return found

    def saturating(self, op: Op) -> None:
        """Refuses an activation that clipping to int8 does not express."""
        quant = self.net.tensors[op.outputs[0]].quant
        assert quant is not None
        if getattr(op, "activation", Activation.NONE) is Activation.RELU and quant.zero_point != -128:
            raise ValueError(f"op '{op.name}' has a ReLU whose zero is not the least int8")


def _convolution(op: Conv2D | DepthwiseConv2D, draft: _Draft) -> None:
    draft.saturating(op)
    weights = draft.data(op.inputs[1])
    if isinstance(op, Conv2D):
        weights, groups = np.moveaxis(weights, -1, 1), 1
    else:
        groups = weights.shape[-1]
        weights = np.moveaxis(weights, -1, 0)[:, None]
    inputs = [op.inputs[0], *draft.quant(op.inputs[0], op.name)]
    inputs += [draft.constant(f"{op.name}_weights", weights), *draft.quant(op.inputs[1], op.name)]
    inputs += draft.quant(op.outputs[0], op.name)
    if len(op.inputs) > 2:
        inputs.append(draft.constant(f"{op.name}_bias", draft.data(op.inputs[2])))
    pads = [op.padding.top, op.padding.left, op.padding.bottom, op.padding.right]
    draft.add(
        *("QLinearConv", op, inputs),
        kernel_shape=list(weights.shape[2:]),
        strides=list(op.strides),
        dilations=list(op.dilation),
        pads=pads,
        group=groups,
    )


def _fully_connected(op: FullyConnected, draft: _Draft) -> None:
    draft.saturating(op)
    weights = draft.constant(f"{op.name}_weights", draft.data(op.inputs[1]))
    inputs = [op.inputs[0], *draft.quant(op.inputs[0], op.name)]
    inputs += [weights, *draft.quant(op.inputs[1], op.name)]
    inputs.append(draft.constant(f"{op.name}_bias", draft.data(op.inputs[2])) if len(op.inputs) > 2 else "")
    inputs += draft.quant(op.outputs[0], op.name)
    draft.add("QGemm", op, inputs, "com.microsoft", transB=1)


def _add(op: Add, draft: _Draft) -> None:
    draft.saturating(op)
    inputs = [part for name in op.inputs for part in (name, *draft.quant(name, op.name))]
    draft.add("QLinearAdd", op, [*inputs, *draft.quant(op.outputs[0], op.name)], "com.microsoft")


def _average(op: AveragePool2D | GlobalAveragePool2D, draft: _Draft) -> None:
    image = draft.net.tensors[op.inputs[0]].shape[:2]
    if isinstance(op, AveragePool2D) and (op.pool != image or any(op.padding)):
        raise ValueError(f"op '{op.name}' averages over less than the image")
    inputs = [op.inputs[0], *draft.quant(op.inputs[0], op.name), *draft.quant(op.outputs[0], op.name)]
    draft.add("QLinearGlobalAveragePool", op, inputs, "com.microsoft", channels_last=0)


def _reshape(op: Reshape, draft: _Draft) -> None:
    if draft.net.tensors[op.inputs[0]].elements != draft.net.tensors[op.inputs[0]].shape[-1]:
        raise ValueError(f"op '{op.name}' flattens an image")
    shape = draft.constant(f"{op.name}_shape", np.array([1, *op.shape], np.int64))
    draft.add("Reshape", op, [op.inputs[0], shape])


def _softmax(op: Softmax, draft: _Draft) -> None:
    inputs = [op.inputs[0], *draft.quant(op.inputs[0], op.name), *draft.quant(op.outputs[0], op.name)]
    draft.add("QLinearSoftmax", op, inputs, "com.microsoft", axis=-1, opset=13)


_EMITTERS: Mapping[type[Op], Callable[[Any, _Draft], None]] = {
    Add: _add,
    AveragePool2D: _average,
    Conv2D: _convolution,
    DepthwiseConv2D: _convolution,
    FullyConnected: _fully_connected,
    GlobalAveragePool2D: _average,
    Reshape: _reshape,
    Softmax: _softmax,
}
"""How each op is written."""
