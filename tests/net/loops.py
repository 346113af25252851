"""Every op by plain loops over Python numbers, one example at a time: slow, obvious, and independent.

Float ops are computed in float64; integer ops follow the published formulas of the `lilliput` profile with
whole numbers that cannot overflow, and assert that int32 would have sufficed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np

from lilliput.net import (
    Activation,
    Add,
    AveragePool2D,
    BatchNorm,
    Concat,
    Conv2D,
    DepthwiseConv2D,
    DType,
    FullyConnected,
    GlobalAveragePool2D,
    HardSwish,
    LeakyReLU,
    Logistic,
    MaxPool2D,
    Mul,
    Net,
    Op,
    Pad,
    Quant,
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

Array = np.ndarray[Any, Any]
_BOUNDS: dict[Activation, tuple[float | None, float | None]] = {
    Activation.NONE: (None, None),
    Activation.RELU: (0.0, None),
    Activation.RELU6: (0.0, 6.0),
    Activation.RELU_N1_TO_1: (-1.0, 1.0),
}
Term = tuple[tuple[int, ...], tuple[int, ...]]  # index into the image, index into the weights


def run_op(op: Op, net: Net, inputs: Sequence[Array]) -> Array:
    """Output of `op` for one example."""
    output = net.tensors[op.outputs[0]]
    y = np.zeros(output.shape, output.dtype.numpy)
    element = _float_element if output.dtype is DType.FLOAT32 else _integer_element
    for index in np.ndindex(output.shape):
        y[index] = element(op, net, inputs, index)
    return y


def _float_element(op: Op, net: Net, inputs: Sequence[Array], at: tuple[int, ...]) -> float:
    x = inputs[0]
    match op:
        case Conv2D() | DepthwiseConv2D() | FullyConnected():
            y = math.fsum(float(x[i]) * float(inputs[1][w]) for i, w in _terms(op, x, inputs[1], at))
            y += float(inputs[2][at[-1]]) if len(inputs) == 3 else 0.0
        case MaxPool2D():
            y = max(float(x[i]) for i in _window(op, x, at))
        case AveragePool2D() | GlobalAveragePool2D():
            values = [float(x[i]) for i in _pooled(op, x, at)]
            y = math.fsum(values) / len(values)
        case Add() | Sub() | Mul():
            first, second = (float(_spread(value, at)) for value in inputs)
            y = {Add: first + second, Sub: first - second, Mul: first * second}[type(op)]
        case Logistic() | Tanh() | HardSwish() | LeakyReLU():
            y = _function(op, float(x[at]))
        case Softmax():
            row = [op.beta * float(value) for value in x[at[:-1]]]
            y = math.exp(row[at[-1]] - max(row)) / math.fsum(math.exp(value - max(row)) for value in row)
        case BatchNorm():
            gamma, beta, mean, variance = (float(value[at[-1]]) for value in inputs[1:])
            y = gamma * (float(x[at]) - mean) / math.sqrt(variance + op.epsilon) + beta
        case ReLU() | ReLU6() | Requantize():
            y = float(x[at])
        case _:
            y = float(_moved(op, inputs, at, op.value if isinstance(op, Pad) else 0.0))
    match _activation(op):
        case Activation.RELU_N1_TO_1:
            return min(max(y, -1.0), 1.0)
        case Activation.RELU:
            return max(y, 0.0)
        case Activation.RELU6:
            return min(max(y, 0.0), 6.0)
    return y


def _integer_element(op: Op, net: Net, inputs: Sequence[Array], at: tuple[int, ...]) -> int:
    x = inputs[0]
    source, target = _quant(net, op.inputs[0]), _quant(net, op.outputs[0])
    z = source.zero_point
    match op:
        case Conv2D() | DepthwiseConv2D() | FullyConnected():
            total = sum((int(x[i]) - z) * int(inputs[1][w]) for i, w in _terms(op, x, inputs[1], at))
            total += int(inputs[2][at[-1]]) if len(inputs) == 3 else 0
            scales = _quant(net, op.inputs[1]).scales
            factors = [source.scale * scale / target.scale for scale in scales]
            y = _requantized(total, factors, at[-1] if len(scales) > 1 else 0, target.zero_point)
        case AveragePool2D() | GlobalAveragePool2D():
            values = [int(x[i]) - z for i in _pooled(op, x, at)]
            y = _requantized(sum(values), [source.scale / (target.scale * len(values))], 0, target.zero_point)
        case MaxPool2D():
            y = max(int(x[i]) for i in _window(op, x, at))
        case Add() | Sub():
            first, second = (int(_spread(value, at)) for value in inputs)
            sign = -1 if isinstance(op, Sub) else 1
            y = _rescaled([(first, source, 1), (second, _quant(net, op.inputs[1]), sign)], target)
        case Mul():
            other = _quant(net, op.inputs[1])
            first, second = (int(_spread(value, at)) for value in inputs)
            y = _product((first - z) * (second - other.zero_point), source.scale * other.scale, target)
        case Logistic() | Tanh() | HardSwish() | LeakyReLU():
            y = target.zero_point + round(_function(op, (int(x[at]) - z) * source.scale) / target.scale)
        case Requantize() | ReLU() | ReLU6():
            y = _rescaled([(int(x[at]), source, 1)], target)
        case Softmax():
            row = [int(value) for value in x[at[:-1]]]
            powers = [round(math.exp(-op.beta * source.scale * (max(row) - v)) * 2**15) for v in row]
            y = min(127, -128 + (powers[at[-1]] * 256 + sum(powers) // 2) // sum(powers))
        case _:
            border = z + round(op.value / source.scale) if isinstance(op, Pad) else z
            return int(_moved(op, inputs, at, min(max(border, -128), 127)))
    low, high = net.tensors[op.outputs[0]].dtype.range
    least, most = _BOUNDS[_activation(op)]
    if least is not None:
        low = max(low, target.zero_point + round(least / target.scale))
    if most is not None:
        high = min(high, target.zero_point + round(most / target.scale))
    return min(max(y, low), max(high, low))


def _requantized(total: int, factors: Sequence[float], channel: int, zero_point: int) -> int:
    assert -(2**31) <= total < 2**31
    shift = 32
    while any(round(Fraction(factor) * 2**shift) >= 2**31 for factor in factors):
        shift -= 1
    multiplier = round(Fraction(factors[channel]) * 2**shift)
    return zero_point + (total * multiplier + 2 ** (shift - 1)) // 2**shift


def _product(value: int, scale: float, target: Quant) -> int:
    factor, shift = Fraction(scale / target.scale), 24
    while round(factor * 2**shift) >= 2**15:
        shift -= 1
    total = value * round(factor * 2**shift) + 2 ** (shift - 1)
    assert -(2**31) <= total < 2**31
    return target.zero_point + total // 2**shift


def _function(op: Op, x: float) -> float:
    match op:
        case Logistic():
            return 1.0 / (1.0 + math.exp(-x)) if x > -700 else 0.0
        case Tanh():
            return math.tanh(x)
        case LeakyReLU():
            return x if x >= 0 else op.alpha * x
    return x * min(max(x + 3.0, 0.0), 6.0) / 6.0


def _spread(value: Array, at: tuple[int, ...]) -> Any:
    """The element of a tensor that may be smaller than the output, whose element `at` is wanted."""
    places = at[len(at) - value.ndim :]
    return value[tuple(0 if size == 1 else place for size, place in zip(value.shape, places, strict=True))]


def _rescaled(parts: Sequence[tuple[int, Quant, int]], target: Quant) -> int:
    """The sum of integers, each with its quantization and a sign."""
    factors = [Fraction(quant.scale / target.scale) for _, quant, _ in parts]
    shift = 20
    while any(round(factor * 2**shift) >= 2**15 for factor in factors):
        shift -= 1
    total = target.zero_point * 2**shift + 2 ** (shift - 1)
    for (value, quant, sign), factor in zip(parts, factors, strict=True):
        total += sign * (value - quant.zero_point) * round(factor * 2**shift)
    assert -(2**31) <= total < 2**31
    return total // 2**shift


def _terms(op: Op, x: Array, weights: Array, at: tuple[int, ...]) -> Iterator[Term]:
    """What is multiplied with what for one output element."""
    if isinstance(op, FullyConnected):
        yield from (((i,), (at[0], i)) for i in range(len(x)))
    if not isinstance(op, Conv2D | DepthwiseConv2D):
        return
    regular = isinstance(op, Conv2D)
    tall, wide = weights.shape[1:3] if regular else weights.shape[:2]
    for row, column in product(range(tall), range(wide)):
        h = at[0] * op.strides[0] - op.padding.top + row * op.dilation[0]
        w = at[1] * op.strides[1] - op.padding.left + column * op.dilation[1]
        if not (0 <= h < x.shape[0] and 0 <= w < x.shape[1]):
            continue
        if regular:
            yield from (((h, w, c), (at[2], row, column, c)) for c in range(x.shape[2]))
        else:
            yield (h, w, at[2] // (weights.shape[2] // x.shape[2])), (row, column, at[2])


def _window(op: MaxPool2D | AveragePool2D, x: Array, at: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    for row, column in product(range(op.pool[0]), range(op.pool[1])):
        h, w = at[0] * op.strides[0] - op.padding.top + row, at[1] * op.strides[1] - op.padding.left + column
        if 0 <= h < x.shape[0] and 0 <= w < x.shape[1]:
            yield h, w, at[2]


def _pooled(op: AveragePool2D | GlobalAveragePool2D, x: Array, at: tuple[int, ...]) -> list[tuple[int, ...]]:
    if isinstance(op, AveragePool2D):
        return list(_window(op, x, at))
    return [(h, w, at[0]) for h, w in product(range(x.shape[0]), range(x.shape[1]))]


def _moved(op: Op, inputs: Sequence[Array], at: tuple[int, ...], zero: float) -> float:
    x = inputs[0]
    match op:
        case Concat():
            index = at[op.axis]
            for value in inputs:
                if index < value.shape[op.axis]:
                    found: float = value[(*at[: op.axis], index, *at[op.axis + 1 :])]
                    return found
                index -= value.shape[op.axis]
        case Pad():
            h, w = at[0] - op.padding.top, at[1] - op.padding.left
            inside = 0 <= h < x.shape[0] and 0 <= w < x.shape[1]
            return float(x[h, w, at[2]]) if inside else zero
        case Slice():
            place = zip(op.begin, op.steps, at, strict=True)
            return float(x[tuple(begin + step * index for begin, step, index in place)])
        case Transpose():
            places = dict(zip(op.permutation, at, strict=True))
            return float(x[tuple(places[axis] for axis in range(len(at)))])
        case ResizeNearest():
            h, w = (_nearest(op, axis, x.shape[axis], at[axis]) for axis in (0, 1))
            return float(x[h, w, at[2]])
        case Reshape():
            return float(x.flat[int(np.ravel_multi_index(at, op.shape))])
    raise AssertionError(f"no loop for {op}")


def _nearest(op: ResizeNearest, axis: int, length: int, place: int) -> int:
    """In single precision: where a place falls between two elements, that decides."""
    single = np.float32
    ratio = single(length) / single(op.size[axis])
    if op.align_corners and op.size[axis] > 1:
        ratio = single(length - 1) / single(op.size[axis] - 1)
    found = float((single(place) + single(0.5 if op.half_pixel_centers else 0)) * ratio)
    return min(length - 1, math.floor(found + 0.5) if op.align_corners else math.floor(found))


def _activation(op: Op) -> Activation:
    kinds: dict[type[Op], Activation] = {ReLU: Activation.RELU, ReLU6: Activation.RELU6}
    fused: Callable[[Op], Activation] = lambda found: vars(found).get("activation", Activation.NONE)  # noqa: E731
    return kinds.get(type(op)) or fused(op)


def _quant(net: Net, name: str) -> Quant:
    found = net.tensors[name].quant
    assert found is not None
    return found
