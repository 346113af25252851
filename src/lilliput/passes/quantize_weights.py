"""Whole-number weights and biases of convolutions and matrix products."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from lilliput.net.fixedpoint import BOUNDED, WeightedOp
from lilliput.net.formats import FEW_BITS, INT8, Format, Formats, Scales
from lilliput.net.graph import Net
from lilliput.net.ops import DepthwiseConv2D
from lilliput.net.tensor import DType, Quant, Tensor
from lilliput.passes.naming import Names
from lilliput.passes.quantize_activations import allowed

_LARGEST_BIAS = 1 << 29  # leaves room in the int32 accumulator for three times as much from the weights
_PLACEHOLDER_SCALE = 2.0**-7
_SHARES = np.linspace(1.0, 0.3, 29)


def quantize_weighted(
    op: WeightedOp,
    net: Net,
    quants: Mapping[str, Quant],
    names: Names,
    chosen: Format,
    one_scale: float | None = None,
    learned: NDArray[np.float64] | None = None,
) -> tuple[WeightedOp, list[Tensor]]:
    """`op` with integer weights of the format `chosen` and int32 bias.

    Args:
        one_scale: scale of all weights, where the format allows only one.
        learned: scales of the channels, if they shall not follow from the weights.

    Returns:
        The op, which reads new constants where it shared its own with another op, and the constants.
    """
    source, target = quants[op.inputs[0]].scale, quants[op.outputs[0]].scale
    weights = net.tensors[op.inputs[1]]
    bias = net.tensors[op.inputs[2]] if len(op.inputs) == 3 else None
    axis = 2 if isinstance(op, DepthwiseConv2D) else 0
    channels = weights.shape[axis]
    if one_scale is not None or weights.data is None:
        scales = np.full(channels, one_scale or _PLACEHOLDER_SCALE)
    else:
        held = np.zeros(channels) if bias is None or bias.data is None else bias.data.astype(np.float64)
        scales = weight_scales(weights.data, axis, held, source, target, chosen, learned)
    dtype = chosen.weights
    constants = [_quantize(weights, dtype, dtype.range[1], scales, axis)]
    if bias is not None:
        constants.append(_quantize(bias, DType.INT32, _LARGEST_BIAS, source * scales, 0))
    constants = [
        constant
        if len(net.consumers(constant.name)) == 1
        else replace(constant, name=names.fresh(f"{op.name}_{role}"))
        for constant, role in zip(constants, ("weights", "bias"), strict=False)
    ]
    inputs = (op.inputs[0], *(constant.name for constant in constants))
    return op if inputs == op.inputs else replace(op, inputs=inputs), constants


def weight_scales(
    weights: NDArray[np.generic],
    axis: int,
    bias: NDArray[np.float64],
    source_scale: float,
    target_scale: float,
    chosen: Format = INT8,
    learned: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """One scale per output channel, each a float32: the largest weight becomes the type's largest value.

    Those that were `learned` are taken instead; of powers of two the nearest to their geometric mean.

    Weights of few bits take the scale with the least squared error instead, which cuts the largest of them:
    for signs it is the mean magnitude (XNOR-Net, Rastegari et al., arXiv:1603.05279).
    Formats without scales of channels have the same power of two for all.  A channel without weights is given
    a scale that holds its bias to a 256th of an output step, and a channel with a bias too large for its
    weights one that holds the bias.
    """
    scales = _from_weights(weights, axis, chosen) if learned is None else learned.copy()
    if learned is not None and not chosen.per_channel:
        scales = np.full_like(scales, 2.0 ** round(float(np.log2(scales).mean())))
    scales[scales == 0] = target_scale / (256 * source_scale)
    single = np.maximum(scales, np.abs(bias) / (source_scale * _LARGEST_BIAS)).astype(np.float32)
    held: NDArray[np.float64] = np.maximum(single, np.finfo(np.float32).tiny).astype(np.float64)
    if not chosen.per_channel:
        held = np.full_like(held, allowed(float(held.max()), chosen.scales))
    return held


def _from_weights(weights: NDArray[np.generic], axis: int, chosen: Format) -> NDArray[np.float64]:
    """The scales that hold the weights, or round and cut them with the least error; 0 without weights."""
    others = tuple(index for index in range(weights.ndim) if index != axis)
    largest = np.abs(weights.astype(np.float64)).max(axis=others)
    if not chosen.per_channel:
        largest = np.full_like(largest, largest.max())
    scales: NDArray[np.float64] = (largest / chosen.weights.range[1]).astype(np.float32).astype(np.float64)
    if chosen.weights is DType.SIGN:
        mean: NDArray[np.float64] = np.abs(weights.astype(np.float64)).mean(axis=others)
        return mean
    if chosen.weights.bits <= FEW_BITS and chosen.per_channel:
        best = _least_error(weights, axis, np.where(scales > 0, scales, 1.0), chosen.weights.range[1])
        scales = np.where(scales > 0, best, 0.0)
    return scales


def network_scale(net: Net, quants: Mapping[str, Quant], formats: Formats) -> float | None:
    """The one scale that holds every weight, bias and activation of `net`, where the format asks for that and
    anything has a scale to choose.

    Biases have the square of that scale, and 32 bits.
    """
    if formats.default.scales is not Scales.ONE_POWER:
        return None
    most = formats.default.weights.range[1]
    largest = [
        float(np.abs(tensor.data).max()) / most
        for tensor in net.tensors.values()
        if tensor.constant and tensor.data is not None and len(tensor.shape) > 1 and tensor.elements
    ]
    shared = [found.scale for found in quants.values() if found not in BOUNDED.values()]
    every = [*largest, *shared]
    return allowed(max(every), Scales.ONE_POWER) if every else None


def _least_error(
    weights: NDArray[np.generic], axis: int, scales: NDArray[np.float64], most: int
) -> NDArray[np.float64]:
    """For each channel, which share of its scale rounds and cuts its weights with the least squared error."""
    rows = np.moveaxis(weights.astype(np.float64), axis, 0).reshape(len(scales), -1)
    best, least = scales, np.full(len(scales), np.inf)
    for share in _SHARES:
        steps = np.clip(np.rint(rows / (share * scales)[:, None]), -most, most)
        error = np.square(steps * (share * scales)[:, None] - rows).sum(axis=1)
        best, least = np.where(error < least, share * scales, best), np.minimum(error, least)
    return best


@lru_cache(maxsize=1024)
def _by_channel(scales: bytes, axis: int) -> Quant:
    """A quantization by float64 scales; networks without weights have the same few again and again."""
    values = np.frombuffer(scales).tolist()
    return Quant(tuple(values), (0,) * len(values), axis)


def _quantize(tensor: Tensor, dtype: DType, most: int, scales: NDArray[np.float64], axis: int) -> Tensor:
    quant = _by_channel(scales.tobytes(), axis)
    data = None
    if tensor.data is not None:
        along = [-1 if index == axis else 1 for index in range(len(tensor.shape))]
        exact = tensor.data.astype(np.float64) / scales.reshape(along)
        steps = np.where(exact < 0, -1, 1) if dtype is DType.SIGN else np.clip(np.rint(exact), -most, most)
        data = steps.astype(dtype.numpy)
    return Tensor(tensor.name, tensor.shape, dtype, quant, constant=True, data=data)
