"""What holds of the integers of a quantized network: types, quantizations, and sums that fit int32."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from lilliput.errors import NetError
from lilliput.net.fixedpoint import (
    BOUNDED,
    SOFTMAX_SCALE,
    SOFTMAX_ZERO_POINT,
    RescaleOp,
    WeightedOp,
    add_parameters,
    conv_requant,
    is_wide,
    mul_parameters,
    pool_counts,
    pool_requant,
    quant,
    requantize_parameters,
)
from lilliput.net.fixedpoint_tflm import (
    Factor,
    add_factors,
    conv_factors,
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
    FLOAT_ONLY,
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
    Profile,
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
from lilliput.net.tensor import DType, Quant, Tensor, signed

T = TypeVar("T")

LARGEST_SUM = (1 << 31) - 1
"""What an int32 accumulator holds."""

LARGEST_SCALE = 1e30
"""So that products of two scales, and of one with an integer, stay finite."""
_LARGEST_SOFTMAX = {
    Profile.LILLIPUT: 1 << 15,
    Profile.TFLM: (1 << 12) - 1,
}  # the sum of the powers fits int32
_LARGEST_RESULT = LARGEST_SUM - 256  # so that adding the zero point stays within int32
_LARGEST_WIDE_SUM = 1 << 47  # its product with a multiplier of 15 bits fits int64
_FLOWS = frozenset(signed(bits) for bits in range(1, 9))
_WEIGHTS = frozenset({DType.SIGN, *(signed(bits) for bits in range(2, 9))})
TABLED: frozenset[type[Op]] = frozenset({Logistic, Tanh, HardSwish, LeakyReLU, Softmax})
"""Ops that are looked up in a table of 256 entries, so that no input may have more than 8 bits."""


ANEW = "make the model anew from its float form or its .tflite file, or repair the program that made it"
"""What to do about a network that no command of Lilliput writes."""


def refuse(net: Net, why: str, hint: str = ANEW) -> NetError:
    """The error for a broken rule."""
    return NetError(f"network '{net.name}' is not valid", why, hint)


def check_numbers(net: Net) -> None:
    """Refuses a quantized network whose integers do not mean what the profile says, or might overflow.

    Raises:
        NetError: names the op or tensor and the rule.
    """
    for tensor in net.tensors.values():
        check_quant(net, tensor)
    for name in net.inputs:
        if net.tensors[name].dtype not in (DType.INT8, DType.UINT8, DType.INT16):
            raise refuse(
                net, f"its input '{name}' is {net.tensors[name].dtype.value}", "use int8, uint8 or int16"
            )
    for op in net.ops:
        check_integers(net, op)


def check_integers(net: Net, op: Op) -> None:
    """Refuses one op of a quantized network whose integers do not mean what the profile says.

    Raises:
        NetError: names the op or tensor and the rule.
    """
    if type(op) in FLOAT_ONLY:
        raise refuse(
            net, f"op '{op.name}' ({type(op).__name__}) has no integer form", "run `fold_batch_norm`"
        )
    _check_types(net, op)
    match op:
        case Conv2D() | DepthwiseConv2D() | FullyConnected():
            _check_weighted(net, op)
        case MaxPool2D() | Concat() | Pad() | Reshape() | Slice() | Transpose() | ResizeNearest():
            _check_same_quant(net, op)
        case AveragePool2D() | GlobalAveragePool2D():
            _check_average(net, op)
        case Add() | Sub():
            add_factors(op, net) if op.profile is Profile.TFLM else add_parameters(op, net)
        case Mul():
            _check_mul(net, op)
        case Logistic() | Tanh():
            _check_bounded(net, op)
        case HardSwish() if op.profile is Profile.TFLM:
            hard_swish_factors(op, net)
        case LeakyReLU() if op.profile is Profile.TFLM:
            for factor in leaky_relu_factors(op, net):
                _check_shifted(net, op, np.array([255]), (factor,))
        case Requantize() | ReLU() | ReLU6():
            _check_rescale(net, op)
        case Softmax():
            _check_softmax(net, op)


def check_quant(net: Net, tensor: Tensor) -> None:
    """Refuses a quantization, if there is one, that no integers can have.

    Raises:
        NetError: names the tensor and the rule.
    """
    known = tensor.quant
    if known is None:
        return
    if tensor.dtype is DType.FLOAT32:
        raise refuse(net, f"tensor '{tensor.name}' is float32 and has a quantization")
    low, high = tensor.dtype.range
    wanted = 1
    if known.axis is not None:
        if not 0 <= known.axis < len(tensor.shape):
            raise refuse(net, f"tensor '{tensor.name}' is quantized along axis {known.axis}, which it lacks")
        wanted = tensor.shape[known.axis]
    if not len(known.scales) == len(known.zero_points) == wanted and not (
        tensor.constant and len(known.scales) == len(known.zero_points) == 1
    ):
        raise refuse(
            net,
            f"tensor '{tensor.name}' has {len(known.scales)} scales and {len(known.zero_points)} zero points",
        )
    if known.scale_range is None:
        raise refuse(net, f"tensor '{tensor.name}' has a scale that is not positive and finite")
    if known.scale_range[1] > LARGEST_SCALE:
        raise refuse(net, f"tensor '{tensor.name}' has the scale {known.scale_range[1]:g}, which is absurd")
    if known.zero_range is None or known.zero_range[0] < low or known.zero_range[1] > high:
        raise refuse(net, f"tensor '{tensor.name}' has a zero point outside {low}…{high}")


def _check_types(net: Net, op: Op) -> None:
    operands = net.constants(op) if isinstance(op, PairwiseOp | Concat) else ()
    for tensor in (*net.activations(op), *operands, net.tensors[op.outputs[0]]):
        allowed = _allowed(net, op, tensor)
        if tensor.dtype not in allowed:
            kind = f"op '{op.name}' ({type(op).__name__}, profile {op.profile.value})"
            raise refuse(
                net,
                f"tensor '{tensor.name}' of {kind} is {tensor.dtype.value}, which must be {_any_of(allowed)}",
            )
        if tensor.quant is None or tensor.quant.axis is not None:
            raise refuse(net, f"tensor '{tensor.name}' lacks one scale and one zero point")
        if tensor.dtype is DType.INT16 and tensor.quant.zero_point:
            raise refuse(net, f"tensor '{tensor.name}' is int16 and has a zero point that is not 0")


def _any_of(types: frozenset[DType]) -> str:
    """Types for people, from few bits to many."""
    *others, last = (dtype.value for dtype in sorted(types, key=lambda dtype: (dtype.bits, dtype.value)))
    return f"{', '.join(others)} or {last}" if others else last


def _allowed(net: Net, op: Op, tensor: Tensor) -> frozenset[DType]:
    """The types that a tensor of `op` may have, given those of the others."""
    if op.profile is Profile.TFLM:
        allowed = frozenset({DType.INT8})
    elif isinstance(op, Requantize):
        allowed = _FLOWS | {DType.INT16}
    else:
        allowed = frozenset({DType.INT16}) if is_wide(op, net) and type(op) not in TABLED else _FLOWS
    if isinstance(op, Requantize) and tensor.name in (*net.inputs, *net.outputs):
        allowed |= {DType.UINT8}
    return allowed


def _check_weighted(net: Net, op: WeightedOp) -> None:
    weights, *biases = net.constants(op)
    axis = 2 if isinstance(op, DepthwiseConv2D) else 0
    known = weights.quant
    plain = op.profile is Profile.TFLM
    wide = frozenset({DType.INT8, DType.INT16})
    allowed = wide if is_wide(op, net) else frozenset({DType.INT8}) if plain else _WEIGHTS
    if weights.dtype not in allowed:
        raise refuse(
            net, f"weights '{weights.name}' are {weights.dtype.value}, which must be {_any_of(allowed)}"
        )
    if known is None:
        raise refuse(net, f"weights '{weights.name}' have no scale")
    if known.zero_range != (0, 0) or known.axis not in (axis, None):
        raise refuse(
            net, f"weights '{weights.name}' must have zero points 0 and one scale or one along axis {axis}"
        )
    low, high = weights.dtype.range
    least = -high if op.profile is Profile.LILLIPUT else low
    if weights.data is not None and not least <= int(weights.data.min()) <= int(weights.data.max()) <= high:
        raise refuse(net, f"weights '{weights.name}' go below {least} or above {high}")
    if weights.dtype is DType.SIGN and weights.data is not None and not weights.data.all():
        raise refuse(net, f"weights '{weights.name}' are signs, and some are 0")
    for bias in biases:
        _check_bias(net, op, weights, bias)
    if weights.data is not None:
        _check_sums(net, op, weights, biases[0] if biases else None, axis)


def _check_bias(net: Net, op: WeightedOp, weights: Tensor, bias: Tensor) -> None:
    if bias.dtype is not DType.INT32:
        raise refuse(net, f"bias '{bias.name}' is {bias.dtype.value}, not int32")
    if bias.quant is None or weights.quant is None:
        return
    input_scale = quant(op.inputs[0], net).scale
    same = all(
        abs(sums - input_scale * scale) <= 1e-5 * input_scale * scale
        for scale, sums in _scale_pairs(weights.quant, bias.quant)
    )
    if bias.quant.zero_range != (0, 0) or not same:
        raise refuse(
            net, f"the scale of bias '{bias.name}' is not that of the input times that of the weights"
        )


def _scale_pairs(weights: Quant, bias: Quant) -> set[tuple[float, float]]:
    """The scales of weights and bias, channel by channel."""
    scales, stated = weights.scales, bias.scales
    if weights.is_uniform and bias.is_uniform:
        return {(scales[0], stated[0])}
    return set(zip(_spread(scales, len(stated)), _spread(stated, len(scales)), strict=True))


def _check_sums(net: Net, op: WeightedOp, weights: Tensor, bias: Tensor | None, axis: int) -> None:
    """Proves that no order of adding up, with the zero point folded into the bias or not, leaves int32."""
    assert weights.data is not None
    others = tuple(index for index in range(weights.data.ndim) if index != axis)
    wide = is_wide(op, net)
    furthest = 1 << 15 if wide else 128 + abs(quant(op.inputs[0], net).zero_point)
    largest = np.abs(weights.data.astype(np.int64)).sum(axis=others) * furthest
    if bias is not None and bias.data is not None:
        largest = largest + np.abs(bias.data.astype(np.int64))
    if wide:
        if int(largest.max()) > _LARGEST_WIDE_SUM:
            reached = int(largest.max())
            raise refuse(net, f"the sums of op '{op.name}' may reach {reached}", "use fewer inputs")
        return
    if int(largest.max()) > LARGEST_SUM:
        raise refuse(
            net,
            f"the sums of op '{op.name}' may reach {int(largest.max())}, more than int32 holds",
            "use fewer inputs or smaller weights",
        )
    if op.profile is Profile.TFLM:
        _check_shifted(net, op, largest, conv_factors(op, net))
        return
    found = conv_requant(op, net)
    results = [
        (int(a) * m) >> found.shift
        for a, m in zip(largest, _spread(found.multipliers, len(largest)), strict=True)
    ]
    if max(results) > _LARGEST_RESULT:
        raise refuse(
            net, f"the results of op '{op.name}' may reach {max(results)}", "give its output a larger scale"
        )


def _check_shifted(net: Net, op: Op, largest: NDArray[np.int64], factors: tuple[Factor, ...]) -> None:
    """Proves that the left shift of `tflm`, which happens before the multiplication, stays within int32."""
    for a, factor in zip(largest.tolist(), factors * (len(largest) // len(factors)), strict=True):
        if a << max(factor.shift, 0) > LARGEST_SUM:
            raise refuse(
                net, f"the results of op '{op.name}' may not fit int32", "give its output a larger scale"
            )


def _check_rescale(net: Net, op: RescaleOp) -> None:
    if op.profile is Profile.LILLIPUT:
        requantize_parameters(op, net)
    elif not isinstance(op, ReLU6):
        _check_shifted(net, op, np.array([255]), (rescale_factor(op, net),))


def _spread(values: tuple[T, ...], length: int) -> tuple[T, ...]:
    return values * length if len(values) == 1 else values


def _check_same_quant(net: Net, op: Op) -> None:
    output = net.tensors[op.outputs[0]]
    joined = net.constants(op) if isinstance(op, Concat) else ()
    for tensor in (*net.activations(op), *joined):
        if (tensor.quant, tensor.dtype) != (output.quant, output.dtype):
            raise refuse(
                net,
                f"op '{op.name}' ({type(op).__name__}) must give the quantization that '{tensor.name}' has",
            )


def _check_average(net: Net, op: AveragePool2D | GlobalAveragePool2D) -> None:
    counts = pool_counts(op, net)
    if counts[-1] * (1 << 15 if is_wide(op, net) else 255) > LARGEST_SUM:
        raise refuse(
            net,
            f"the sums of op '{op.name}' over {counts[-1]} elements may not fit int32",
            "pool fewer elements at once, in two ops",
        )
    if is_wide(op, net):
        for count in counts:
            pool_requant(op, net, count)
        return
    if op.profile is Profile.TFLM:
        if isinstance(op, AveragePool2D):
            _check_same_quant(net, op)
        else:
            _check_shifted(net, op, np.array([counts[-1] * 255]), (mean_factor(op, net),))
        return
    for count in counts:
        found = pool_requant(op, net, count)
        if (count * 255 * found.multipliers[0]) >> found.shift > _LARGEST_RESULT:
            raise refuse(
                net, f"the results of op '{op.name}' may not fit int32", "give its output a larger scale"
            )


def _check_mul(net: Net, op: Mul) -> None:
    if op.profile is Profile.TFLM:
        _check_shifted(net, op, np.array([255 * 255]), (mul_factor(op, net),))
    else:
        mul_parameters(op, net)


def _check_bounded(net: Net, op: Logistic | Tanh) -> None:
    wanted = BOUNDED[type(op)]
    if quant(op.outputs[0], net) != wanted:
        raise refuse(
            net,
            f"the output of op '{op.name}' ({type(op).__name__}) must have scale {wanted.scale:g} "
            f"and zero point {wanted.zero_point}",
        )
    if op.profile is Profile.TFLM:
        logistic_factor(op, net)


def _check_softmax(net: Net, op: Softmax) -> None:
    target = quant(op.outputs[0], net)
    if (target.scale, target.zero_point) != (SOFTMAX_SCALE, SOFTMAX_ZERO_POINT):
        raise refuse(net, f"the output of softmax '{op.name}' must have scale 1/256 and zero point -128")
    most = _LARGEST_SOFTMAX[op.profile]
    if net.tensors[op.inputs[0]].shape[-1] > most:
        raise refuse(
            net,
            f"softmax '{op.name}' is over more than {most} elements",
            "use fewer classes",
        )
    if op.profile is Profile.TFLM:
        softmax_factor(op, net)
