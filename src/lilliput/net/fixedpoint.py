"""The whole-number constants of the `lilliput` profile: the one place that turns scales into multipliers.

The numpy reference, QAT and the generated C all take their constants from here, so they cannot disagree.
A real factor m is held as a whole M and a shift n with m ≈ M / 2**n.  A shift right is arithmetic (towards
minus infinity), so adding 2**(n - 1) first rounds to nearest, halves up.  Constants of the `tflm` profile:
`lilliput.net.fixedpoint_tflm`.

Every function needs the quantizations, never the weights, so all of them work on weightless candidates.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lilliput.errors import NetError
from lilliput.net.graph import Net
from lilliput.net.ops import (
    Activation,
    Add,
    AveragePool2D,
    Conv2D,
    DepthwiseConv2D,
    FullyConnected,
    GlobalAveragePool2D,
    Logistic,
    MaxPool2D,
    Mul,
    Op,
    Pad,
    Profile,
    ReLU,
    ReLU6,
    Requantize,
    Softmax,
    Sub,
    Tanh,
)
from lilliput.net.tensor import DType, Quant

SOFTMAX_SCALE = 1 / 256
SOFTMAX_ZERO_POINT = -128
BOUNDED: dict[type[Op], Quant] = {
    Softmax: Quant.per_tensor(SOFTMAX_SCALE, SOFTMAX_ZERO_POINT),
    Logistic: Quant.per_tensor(1 / 256, -128),
    Tanh: Quant.per_tensor(1 / 128, 0),
}
"""Ops whose values have fixed bounds, and the quantization that their outputs always have."""

WeightedOp = Conv2D | DepthwiseConv2D | FullyConnected
AverageOp = AveragePool2D | GlobalAveragePool2D
RescaleOp = Requantize | ReLU | ReLU6


@dataclass(frozen=True)
class Requant:
    """How an accumulator becomes an output: z_y + ((acc * M + 2**(shift - 1)) >> shift), in int64.

    Attributes:
        multipliers: M in [0, 2**31), one for each output channel, or a single one for all; below 2**15 where
            the accumulator has 64 bits.
        shift: n in [1, 32], the same for all channels; 32 on almost every op, where the result is the top
            word of the product.
    """

    multipliers: tuple[int, ...]
    shift: int


@dataclass(frozen=True)
class AddParameters:
    """y = (x1 * multipliers[0] + x2 * multipliers[1] + offset) >> shift, in int32; of a sum or a difference.

    Attributes:
        multipliers: 16-bit, in (-2**15, 2**15); only a difference has a negative one, its second.
        offset: both input zero points, the output's, and the rounding half, in one number.
        shift: in [1, 20].
    """

    multipliers: tuple[int, int]
    offset: int
    shift: int


@dataclass(frozen=True)
class RequantizeParameters:
    """y = (x * multiplier + offset) >> shift, in int32; fields mean what they do in `AddParameters`."""

    multiplier: int
    offset: int
    shift: int


@dataclass(frozen=True)
class MulParameters:
    """y = z_y + (((x1 - z_1) * (x2 - z_2) * multiplier + 2**(shift - 1)) >> shift), in int32.

    Attributes:
        multiplier: in [0, 2**15).
        shift: in [1, 24], or in [1, 32] where what flows has 16 bits; the product then takes 64.
    """

    multiplier: int
    shift: int


def conv_requant(op: WeightedOp, net: Net) -> Requant:
    """Requantization of a convolution or matrix product: m = s_x * s_w / s_y for each scale of the weights.

    Returns:
        One multiplier for each output channel, or a single one where the weights have one scale.

    Raises:
        NetError: a factor is too large to be held.
    """
    input_scale, output_scale = quant(op.inputs[0], net).scale, quant(op.outputs[0], net).scale
    factors = [input_scale * scale / output_scale for scale in quant(op.inputs[1], net).scales]
    return _requant(op, factors, 15 if is_wide(op, net) else 31)


def pool_counts(op: AverageOp, net: Net) -> tuple[int, ...]:
    """The distinct numbers of elements inside the image that windows of an average pool hold, ascending."""
    height, width, _ = net.tensors[op.inputs[0]].shape
    if isinstance(op, GlobalAveragePool2D):
        return (height * width,)
    rows, columns, _ = net.tensors[op.outputs[0]].shape
    tall = {_inside(row * op.strides[0] - op.padding.top, op.pool[0], height) for row in range(rows)}
    wide = {_inside(column * op.strides[1] - op.padding.left, op.pool[1], width) for column in range(columns)}
    return tuple(sorted({a * b for a in tall for b in wide}))


def pool_requant(op: AverageOp, net: Net, count: int) -> Requant:
    """Requantization of the sum of `count` elements: m = s_x / (s_y * count), one multiplier.

    Raises:
        NetError: the factor is too large to be held.
    """
    return _requant(op, [quant(op.inputs[0], net).scale / (quant(op.outputs[0], net).scale * count)])


def activation_range(op: Op, net: Net) -> tuple[int, int]:
    """Smallest and largest output of `op`: the type's range, cut by the op's activation."""
    output = net.tensors[op.outputs[0]]
    low, high = output.dtype.range
    activation = activation_of(op)
    if activation is Activation.NONE:
        return low, high
    # TensorFlow Lite Micro's RELU6 cuts what comes in, whatever the output's scale.
    only_cuts = isinstance(op, ReLU6) and op.profile is Profile.TFLM
    target = quant(op.inputs[0] if only_cuts else output.name, net)
    least, most = _BOUNDS[activation]
    low = max(low, target.zero_point + _steps(least, target.scale, op.profile))
    if most is not None:
        high = min(high, target.zero_point + _steps(most, target.scale, op.profile))
    return low, max(low, high)


def real_range(op: Op) -> tuple[float, float]:
    """Smallest and largest output of a float op, float32's ends where its activation sets none."""
    largest = float(np.finfo(np.float32).max)
    least, most = _BOUNDS.get(activation_of(op), (-largest, None))
    return least, largest if most is None else most


