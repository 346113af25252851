"""Which C function of the runtime runs an op on a core, what scratch memory and what constants it takes.

Plan, cost and code generation all ask here, so the arena and the flash that are predicted are those of the
generated code.  Everything follows from shapes, so it works on networks without weights.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from lilliput.errors import NetError
from lilliput.net.access import Access
from lilliput.net.fixedpoint import WeightedOp, pool_counts
from lilliput.net.fixedpoint_tflm import conv_factors
from lilliput.net.graph import Net
from lilliput.net.ops import (
    Add,
    AveragePool2D,
    Concat,
    Conv2D,
    DepthwiseConv2D,
    FullyConnected,
    GlobalAveragePool2D,
    HardSwish,
    Logistic,
    MaxPool2D,
    Mul,
    Op,
    Pad,
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
from lilliput.net.tensor import DType
from lilliput.targets.cores import Core

CHANNEL_BYTES = 8
"""Bias and multiplier of one output channel."""
POOL_SCALE_BYTES = 8
"""One entry of an average pool's table of scales."""
TFLM_CHANNEL_BYTES = 12
"""Bias, multiplier and scale of one output channel in the profile `tflm`."""
SOFTMAX_TABLE_BYTES = 512
"""256 powers of 16 bits."""
TFLM_SOFTMAX_TABLE_BYTES = 1024
"""256 powers of 32 bits."""
INDEX_BYTES = 2
"""Which row or column of an image another one takes."""
LOOKUP_TABLE_BYTES = 256
"""What each of 256 inputs becomes."""
SCRATCH_ALIGNMENT_BYTES = 4
BLOCK_PIXELS = 4
"""Output pixels that the kernels for cores with DSP instructions compute side by side."""
FEW_CHANNELS = 32
"""Up to so many output channels, a 3x3 convolution of a grey image is fastest as a depthwise convolution."""
STRIP_ROWS = 8
"""Rows of outputs that `lp_depthwise_conv2d_dsp_s8` makes of what it holds in scratch memory."""
PAIR_BYTES = 4
"""Two inputs, expanded to int16."""
LOOKUP = "lp_lookup"
"""The kernel of whatever makes of each element another one."""


class Layout(StrEnum):
    """The order in which a kernel reads its weights; `lilliput.codegen.layouts` makes it."""

    NONE = "none"
    PLAIN = "plain"
    PAIRED = "paired"
    SPLIT = "split"
    CHANNELS_FIRST = "channels first"


DSP_LAYOUTS = frozenset({Layout.PAIRED, Layout.SPLIT, Layout.CHANNELS_FIRST})
"""The orders that kernels for cores with DSP instructions read."""


@dataclass(frozen=True)
class Kernel:
    """A C function of the runtime.

    Attributes:
        function: its name; `<function>.c` holds it.
        scratch_bytes: memory in the arena that it uses while it runs, aligned to `SCRATCH_ALIGNMENT_BYTES`.
        layout: the order in which it reads its weights.
        needs: other functions of the runtime that it calls.
        folds_zero_point: whether it multiplies weights by the input as it is, so that the bias must hold
            -zero_point * sum(weights).
        access: what it promises about the order of its reads and writes, so that its output may overlap its
            input (`targets.overlap`).
    """

    function: str
    scratch_bytes: int = 0
    layout: Layout = Layout.NONE
    needs: tuple[str, ...] = ()
    folds_zero_point: bool = False
    access: Access = Access.SEPARATE


def kernel_for(op: Op, net: Net, core: Core) -> Kernel:
    """The kernel that runs `op` of the quantized network `net` on `core`.

    Raises:
        NetError: no kernel can.
    """
    choose = KERNELS.get(type(op))
    if choose is None:
        raise NetError(
            f"op '{op.name}' ({type(op).__name__}) has no integer kernel",
            "only quantized networks are compiled",
            "run `lilliput.passes.lower` first",
        )
    return choose(op, net, core)


