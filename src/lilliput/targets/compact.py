"""Which C functions take the least flash, where that counts most, on cores with DSP instructions.

They are slower than the others, but still make use of those instructions, and take no scratch memory.
"""

from __future__ import annotations

from lilliput.net.access import Access
from lilliput.net.graph import Net, Optimize
from lilliput.net.ops import Conv2D, FullyConnected, MaxPool2D, Op
from lilliput.targets.cores import Core
from lilliput.targets.kernel import Kernel, Layout, in_profile
from lilliput.targets.weighted import fits_dsp


def is_compact(net: Net, core: Core) -> bool:
    """Whether flash counts most, on a core that small kernels are there for."""
    return net.optimize is Optimize.FLASH and core.has_dsp and not core.has_mve


def compact_kernel(op: Op, net: Net, core: Core) -> Kernel | None:
    """The smallest kernel of `op`; None where the others are no larger, or other goals count more."""
    if not is_compact(net, core):
        return None
    if isinstance(op, Conv2D) and op.dilation == (1, 1) and fits_dsp(op, net):
        return _convolution(op, Access.WINDOWS)
    if isinstance(op, FullyConnected) and fits_dsp(op, net):
        return _convolution(op, Access.SEPARATE)
    if isinstance(op, MaxPool2D) and _stays_inside(op, net):
        return Kernel("lp_max_pool2d_compact_s8", access=Access.WINDOWS)
    return None


def _convolution(op: Conv2D | FullyConnected, access: Access) -> Kernel:
    """Of a matrix product, too: that is a convolution of one pixel."""
    return Kernel(in_profile("lp_conv2d_compact", op), layout=Layout.ROWS, access=access)


def _stays_inside(op: MaxPool2D, net: Net) -> bool:
    """Whether no window reaches beyond the image."""
    inputs, outputs = (net.tensors[name].shape for name in (op.inputs[0], op.outputs[0]))
    lengths = zip(inputs, outputs, op.strides, op.pool, strict=False)
    fits = all((number - 1) * stride + pool <= length for length, number, stride, pool in lengths)
    return fits and not any(op.padding)