def activation_of(op: Op) -> Activation:
    """The activation that an op ends with: fused into it, or what the op itself is."""
    match op:
        case ReLU():
            return Activation.RELU
        case ReLU6():
            return Activation.RELU6
        case Conv2D() | DepthwiseConv2D() | FullyConnected() | MaxPool2D() | AveragePool2D():
            return op.activation
        case Add() | Sub() | Mul():
            return op.activation
        case _:
            return Activation.NONE


def add_parameters(op: Add | Sub, net: Net) -> AddParameters:
    """Constants of an element-wise sum or difference.

    Raises:
        NetError: a factor is too large to be held.
    """
    first, second = quant(op.inputs[0], net), quant(op.inputs[1], net)
    signs = (1, -1) if isinstance(op, Sub) else (1, 1)
    bits = 14 if is_wide(op, net) else 15
    (m1, m2), offset, shift = _rescale(op, (first, second), quant(op.outputs[0], net), signs, bits)
    return AddParameters((m1, m2), offset, shift)


def mul_parameters(op: Mul, net: Net) -> MulParameters:
    """Constants of an element-wise product.

    Raises:
        NetError: the factor is too large to be held.
    """
    first, second = quant(op.inputs[0], net).scale, quant(op.inputs[1], net).scale
    factor = first * second / quant(op.outputs[0], net).scale
    shift = _largest_shift(op, [factor], 32 if is_wide(op, net) else 24, 15)
    return MulParameters(round(math.ldexp(factor, shift)), shift)


def requantize_parameters(op: RescaleOp, net: Net) -> RequantizeParameters:
    """Constants of an element-wise change of scale: Requantize, ReLU and ReLU6.

    Raises:
        NetError: the factor is too large to be held.
    """
    source, target = quant(op.inputs[0], net), quant(op.outputs[0], net)
    (multiplier,), offset, shift = _rescale(op, (source,), target, (1,), 15)
    return RequantizeParameters(multiplier, offset, shift)


