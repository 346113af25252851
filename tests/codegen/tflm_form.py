"""Any quantized network in the numeric profile `tflm`."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lilliput.net import (
    AveragePool2D,
    Concat,
    MaxPool2D,
    Net,
    Pad,
    Profile,
    Reshape,
    ResizeNearest,
    Slice,
    Tensor,
    Transpose,
)
from lilliput.net.fixedpoint import BOUNDED

_MOVING = (Concat, MaxPool2D, Pad, Reshape, ResizeNearest, Slice, Transpose)
KEEPS_QUANTIZATION = (AveragePool2D, *_MOVING)


def in_tflm(net: Net) -> Net:
    """`net` without a plan, every op in the profile `tflm`, its scales float32 as files hold them.

    Tensors that ops of this profile want in one quantization take that of the first of them, or of one with
    fixed bounds among them.
    """
    tensors = {name: _rounded(tensor) for name, tensor in net.tensors.items()}
    groups = {name: {name} for name in tensors}
    for op in net.ops:
        if isinstance(op, KEEPS_QUANTIZATION):
            joined = set().union(*(groups[name] for name in (*op.inputs, *op.outputs)))
            groups.update(dict.fromkeys(joined, joined))
    fixed = {op.outputs[0] for op in net.ops if type(op) in BOUNDED}
    for name, group in groups.items():
        first = min(group & fixed or group, key=list(tensors).index)
        tensors[name] = replace(tensors[name], quant=tensors[first].quant)
    ops = tuple(replace(op, profile=Profile.TFLM) for op in net.ops)
    return replace(net, ops=ops, tensors=tensors, plan=None)


def _rounded(tensor: Tensor) -> Tensor:
    # A bias without a scale fits whatever its input's scale becomes.
    if tensor.quant is None or (tensor.constant and tensor.dtype.bits == 32):
        return replace(tensor, quant=None)
    scales = tuple(float(np.float32(scale)) for scale in tensor.quant.scales)
    return replace(tensor, quant=replace(tensor.quant, scales=scales))
