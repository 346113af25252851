"""What each op means on integers in the `tflm` profile: bit for bit as TensorFlow Lite Micro's int8 kernels.

Those round twice (gemmlowp: once in the doubling high product, once in the shift), average raw integers, and
compute softmax in fixed point.  A global average is what they do when the two dimensions are kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from lilliput.net.fixedpoint import RescaleOp, WeightedOp, quant
from lilliput.net.fixedpoint_tflm import (
    ADD_LEFT_SHIFT,
    LOGISTIC_INTEGER_BITS,
    Factor,
    add_factors,
    conv_factors,
    furthest_input,
    hard_swish_factors,
    leaky_relu_factors,
    logistic_factor,
    mean_factor,
    mul_factor,
    rescale_factor,
    softmax_factor,
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
from lilliput.net.reference.gemmlowp import (
    divide_rounding_away,
    exponential,
    high_product,
    high_product_16,
    hyperbolic_tangent,
    logistic,
    reciprocal,
    saturated_16,
    shifted_right,
    wrapped_16,
)
from lilliput.net.reference.integer import (
    IntegerOp,
    accumulate,
    clamped,
    concat,
    max_pool,
    operands,
    padded,
    part,
    pool_sums,
    reshape,
    resize,
    transposed,
)
from lilliput.net.reference.windows import Array


def scaled(x: Array, factors: Sequence[Factor]) -> Array:
    """int64 `x` times its factor, or the factor of its last index, rounded twice."""
    multipliers = np.array([factor.multiplier for factor in factors], np.int64)
    shifts = np.array([factor.shift for factor in factors], np.int64)
    return shifted_right(high_product(x << np.maximum(shifts, 0), multipliers), np.maximum(-shifts, 0))


def _weighted(op: WeightedOp, net: Net, inputs: Sequence[Array]) -> Array:
    y = scaled(accumulate(op, net, inputs), conv_factors(op, net))
    return clamped(y + quant(op.outputs[0], net).zero_point, op, net)


def _average_pool(op: AveragePool2D, net: Net, inputs: Sequence[Array]) -> Array:
    return clamped(divide_rounding_away(*pool_sums(op, inputs[0])), op, net)


def _global_average_pool(op: GlobalAveragePool2D, net: Net, inputs: Sequence[Array]) -> Array:
    source, target = quant(op.inputs[0], net), quant(op.outputs[0], net)
    sums, _ = pool_sums(op, inputs[0].astype(np.int64) - source.zero_point)
    return clamped(scaled(sums, [mean_factor(op, net)]) + target.zero_point, op, net)


def _add(op: Add | Sub, net: Net, inputs: Sequence[Array]) -> Array:
    found = add_factors(op, net)
    first, second = (
        scaled(value << ADD_LEFT_SHIFT, [factor])
        for value, factor in zip(operands(op, net, inputs, centred=True), found.inputs, strict=True)
    )
    total = first - second if isinstance(op, Sub) else first + second
    return clamped(scaled(total, [found.output]) + quant(op.outputs[0], net).zero_point, op, net)


def _mul(op: Mul, net: Net, inputs: Sequence[Array]) -> Array:
    first, second = operands(op, net, inputs, centred=True)
    y = scaled(first * second, [mul_factor(op, net)])
    return clamped(y + quant(op.outputs[0], net).zero_point, op, net)


def _rescale(op: RescaleOp, net: Net, inputs: Sequence[Array]) -> Array:
    source, target = quant(op.inputs[0], net), quant(op.outputs[0], net)
    y = scaled(inputs[0].astype(np.int64) - source.zero_point, [rescale_factor(op, net)])
    return clamped(y + target.zero_point, op, net)


def _clamp(op: ReLU6, net: Net, inputs: Sequence[Array]) -> Array:
    return clamped(inputs[0], op, net)


def softmax_powers(op: Softmax, net: Net) -> Array:
    """exp(-beta * s_x * d) * 2**31 for the distance d = max - x in 0…255, 0 where it is too far to count."""
    found = softmax_factor(op, net)
    difference = -np.arange(256, dtype=np.int64)
    counts = difference >= found.least_difference
    exponents = scaled(np.where(counts, difference, 0), [found.factor])
    powers: Array = np.where(counts, exponential(exponents), 0)
    return powers


def _softmax(op: Softmax, net: Net, inputs: Sequence[Array]) -> Array:
    x = inputs[0].astype(np.int64)
    powers = softmax_powers(op, net)[x.max(axis=-1, keepdims=True) - x]
    # The sum has 12 integer bits; each power is brought to them first.
    total = shifted_right(powers, 12).sum(axis=-1, keepdims=True)
    inverse, bits_over_unit = reciprocal(total, 12)
    shares = shifted_right(high_product(powers, inverse), bits_over_unit + 31 - 8)
    return clamped(shares - 128, op, net)


def _logistic(op: Logistic | Tanh, net: Net, inputs: Sequence[Array]) -> Array:
    factor = logistic_factor(op, net)
    furthest = furthest_input(factor, LOGISTIC_INTEGER_BITS)
    x = inputs[0].astype(np.int64) - quant(op.inputs[0], net).zero_point
    exact = scaled(np.where(np.abs(x) < furthest, x, 0), [factor])
    if isinstance(op, Logistic):
        y = shifted_right(logistic(exact), 31 - 8) - 128
    else:
        y = shifted_right(hyperbolic_tangent(exact), 31 - 7)
    return clamped(np.where(x >= furthest, 127, np.where(x <= -furthest, -128, y)), op, net)


def _hard_swish(op: HardSwish, net: Net, inputs: Sequence[Array]) -> Array:
    """In int16: the input times a gate, which grows from 0 at -3 to 1 at 3."""
    found = hard_swish_factors(op, net)
    fine = (inputs[0].astype(np.int64) - quant(op.inputs[0], net).zero_point) << 7
    value = high_product_16(fine, found.output.multiplier)
    gate, shift = fine, found.gate.shift
    if shift > 0:
        gate = saturated_16(gate << (shift - 1))
    gate = high_product_16(gate, found.gate.multiplier)
    gate = saturated_16(gate << 1) if shift > 0 else shifted_right(gate, -shift)
    gate = (gate + (1 << 15)) >> 1
    # Truncated, where the products above are rounded: the errors cancel.
    product = gate * value
    y = shifted_right(np.sign(product) * (np.abs(product) >> 15), -found.output.shift)
    return clamped(wrapped_16(y + quant(op.outputs[0], net).zero_point), op, net)


def _leaky_relu(op: LeakyReLU, net: Net, inputs: Sequence[Array]) -> Array:
    x = inputs[0].astype(np.int64) - quant(op.inputs[0], net).zero_point
    same, less = (scaled(x, [factor]) for factor in leaky_relu_factors(op, net))
    return clamped(np.where(x >= 0, same, less) + quant(op.outputs[0], net).zero_point, op, net)


TFLM_OPS: Mapping[type[Op], IntegerOp] = {
    Conv2D: _weighted,
    DepthwiseConv2D: _weighted,
    FullyConnected: _weighted,
    MaxPool2D: max_pool,
    AveragePool2D: _average_pool,
    GlobalAveragePool2D: _global_average_pool,
    Add: _add,
    Sub: _add,
    Mul: _mul,
    Concat: concat,
    Pad: padded,
    Slice: part,
    Transpose: transposed,
    ResizeNearest: resize,
    Logistic: _logistic,
    Tanh: _logistic,
    HardSwish: _hard_swish,
    LeakyReLU: _leaky_relu,
    ReLU: _rescale,
    ReLU6: _clamp,
    Reshape: reshape,
    Softmax: _softmax,
    Requantize: _rescale,
}
"""The meaning of every op of the `tflm` profile on integers."""
