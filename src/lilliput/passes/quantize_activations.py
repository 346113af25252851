"""Scales and zero points of activations: who must share one, and what it is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from statistics import median

import numpy as np

from lilliput.errors import NetError
from lilliput.net.fixedpoint import BOUNDED
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
    Mul,
    Op,
    Pad,
    ReLU,
    ReLU6,
    Requantize,
    Reshape,
    ResizeNearest,
    Slice,
    Sub,
    Transpose,
)
from lilliput.net.tensor import DType, Quant

RangePair = tuple[float, float]

# These move integers without changing what they stand for.
_SHARING = (MaxPool2D, Concat, Pad, Reshape, Slice, Transpose, ResizeNearest)
_PLACEHOLDER: RangePair = (-1.0, 1.0)


def groups(net: Net) -> dict[str, str]:
    """Which activations must have one quantization: tensor name → name of the group's first tensor."""
    first = {name: name for name, tensor in net.tensors.items() if not tensor.constant}

    def find(name: str) -> str:
        while first[name] != name:
            name = first[name]
        return name

    for op in net.ops:
        if isinstance(op, _SHARING):
            for name in op.inputs:
                first[find(op.outputs[0])] = find(name)
    return {name: find(name) for name in first}


def sources(net: Net) -> tuple[str, ...]:
    """Activations that are not merely moved: only their ranges decide a group's scale."""
    made = (op.outputs[0] for op in net.ops if not isinstance(op, _SHARING))
    return (*net.inputs, *made)


def raw_input_quant(net: Net) -> Quant | None:
    """Quantization of the raw bytes that make up the input, None if the input is taken as reals.

    real = (raw - mean) / std, so the scale is 1 / std and the zero point the mean.
    """
    known = net.normalization
    if known is None or known.raw is not DType.UINT8:
        return None
    return Quant.per_tensor(_single(1.0 / known.std[0]), round(known.mean[0]))


def activation_quants(net: Net, ranges: Mapping[str, RangePair] | None) -> dict[str, Quant]:
    """The int8 quantization of every activation.

    A range is widened to hold 0.0, which is then exact.  Activations that are always 0.0 take a scale of
    middling size, and no scale is so small beside the op's inputs that their ratio cannot be held.

    Args:
        net: float, outputs of `BOUNDED` ops sharing a group with nothing else.
        ranges: as for `quantize`.

    Raises:
        NetError: `ranges` lack an activation or hold a number that is not finite.
    """
    group_of = groups(net)
    fixed: dict[str, Quant] = {}
    spans: dict[str, RangePair] = {}
    raw = raw_input_quant(net)
    for name in sources(net):
        group = group_of[name]
        producer = net.producer(name)
        bounded = BOUNDED.get(type(producer)) if producer is not None else None
        if bounded is not None:
            fixed[group] = bounded
            continue
        low, high = _span(name, net, ranges)
        if raw is not None and name in net.inputs:
            low, high = -raw.scale * raw.zero_point, raw.scale * (255 - raw.zero_point)
            if all(group_of[other] != group for other in sources(net) if other != name):
                fixed[group] = Quant.per_tensor(raw.scale, raw.zero_point - 128)
        known = spans.get(group, (0.0, 0.0))
        spans[group] = min(known[0], low), max(known[1], high)
    for op in net.ops:
        group = group_of[op.outputs[0]]
        if isinstance(op, Pad) and group in spans:
            spans[group] = min(spans[group][0], op.value), max(spans[group][1], op.value)
    scales = {group: (high - low) / 255 for group, (low, high) in spans.items()}
    middling = median([scale for scale in scales.values() if scale > 0] or [_single(1 / 128)])
    least = max(scales.values(), default=0.0) * 2.0**-24
    scales = {group: _single(max(scale, least) if scale > 0 else middling) for group, scale in scales.items()}
    scales |= {group: quant.scale for group, quant in fixed.items()}
    _raise_to_floors(net, scales, group_of, frozenset(fixed))
    found = {
        group: Quant.per_tensor(scales[group], _zero_point(spans[group][0], scales[group]))
        for group in spans
        if group not in fixed
    }
    found |= fixed
    return {name: found[group] for name, group in group_of.items()}


def _raise_to_floors(
    net: Net, scales: dict[str, float], group_of: Mapping[str, str], fixed: frozenset[str]
) -> None:
    """Raises scales until the factor between the inputs of every op and its output can be held."""
    for _ in range(len(net.ops) + 1):
        raised = False
        for op in net.ops:
            group = group_of[op.outputs[0]]
            floor = _floor(op, net, max(scales[group_of[a.name]] for a in net.activations(op)))
            if group not in fixed and scales[group] < floor:
                scales[group] = _single(floor * 1.001)
                raised = True
        if not raised:
            return
    raise NetError(
        f"network '{net.name}' cannot be quantized",
        "values that must share one scale grow without bound from op to op",
        "give ranges that fit the weights",
    )


def _floor(op: Op, net: Net, input_scale: float) -> float:
    """The smallest output scale that still lets the op's result be computed in 32 bits."""
    match op:
        case Conv2D() | DepthwiseConv2D() | FullyConnected():
            weights, *bias = (net.tensors[name].data for name in op.inputs[1:])
            if weights is None:
                return 0.0
            inputs_of_one = (0, 1) if isinstance(op, DepthwiseConv2D) else tuple(range(1, weights.ndim))
            largest = np.abs(weights.astype(np.float64)).sum(axis=inputs_of_one) * 256 * input_scale
            if bias and bias[0] is not None:
                largest = largest + np.abs(bias[0].astype(np.float64))
            return float(largest.max()) / 2**29
        case Add() | Sub() | ReLU() | ReLU6() | Requantize():
            return input_scale / 2**13
        case Mul():
            return input_scale**2 / 2**13
        case AveragePool2D() | GlobalAveragePool2D():
            return input_scale / 2**20
        case _:
            return 0.0


def _span(name: str, net: Net, ranges: Mapping[str, RangePair] | None) -> RangePair:
    if ranges is None:
        return _PLACEHOLDER
    if name not in ranges:
        raise NetError(
            f"network '{net.name}' cannot be quantized",
            f"the range of activation '{name}' is missing",
            "calibrate on the network whose batch normalization is folded and whose activations are fused",
        )
    low, high = float(ranges[name][0]), float(ranges[name][1])
    if not (
        math.isfinite(low) and math.isfinite(high) and low <= high and high - low < np.finfo(np.float32).max
    ):
        raise NetError(
            f"network '{net.name}' cannot be quantized",
            f"the range of activation '{name}' is [{low:g}, {high:g}]",
            "look for diverged weights or broken calibration data",
        )
    return low, high


def _zero_point(low: float, scale: float) -> int:
    return min(127, max(-128, round(-128 - low / scale)))


def _single(value: float) -> float:
    """The nearest float32, which is what the files and the C hold."""
    return float(np.float32(value))