def softmax_table(op: Softmax, net: Net) -> tuple[int, ...]:
    """T[d] = round(exp(-beta * s_x * d) * 2**15) for the distance d = max - x in 0…255; fits uint16.

    y = min(127, -128 + (T * 256 + sum // 2) // sum).
    """
    step = op.beta * quant(op.inputs[0], net).scale
    return tuple(round(math.ldexp(math.exp(-step * distance), 15)) for distance in range(256))


def pad_value(op: Pad, net: Net) -> int:
    """The integer of a border's real value; the zero point where that is 0.0."""
    known = quant(op.inputs[0], net)
    low, high = net.tensors[op.inputs[0]].dtype.range
    steps = min(max(op.value / known.scale, -_MANY_STEPS), _MANY_STEPS)
    return min(high, max(low, known.zero_point + round(steps)))


def is_wide(op: Op, net: Net) -> bool:
    """Whether `op` puts out 16-bit integers, whose sums take 64 bits and whose zero points are 0."""
    return net.tensors[op.outputs[0]].dtype is DType.INT16


def quant(tensor: str, net: Net) -> Quant:
    """The quantization of a tensor.

    Raises:
        NetError: it has none.
    """
    found = net.tensors[tensor].quant
    if found is None:
        raise NetError(
            f"tensor '{tensor}' has no quantization", "an integer op needs one", "quantize the network first"
        )
    return found


_MANY_STEPS = 1e9  # more than any type holds
_BOUNDS: dict[Activation, tuple[float, float | None]] = {
    Activation.RELU: (0.0, None),
    Activation.RELU6: (0.0, 6.0),
    Activation.RELU_N1_TO_1: (-1.0, 1.0),
}
"""Smallest and largest real value that an activation lets through."""


def _steps(real: float, scale: float, profile: Profile) -> int:
    """A bound in steps of the output's scale."""
    if profile is Profile.TFLM:
        # Divided in float32, halves away from zero.
        with np.errstate(over="ignore"):
            steps = min(float(np.float32(abs(real)) / np.float32(scale)), _MANY_STEPS)
        return int(math.copysign(math.floor(steps + 0.5), real))
    return round(math.copysign(min(abs(real) / scale, _MANY_STEPS), real))


def _inside(start: int, window: int, length: int) -> int:
    return min(start + window, length) - max(start, 0)


def _requant(op: Op, factors: Sequence[float], bits: int = 31) -> Requant:
    shift = _largest_shift(op, factors, 32, bits)
    return Requant(tuple(round(math.ldexp(factor, shift)) for factor in factors), shift)


def _rescale(
    op: Op, sources: Sequence[Quant], target: Quant, signs: Sequence[int], bits: int
) -> tuple[list[int], int, int]:
    factors = [source.scale / target.scale for source in sources]
    shift = _largest_shift(op, factors, 20, bits)
    multipliers = [
        sign * round(math.ldexp(factor, shift)) for sign, factor in zip(signs, factors, strict=True)
    ]
    moved = sum(
        source.zero_point * multiplier for source, multiplier in zip(sources, multipliers, strict=True)
    )
    return multipliers, (target.zero_point << shift) + (1 << (shift - 1)) - moved, shift


def _largest_shift(op: Op, factors: Sequence[float], most: int, bits: int) -> int:
    largest = min(max(factors), 2.0**bits)
    for shift in range(most, 0, -1):
        if round(math.ldexp(largest, shift)) < 1 << bits:
            return shift
    raise NetError(
        f"op '{op.name}' ({type(op).__name__}) cannot be requantized",
        f"its inputs' scale is {max(factors):g} times its output's scale, more than {1 << (bits - 1)}",
        "give the output a larger range",
    )
