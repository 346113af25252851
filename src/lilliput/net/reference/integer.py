"""What each op means on integers in the `lilliput` profile; QAT and the C follow this to the bit.

Activations are int8 (uint8 before the first Requantize) with the batch first; sums are taken in int64, which
`check` shows to be the same as int32.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from lilliput.net.fixedpoint import (
    AverageOp,
    Requant,
    WeightedOp,
    activation_range,
    add_parameters,
    conv_requant,
    pool_counts,
    pool_requant,
    quant,
    requantize_parameters,
    softmax_table,
)
from lilliput.net.graph import Net
from lilliput.net.ops import (
    Add,
    AveragePool2D,
    Concat,
    Conv2D,
    DepthwiseConv2D,
    FullyConnected,
    GlobalAveragePool2D,
    MaxPool2D,
    Op,
    Pad,
    ReLU,
    ReLU6,
    Requantize,
    Reshape,
    Softmax,
)
from lilliput.net.reference.windows import Array, convolve, convolve_depthwise, pad, windows

IntegerOp = Callable[[Any, Net, Sequence[Array]], Array]


def requantized(total: Array, requant: Requant, zero_point: int) -> Array:
    """z_y + ((acc * M + 2**(n - 1)) >> n) for int64 sums whose last axis is the channel; not yet clamped."""
    product = total * np.asarray(requant.multipliers, np.int64)
    return zero_point + ((product + (1 << (requant.shift - 1))) >> requant.shift)


def clamped(y: Array, op: Op, net: Net) -> Array:
    """`y` within the op's activation range, in the output's type."""
    low, high = activation_range(op, net)
    return np.clip(y, low, high).astype(net.tensors[op.outputs[0]].dtype.numpy)


def accumulate(op: WeightedOp, net: Net, inputs: Sequence[Array]) -> Array:
    """sum w * (x - z_x) + bias, int64 (n, …, channels); padding contributes nothing."""
    weights = inputs[1]
    centred = inputs[0].astype(np.int64) - quant(op.inputs[0], net).zero_point
    match op:
        case Conv2D():
            # Sums of whole numbers are exact in a float type wide enough for them, and BLAS makes them fast.
            steps = weights[0].size * 255 * 128
            exact = np.float32 if steps < 1 << 24 else np.float64
            images = pad(centred.astype(exact), op.padding, 0)
            sums = convolve(images, weights.astype(exact), op.strides, op.dilation).astype(np.int64)
        case DepthwiseConv2D():
            images = pad(centred, op.padding, 0)
            sums = convolve_depthwise(images, weights.astype(np.int64), op.strides, op.dilation)
        case FullyConnected():
            sums = (centred.astype(np.float64) @ weights.T.astype(np.float64)).astype(np.int64)
    return sums + inputs[2].astype(np.int64) if len(inputs) == 3 else sums


def pool_sums(op: AverageOp, images: Array) -> tuple[Array, Array]:
    """Sums of the windows over the elements inside the image, and how many those are.

    Returns:
        int64 (n, rows, columns, c), or (n, c) when global, and the counts that broadcast to it.
    """
    wide = images.astype(np.int64)
    if isinstance(op, GlobalAveragePool2D):
        return wide.sum(axis=(1, 2)), np.full((1,), wide.shape[1] * wide.shape[2])
    inside = np.ones((1, *wide.shape[1:3], 1), np.int64)
    sums, counts = (
        windows(pad(array, op.padding, 0), op.pool, op.strides).sum(axis=(3, 4)) for array in (wide, inside)
    )
    return sums, counts


def max_pool(op: MaxPool2D, net: Net, inputs: Sequence[Array]) -> Array:
    """Largest element of each window."""
    lowest = np.iinfo(inputs[0].dtype).min
    return clamped(windows(pad(inputs[0], op.padding, lowest), op.pool, op.strides).max(axis=(3, 4)), op, net)


def concat(op: Concat, net: Net, inputs: Sequence[Array]) -> Array:
    """Integers joined as they are: all share one quantization."""
    return np.concatenate(inputs, axis=op.axis + 1)


def padded(op: Pad, net: Net, inputs: Sequence[Array]) -> Array:
    """A border of the zero point."""
    return pad(inputs[0], op.padding, quant(op.inputs[0], net).zero_point)


def reshape(op: Reshape, net: Net, inputs: Sequence[Array]) -> Array:
    """The same integers."""
    return inputs[0].reshape(-1, *op.shape)


def _weighted(op: WeightedOp, net: Net, inputs: Sequence[Array]) -> Array:
    zero_point = quant(op.outputs[0], net).zero_point
    return clamped(requantized(accumulate(op, net, inputs), conv_requant(op, net), zero_point), op, net)


def _average(op: AverageOp, net: Net, inputs: Sequence[Array]) -> Array:
    sums, counts = pool_sums(op, inputs[0].astype(np.int64) - quant(op.inputs[0], net).zero_point)
    y = np.zeros_like(sums)
    for count in pool_counts(op, net):
        here = requantized(sums, pool_requant(op, net, count), quant(op.outputs[0], net).zero_point)
        y = np.where(counts == count, here, y)
    return clamped(y, op, net)


def _add(op: Add, net: Net, inputs: Sequence[Array]) -> Array:
    found = add_parameters(op, net)
    first, second = (value.astype(np.int64) * m for value, m in zip(inputs, found.multipliers, strict=True))
    return clamped((first + second + found.offset) >> found.shift, op, net)


def _rescale(op: Requantize | ReLU | ReLU6, net: Net, inputs: Sequence[Array]) -> Array:
    found = requantize_parameters(op, net)
    return clamped((inputs[0].astype(np.int64) * found.multiplier + found.offset) >> found.shift, op, net)


def _softmax(op: Softmax, net: Net, inputs: Sequence[Array]) -> Array:
    x = inputs[0].astype(np.int64)
    powers = np.asarray(softmax_table(op, net), np.int64)[x.max(axis=-1, keepdims=True) - x]
    total = powers.sum(axis=-1, keepdims=True)
    return clamped(-128 + (powers * 256 + total // 2) // total, op, net)


INTEGER_OPS: Mapping[type[Op], IntegerOp] = {
    Conv2D: _weighted,
    DepthwiseConv2D: _weighted,
    FullyConnected: _weighted,
    MaxPool2D: max_pool,
    AveragePool2D: _average,
    GlobalAveragePool2D: _average,
    Add: _add,
    Concat: concat,
    Pad: padded,
    ReLU: _rescale,
    ReLU6: _rescale,
    Reshape: reshape,
    Softmax: _softmax,
    Requantize: _rescale,
}
"""The meaning of every op of the `lilliput` profile on integers."""
