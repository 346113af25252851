"""Weights of less than a byte that are unpacked before kernels for those of a byte multiply them.

`runtime/lp_planes.h` describes what is stored.  Nothing here depends on the weights but whether their sums
fit the kernels for a byte, which they do for all but windows of more than a thousand elements.
"""

from __future__ import annotations

import math

import numpy as np

from lilliput.net.access import Access
from lilliput.net.fixedpoint import WeightedOp, conv_requant
from lilliput.net.graph import Net, Optimize
from lilliput.net.ops import Conv2D, DepthwiseConv2D, FullyConnected, Profile
from lilliput.net.tensor import DType
from lilliput.targets.cores import Core
from lilliput.targets.kernel import LIMIT, SPLIT_CONV_LAYOUTS, Kernel, Layout, to_four
from lilliput.targets.strip import strip_fours
from lilliput.targets.taps import depthwise
from lilliput.targets.weighted import PAIR_OF_PIXELS_BYTES, conv2d

ONE_CHUNK = frozenset(
    {Layout.CHANNELS_FIRST, Layout.COLUMNS_FIRST, Layout.TAP_BY_TAP, Layout.CHANNEL_BY_CHANNEL}
)
"""Orders of the weights of kernels that take channel after channel."""
GROUP_WORDS = 8
"""Words of four weights whose planes lie together."""
CHUNK_BYTES = 4608
"""Unpacked weights of a convolution that are held at a time."""
LEAST_CHUNK, LEAST_PAIRS_CHUNK = 4, 8
"""Channels that are unpacked at a time at least, since windows are gathered anew for each chunk; the second
where a gathered input takes twice the cycles of a product, unless memory counts most."""
BY_CHUNKS = frozenset({"lp_conv2d_dsp_s8", "lp_conv2d_pairs_s8", "lp_conv2d_1x1_pairs_s8"})
"""What computes some channels after others; all other kernels compute all."""
MOST_BITS = 7
"""Of weights that are doubled."""
LEAST_MULTIPLIER = 512
"""Of scales: the kernels for a byte are exact from it on whatever they shift by."""


def in_planes(op: WeightedOp, net: Net, core: Core, header: str) -> Kernel | None:
    """The kernel for a byte that computes `op` once weights are unpacked; None where there is none."""
    found = _for_bytes(op, net, core)
    if found is None:
        return None
    bits = net.tensors[op.inputs[1]].dtype.bits
    if isinstance(op, FullyConnected):
        return found._replace(needs=(f"lp_multiply_planes_{bits}",), header=header, in_planes=True)
    in_chunks = isinstance(op, Conv2D) and not _is_whole(op, net, found.layout)
    unpacked_bytes = 4 * chunk_channels(op, net, found.layout) * channel_words(op, net, found.layout)
    inner = () if found.function in BY_CHUNKS else (found.function,)
    return found._replace(
        function=f"{found.function.removesuffix('_s8')}_planes_s8",
        scratch_bytes=unpacked_bytes + found.scratch_bytes,
        needs=(f"lp_unpack_planes_{bits}", *found.needs, *inner),
        access=Access.SEPARATE if in_chunks else found.access,
        header=header,
        in_planes=True,
    )


def _for_bytes(op: WeightedOp, net: Net, core: Core) -> Kernel | None:
    """The kernel for int8 that computes what is unpacked; none where flash counts most."""
    if core.has_mve or op.profile is not Profile.LILLIPUT or net.optimize is Optimize.FLASH:
        return None
    if isinstance(op, DepthwiseConv2D):
        found = depthwise(op, net, core)
        return None if found.layout is Layout.PLAIN else found
    weights = net.tensors[op.inputs[1]]
    if isinstance(op, FullyConnected):
        found = Kernel("lp_fully_connected_planes_dsp_s8", layout=Layout.ROWS, folds_zero_point=True)
        return found if core.has_dsp else None
    if not core.has_dsp:
        return _in_pairs(op, net, core) if core.has_pairs else None
    if weights.dtype is DType.SIGN and math.prod(weights.shape[1:]) % 4:
        return None  # no single bit stands for 0, and inputs that fill up are not 0
    requant = conv_requant(op, net)
    if requant.shift < 32 and min(requant.multipliers) < LEAST_MULTIPLIER:
        return None
    found = conv2d(op, net, core)
    fills = found.layout is Layout.SPLIT_STRIP and weights.dtype is DType.SIGN
    if found.layout in ONE_CHUNK | SPLIT_CONV_LAYOUTS and not fills and _is_whole(op, net, found.layout):
        return found
    if found.layout in (Layout.PLAIN, Layout.ROWS):
        return None
    _, *window, depth = weights.shape
    elements = to_four(math.prod(window) * depth)
    return Kernel(
        "lp_conv2d_dsp_s8",
        scratch_bytes=8 * elements + (elements if depth % 4 else 0),
        layout=Layout.SPLIT_PAIRS,
        needs=("lp_multiply_block", "lp_expand_fours", LIMIT),
        folds_zero_point=True,
        access=Access.PIXELS,
    )


