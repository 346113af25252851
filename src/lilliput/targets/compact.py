"""Which C functions take the least flash, where that counts most, on cores with DSP instructions.

They are slower than most others, but still make use of those instructions, and take no scratch memory.  So
they also run what the fast ones cannot compute, and means of few channels.
"""

from __future__ import annotations

import numpy as np

from lilliput.net.access import Access
from lilliput.net.fixedpoint import WeightedOp, conv_requant
from lilliput.net.graph import Net, Optimize
from lilliput.net.ops import (
    AveragePool2D,
    Conv2D,
    DepthwiseConv2D,
    FullyConnected,
    GlobalAveragePool2D,
    MaxPool2D,
    Op,
    Profile,
)
from lilliput.targets.cores import Core
from lilliput.targets.kernel import Kernel, Layout, in_profile
from lilliput.targets.weighted import fits_dsp

HEADER = "lp_compact.h"
"""Declares them."""
MOST_SUMMED_IN_PAIRS = 256
"""Elements of a window whose sum fits int16; of more, the portable kernel takes channel by channel, too."""


def is_compact(net: Net, core: Core) -> bool:
    """Whether flash counts most, on a core that small kernels are there for."""
    return net.optimize is Optimize.FLASH and _has_compact(core)


def compact_kernel(op: Op, net: Net, core: Core) -> Kernel | None:
    """The smallest kernel of `op`; None where the others are no larger, or other goals count more."""
    return _smallest(op, net) if is_compact(net, core) else None


def not_slower(kernel: Kernel, op: Op, net: Net, core: Core) -> Kernel:
    """The kernel that `op` gets, or a small one if that takes fewer cycles, as than most portable ones."""
    is_slow = kernel.layout is Layout.PLAIN or _takes_means_of_few(op, net)
    return (_smallest(op, net) if is_slow and _has_compact(core) else None) or kernel


def _takes_means_of_few(op: Op, net: Net) -> bool:
    """Whether the portable kernel of an average pool, which takes 16 channels at a time, has too few of them.

    Its cycles for an output pixel against those of the small one, as measured on a Cortex-M4.
    """
    if not isinstance(op, AveragePool2D | GlobalAveragePool2D):
        return False
    height, width, channels = net.tensors[op.inputs[0]].shape
    if isinstance(op, AveragePool2D):
        height, width = op.pool
    window = height * width
    if window > MOST_SUMMED_IN_PAIRS:
        return False
    fours, rest = divmod(channels, 4)
    portable = 160.0 * -(-channels // 16) + 47 * channels + fours * (20 + 15 * height + 4 * window)
    portable += (rest > 0) * (22 + 8 * window) + 8.5 * rest * window
    return channels * (50 + 5 * height + 9 * window) < portable


def _has_compact(core: Core) -> bool:
    return core.has_dsp and not core.has_mve


def _smallest(op: Op, net: Net) -> Kernel | None:
    match op:
        case Conv2D(dilation=(1, 1)) if _fits(op, net):
            return _kernel(in_profile("lp_conv2d_compact", op), Layout.ROWS)
        case FullyConnected() if _fits(op, net):
            # The convolution of one pixel, which writes outputs while others need its inputs.
            return _kernel(in_profile("lp_conv2d_compact", op), Layout.ROWS, Access.SEPARATE)
        case DepthwiseConv2D(dilation=(1, 1)) if _keeps_channels(op, net) and _fits(op, net):
            return _kernel(in_profile("lp_depthwise_conv2d_compact", op), Layout.TAP_BY_TAP)
        case MaxPool2D() if _stays_inside(op, net):
            return _kernel("lp_max_pool2d_compact_s8")
        case GlobalAveragePool2D():
            return _kernel(in_profile("lp_average_pool2d_compact", op))
        case AveragePool2D() if _stays_inside(op, net):
            return _kernel(in_profile("lp_average_pool2d_compact", op))
    return None


def _kernel(function: str, layout: Layout = Layout.NONE, access: Access = Access.WINDOWS) -> Kernel:
    return Kernel(function, layout=layout, access=access, header=HEADER)


def _keeps_channels(op: DepthwiseConv2D, net: Net) -> bool:
    return net.tensors[op.inputs[0]].shape[2] == net.tensors[op.outputs[0]].shape[2]


def _fits(op: WeightedOp, net: Net) -> bool:
    """Whether factors are held, and sums still fit int32 where a factor wants them shifted left.

    No weights are taken to be small ones.
    """
    if op.profile is Profile.TFLM:
        return fits_dsp(op, net)
    weights = net.tensors[op.inputs[1]].data
    if weights is None or (shift := conv_requant(op, net).shift) == 32:
        return True
    window = (0, 1) if isinstance(op, DepthwiseConv2D) else tuple(range(1, weights.ndim))
    sums = 255 * np.abs(weights.astype(np.int64)).sum(axis=window)
    if len(op.inputs) == 3 and (bias := net.tensors[op.inputs[2]].data) is not None:
        sums += np.abs(bias.astype(np.int64))
    return int(sums.max()) << (32 - shift) < 1 << 31


def _stays_inside(op: MaxPool2D | AveragePool2D, net: Net) -> bool:
    """Whether no window reaches beyond the image."""
    inputs, outputs = (net.tensors[name].shape for name in (op.inputs[0], op.outputs[0]))
    lengths = zip(inputs, outputs, op.strides, op.pool, strict=False)
    fits = all((number - 1) * stride + pool <= length for length, number, stride, pool in lengths)
    return fits and not any(op.padding)
