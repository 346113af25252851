"""Which C function multiplies by weights: convolutions and matrix products."""

from __future__ import annotations

import math

import numpy as np

from lilliput.net.access import Access
from lilliput.net.fixedpoint import WeightedOp, activation_range, quant
from lilliput.net.fixedpoint_tflm import conv_factors
from lilliput.net.graph import Net, Optimize
from lilliput.net.ops import Conv2D, DepthwiseConv2D, Op, Profile
from lilliput.targets.cores import Core
from lilliput.targets.kernel import LIMIT, Kernel, Layout, in_profile, part_in_profile, to_four
from lilliput.targets.strip import fits_strip, strip_bytes
from lilliput.targets.vectors import (
    GROUP,
    HEADER,
    TapStrip,
    conv_bytes,
    conv_lines,
    fits_strips,
    fits_vectors,
    has_small_windows,
    strip,
    strips_bytes,
    tap_strip,
)

BLOCK_PIXELS = 4
"""Output pixels that the kernels for cores with DSP instructions compute side by side."""
FEW_PIXELS = 2
"""Up to so many that fill no block are computed one by one."""
ROWS_KERNEL_WIDTH = 3
"""Columns of the kernels of `lp_conv2d_rows_dsp_s8`."""
MOST_ROWS_WASTE = 1.2
"""Up to so many pixels for each that is wanted, it is the fastest."""
FEW_CHANNELS = 32
"""Up to so many output channels, a 3x3 convolution of a grey image is fastest as a depthwise convolution."""
MANY_CHANNELS = 16
"""From so many output channels on, expanding windows anew takes little beside multiplying them."""
STRIP_ROWS = 8
"""Rows of outputs that `lp_depthwise_conv2d_dsp_s8` makes of what it holds in scratch memory."""
FOURS_STRIP_BYTES = 512
"""Scratch memory up to which `lp_depthwise_conv2d_fours_dsp_s8` makes more than two rows of outputs."""
PAIR_BYTES = 4
"""Two inputs, expanded to int16."""
PAIR_OF_PIXELS_BYTES = 4
"""An input of each of two output pixels."""
LEAST_RECTIFIED_SHIFT = -15
"""Of the factors of `tflm`: the furthest to the right that kernels with `relu` in their name shift."""
LARGEST_SPLIT_SUM = ((1 << 31) - 1) // (256 * 128 + 127)
"""What the absolute weights of a channel may sum up to where 256 times the sum of products must fit int32."""


