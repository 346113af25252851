"""Which C function multiplies weights of less than a byte."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from lilliput.net.access import Access
from lilliput.net.fixedpoint import WeightedOp, conv_requant
from lilliput.net.graph import Net, Optimize
from lilliput.net.ops import Conv2D, DepthwiseConv2D, FullyConnected, Profile
from lilliput.targets.band import band_bytes, fits_band
from lilliput.targets.binary import is_binary, windows_bytes
from lilliput.targets.cores import Core
from lilliput.targets.estimates import cycles
from lilliput.targets.kernel import PLAIN_SHIFT, Kernel, Layout, to_four
from lilliput.targets.lanes import (
    BLOCK_PIXELS,
    LANE_FOUR_BYTES,
    NIBBLE_BITS,
    band_rows,
    blocks_of,
    fits_lanes,
    fours_of,
    has_lanes,
    held_groups,
    is_small,
    most_segments,
    prefers_nibbles,
    shares_strip,
)
from lilliput.targets.pixels import fits_pixels, inputs_bytes, parts_of, pixels_bytes
from lilliput.targets.planes import in_planes
from lilliput.targets.slots import slots_bytes, slots_of
from lilliput.targets.strip import strip_bytes, strip_fours

HEADER = "lp_formats.h"
NIBBLE_PART_FOURS = 256
"""So many fours of inputs does `lp_fully_connected_nibbles_dsp_s8` expand at a time."""
Choose = Callable[[Any, Net, Core], Kernel]


def packed_dense(op: FullyConnected, net: Net, core: Core) -> Kernel:
    if not core.has_dsp or op.profile is not Profile.LILLIPUT or is_binary(op, net):
        return packed_conv2d(op, net, core)
    if prefers_nibbles(op, net):
        part = min(fours_of(op, net), NIBBLE_PART_FOURS)
        return Kernel(
            "lp_fully_connected_nibbles_dsp_s8",
            scratch_bytes=8 * part + 4 * to_four(net.tensors[op.outputs[0]].shape[-1]),
            layout=Layout.NIBBLES,
            folds_zero_point=True,
            access=Access.INPUTS_FIRST,
            header=HEADER,
        )
    if not fits_lanes(op, net):
        return unpacked("lp_conv2d")(op, net, core)
    return Kernel(
        "lp_fully_connected_packed_dsp_s8",
        scratch_bytes=8 * fours_of(op, net) + 4 * most_segments(op, net),
        layout=Layout.LANES,
        folds_zero_point=True,
        access=Access.INPUTS_FIRST,
        header=HEADER,
    )


_LANE_PARTS = ("lp_lane_outputs", "lp_unpack_lanes")


def _multiply_lanes(op: WeightedOp, net: Net, fours: int) -> str:
    """What multiplies so many fours of gathered inputs."""
    bits = net.tensors[op.inputs[1]].dtype.bits
    return f"lp_multiply_lanes_{bits}{'_small' if is_small(op, net, fours) else ''}"


def packed_conv2d(op: Conv2D | FullyConnected, net: Net, core: Core) -> Kernel:
    if is_binary(op, net):
        return _binary(op, net)
    if not (isinstance(op, Conv2D) and core.has_dsp and op.profile is Profile.LILLIPUT):
        return _without_dsp(op, net, core)
    return fastest_way(op, net, core) or _packed("lp_conv2d")(op, net, core)


def fastest_way(op: Conv2D, net: Net, core: Core) -> Kernel | None:
    """The way to compute a convolution on a core with DSP instructions that takes the fewest cycles.

    Scales decide whether sums must be doubled, and so which way that is; but memory must be known before
    scales are.  So each takes what the other would, or where RAM counts most, none is taken for doubled sums.
    """
    found = ways(op, net, core)
    if not found:
        return None
    plain, doubled = (_fastest(found, op, net, sums) for sums in (False, True))
    if plain is doubled or net.optimize is Optimize.RAM:
        return plain
    chosen = plain if conv_requant(op, net).shift == PLAIN_SHIFT else doubled
    return chosen._replace(
        scratch_bytes=max(plain.scratch_bytes, doubled.scratch_bytes),
        access=plain.access if plain.access is doubled.access else Access.SEPARATE,
    )


def first_choice(op: Conv2D, net: Net, core: Core) -> Kernel | None:
    """The same where no sums are doubled."""
    found = ways(op, net, core)
    return _fastest(found, op, net, False) if found else None


def _fastest(found: list[Kernel], op: Conv2D, net: Net, doubled: bool) -> Kernel:
    return min(found, key=lambda way: cycles(op, net, way, doubled))


def ways(op: Conv2D, net: Net, core: Core) -> list[Kernel]:
    """All ways to compute a convolution there but that of the portable kernel."""
    found = [_in_slots(op, net)] if slots_of(op, net) else []
    if net.tensors[op.inputs[1]].dtype.bits == NIBBLE_BITS:
        found.append(_in_nibbles(op, net))
    if has_lanes(op, net) and fits_lanes(op, net):
        found.append(_in_lanes(op, net))
    if found and net.optimize is Optimize.RAM and fits_band(op, net):
        return found  # rows are there once for all windows, but unpacked weights would come on top
    planes = in_planes(op, net, core, HEADER)
    return [*found, planes] if planes else found


def _in_nibbles(op: Conv2D | FullyConnected, net: Net) -> Kernel:
    """Four channels a halfword, two pixels at a time."""
    in_rows = fits_band(op, net)
    return Kernel(
        "lp_conv2d_nibbles_rows_dsp_s8" if in_rows else "lp_conv2d_nibbles_dsp_s8",
        scratch_bytes=band_bytes(op, net, 1, sums=True) if in_rows else 20 * fours_of(op, net),
        layout=Layout.NIBBLES_ROWS if in_rows else Layout.NIBBLES,
        needs=("lp_nibble_pixels", "lp_multiply_nibbles_band" if in_rows else "lp_multiply_nibbles"),
        folds_zero_point=True,
        access=Access.ROWS if in_rows else _by_pixel(op),
        header=HEADER,
    )


def _in_lanes(op: Conv2D | FullyConnected, net: Net) -> Kernel:
    """Two channels a halfword, four pixels at a time."""
    fours = fours_of(op, net)
    if shares_strip(op, net):
        return Kernel(
            "lp_conv2d_packed_strip_dsp_s8",
            scratch_bytes=LANE_FOUR_BYTES * held_groups(op, net) * strip_fours(op, net)
            + strip_bytes(op, net),
            layout=Layout.LANES_STRIP,
            needs=(_multiply_lanes(op, net, strip_fours(op, net)), *_LANE_PARTS),
            folds_zero_point=True,
            access=_by_pixel(op),
            header=HEADER,
        )
    if fits_band(op, net, BLOCK_PIXELS):
        return Kernel(
            "lp_conv2d_packed_rows_dsp_s8",
            scratch_bytes=16 * fours + band_bytes(op, net, band_rows(op, net), sums=False),
            layout=Layout.LANES_ROWS,
            needs=(f"lp_multiply_lanes_{net.tensors[op.inputs[1]].dtype.bits}_band", *_LANE_PARTS),
            folds_zero_point=True,
            access=Access.ROWS,
            header=HEADER,
        )
    return Kernel(
        "lp_conv2d_packed_dsp_s8",
        scratch_bytes=fours * (20 + 32 * blocks_of(op, net)),
        layout=Layout.LANES,
        needs=(_multiply_lanes(op, net, fours), *_LANE_PARTS),
        folds_zero_point=True,
        access=_by_pixel(op),
        header=HEADER,
    )


def _by_pixel(op: Conv2D | FullyConnected) -> Access:
    return Access.PIXELS if isinstance(op, Conv2D) else Access.INPUTS_FIRST


def _in_slots(op: Conv2D, net: Net) -> Kernel:
    found = slots_of(op, net)
    assert found is not None
    form = found.form
    lines = "columns" if found.by_columns else form.words(net.tensors[op.inputs[1]].shape[2])
    return Kernel(
        "lp_conv2d_slots_dsp_s8",
        scratch_bytes=slots_bytes(op, net, found),
        layout=Layout.SLOTS,
        needs=(
            f"lp_multiply_slots_{form.name}_{lines}",
            f"lp_take_slots_{form.name}",
            f"lp_unpack_slots_{form.name}",
        ),
        folds_zero_point=True,
        access=Access.ROWS,
        header=HEADER,
    )


def _binary(op: Conv2D | FullyConnected, net: Net) -> Kernel:
    return Kernel(
        "lp_conv2d_binary_s8",
        scratch_bytes=windows_bytes(op, net),
        layout=Layout.SIGNS,
        folds_zero_point=True,
        access=Access.PIXELS if isinstance(op, Conv2D) else Access.INPUTS_FIRST,
        header=HEADER,
    )


def _without_dsp(op: Conv2D | FullyConnected, net: Net, core: Core) -> Kernel:
    """Lanes in words; the portable kernel, which copies no inputs, where flash counts more."""
    portable = _packed("lp_conv2d")(op, net, core)
    if not core.has_pairs or op.profile is not Profile.LILLIPUT or net.optimize is Optimize.FLASH:
        return portable
    if isinstance(op, FullyConnected):
        return _row_lanes(op, net)
    return _pixel_lanes(op, net) if fits_pixels(op, net) else in_planes(op, net, core, HEADER) or portable


def _pixel_lanes(op: Conv2D, net: Net) -> Kernel:
    return Kernel(
        "lp_conv2d_packed_pixels_s8",
        scratch_bytes=pixels_bytes(op, net),
        layout=Layout.BIT_EIGHTS,
        needs=(f"lp_multiply_pixels_{net.tensors[op.inputs[1]].dtype.bits}", "lp_requantize_pairs"),
        folds_zero_point=True,
        access=Access.PIXELS,
        header=HEADER,
    )


def _row_lanes(op: FullyConnected, net: Net) -> Kernel:
    return Kernel(
        "lp_fully_connected_packed_pairs_s8",
        scratch_bytes=inputs_bytes(op, net),
        layout=Layout.BIT_PAIRS,
        needs=tuple(
            f"lp_multiply_row_pair_{part}" for part in parts_of(net.tensors[op.inputs[1]].dtype.bits)
        ),
        folds_zero_point=True,
        access=Access.INPUTS_FIRST,
        header=HEADER,
    )


def unpacked(stem: str) -> Choose:
    """A kernel for a byte behind one that unpacks; the portable one where there is none."""
    return lambda op, net, core: in_planes(op, net, core, HEADER) or _packed(stem)(op, net, core)


def _packed(stem: str) -> Choose:
    def choose(op: WeightedOp, net: Net, core: Core) -> Kernel:
        shape = net.tensors[op.inputs[1]].shape
        window = math.prod(shape) // (1 if isinstance(op, DepthwiseConv2D) else shape[0])
        inner = ("lp_depthwise_conv2d_multiplier_s8",) if isinstance(op, DepthwiseConv2D) else ()
        return Kernel(
            f"{stem}_packed_s8",
            scratch_bytes=-(-window // 4) * 4,
            layout=Layout.PLAIN,
            needs=("lp_unpack", *inner),
            folds_zero_point=not isinstance(op, DepthwiseConv2D),
            header=HEADER,
        )

    return choose