def constant_bytes(op: Op, net: Net, core: Core) -> int:
    """Bytes of flash that the constants of `op` take: weights, biases, multipliers and tables.

    Each array begins at a multiple of four and is counted as filling it.  Dimensions, addresses and the other
    numbers that a kernel is called with count as code.
    """
    match op:
        case Conv2D() | DepthwiseConv2D() | FullyConnected():
            channels = net.tensors[op.outputs[0]].shape[-1]
            channel_bytes = TFLM_CHANNEL_BYTES if op.profile is Profile.TFLM else CHANNEL_BYTES
            return weights_bytes(op, net, core) + channels * channel_bytes
        case AveragePool2D() if op.profile is Profile.TFLM:
            return 0
        case AveragePool2D() | GlobalAveragePool2D():
            return len(pool_counts(op, net)) * POOL_SCALE_BYTES
        case Softmax():
            return TFLM_SOFTMAX_TABLE_BYTES if op.profile is Profile.TFLM else SOFTMAX_TABLE_BYTES
        case Add() | Sub() | Mul():
            return sum(_to_four(tensor.storage_bytes) for tensor in net.constants(op))
        case ResizeNearest():
            return sum(_to_four(INDEX_BYTES * length) for length in op.size)
        case _:
            return LOOKUP_TABLE_BYTES if kernel_for(op, net, core).function == LOOKUP else 0


