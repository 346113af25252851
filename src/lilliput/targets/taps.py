"""Which depthwise convolutions take `lp_depthwise_conv2d_taps_dsp_s8`, which takes their windows as they lie."""

from __future__ import annotations

from lilliput.net.access import Access
from lilliput.net.graph import Net, Optimize
from lilliput.net.ops import DepthwiseConv2D
from lilliput.targets.cores import Core
from lilliput.targets.kernel import Kernel, Layout, in_profile
from lilliput.targets.weighted import comes_in_fours, depthwise_in_strips, fits_dsp

LEAST_CHANNELS = 4
"""It takes four at a time."""


def depthwise(op: DepthwiseConv2D, net: Net, core: Core) -> Kernel:
    """The kernel of a depthwise convolution."""
    found = depthwise_in_strips(op, net, core)
    if core.has_mve or not core.has_dsp or net.optimize is Optimize.FLASH or not fits_taps(op, net):
        return found
    if comes_in_fours(op, net) and op.dilation == (1, 1):
        return found
    return Kernel(
        in_profile("lp_depthwise_conv2d_taps_dsp", op), layout=Layout.TAP_BY_TAP, access=Access.WINDOWS
    )


def fits_taps(op: DepthwiseConv2D, net: Net) -> bool:
    """Whether the kernel holds the factors of `op`, which makes one output of each of enough channels."""
    channels = net.tensors[op.outputs[0]].shape[2]
    keeps_channels = net.tensors[op.inputs[0]].shape[2] == channels
    return keeps_channels and channels >= LEAST_CHANNELS and fits_dsp(op, net)
