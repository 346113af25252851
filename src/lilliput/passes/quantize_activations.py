"""Scales and zero points of activations."""

from __future__ import annotations

import math
from collections.abc import Mapping
from statistics import median

import numpy as np

from lilliput.errors import NetError
from lilliput.net.fixedpoint import BOUNDED
from lilliput.net.formats import Formats, Scales
from lilliput.net.graph import Net
from lilliput.net.ops import (
    Add,
    AveragePool2D,
    Conv2D,
    DepthwiseConv2D,
    FullyConnected,
    GlobalAveragePool2D,
    Mul,
    Op,
    Pad,
    ReLU,
    ReLU6,
    Requantize,
    Sub,
)
from lilliput.net.tensor import DType, Quant
from lilliput.passes.sharing import groups, sources

RangePair = tuple[float, float]

_PLACEHOLDER: RangePair = (-1.0, 1.0)


def raw_input_quant(net: Net) -> Quant | None:
    """Quantization of the raw bytes that make up the input, None if the input is taken as reals.

    real = (raw - mean) / std, so the scale is 1 / std and the zero point the mean.
    """
    known = net.normalization
    if known is None or known.raw is not DType.UINT8:
        return None
    return Quant.per_tensor(_single(1.0 / known.std[0]), round(known.mean[0]))


def activation_quants(
    net: Net, ranges: Mapping[str, RangePair] | None, types: Mapping[str, DType], formats: Formats
) -> dict[str, Quant]:
    """The integer quantization of every activation.

    A range is widened to hold 0.0, which is then exact.  Activations that are always 0.0 take a scale of
    middling size, and no scale is so small beside the op's inputs that their ratio cannot be held.

    Args:
        net: float, outputs of `BOUNDED` ops sharing a group with nothing else.
        ranges: as for `quantize`.
        types: of the activations.
        formats: which scales and zero points are allowed.

    Raises:
        NetError: `ranges` lack an activation or hold a number that is not finite.
    """
    group_of, rule = groups(net), formats.default
    fixed: dict[str, Quant] = {}
    spans: dict[str, RangePair] = {}
    bits: dict[str, DType] = {}
    centred: dict[str, bool] = {}
    raw, made = raw_input_quant(net), sources(net)
    for name in made:
        group = group_of[name]
        bits[group] = types[name]
        producer = net.producer(name)
        chosen = rule if producer is None else formats.of(producer.name)
        centred[group] = centred.get(group, False) or chosen.centred or types[name] is DType.INT16
        bounded = BOUNDED.get(type(producer)) if producer is not None else None
        if bounded is not None:
            fixed[group] = bounded
            continue
        low, high = _span(name, net, ranges)
        if raw is not None and name in net.inputs:
            low, high = -raw.scale * raw.zero_point, raw.scale * (255 - raw.zero_point)
            alone = all(group_of[other] != group for other in made if other != name)
            if alone and types[name] is DType.INT8 and not rule.centred:
                fixed[group] = Quant.per_tensor(raw.scale, raw.zero_point - 128)
        known = spans.get(group, (0.0, 0.0))
        spans[group] = min(known[0], low), max(known[1], high)
    for op in net.ops:
        group = group_of[op.outputs[0]]
        if isinstance(op, Pad) and group in spans:
            spans[group] = min(spans[group][0], op.value), max(spans[group][1], op.value)
    scales = {group: _step(span, bits[group], centred[group]) for group, span in spans.items()}
    middling = median([scale for scale in scales.values() if scale > 0] or [_single(1 / 128)])
    least = max(scales.values(), default=0.0) * 2.0**-24
    scales = {
        group: allowed(max(scale, least) if scale > 0 else middling, rule.scales)
        for group, scale in scales.items()
    }
    if rule.scales is Scales.ONE_POWER:
        scales = dict.fromkeys(scales, max(scales.values(), default=1.0))
    scales |= {group: quant.scale for group, quant in fixed.items()}
    _raise_to_floors(net, scales, types, group_of, frozenset(fixed), rule.scales)
    found = {
        group: Quant.per_tensor(
            scales[group], 0 if centred[group] else _zero_point(spans[group][0], scales[group], bits[group])
        )
        for group in spans
        if group not in fixed
    }
    found |= fixed
    return {name: found[group] for name, group in group_of.items()}


def allowed(scale: float, scales: Scales) -> float:
    """The nearest scale, or the least power of two that is not below it."""
    if scales is Scales.ANY:
        return _single(scale)
    return math.ldexp(1.0, math.ceil(math.log2(scale)))


def _step(span: RangePair, dtype: DType, centred: bool) -> float:
    """The scale at which a type just holds a range."""
    low, high = dtype.range
    return max(-span[0], span[1]) / high if centred else (span[1] - span[0]) / (high - low)


def _raise_to_floors(
    net: Net,
    scales: dict[str, float],
    types: Mapping[str, DType],
    group_of: Mapping[str, str],
    fixed: frozenset[str],
    rule: Scales,
) -> None:
    """Raises scales until the factor between the inputs of every op and its output can be held."""
    for _ in range(len(net.ops) + 1):
        raised = False
        for op in net.ops:
            group = group_of[op.outputs[0]]
            if group in fixed:
                continue
            read = [name for name in op.inputs if name in group_of]
            widest = max([types[name].bits for name in read])
            floor = _floor(op, net, max([scales[group_of[name]] for name in read]), widest)
            if scales[group] < floor:
                scales[group] = allowed(floor * 1.001, rule)
                raised = True
        if not raised:
            return
    raise NetError(
        f"network '{net.name}' cannot be quantized",
        "values that must share one scale grow without bound from op to op",
        "give ranges that fit the weights",
    )


def _floor(op: Op, net: Net, input_scale: float, bits: int) -> float:
    """The smallest output scale that still lets the op's result be computed, from inputs of so many bits."""
    match op:
        case Conv2D() | DepthwiseConv2D() | FullyConnected():
            weights, *bias = (net.tensors[name].data for name in op.inputs[1:])
            if weights is None:
                return 0.0
            inputs_of_one = (0, 1) if isinstance(op, DepthwiseConv2D) else tuple(range(1, weights.ndim))
            largest = np.abs(weights.astype(np.float64)).sum(axis=inputs_of_one) * input_scale * 2.0**bits
            if bias and bias[0] is not None:
                largest = largest + np.abs(bias[0].astype(np.float64))
            return float(largest.max()) / 2**29
        case Add() | Sub() | ReLU() | ReLU6() | Requantize():
            return input_scale / (2**12 if bits > 8 else 2**13)
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


def _zero_point(low: float, scale: float, dtype: DType) -> int:
    least, most = dtype.range
    return min(most, max(least, round(least - low / scale)))


def _single(value: float) -> float:
    """The nearest float32, which is what the files and the C hold."""
    return float(np.float32(value))