def _in_pairs(op: Conv2D, net: Net, core: Core) -> Kernel:
    """Where two pixels share a word; windows are filled to fours as weights are."""
    found = conv2d(op, net, core)
    elements = to_four(math.prod(net.tensors[op.inputs[1]].shape[1:]))
    return found._replace(scratch_bytes=2 * PAIR_OF_PIXELS_BYTES * elements)


def _is_whole(op: Conv2D, net: Net, layout: Layout) -> bool:
    """Whether the weights of all channels are unpacked at a time."""
    return layout in ONE_CHUNK or chunk_channels(op, net, layout) == net.tensors[op.inputs[1]].shape[0]


def channel_words(op: WeightedOp, net: Net, layout: Layout) -> int:
    """Words of four weights of an output; where channel comes after channel, of all."""
    if layout in ONE_CHUNK:
        return to_four(net.tensors[op.inputs[1]].elements) // 4
    if layout is Layout.SPLIT_STRIP:
        return strip_fours(op, net)
    return to_four(math.prod(net.tensors[op.inputs[1]].shape[1:])) // 4


def chunk_channels(op: WeightedOp, net: Net, layout: Layout) -> int:
    """Output channels that are unpacked at a time; an even number, if not all; of other layers 1."""
    if not isinstance(op, Conv2D) or layout in ONE_CHUNK:
        return 1
    channels = net.tensors[op.inputs[1]].shape[0]
    fitting = CHUNK_BYTES // (4 * channel_words(op, net, layout)) // 2 * 2
    if layout is not Layout.FOURS_FIRST:
        return min(max(fitting, LEAST_CHUNK), channels)
    least = LEAST_CHUNK if net.optimize is Optimize.RAM else LEAST_PAIRS_CHUNK
    chunks = -(-channels // max(fitting, least))
    return -(-channels // chunks)  # no more than others are


def doublings_of(op: WeightedOp, net: Net, layout: Layout) -> int:
    """How often weights are doubled so that factors are multiples of 2**-32.

    That is done as they are unpacked, or in flash where they are kept as bytes.

    Kernels for depthwise convolutions are fast for these alone; factors of few bits are often larger.
    """
    if layout not in ONE_CHUNK or op.profile is not Profile.LILLIPUT:
        return 0
    tensor = net.tensors[op.inputs[1]]
    found = 32 - conv_requant(op, net).shift
    if tensor.dtype.bits + found > MOST_BITS:
        return 0
    assert tensor.data is not None
    inputs = (0, 1) if isinstance(op, DepthwiseConv2D) else (1, 2, 3)
    reach = (1 << 8) * np.abs(tensor.data.astype(np.int64)).sum(axis=inputs)
    if len(op.inputs) == 3 and (bias := net.tensors[op.inputs[2]].data) is not None:
        reach += np.abs(bias.astype(np.int64))
    return found if int(reach.max()) << found < 1 << 31 else 0


def planes_bytes(op: WeightedOp, net: Net, layout: Layout) -> int:
    """Bytes of weights in flash."""
    weights = net.tensors[op.inputs[1]]
    bits = weights.dtype.bits
    words, chunk = channel_words(op, net, layout), chunk_channels(op, net, layout)
    whole, rest = (1, 0) if layout in ONE_CHUNK else divmod(weights.shape[0], chunk)
    return 4 * (whole * packed_words(words * chunk, bits) + packed_words(words * rest, bits))


def packed_words(words: int, bits: int) -> int:
    """Words that so many words of four weights become in planes of their own."""
    groups, rest = divmod(words, GROUP_WORDS)
    planes = (plane for plane in (4, 2, 1) if bits & plane)
    return groups * bits + sum(-(-rest * plane // GROUP_WORDS) for plane in planes)