def weights_bytes(op: Conv2D | DepthwiseConv2D | FullyConnected, net: Net, core: Core) -> int:
    """Bytes of the array of weights as `kernel_for` wants it laid out, filled to a multiple of four."""
    return -(-math.prod(net.tensors[op.inputs[1]].shape) // 4) * 4


def _conv2d(op: Conv2D, net: Net, core: Core) -> Kernel:
    channels, *kernel, depth = net.tensors[op.inputs[1]].shape
    has_dsp = core.has_dsp and _fits_dsp(op, net)
    if has_dsp and depth == 1 and kernel == [3, 3] and channels <= FEW_CHANNELS and op.dilation == (1, 1):
        return _by_channel(op, net, (3, 3))
    stem = "lp_conv2d_1x1" if _is_pointwise(op, net) else "lp_conv2d"
    if has_dsp:
        elements = math.prod(kernel) * depth
        return Kernel(
            _function(f"{stem}_dsp", op),
            scratch_bytes=-(-elements // 2) * PAIR_BYTES * BLOCK_PIXELS,
            layout=Layout.PAIRED,
            needs=(_part("lp_multiply_block", op),),
            folds_zero_point=True,
            access=Access.PIXELS,
        )
    return Kernel(_function(stem, op), layout=Layout.PLAIN, folds_zero_point=True, access=Access.WINDOWS)


def _depthwise(op: DepthwiseConv2D, net: Net, core: Core) -> Kernel:
    if core.has_dsp and op.dilation == (1, 1) and _fits_dsp(op, net):
        return _by_channel(op, net, net.tensors[op.inputs[1]].shape[:2])
    if net.tensors[op.inputs[0]].shape[2] == net.tensors[op.outputs[0]].shape[2]:
        return Kernel(_function("lp_depthwise_conv2d", op), layout=Layout.PLAIN, access=Access.WINDOWS)
    return Kernel(_function("lp_depthwise_conv2d_multiplier", op), layout=Layout.PLAIN, access=Access.WINDOWS)


def _by_channel(op: Conv2D | DepthwiseConv2D, net: Net, kernel: tuple[int, ...]) -> Kernel:
    """Channel by channel, the rows under a window in scratch memory."""
    height, width, _ = net.tensors[op.outputs[0]].shape
    rows = (min(height, STRIP_ROWS) - 1) * op.strides[0] + kernel[0]
    row_bytes = (_to_four(width) - 1) * op.strides[1] + _to_four(kernel[1])
    return Kernel(
        _function("lp_depthwise_conv2d_dsp", op),
        scratch_bytes=rows * _to_four(row_bytes) + 2 * kernel[0] * _to_four(kernel[1]),
        layout=Layout.CHANNELS_FIRST,
        needs=(_part("lp_depthwise_3x3", op), "lp_copy_rows"),
        folds_zero_point=True,
        access=_access_by_channel(op, net),
    )


def _access_by_channel(op: Conv2D | DepthwiseConv2D, net: Net) -> Access:
    """Strips of one channel are written when their rows were read, into rows that were read by then."""
    _, width, depth = net.tensors[op.inputs[0]].shape
    rows, columns, channels = net.tensors[op.outputs[0]].shape
    if depth == 1:
        return Access.PIXELS
    tall = net.tensors[op.inputs[1]].shape[0]
    reached = [(row * op.strides[0] - op.padding.top + tall) * width for row in (0, rows - 2)]
    fits = columns <= reached[0] and (rows - 1) * columns <= reached[1]
    return Access.CHANNELS if depth == channels and (fits or rows == 1) else Access.SEPARATE


def _to_four(length: int) -> int:
    """The next multiple of four."""
    return -(-length // 4) * 4


def _fully_connected(op: FullyConnected, net: Net, core: Core) -> Kernel:
    if core.has_dsp and _fits_dsp(op, net):
        return Kernel(
            _function("lp_fully_connected_dsp", op),
            scratch_bytes=-(-net.tensors[op.inputs[1]].shape[1] // 2) * PAIR_BYTES,
            layout=Layout.SPLIT,
            folds_zero_point=True,
            access=Access.INPUTS_FIRST,
        )
    return Kernel(_function("lp_fully_connected", op), layout=Layout.PLAIN, folds_zero_point=True)


def _add(op: Add | Sub, net: Net, core: Core) -> Kernel:
    first, second = (net.tensors[name] for name in op.inputs)
    subtracts_twice_rounded = isinstance(op, Sub) and op.profile is Profile.TFLM
    if first.shape != second.shape or subtracts_twice_rounded:
        return Kernel(_function("lp_add_spread", op), access=Access.ELEMENTS)
    return Kernel(_function("lp_add", op), access=Access.ELEMENTS)


def _rescale(op: Op, net: Net, core: Core) -> Kernel:
    source, target = net.tensors[op.inputs[0]], net.tensors[op.outputs[0]]
    if source.dtype is not DType.UINT8:
        return Kernel(LOOKUP if op.profile is Profile.TFLM else "lp_requantize_s8", access=Access.ELEMENTS)
    if isinstance(op, Requantize) and target.dtype is DType.INT8 and source.quant and target.quant:
        moves_only = source.quant.scales == target.quant.scales
        if moves_only and source.quant.zero_point - target.quant.zero_point == 128:
            return Kernel("lp_u8_to_s8", access=Access.ELEMENTS)
    return Kernel(LOOKUP if op.profile is Profile.TFLM else "lp_requantize_u8", access=Access.ELEMENTS)


def _fits_dsp(op: WeightedOp, net: Net) -> bool:
    """Whether the kernels for cores with DSP instructions hold the factors of `op`.

    In the profile `tflm` they multiply by 2**32 less than twice the multiplier, then by a fraction that fits
    int32 only if it stands for a shift right by 2 to 31.
    """
    if op.profile is Profile.LILLIPUT:
        return True
    return all(factor.multiplier and -31 <= factor.shift <= -2 for factor in conv_factors(op, net))


def _function(stem: str, op: Op) -> str:
    """Name of a kernel in the numeric profile of `op`."""
    return f"{_part(stem, op)}_s8"


def _part(stem: str, op: Op) -> str:
    """The same for what kernels call."""
    return f"{stem}_tflm" if op.profile is Profile.TFLM else stem


def _in_profile(stem: str, access: Access) -> Callable[[Op, Net, Core], Kernel]:
    def choose(op: Op, net: Net, core: Core) -> Kernel:
        return Kernel(_function(stem, op), access=access)

    return choose


def _always(
    function: str, *needs: str, access: Access = Access.SEPARATE
) -> Callable[[Op, Net, Core], Kernel]:
    def choose(op: Op, net: Net, core: Core) -> Kernel:
        return Kernel(function, needs=needs, access=access)

    return choose


def _is_pointwise(op: Conv2D, net: Net) -> bool:
    kernel = net.tensors[op.inputs[1]].shape[1:3]
    return kernel == (1, 1) and op.strides == (1, 1) and not any(op.padding)


KERNELS: Mapping[type[Op], Callable[[Any, Net, Core], Kernel]] = {
    Conv2D: _conv2d,
    DepthwiseConv2D: _depthwise,
    FullyConnected: _fully_connected,
    MaxPool2D: _always("lp_max_pool2d_s8", access=Access.WINDOWS),
    AveragePool2D: _in_profile("lp_average_pool2d", Access.WINDOWS),
    GlobalAveragePool2D: _in_profile("lp_average_pool2d", Access.WINDOWS),
    Add: _add,
    Sub: _add,
    Mul: _in_profile("lp_mul", Access.ELEMENTS),
    Concat: _always("lp_copy_rows"),
    Pad: _always("lp_pad_s8", "lp_copy_rows"),
    Slice: _always("lp_gather_s8"),
    Transpose: _always("lp_gather_s8"),
    ResizeNearest: _always("lp_resize_nearest_s8", "lp_copy_rows"),
    Logistic: _always(LOOKUP, access=Access.ELEMENTS),
    Tanh: _always(LOOKUP, access=Access.ELEMENTS),
    HardSwish: _always(LOOKUP, access=Access.ELEMENTS),
    ReLU: _rescale,
    ReLU6: _rescale,
    Reshape: _always("lp_copy_rows", access=Access.ELEMENTS),
    Softmax: _in_profile("lp_softmax", Access.ELEMENTS),
    Requantize: _rescale,
}
"""How the kernel of each op is chosen."""
