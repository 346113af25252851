"""Kernels for numbers other than int8: floats, 16-bit integers, weights of less than a byte.

Each family of types has a table of its own; what it shares with int8, such as moving bytes, is left to
`lilliput.targets.kernels`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from lilliput.errors import NetError
from lilliput.net.access import Access
from lilliput.net.fixedpoint import WeightedOp
from lilliput.net.graph import Net, Optimize
from lilliput.net.ops import (
    Add,
    AveragePool2D,
    Concat,
    Conv2D,
    DepthwiseConv2D,
    FullyConnected,
    GlobalAveragePool2D,
    HardSwish,
    LeakyReLU,
    Logistic,
    MaxPool2D,
    Mul,
    Op,
    Pad,
    PairwiseOp,
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
from lilliput.targets.few_bit_kernels import (
    HEADER,
    Choose,
    first_choice,
    packed_conv2d,
    packed_dense,
    unpacked,
)
from lilliput.targets.kernel import Kernel, Layout
from lilliput.targets.wide import fits_channel_fours, fits_wide_dsp, window_access, window_bytes

MOST_IMAGE_CHANNELS = 3
"""Channels that images have."""
MOST_BYTES_SHARE = 0.01
"""Up to so much of all constants, weights may take more than their bits where that is faster."""


class Family(StrEnum):
    """Which kernels an op takes, by the types of what it reads and writes."""

    BYTES = "int8"
    REAL = "float32"
    WIDE = "int16"
    PACKED = "weights of less than a byte"


def family_of(op: Op, net: Net) -> Family:
    """The family of `op`; types decide, weights are not needed."""
    read, written = net.tensors[op.inputs[0]].dtype, net.tensors[op.outputs[0]].dtype
    if written is DType.FLOAT32:
        return Family.REAL
    if DType.INT16 in (read, written):
        return Family.WIDE
    if isinstance(op, WeightedOp) and net.tensors[op.inputs[1]].dtype.narrow:
        return Family.PACKED
    return Family.BYTES


def family_kernel(op: Op, net: Net, core: Core) -> Kernel | None:
    """The kernel of an op whose numbers are not int8; None where it has the same as int8.

    Raises:
        NetError: the family has no such op.
    """
    family = family_of(op, net)
    if family is Family.BYTES or type(op) in _MOVING:
        return None
    if family is Family.PACKED and takes_bytes(op, net, core):
        return None
    choose = FAMILIES[family].get(type(op))
    if choose is None or (isinstance(op, PairwiseOp) and net.constants(op)):
        raise NetError(
            f"op '{op.name}' ({type(op).__name__}) has no kernel for {family.value}",
            "it does not compute with such numbers",
            "give this layer another format",
        )
    return choose(op, net, core)


def takes_bytes(op: Op, net: Net, core: Core) -> bool:
    """Whether weights of less than a byte are kept as bytes: the few of a convolution of an image's channels.

    That is where they would be unpacked otherwise.  What bytes take more must not count beside all weights.
    """
    if not (isinstance(op, Conv2D) and core.has_dsp and op.profile is Profile.LILLIPUT):
        return False
    weights = net.tensors[op.inputs[1]]
    if weights.shape[3] > MOST_IMAGE_CHANNELS or net.optimize is not Optimize.SPEED:
        return False
    way = first_choice(op, net, core)
    if way is not None and not way.in_planes and not core.has_mve:
        return False
    more_bytes = weights.elements - weights.storage_bytes
    constants = sum(tensor.storage_bytes for tensor in net.tensors.values() if tensor.constant)
    return more_bytes <= MOST_BYTES_SHARE * constants


def bias_bytes(op: Op, net: Net) -> int:
    """Bytes of the biases that the code holds where a float op has none: zeros."""
    if not isinstance(op, WeightedOp) or len(op.inputs) == 3:
        return 0
    return 4 * net.tensors[op.outputs[0]].shape[-1]


_MOVING = frozenset({Concat, Reshape, Slice, Transpose, ResizeNearest})
"""Ops that move bytes, whatever these stand for."""


def _plain(function: str, access: Access = Access.SEPARATE) -> Choose:
    def choose(op: Op, net: Net, core: Core) -> Kernel:
        layout = Layout.PLAIN if isinstance(op, WeightedOp) else Layout.NONE
        return Kernel(function, layout=layout, access=access, header=HEADER)

    return choose


def _real(stem: str, access: Access = Access.SEPARATE) -> Choose:
    fast = _plain(f"{stem}_f32", access)

    def choose(op: Op, net: Net, core: Core) -> Kernel:
        kernel = fast(op, net, core)
        if net.optimize is not Optimize.FLASH:
            return kernel
        return kernel._replace(function=f"{stem}_compact_f32", needs=("lp_slide_f32",))

    return choose


def _wide_weighted(stem: str) -> Choose:
    def choose(op: WeightedOp, net: Net, core: Core) -> Kernel:
        suffix = "s16_w16" if net.tensors[op.inputs[1]].dtype is DType.INT16 else "s16"
        has_dsp = core.has_dsp and fits_wide_dsp(op, net)
        if has_dsp and isinstance(op, DepthwiseConv2D) and fits_channel_fours(op, net):
            function = f"{stem}_dsp_{suffix}"
            return Kernel(function, layout=Layout.WIDE_CHANNELS, access=Access.WINDOWS, header=HEADER)
        if not has_dsp or isinstance(op, DepthwiseConv2D):
            access = Access.SEPARATE if isinstance(op, FullyConnected) else Access.WINDOWS
            return Kernel(f"{stem}_{suffix}", layout=Layout.PLAIN, access=access, header=HEADER)
        return Kernel(
            f"{stem}_dsp_{suffix}",
            scratch_bytes=window_bytes(op, net),
            layout=Layout.CHANNEL_FOURS,
            access=window_access(op, net),
            header=HEADER,
        )

    return choose


def _wide_requantize(op: Op, net: Net, core: Core) -> Kernel:
    types = (net.tensors[op.inputs[0]].dtype, net.tensors[op.outputs[0]].dtype)
    name = {
        (DType.INT16, DType.INT16): "lp_requantize_s16",
        (DType.UINT8, DType.INT16): "lp_requantize_u8_s16",
    }.get(types, "lp_requantize_s16_s8" if types[0] is DType.INT16 else "lp_requantize_s8_s16")
    return Kernel(name, access=Access.ELEMENTS, header=HEADER)


FAMILIES: Mapping[Family, Mapping[type[Op], Choose]] = {
    Family.REAL: {
        Conv2D: _real("lp_conv2d", Access.WINDOWS),
        DepthwiseConv2D: _plain("lp_depthwise_conv2d_f32", Access.WINDOWS),
        FullyConnected: _real("lp_conv2d"),
        MaxPool2D: _real("lp_max_pool2d", Access.WINDOWS),
        AveragePool2D: _plain("lp_average_pool2d_f32", Access.WINDOWS),
        GlobalAveragePool2D: _plain("lp_average_pool2d_f32", Access.WINDOWS),
        Add: _plain("lp_add_f32", Access.ELEMENTS),
        Sub: _plain("lp_add_f32", Access.ELEMENTS),
        Mul: _plain("lp_mul_f32", Access.ELEMENTS),
        Pad: _plain("lp_pad_f32"),
        Logistic: _plain("lp_logistic_f32", Access.ELEMENTS),
        Tanh: _plain("lp_tanh_f32", Access.ELEMENTS),
        HardSwish: _plain("lp_hard_swish_f32", Access.ELEMENTS),
        LeakyReLU: _plain("lp_leaky_relu_f32", Access.ELEMENTS),
        ReLU: _plain("lp_clamp_f32", Access.ELEMENTS),
        ReLU6: _plain("lp_clamp_f32", Access.ELEMENTS),
        Requantize: _plain("lp_clamp_f32", Access.ELEMENTS),
        Softmax: _plain("lp_softmax_f32", Access.ELEMENTS),
    },
    Family.WIDE: {
        Conv2D: _wide_weighted("lp_conv2d"),
        DepthwiseConv2D: _wide_weighted("lp_depthwise_conv2d"),
        FullyConnected: _wide_weighted("lp_conv2d"),
        MaxPool2D: _plain("lp_max_pool2d_s16", Access.WINDOWS),
        AveragePool2D: _plain("lp_average_pool2d_s16", Access.WINDOWS),
        GlobalAveragePool2D: _plain("lp_average_pool2d_s16", Access.WINDOWS),
        Add: _plain("lp_add_s16", Access.ELEMENTS),
        Sub: _plain("lp_add_s16", Access.ELEMENTS),
        Mul: _plain("lp_mul_s16", Access.ELEMENTS),
        Pad: _plain("lp_pad_s16"),
        ReLU: _wide_requantize,
        ReLU6: _wide_requantize,
        Requantize: _wide_requantize,
    },
    Family.PACKED: {
        Conv2D: packed_conv2d,
        DepthwiseConv2D: unpacked("lp_depthwise_conv2d"),
        FullyConnected: packed_dense,
    },
}
"""How the kernel of each op of a family is chosen; functions by table take 8 bits always."""
