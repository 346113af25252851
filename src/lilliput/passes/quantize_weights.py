"""Whole-number weights and biases of convolutions and matrix products."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from lilliput.net.fixedpoint import WeightedOp
from lilliput.net.graph import Net
from lilliput.net.ops import DepthwiseConv2D
from lilliput.net.tensor import DType, Quant, Tensor
from lilliput.passes.naming import Names

_LARGEST_BIAS = 1 << 29  # leaves room in the int32 accumulator for three times as much from the weights
_PLACEHOLDER_SCALE = 2.0**-7


def quantize_weighted(
    op: WeightedOp, net: Net, quants: Mapping[str, Quant], names: Names
) -> tuple[WeightedOp, list[Tensor]]:
    """`op` with int8 weights and int32 bias.

    Returns:
        The op, which reads new constants where it shared its own with another op, and the constants.
    """
    source, target = quants[op.inputs[0]].scale, quants[op.outputs[0]].scale
    weights = net.tensors[op.inputs[1]]
    bias = net.tensors[op.inputs[2]] if len(op.inputs) == 3 else None
    axis = 2 if isinstance(op, DepthwiseConv2D) else 0
    channels = weights.shape[axis]
    known_bias = np.zeros(channels) if bias is None or bias.data is None else bias.data.astype(np.float64)
    if weights.data is None:
        scales = np.full(channels, _PLACEHOLDER_SCALE)
    else:
        scales = weight_scales(weights.data, axis, known_bias, source, target)
    constants = [_quantize(weights, DType.INT8, 127, scales, axis)]
    if bias is not None:
        constants.append(_quantize(bias, DType.INT32, _LARGEST_BIAS, source * scales, 0))
    constants = [
        constant
        if len(net.consumers(constant.name)) == 1
        else replace(constant, name=names.fresh(f"{op.name}_{role}"))
        for constant, role in zip(constants, ("weights", "bias"), strict=False)
    ]
    return replace(op, inputs=(op.inputs[0], *(constant.name for constant in constants))), constants


def weight_scales(
    weights: NDArray[np.generic],
    axis: int,
    bias: NDArray[np.float64],
    source_scale: float,
    target_scale: float,
) -> NDArray[np.float64]:
    """One scale per output channel, each a float32: the largest weight becomes 127.

    A channel without weights is given a scale that holds its bias to a 256th of an output step, and a channel
    with a bias too large for its weights one that holds the bias.
    """
    others = tuple(index for index in range(weights.ndim) if index != axis)
    largest = np.abs(weights.astype(np.float64)).max(axis=others)
    scales = (largest / 127).astype(np.float32).astype(np.float64)
    scales[scales == 0] = target_scale / (256 * source_scale)
    single = np.maximum(scales, np.abs(bias) / (source_scale * _LARGEST_BIAS)).astype(np.float32)
    held: NDArray[np.float64] = np.maximum(single, np.finfo(np.float32).tiny).astype(np.float64)
    return held


def _quantize(tensor: Tensor, dtype: DType, most: int, scales: NDArray[np.float64], axis: int) -> Tensor:
    quant = Quant(tuple(scales.tolist()), (0,) * len(scales), axis)
    data = None
    if tensor.data is not None:
        along = [-1 if index == axis else 1 for index in range(len(tensor.shape))]
        steps = np.rint(tensor.data.astype(np.float64) / scales.reshape(along))
        data = np.clip(steps, -most, most).astype(dtype.numpy)
    return replace(tensor, dtype=dtype, quant=quant, data=data)
