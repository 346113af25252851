"""How kernels cut their work into blocks: what the counts of their loops follow from.

A kernel that is not listed is taken as cut like most.  Whoever changes the blocks of a kernel changes its
line here; `make fit-cycles` then measures what each block takes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache

from lilliput.targets.weighted import BLOCK_PIXELS, FEW_PIXELS, STRIP_ROWS


class Packing(StrEnum):
    """How weights of few bits are multiplied while several share a word, and where inputs lie meanwhile."""

    NONE = "each by itself"
    BITS = "each by itself, unpacked bit by bit"
    LANES = "two channels a halfword, windows gathered"
    LANES_BAND = "the same, windows in a band"
    LANES_STRIP = "the same, windows in a strip"
    NIBBLES = "four channels a halfword"
    PIXELS = "two or four pixels a word"

    @property
    def shares(self) -> bool:
        """Whether several weights or inputs are multiplied at a time."""
        return self not in (Packing.NONE, Packing.BITS)


@dataclass(frozen=True)
class Blocking:
    """The sizes of a kernel's blocks; loops over what remains are counted by themselves.

    Attributes:
        pixels: output pixels, or positions along a row, that are computed side by side.
        channels: output channels or units that are computed side by side.
        elements: what a step of the innermost loop takes, products or elements that are moved, largest first.
        gathered: bytes that a step takes when inputs are gathered first, largest steps first.
        filled: what the elements of a sum are filled up to a multiple of.
        strip_rows: rows of outputs that are made of one channel before the next.
        pass_elements: inputs that one pass over a row of weights takes at most.
        turns: whether columns are taken as rows where those come in fewer blocks.
        few_pixels: up to so many pixels that fill no block are computed one by one.
        strip: whether the windows of a row of outputs lie in a strip, as `runtime/lp_strip.h` has it.
        lanes: whether two rows of weights share words, part after part, as `targets/pixels.py` has it.
        slots: whether several inputs of a row share a word, as `runtime/lp_slots.h` has it.
        packing: what shares a word, as `cost/few_bit_counts.py` counts it.
        short_row: rows of an operand up to so many elements are repeated where many of them come, as
            `runtime/lp_pairs_dsp.h` has it.
        chunks: whether windows are gathered anew for each chunk of channels, as `targets/planes.py` has it.
        spans: whether rows of windows are multiplied where they lie, as far as they lie in the image.
        places: whether a window's places are taken one by one, in the image or not.
        pairs: whether windows of one channel lie in words of two columns each.
        gathers_pairs: whether windows of two pixels are gathered, a run of inputs of both after the other.
        taps: whether elements of a window are multiplied where they lie, in runs down or across.
        runs: whether columns side by side are multiplied in one run, as far as they lie in the image.
    """

    pixels: int = BLOCK_PIXELS
    channels: int = 2
    elements: tuple[int, ...] = (4,)
    gathered: tuple[int, ...] = (16, 4)
    filled: int = 1
    strip_rows: int = STRIP_ROWS
    pass_elements: int = 512
    turns: bool = True
    few_pixels: int = 0
    strip: bool = False
    lanes: bool = False
    slots: bool = False
    spans: bool = False
    places: bool = False
    runs: bool = False
    pairs: bool = False
    gathers_pairs: bool = False
    chunks: bool = False
    packing: Packing = Packing.NONE
    taps: bool = False
    short_row: int = 0


_COMMON = Blocking()
_BY_FOURS = Blocking(elements=(16, 4), filled=4, few_pixels=FEW_PIXELS)
_BY_EIGHT_FOURS = replace(_BY_FOURS, elements=(32, 4))
_PIXEL_PAIRS = Blocking(channels=1, gathered=())
_ONE_PIXEL = Blocking(pixels=1, channels=4, filled=4)

_BLOCKING: Mapping[str, Blocking] = {
    "lp_conv2d_dsp": _BY_FOURS,
    "lp_conv2d_colour_dsp": _BY_FOURS,
    "lp_conv2d_strip_dsp": replace(_BY_FOURS, strip=True),
    "lp_conv2d_1x1_dsp": _BY_FOURS,
    "lp_conv2d_dsp_relu": _BY_EIGHT_FOURS,
    "lp_conv2d_colour_dsp_relu": _BY_EIGHT_FOURS,
    "lp_conv2d_strip_dsp_relu": replace(_BY_EIGHT_FOURS, strip=True),
    "lp_conv2d_packed": Blocking(packing=Packing.BITS),
    "lp_depthwise_conv2d_packed": Blocking(packing=Packing.BITS),
    "lp_conv2d_packed_dsp": Blocking(packing=Packing.LANES),
    "lp_conv2d_packed_rows_dsp": Blocking(packing=Packing.LANES_BAND),
    "lp_conv2d_packed_strip_dsp": Blocking(packing=Packing.LANES_STRIP),
    "lp_fully_connected_packed_dsp": Blocking(packing=Packing.LANES),
    "lp_conv2d_nibbles_dsp": Blocking(packing=Packing.NIBBLES),
    "lp_conv2d_nibbles_rows_dsp": Blocking(packing=Packing.NIBBLES),
    "lp_conv2d_packed_pixels": Blocking(packing=Packing.PIXELS),
    "lp_fully_connected_packed_pairs": Blocking(lanes=True),
    "lp_conv2d_slots_dsp": Blocking(slots=True),
    "lp_conv2d_dsp_planes": replace(_BY_FOURS, chunks=True),
    "lp_fully_connected_planes_dsp": Blocking(channels=1, elements=(32, 4), filled=4),
    "lp_conv2d_1x1_dsp_relu": _BY_EIGHT_FOURS,
    "lp_conv2d_compact": Blocking(channels=4, spans=True),
    "lp_max_pool2d_compact": Blocking(channels=1),
    "lp_average_pool2d_compact": Blocking(channels=1),
    "lp_depthwise_conv2d_compact": Blocking(channels=4, spans=True),
    "lp_depthwise_conv2d_taps_dsp": Blocking(pixels=1, channels=4, taps=True),
    "lp_add_compact": Blocking(elements=()),
    "lp_conv2d_dsp_s16": _ONE_PIXEL,
    "lp_conv2d_binary": Blocking(pixels=1, channels=1, elements=(96, 32), filled=32, gathered=(4,)),
    "lp_conv2d_f32": Blocking(pixels=1, channels=4, runs=True),
    "lp_conv2d_compact_f32": Blocking(pixels=1, channels=1, places=True),
    "lp_conv2d_dsp_s16_w16": _ONE_PIXEL,
    "lp_depthwise_conv2d_dsp_s16": Blocking(channels=4),
    "lp_depthwise_conv2d_dsp_s16_w16": Blocking(channels=4),
    "lp_fully_connected_dsp": Blocking(channels=4, elements=(32, 4), filled=4),
    "lp_fully_connected_nibbles_dsp": Blocking(packing=Packing.NIBBLES),
    "lp_max_pool2d": Blocking(channels=16),
    "lp_average_pool2d": Blocking(channels=16),
    "lp_depthwise_conv2d": Blocking(channels=16),
    "lp_add_spread": Blocking(elements=()),
    "lp_mul": Blocking(elements=()),
    "lp_add_spread_compact": Blocking(elements=()),
    "lp_mul_compact": Blocking(elements=()),
    "lp_add_spread_dsp": Blocking(short_row=32),
    "lp_mul_dsp": Blocking(short_row=32),
    "lp_conv2d_pairs": replace(_PIXEL_PAIRS, gathers_pairs=True),
    "lp_conv2d_pairs_planes": replace(_PIXEL_PAIRS, gathers_pairs=True, filled=4, chunks=True),
    "lp_conv2d_1x1_pairs": _PIXEL_PAIRS,
    "lp_conv2d_1x1_pairs_planes": replace(_PIXEL_PAIRS, filled=4, chunks=True),
    "lp_depthwise_conv2d_pairs": Blocking(pixels=2, channels=1, turns=False),
    "lp_depthwise_conv2d_pairs_planes": Blocking(pairs=True),
}
"""Kernel without type int8 and profile, which have the same loops → its blocks, where they differ; without
its variant or the planes of its weights too, if that has the same."""


@cache
def blocking_of(function: str) -> Blocking:
    """The blocks of the kernel called `function`."""
    stem = function.removesuffix("_s8").removesuffix("_u8").removesuffix("_tflm")
    return _BLOCKING.get(stem) or _BLOCKING.get(stem.removesuffix("_relu").removesuffix("_planes"), _COMMON)
