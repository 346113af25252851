"""What models of other programs say in several ops and a `Net` in one; every number stays the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lilliput.net import (
    Conv2D,
    DepthwiseConv2D,
    DType,
    FullyConnected,
    HardSwish,
    LeakyReLU,
    Logistic,
    MaxPool2D,
    Net,
    Op,
    Pad,
    Padding,
    ReLU,
    ReLU6,
    Requantize,
    Reshape,
    Tanh,
    Tensor,
    Transpose,
)
from lilliput.net.fixedpoint import pad_value, quant
from lilliput.net.ops import PairwiseOp

_MOST_CHANGES = 1000
_UNARY = (ReLU, ReLU6, Logistic, Tanh, HardSwish, LeakyReLU, Requantize)


def fold_padding(net: Net) -> Net:
    """The network with every border that only one window reads as padding of that window.

    Convolutions pad with the zero point, max pools with what never wins.
    """
    folded: dict[str, Op] = {}  # by output, in execution order
    for op in net.ops:
        border = folded.get(op.inputs[0])
        if isinstance(border, Pad) and _reads_alone(op, border, net):
            window = _padded(op, border, net)
            if window is not None:
                del folded[op.inputs[0]]
                op = window
        folded[op.outputs[0]] = op
    return net.with_ops(folded.values())


def _padded(op: Op, border: Pad, net: Net) -> Op | None:
    """`op` on what is inside the border; None if its own padding cannot stand for that."""
    match op:
        case Conv2D():
            kernel, dilation = net.tensors[op.inputs[1]].shape[1:3], op.dilation
            value = quant(op.inputs[0], net).zero_point
        case DepthwiseConv2D():
            kernel, dilation = net.tensors[op.inputs[1]].shape[:2], op.dilation
            value = quant(op.inputs[0], net).zero_point
        case MaxPool2D():
            kernel, dilation = op.pool, (1, 1)
            value = net.tensors[op.inputs[0]].dtype.range[0]
        case _:
            return None
    padding = Padding(*(a + b for a, b in zip(op.padding, border.padding, strict=True)))
    tall, wide = ((size - 1) * step + 1 for size, step in zip(kernel, dilation, strict=True))
    fits = max(padding.top, padding.bottom) < tall and max(padding.left, padding.right) < wide
    if not fits or pad_value(border, net) != value:
        return None
    return replace(op, inputs=(border.inputs[0], *op.inputs[1:]), padding=padding)


def without_transposes(net: Net) -> Net:
    """The network with as few transposes as can be had by moving them.

    They go behind what works element by element, two in a row become one or none, and one in front of a
    fully connected layer goes into its weights.
    """
    for _ in range(_MOST_CHANGES):
        changed = _step(net) if any(isinstance(op, Transpose) for op in net.ops) else None
        if changed is None:
            break
        net = changed
    return net


def _step(net: Net) -> Net | None:
    """The network after one change, None if there is none to make."""
    for op in net.ops:
        before = [net.producer(name) for name in op.inputs]
        if not isinstance(before[0], Transpose) or not _reads_alone(op, before[0], net):
            continue
        first = before[0]
        if isinstance(op, Transpose):
            order = tuple(first.permutation[axis] for axis in op.permutation)
            return _replaced(net, (first, op), [_ordered(op, first.inputs[0], order)])
        if isinstance(op, _UNARY) and net.tensors[op.outputs[0]].dtype is DType.INT8:
            return _replaced(net, (first, op), _behind(net, op, first, (first.inputs[0],)))
        second = before[1] if isinstance(op, PairwiseOp) else None
        if isinstance(second, Transpose) and _alike(net, op, first, second):
            inputs = (first.inputs[0], second.inputs[0])
            return _replaced(net, (first, second, op), _behind(net, op, first, inputs))
        if isinstance(op, Reshape):
            dense = net.consumers(op.outputs[0])
            if len(dense) == 1 and isinstance(dense[0], FullyConnected) and _reads_alone(dense[0], op, net):
                return _into_weights(net, first, op, dense[0])
    return None


def _ordered(op: Op, source: str, order: tuple[int, ...]) -> Op:
    """What writes the output of `op`: `source` with its axes in another order."""
    return Transpose(
        name=op.name, inputs=(source,), outputs=op.outputs, permutation=order, profile=op.profile
    )


def _behind(net: Net, op: Op, first: Transpose, inputs: tuple[str, ...]) -> list[Op | Tensor]:
    """`op` on what was not transposed yet, then the transpose."""
    source, target = net.tensors[first.inputs[0]], net.tensors[op.outputs[0]]
    inner = replace(target, name=first.outputs[0], shape=source.shape)
    early = replace(op, inputs=inputs, outputs=(inner.name,))
    late = replace(first, inputs=(inner.name,), outputs=op.outputs)
    return [inner, early, late]


def _into_weights(net: Net, first: Transpose, flat: Reshape, dense: FullyConnected) -> Net:
    """The network whose fully connected layer reads elements in the order before the transpose."""
    source, weights = net.tensors[first.inputs[0]], net.tensors[dense.inputs[1]]
    places = np.arange(source.elements).reshape(source.shape).transpose(first.permutation).reshape(-1)
    moved = replace(weights, name=f"{weights.name}_reordered")
    if weights.data is not None:
        data = np.empty_like(weights.data)
        data[:, places] = weights.data
        moved = replace(moved, data=data)
    direct = replace(flat, inputs=first.inputs)
    layer = replace(dense, inputs=(dense.inputs[0], moved.name, *dense.inputs[2:]))
    ops = [direct if op is flat else layer if op is dense else op for op in net.ops if op is not first]
    return net.with_ops(ops, [moved])


def _replaced(net: Net, gone: tuple[Op, ...], new: list[Op] | list[Op | Tensor]) -> Net:
    """The network with other ops in the place of the last of `gone`."""
    tensors = [item for item in new if isinstance(item, Tensor)]
    ops: list[Op] = []
    for op in net.ops:
        if op is gone[-1]:
            ops += [_without_effect(item, net) for item in new if isinstance(item, Op)]
        elif not any(op is other for other in gone):
            ops.append(op)
    return net.with_ops(ops, tensors)


def _without_effect(op: Op, net: Net) -> Op:
    """`op`, or a reshape where it is a transpose that leaves all axes where they are."""
    if not isinstance(op, Transpose) or op.permutation != tuple(range(len(op.permutation))):
        return op
    shape = net.tensors[op.outputs[0]].shape
    return Reshape(name=op.name, inputs=op.inputs, outputs=op.outputs, shape=shape, profile=op.profile)


def _alike(net: Net, op: Op, first: Transpose, second: Transpose) -> bool:
    """Whether both inputs of `op` have one shape and come from the same order of axes."""
    shapes = {net.tensors[name].shape for name in op.inputs}
    same_order = second.permutation == first.permutation
    return len(shapes) == 1 and same_order and _reads_alone(op, second, net)


def _reads_alone(op: Op, before: Op, net: Net) -> bool:
    """Whether `op` is all that reads what `before` gives."""
    name = before.outputs[0]
    return name not in net.outputs and net.consumers(name) == (op,)
