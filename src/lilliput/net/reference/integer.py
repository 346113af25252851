"""What each op means on integers in the `lilliput` profile; QAT and the C follow this to the bit.

Activations are integers of at most 16 bits (uint8 before the first Requantize) with the batch first; sums
are taken in int64, which `check` shows to be the same as int32 where they come from 8 bits.
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
    mul_parameters,
    pad_value,
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
    HardSwish,
    LeakyReLU,
    Logistic,
    MaxPool2D,
    Mul,
    Op,
    Pad,
    PairwiseOp,
    ReLU,
    ReLU6,
    Requantize,
    Reshape,
    ResizeNearest,
    Slice,
    Softmax,
    Sub,
    Tanh,
    Transpose,
)
from lilliput.net.reference.floating import hard_swish, leaky_relu, logistic
from lilliput.net.reference.windows import (
    Array,
    convolve,
    convolve_depthwise,
    pad,
    resized,
    spread,
    windows,
)

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
            steps = weights[0].size * (1 << (inputs[0].itemsize + weights.itemsize) * 8 - 1)
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
    batch = max(len(x) for name, x in zip(op.inputs, inputs, strict=True) if not net.tensors[name].constant)
    found = [
        np.broadcast_to(x, (batch, *x.shape)) if net.tensors[name].constant else x
        for name, x in zip(op.inputs, inputs, strict=True)
    ]
    return np.concatenate(found, axis=op.axis + 1)


def padded(op: Pad, net: Net, inputs: Sequence[Array]) -> Array:
    """A border of one integer."""
    return pad(inputs[0], op.padding, pad_value(op, net))


def part(op: Slice, net: Net, inputs: Sequence[Array]) -> Array:
    """Some of the integers."""
    return inputs[0][:, *map(slice, op.begin, op.end, op.steps)]


def transposed(op: Transpose, net: Net, inputs: Sequence[Array]) -> Array:
    """The same integers in another order."""
    return inputs[0].transpose(0, *(axis + 1 for axis in op.permutation))


def resize(op: ResizeNearest, net: Net, inputs: Sequence[Array]) -> Array:
    """The nearest integers."""
    return resized(inputs[0], op.size, op.align_corners, op.half_pixel_centers)


def reshape(op: Reshape, net: Net, inputs: Sequence[Array]) -> Array:
    """The same integers."""
    return inputs[0].reshape(-1, *op.shape)


def operands(op: PairwiseOp, net: Net, inputs: Sequence[Array], centred: bool) -> list[Array]:
    """Both inputs as int64, less their zero points or as they are, spread over the output's axes."""
    rank, found = len(net.tensors[op.outputs[0]].shape), []
    for name, value in zip(op.inputs, inputs, strict=True):
        tensor = net.tensors[name]
        wide = spread(value.astype(np.int64), tensor.shape, not tensor.constant, rank)
        found.append(wide - quant(name, net).zero_point if centred else wide)
    return found


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


def _add(op: Add | Sub, net: Net, inputs: Sequence[Array]) -> Array:
    found = add_parameters(op, net)
    values = operands(op, net, inputs, centred=False)
    first, second = (value * m for value, m in zip(values, found.multipliers, strict=True))
    return clamped((first + second + found.offset) >> found.shift, op, net)


def _mul(op: Mul, net: Net, inputs: Sequence[Array]) -> Array:
    found = mul_parameters(op, net)
    first, second = operands(op, net, inputs, centred=True)
    product = first * second * found.multiplier + (1 << (found.shift - 1))
    return clamped((product >> found.shift) + quant(op.outputs[0], net).zero_point, op, net)


def _rescale(op: Requantize | ReLU | ReLU6, net: Net, inputs: Sequence[Array]) -> Array:
    found = requantize_parameters(op, net)
    return clamped((inputs[0].astype(np.int64) * found.multiplier + found.offset) >> found.shift, op, net)


def _softmax(op: Softmax, net: Net, inputs: Sequence[Array]) -> Array:
    x = inputs[0].astype(np.int64)
    powers = np.asarray(softmax_table(op, net), np.int64)[x.max(axis=-1, keepdims=True) - x]
    total = powers.sum(axis=-1, keepdims=True)
    return clamped(-128 + (powers * 256 + total // 2) // total, op, net)


def _function(real: Callable[[Array], Array]) -> IntegerOp:
    """What a function of reals gives, rounded to nearest, halves to even."""

    def run(op: Op, net: Net, inputs: Sequence[Array]) -> Array:
        source, target = quant(op.inputs[0], net), quant(op.outputs[0], net)
        held = np.iinfo(net.tensors[op.inputs[0]].dtype.numpy.name)
        low, high = int(held.min), int(held.max)
        reals = (np.arange(low, high + 1) - source.zero_point) * source.scale
        steps = np.clip(np.round(real(reals) / target.scale), -1e9, 1e9).astype(np.int64)
        table = clamped(steps + target.zero_point, op, net)
        return table[inputs[0].astype(np.int64) - low]

    return run


def _leaky_relu(op: LeakyReLU, net: Net, inputs: Sequence[Array]) -> Array:
    return _function(lambda x: leaky_relu(x, op.alpha))(op, net, inputs)


INTEGER_OPS: Mapping[type[Op], IntegerOp] = {
    Conv2D: _weighted,
    DepthwiseConv2D: _weighted,
    FullyConnected: _weighted,
    MaxPool2D: max_pool,
    AveragePool2D: _average,
    GlobalAveragePool2D: _average,
    Add: _add,
    Sub: _add,
    Mul: _mul,
    Concat: concat,
    Pad: padded,
    Slice: part,
    Transpose: transposed,
    ResizeNearest: resize,
    Logistic: _function(logistic),
    Tanh: _function(np.tanh),
    HardSwish: _function(hard_swish),
    LeakyReLU: _leaky_relu,
    ReLU: _rescale,
    ReLU6: _rescale,
    Reshape: reshape,
    Softmax: _softmax,
    Requantize: _rescale,
}
"""The meaning of every op of the `lilliput` profile on integers."""