def conv2d(op: Conv2D, net: Net, core: Core) -> Kernel:
    """The kernel of a convolution."""
    if core.has_mve and fits_vectors(op, net):
        return Kernel(
            in_profile("lp_conv2d_mve", op),
            header=HEADER,
            scratch_bytes=conv_bytes(op, net),
            layout=Layout.SMALL_WINDOWS if has_small_windows(op, net) else Layout.VECTORS,
            folds_zero_point=True,
            strip_lines=conv_lines(op, net),
            access=Access.PIXELS,
        )
    has_dsp = core.has_dsp and not core.has_mve and fits_dsp(op, net)
    is_small = net.optimize is Optimize.FLASH
    if has_dsp and comes_by_channel(op, net) and not is_small:
        return _by_channel(op, net, (3, 3))
    is_pointwise = _is_pointwise(op, net) and (has_dsp or op.strides == (1, 1))
    if is_small:  # one kernel for all convolutions
        is_pointwise = is_pointwise and all(_is_pointwise(other, net) for other in net.ops)
    stem = "lp_conv2d_1x1" if is_pointwise else "lp_conv2d"
    if has_dsp and _fits_split(op, net):
        return _by_pixel_fours(op, net, stem)
    if core.has_pairs and not is_small and fits_halves(op, net):
        window = math.prod(net.tensors[op.inputs[1]].shape[1:])
        return Kernel(
            in_profile(f"{stem}_pairs", op),
            scratch_bytes=2 * PAIR_OF_PIXELS_BYTES * (-(-window // 2) * 2),
            layout=Layout.FOURS_FIRST,
            needs=("lp_dot_pairs", part_in_profile("lp_requantize_pairs", op)),
            folds_zero_point=True,
            access=Access.PIXELS,
        )
    return Kernel(in_profile(stem, op), layout=Layout.PLAIN, folds_zero_point=True, access=Access.WINDOWS)


def comes_by_channel(op: Conv2D, net: Net) -> bool:
    """Whether a convolution of a grey image is fastest as a depthwise one with several outputs."""
    channels, *window = net.tensors[op.inputs[1]].shape
    return window == [3, 3, 1] and channels <= FEW_CHANNELS and op.dilation == (1, 1)


def _by_pixel_fours(op: Conv2D, net: Net, stem: str) -> Kernel:
    """Two channels of four pixels at a time, by weights of two halves; `stem` is what others take."""
    channels, *kernel, depth = net.tensors[op.inputs[1]].shape
    is_small = net.optimize is Optimize.FLASH
    elements = to_four(math.prod(kernel) * depth)
    copy_bytes = 0 if stem == "lp_conv2d_1x1" or depth % 4 == 0 else elements
    is_colour = [*kernel, depth] == [3, 3, 3] and op.dilation == (1, 1) and not is_small
    stem = "lp_conv2d_colour" if is_colour else stem
    in_strip = stem == "lp_conv2d" and not is_small and fits_strip(op, net)
    found = Kernel(
        f"{stem}_dsp",
        scratch_bytes=elements // 2 * PAIR_BYTES * BLOCK_PIXELS + (0 if is_colour else copy_bytes),
        layout=Layout.SPLIT_COLOUR if is_colour else Layout.SPLIT_PAIRS,
        folds_zero_point=True,
        access=Access.PIXELS,
    )
    saves_ring = (
        net.optimize is Optimize.RAM
        and channels >= MANY_CHANNELS
        and found.scratch_bytes < _ring_bytes(op, net)
    )
    if _shares_rows(op, net) and not is_small and not saves_ring:
        return found._replace(
            function=in_profile("lp_conv2d_rows_dsp", op),
            scratch_bytes=_ring_bytes(op, net),
            layout=Layout.SPLIT_ROWS,
            needs=(part_in_profile("lp_multiply_rows", op), LIMIT),
            access=Access.ROWS,
        )
    if in_strip and (net.optimize is not Optimize.RAM or strip_bytes(op, net) <= found.scratch_bytes):
        found = found._replace(
            function="lp_conv2d_strip_dsp",
            header="lp_conv2d_strip.h",
            scratch_bytes=strip_bytes(op, net),
            layout=Layout.SPLIT_STRIP,
        )
    begins_at_bias = not is_small and _is_rectified(op, net)
    return _in_variant(found._replace(begins_at_bias=begins_at_bias), op)


def _in_variant(kernel: Kernel, op: Conv2D) -> Kernel:
    """The kernel that is called `kernel.function` with its variant, numeric profile and parts."""
    variant = "_relu" if kernel.begins_at_bias else ""
    return kernel._replace(
        function=in_profile(kernel.function + variant, op),
        needs=(part_in_profile(f"lp_multiply_block{variant}", op), "lp_expand_fours", LIMIT),
    )


def without_variants(kernel: Kernel, op: Op, net: Net) -> Kernel:
    """The kernel of `op` of the whole network `net`: one that rounds twice if others have to.

    The code of both variants would take more than the cycles are worth.
    """
    if isinstance(op, DepthwiseConv2D) and "_relu" in kernel.function:
        alike = (other for other in net.ops if isinstance(other, DepthwiseConv2D))
        if all(_hides_negative(other, net) for other in alike if comes_in_fours(other, net)):
            return kernel
        return kernel._replace(function=kernel.function.replace("_relu", ""))
    if not (kernel.begins_at_bias and isinstance(op, Conv2D)):
        return kernel
    others = (other for other in net.ops if isinstance(other, Conv2D) and not _shares_rows(other, net))
    if all(_hides_negative(other, net) for other in others):
        return kernel
    stem = kernel.function.removesuffix("_relu_tflm_s8")
    return _in_variant(kernel._replace(function=stem, begins_at_bias=False), op)


def depthwise_in_strips(op: DepthwiseConv2D, net: Net, core: Core) -> Kernel:
    """The kernel of a depthwise convolution, from copies of its input if not portable."""
    is_small = net.optimize is Optimize.FLASH
    keeps_channels = net.tensors[op.inputs[0]].shape[2] == net.tensors[op.outputs[0]].shape[2]
    if core.has_mve and keeps_channels and fits_strips(op, net):
        lines, _ = strip(op, net)
        return Kernel(
            in_profile("lp_depthwise_conv2d_mve", op),
            header=HEADER,
            scratch_bytes=strips_bytes(op, net),
            layout=Layout.PATCHES,
            folds_zero_point=True,
            strip_lines=lines,
            access=_access_by_strips(op, net, lines),
        )
    if core.has_mve and fits_vectors(op, net) and (held := tap_strip(op, net)).fits:
        return Kernel(
            in_profile("lp_depthwise_conv2d_windows_mve", op),
            header=HEADER,
            scratch_bytes=held.scratch_bytes,
            layout=Layout.TAP_PAIRS_COLUMNS if held.transposed else Layout.TAP_PAIRS,
            folds_zero_point=True,
            strip_lines=held.lines,
            access=_access_by_taps(op, net, held),
        )
    has_dsp = core.has_dsp and fits_dsp(op, net) and (not core.has_mve or fits_vectors(op, net))
    if has_dsp and op.dilation == (1, 1) and not is_small:
        by_channel = _by_channel(op, net, net.tensors[op.inputs[1]].shape[:2])
        if not (keeps_channels and comes_in_fours(op, net)):
            return by_channel
        by_fours = _by_channel_fours(op, net)
        takes_more = by_fours.scratch_bytes > by_channel.scratch_bytes
        return by_channel if takes_more and net.optimize is Optimize.RAM else by_fours
    if core.has_pairs and not is_small and op.dilation == (1, 1) and fits_halves(op, net):
        return _in_pairs(op, net)
    if keeps_channels:
        return Kernel(in_profile("lp_depthwise_conv2d", op), layout=Layout.PLAIN, access=Access.WINDOWS)
    return Kernel(
        in_profile("lp_depthwise_conv2d_multiplier", op), layout=Layout.PLAIN, access=Access.WINDOWS
    )


def _by_channel(op: Conv2D | DepthwiseConv2D, net: Net, kernel: tuple[int, ...]) -> Kernel:
    """Channel by channel: the rows or columns under a window in scratch memory."""
    height, width, _ = net.tensors[op.outputs[0]].shape
    transposed = takes_columns(op, net)
    sides = ((height, op.strides[0], kernel[0]), (width, op.strides[1], kernel[1]))
    (height, stride_y, kernel_height), (width, stride_x, kernel_width) = sides[:: -1 if transposed else 1]
    rows = (min(height, STRIP_ROWS) - 1) * stride_y + kernel_height
    row_bytes = (to_four(width) - 1) * stride_x + to_four(kernel_width)
    return Kernel(
        in_profile("lp_depthwise_conv2d_dsp", op),
        scratch_bytes=rows * to_four(row_bytes) + 2 * kernel_height * to_four(kernel_width),
        layout=Layout.COLUMNS_FIRST if transposed else Layout.CHANNELS_FIRST,
        needs=(part_in_profile("lp_depthwise_3x3", op), "lp_copy_rows", LIMIT),
        folds_zero_point=True,
        access=_access_by_channel(op, net, transposed),
    )


def comes_in_fours(op: DepthwiseConv2D, net: Net) -> bool:
    """Whether window, steps and number of channels are such as `lp_depthwise_conv2d_fours_dsp_s8` takes."""
    kernel_height, kernel_width, channels = net.tensors[op.inputs[1]].shape
    fits = (kernel_height, kernel_width) == (3, 3) and op.strides in ((1, 1), (2, 2))
    return fits and channels % 4 == 0


def fours_strip(op: DepthwiseConv2D, net: Net) -> tuple[int, int]:
    """Pairs of rows of outputs that `lp_depthwise_conv2d_fours_dsp_s8` makes at once; columns under one."""
    rows, columns, _ = net.tensors[op.outputs[0]].shape
    stride = op.strides[0]
    taken = (columns + columns % 2 - 1) * stride + 3
    return max(min((FOURS_STRIP_BYTES // (16 * taken) - 1) // stride, (rows + 1) // 2), 1), taken


def _by_channel_fours(op: DepthwiseConv2D, net: Net) -> Kernel:
    """Four channels by four channels: the rows under a strip in scratch memory, two rows in a word."""
    pairs, columns = fours_strip(op, net)
    variant = "_relu" if op.profile is Profile.TFLM and _hides_negative(op, net) else ""
    return Kernel(
        in_profile(f"lp_depthwise_conv2d_fours_dsp{variant}", op),
        scratch_bytes=(pairs * op.strides[0] + 1) * columns * 16,
        layout=Layout.TAP_BY_TAP,
        needs=(LIMIT,),
        folds_zero_point=True,
        access=_access_by_strips(op, net, 2 * pairs),
    )


def _access_by_strips(op: DepthwiseConv2D, net: Net, strip_rows: int) -> Access:
    """Strips of some channels are written when their rows were read, into rows that were read by then."""
    width = net.tensors[op.inputs[0]].shape[1]
    rows, columns, _ = net.tensors[op.outputs[0]].shape
    tall = (net.tensors[op.inputs[1]].shape[0] - 1) * op.dilation[0] + 1
    reached = [(row * op.strides[0] - op.padding.top + tall) * width for row in (0, rows - 2)]
    fits = columns <= reached[0] and (rows - 1) * columns <= reached[1]
    return Access.CHANNELS if fits or rows <= strip_rows else Access.SEPARATE


def _access_by_taps(op: DepthwiseConv2D, net: Net, held: TapStrip) -> Access:
    """As by strips; where all input channels are taken at once, pixels are written when theirs were read."""
    depth, channels = (net.tensors[name].shape[2] for name in (op.inputs[0], op.outputs[0]))
    if held.strips == 1 and depth == channels:
        return Access.CHANNELS
    if held.strips > 1 and held.transposed:
        return Access.SEPARATE
    if depth == channels:
        return _access_by_strips(op, net, held.lines)
    return Access.PIXELS if depth <= GROUP else Access.SEPARATE


def takes_columns(op: Conv2D | DepthwiseConv2D, net: Net) -> bool:
    """Whether `lp_depthwise_conv2d_dsp_s8` takes columns as rows: those come in fewer fours of outputs."""
    height, width, _ = net.tensors[op.outputs[0]].shape
    return to_four(height) * width < to_four(width) * height


def _access_by_channel(op: Conv2D | DepthwiseConv2D, net: Net, transposed: bool) -> Access:
    """Strips of one channel are written when their rows were read, into rows that were read by then.

    All rows of a channel are read first where one strip is enough.  Strips of columns keep to theirs where
    rows of input and output are equally long.
    """
    _, width, depth = net.tensors[op.inputs[0]].shape
    rows, columns, channels = net.tensors[op.outputs[0]].shape
    weights = net.tensors[op.inputs[1]].shape
    tall, wide = weights[1:3] if isinstance(op, Conv2D) else weights[:2]
    is_one_strip = (columns if transposed else rows) <= STRIP_ROWS
    if depth == 1:
        return Access.SEPARATE if transposed and not is_one_strip else Access.PIXELS
    if transposed:
        reached = [column * op.strides[1] - op.padding.left + wide for column in (0, columns - 2)]
        fits = width == columns and reached[0] >= 1 and columns - 1 <= reached[1]
    else:
        reached = [(row * op.strides[0] - op.padding.top + tall) * width for row in (0, rows - 2)]
        fits = columns <= reached[0] and (rows - 1) * columns <= reached[1]
    return Access.CHANNELS if depth == channels and (fits or is_one_strip) else Access.SEPARATE


def _in_pairs(op: DepthwiseConv2D, net: Net) -> Kernel:
    """Channel by channel, the rows under a window in scratch memory, two pixels in a word."""
    height, width, channels = net.tensors[op.outputs[0]].shape
    kernel_height, kernel_width, _ = net.tensors[op.inputs[1]].shape
    takes_input_once = channels == net.tensors[op.inputs[0]].shape[2]
    outputs = -(-width // 2) * 2
    rows = (min(height, STRIP_ROWS) - 1) * op.strides[0] + kernel_height
    words = kernel_height * kernel_width + outputs + rows * ((outputs - 1) * op.strides[1] + kernel_width)
    return Kernel(
        in_profile("lp_depthwise_conv2d_pairs", op),
        scratch_bytes=words * PAIR_OF_PIXELS_BYTES,
        layout=Layout.CHANNEL_BY_CHANNEL,
        needs=("lp_sum_windows_pairs", part_in_profile("lp_requantize_pairs", op)),
        folds_zero_point=True,
        access=_access_by_channel(op, net, False) if takes_input_once else Access.SEPARATE,
    )


def fits_dsp(op: WeightedOp, net: Net) -> bool:
    """Whether the kernels for cores with DSP instructions hold the factors of `op`.

    In the profile `tflm` they multiply by 2**32 less than twice the multiplier, then by a fraction that fits
    int32 only if it stands for a shift right by 1 to 31.
    """
    if op.profile is Profile.LILLIPUT:
        return True
    return all(factor.multiplier and -31 <= factor.shift <= -1 for factor in conv_factors(op, net))


def fits_halves(op: WeightedOp, net: Net) -> bool:
    """Whether pairs of weights fit int16, which -128 does not; no weights are taken to be none of those."""
    weights = net.tensors[op.inputs[1]].data
    return weights is None or int(weights.min()) > -128


def _fits_split(op: Conv2D, net: Net) -> bool:
    """Whether also 256 times every sum of products fits int32, which many hundred inputs can exceed."""
    weights = net.tensors[op.inputs[1]].data
    if weights is None:
        return True
    rows = np.abs(weights.astype(np.int64)).reshape(len(weights), -1)
    return fits_halves(op, net) and int(rows.sum(axis=1).max()) <= LARGEST_SPLIT_SUM


def _hides_negative(op: Conv2D | DepthwiseConv2D, net: Net) -> bool:
    """Whether nothing less than the zero point is put out."""
    return activation_range(op, net)[0] >= quant(op.outputs[0], net).zero_point


def _is_rectified(op: Conv2D, net: Net) -> bool:
    """Whether rounding once gives what `tflm` rounds twice: where negative sums are not seen.

    256 times the sums with their biases must fit int32, as they do where weights are not known.
    """
    if op.profile is not Profile.TFLM or not _hides_negative(op, net):
        return False
    if any(factor.shift < LEAST_RECTIFIED_SHIFT for factor in conv_factors(op, net)):
        return False
    weights = net.tensors[op.inputs[1]].data
    if weights is None:
        return True
    rows = weights.astype(np.int64).reshape(len(weights), -1)
    bias = -quant(op.inputs[0], net).zero_point * rows.sum(axis=1)
    if len(op.inputs) == 3 and (data := net.tensors[op.inputs[2]].data) is not None:
        bias = bias + data
    largest = (256 * 128 + 127) * np.abs(rows).sum(axis=1) + 256 * np.abs(bias)
    return int(largest.max()) < 1 << 31


def _shares_rows(op: Conv2D, net: Net) -> bool:
    """Whether rows are expanded once for all windows: for kernels of one shape, and pixels in fours."""
    _, _, kernel_width, depth = net.tensors[op.inputs[1]].shape
    width = net.tensors[op.outputs[0]].shape[1]
    fits = (
        kernel_width == ROWS_KERNEL_WIDTH and depth % 4 == 0 and op.dilation == (1, 1) and op.strides[1] <= 2
    )
    return fits and width >= BLOCK_PIXELS and to_four(width) <= MOST_ROWS_WASTE * width


def _is_pointwise(op: Op, net: Net) -> bool:
    """Whether each output of a convolution is made of one pixel; also for what is no convolution."""
    if not isinstance(op, Conv2D):
        return True
    return net.tensors[op.inputs[1]].shape[1:3] == (1, 1) and not any(op.padding)


def _ring_bytes(op: Conv2D, net: Net) -> int:
    """The rows under a window, as `lp_conv2d_rows_dsp_s8` keeps them: two bytes for each input.

    What is padding on the right of a row is that on the left of the next too, as far as both have any.
    """
    _, width, depth = net.tensors[op.inputs[0]].shape
    columns = (net.tensors[op.outputs[0]].shape[1] - 1) * op.strides[1] + ROWS_KERNEL_WIDTH
    shared = min(op.padding.left, max(columns - op.padding.left - width, 0))
    kernel_height = net.tensors[op.inputs[1]].shape[1]
    return 2 * kernel_height * depth * (columns - shared) + 8 * shared
