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
from lilliput.net.ops import (
    Add,
    GlobalAveragePool2D,
    HardSwish,
    LeakyReLU,
    Logistic,
    Mul,
    Op,
    Softmax,
    Sub,
    Tanh,
)

ADD_LEFT_SHIFT = 20
SOFTMAX_INTEGER_BITS = 5
LOGISTIC_INTEGER_BITS = 4
LARGEST_SHIFT = 30
_BEYOND = 63


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


@dataclass(frozen=True)
class HardSwishFactors:
    """Factors of a hard swish with multipliers of 16 bits, for inputs that are first shifted left by 7.

    Attributes:
        output: from there to the output's scale.
        gate: from there to where 2**15 stands for 3.
    """

    output: Factor
    gate: Factor


def quantize_multiplier(real: float) -> Factor:
    """The factor nearest to `real`, which must not be negative; below 2**-32 it is zero.

    What is larger than any that can be used, infinity too, gets a shift beyond `LARGEST_SHIFT`.
    """
    if real >= 2.0**_BEYOND:
        return Factor(1 << 30, _BEYOND)
    fraction, shift = math.frexp(real)
    multiplier = math.floor(math.ldexp(fraction, 31) + 0.5)
    if multiplier == 1 << 31:
        multiplier, shift = 1 << 30, shift + 1
    return Factor(0, 0) if shift < -31 or not multiplier else Factor(multiplier, shift)


def conv_factors(op: WeightedOp, net: Net) -> tuple[Factor, ...]:
    """A factor for each scale of the weights: s_x * s_w / s_y, in double."""
    source, target = quant(op.inputs[0], net).scale, quant(op.outputs[0], net).scale
    scales = quant(op.inputs[1], net).scales
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


def add_factors(op: Add | Sub, net: Net) -> AddFactors:
    """Factors of a sum or difference, in double.

    Both inputs are made relative to twice the larger scale, then that to the output's.
    """
    first, second = (quant(name, net).scale for name in op.inputs)
    common = 2 * max(first, second)
    output = common / ((1 << ADD_LEFT_SHIFT) * quant(op.outputs[0], net).scale)
    if output >= 1:
        raise _refusal(op, f"its inputs' scale is {max(first, second):g}, far above its output's")
    return AddFactors(
        (quantize_multiplier(first / common), quantize_multiplier(second / common)),
        quantize_multiplier(output),
    )


def mul_factor(op: Mul, net: Net) -> Factor:
    """The factor s_1 * s_2 / s_y of a product, in double."""
    first, second = (quant(name, net).scale for name in op.inputs)
    return _held(op, first * second / quant(op.outputs[0], net).scale)


def logistic_factor(op: Logistic | Tanh, net: Net) -> Factor:
    """The factor s_x * 2**27, which gives x 4 integer bits."""
    factor = quantize_multiplier(quant(op.inputs[0], net).scale * (1 << (31 - LOGISTIC_INTEGER_BITS)))
    if not 0 <= factor.shift <= LARGEST_SHIFT:
        raise _refusal(op, f"its input's scale is {quant(op.inputs[0], net).scale:g}")
    return factor


def furthest_input(factor: Factor, integer_bits: int) -> int:
    """How far from zero an input may lie so that, times `factor`, it has so many integer bits."""
    largest = ((1 << integer_bits) - 1) * 2.0 ** (31 - integer_bits) / 2.0**factor.shift
    return math.floor(largest)


def hard_swish_factors(op: HardSwish, net: Net) -> HardSwishFactors:
    """Factors of a hard swish, from scales multiplied as float32."""
    fine = np.float32(1.0 / 128.0) * np.float32(quant(op.inputs[0], net).scale)
    with np.errstate(over="ignore", divide="ignore"):
        output = quantize_multiplier(float(fine / np.float32(quant(op.outputs[0], net).scale)))
    gate = quantize_multiplier(float(fine / (np.float32(3.0) / np.float32(32768.0))))
    if not -15 <= output.shift <= 0 or not -15 <= gate.shift <= 15:
        raise _refusal(op, "its input's scale is too small or too large beside its output's, or by itself")
    return HardSwishFactors(_halved(output), _halved(gate))


def _halved(factor: Factor) -> Factor:
    """The factor with a multiplier of 16 bits."""
    return Factor(min((factor.multiplier + (1 << 15)) >> 16, (1 << 15) - 1), factor.shift)


def leaky_relu_factors(op: LeakyReLU, net: Net) -> tuple[Factor, Factor]:
    """The factors s_x / s_y of what is not negative and alpha s_x / s_y of what is, in double."""
    source, target = quant(op.inputs[0], net).scale, quant(op.outputs[0], net).scale
    return _held(op, source / target), _held(op, source * float(np.float32(op.alpha)) / target)


def softmax_factor(op: Softmax, net: Net) -> SoftmaxFactor:
    """The factor beta * s_x * 2**26 of a softmax."""
    real = min(op.beta * quant(op.inputs[0], net).scale * (1 << (31 - SOFTMAX_INTEGER_BITS)), (1 << 31) - 1.0)
    if real <= 1:
        raise _refusal(op, f"beta times the input's scale is {real:g} * 2**-26")
    factor = quantize_multiplier(real)
    return SoftmaxFactor(factor, -furthest_input(factor, SOFTMAX_INTEGER_BITS))


def _held(op: Op, real: float) -> Factor:
    factor = quantize_multiplier(real)
    if factor.shift > LARGEST_SHIFT:
        raise _refusal(op, f"its inputs' scale is {real:g} times its output's")
    return factor


def _refusal(op: Op, why: str) -> NetError:
    return NetError(f"op '{op.name}' ({type(op).__name__}) cannot be requantized", why, "give other scales")
