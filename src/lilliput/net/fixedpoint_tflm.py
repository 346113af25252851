"""The whole-number constants of the `tflm` profile, as TensorFlow Lite Micro's int8 kernels have them.

A real factor is a multiplier in [2**30, 2**31) and a shift: factor ≈ multiplier * 2**(shift - 31).  Scales
are float32 in TensorFlow Lite; where it multiplies them as float32 and where as double decides the last bit,
so each function says which.  Source: tflite-micro, `quantization_util.cc`, `kernel_util.cc` and the kernels'
Prepare functions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from lilliput.errors import NetError
from lilliput.net.fixedpoint import RescaleOp, WeightedOp, quant
from lilliput.net.graph import Net
from lilliput.net.ops import Add, FullyConnected, GlobalAveragePool2D, Op, Softmax

ADD_LEFT_SHIFT = 20
SOFTMAX_INTEGER_BITS = 5
LARGEST_SHIFT = 30


@dataclass(frozen=True)
class Factor:
    """A real factor: multiplier * 2**(shift - 31); multiplier 0 or in [2**30, 2**31)."""

    multiplier: int
    shift: int


@dataclass(frozen=True)
class AddFactors:
    """Factors of both inputs, which are first shifted left by `ADD_LEFT_SHIFT`, and of the sum."""

    inputs: tuple[Factor, Factor]
    output: Factor


@dataclass(frozen=True)
class SoftmaxFactor:
    """How a distance from the largest input becomes the exponent, with 5 integer bits.

    Attributes:
        factor: times the distance.
        least_difference: inputs further below the largest than this count as zero.
    """

    factor: Factor
    least_difference: int


def quantize_multiplier(real: float) -> Factor:
    """The factor nearest to `real`, which must not be negative; below 2**-32 it is zero."""
    fraction, shift = math.frexp(real)
    multiplier = math.floor(math.ldexp(fraction, 31) + 0.5)
    if multiplier == 1 << 31:
        multiplier, shift = 1 << 30, shift + 1
    return Factor(0, 0) if shift < -31 or not multiplier else Factor(multiplier, shift)


def conv_factors(op: WeightedOp, net: Net) -> tuple[Factor, ...]:
    """A factor for each scale of the weights: s_x * s_w / s_y, in double.

    A fully connected layer with a single scale multiplies s_x * s_w in float32.
    """
    source, target = quant(op.inputs[0], net).scale, quant(op.outputs[0], net).scale
    scales = quant(op.inputs[1], net).scales
    if isinstance(op, FullyConnected) and len(scales) == 1:
        return (_held(op, float(np.float32(source) * np.float32(scales[0])) / target),)
    return tuple(_held(op, source * scale / target) for scale in scales)


def rescale_factor(op: RescaleOp | GlobalAveragePool2D, net: Net) -> Factor:
    """The factor s_x / s_y, in double."""
    return _held(op, quant(op.inputs[0], net).scale / quant(op.outputs[0], net).scale)


def mean_factor(op: GlobalAveragePool2D, net: Net) -> Factor:
    """The factor s_x / s_y, in double, divided by the number of elements in whole numbers."""
    factor = rescale_factor(op, net)
    height, width, _ = net.tensors[op.inputs[0]].shape
    shift = min((height * width).bit_length() - 1, 32, 31 + factor.shift)
    return Factor((factor.multiplier << shift) // (height * width), factor.shift - shift)


def add_factors(op: Add, net: Net) -> AddFactors:
    """Factors of a sum: both inputs relative to twice the larger scale, then that to the output's."""
    first, second = (quant(name, net).scale for name in op.inputs)
    common = 2 * max(first, second)
    output = common / ((1 << ADD_LEFT_SHIFT) * quant(op.outputs[0], net).scale)
    if output >= 1:
        raise _refusal(op, f"its inputs' scale is {max(first, second):g}, far above its output's")
    return AddFactors(
        (quantize_multiplier(first / common), quantize_multiplier(second / common)),
        quantize_multiplier(output),
    )


def softmax_factor(op: Softmax, net: Net) -> SoftmaxFactor:
    """The factor beta * s_x * 2**26 of a softmax."""
    real = min(op.beta * quant(op.inputs[0], net).scale * (1 << (31 - SOFTMAX_INTEGER_BITS)), (1 << 31) - 1.0)
    if real <= 1:
        raise _refusal(op, f"beta times the input's scale is {real:g} * 2**-26")
    factor = quantize_multiplier(real)
    radius = ((1 << SOFTMAX_INTEGER_BITS) - 1) * 2.0 ** (31 - SOFTMAX_INTEGER_BITS) / 2.0**factor.shift
    return SoftmaxFactor(factor, -math.floor(radius))


def _held(op: Op, real: float) -> Factor:
    factor = quantize_multiplier(real)
    if factor.shift > LARGEST_SHIFT:
        raise _refusal(op, f"its inputs' scale is {real:g} times its output's")
    return factor


def _refusal(op: Op, why: str) -> NetError:
    return NetError(f"op '{op.name}' ({type(op).__name__}) cannot be requantized", why, "give other scales")
