"""What is known of a C function of the runtime: its name, memory, order of weights, and what it promises."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from lilliput.net.access import Access
from lilliput.net.ops import Op, Profile

SCRATCH_ALIGNMENT_BYTES = 4
PLAIN_SHIFT = 32
"""What assembly that makes outputs of few bits requantizes by; for others sums or weights are doubled."""
LIMIT = "lp_limit_outputs"
"""What kernels call whose outputs keep a range smaller than int8."""


class Layout(StrEnum):
    """The order in which a kernel reads its weights; `lilliput.codegen.layouts` makes it."""

    NONE = "none"
    PLAIN = "plain"
    ROWS = "rows"
    SPLIT_PAIRS = "split pairs"
    SPLIT_ROWS = "split rows"
    SPLIT_COLOUR = "split colour"
    SPLIT_STRIP = "split strip"
    SPLIT = "split"
    SPARSE = "sparse"
    CHANNELS_FIRST = "channels first"
    COLUMNS_FIRST = "columns first"
    TAP_BY_TAP = "tap by tap"
    FOURS_FIRST = "fours first"
    CHANNEL_BY_CHANNEL = "channel by channel"
    LANES = "lanes"
    NIBBLES = "nibbles"
    LANES_ROWS = "lanes of rows"
    LANES_STRIP = "lanes of strips"
    NIBBLES_ROWS = "nibbles of rows"
    BIT_EIGHTS = "bits of eights"
    BIT_PAIRS = "bits of two rows"
    SLOTS = "slots"
    CHANNEL_FOURS = "channels in fours"
    WIDE_CHANNELS = "channels of 16 bits"
    VECTORS = "vectors"
    SMALL_WINDOWS = "small windows"
    PATCHES = "patches"
    TAP_PAIRS = "pairs of taps"
    TAP_PAIRS_COLUMNS = "pairs of taps of columns"
    SIGNS = "signs"


SPLIT_CONV_LAYOUTS = frozenset(
    {Layout.SPLIT_PAIRS, Layout.SPLIT_ROWS, Layout.SPLIT_COLOUR, Layout.SPLIT_STRIP}
)
"""The orders in which convolutions read weights of two halves, two output channels at a time."""
LANE_LAYOUTS = frozenset({Layout.LANES, Layout.LANES_ROWS, Layout.LANES_STRIP})
"""Two channels of weights of 2 or 4 bits in a halfword."""
BIT_LAYOUTS = frozenset({Layout.BIT_EIGHTS, Layout.BIT_PAIRS})
"""Weights of 1 to 7 bits for cores without DSP instructions; inputs are counted from the least."""
NIBBLE_LAYOUTS = frozenset({Layout.NIBBLES, Layout.NIBBLES_ROWS})
"""Four channels of weights of 4 bits in a halfword."""
ROWS_LAYOUTS = frozenset({Layout.LANES_ROWS, Layout.NIBBLES_ROWS})
"""The inputs of a window in planes of four channels."""
COLUMN_LAYOUTS = frozenset({Layout.COLUMNS_FIRST, Layout.TAP_PAIRS_COLUMNS})
"""The orders of kernels that take columns as rows."""
DSP_LAYOUTS = frozenset(
    {
        Layout.ROWS,
        Layout.SPLIT_PAIRS,
        Layout.SPLIT_ROWS,
        Layout.SPLIT_COLOUR,
        Layout.SPLIT_STRIP,
        Layout.SPLIT,
        Layout.SPARSE,
        Layout.CHANNELS_FIRST,
        Layout.COLUMNS_FIRST,
        Layout.TAP_BY_TAP,
    }
)
"""The orders that kernels for cores with DSP instructions read."""


class Kernel(NamedTuple):
    """A C function of the runtime.

    Attributes:
        function: its name; `<function>.c` holds it.
        scratch_bytes: memory in the arena that it uses while it runs, aligned to `SCRATCH_ALIGNMENT_BYTES`.
        layout: the order in which it reads its weights.
        needs: other functions of the runtime that it calls.
        folds_zero_point: whether it multiplies weights by the input as it is, so that the bias must hold
            -zero_point * sum(weights).
        begins_at_bias: whether its sums begin at 256 times the bias, and are rounded once.
        strip_lines: of outputs whose rows it holds at once, where its parameters tell: else 0.
        in_planes: whether weights lie in planes, of what is in the order of `layout` when it is unpacked.
        header: where it is declared.
        access: what it promises about the order of its reads and writes, so that its output may overlap its
            input (`targets.overlap`).
    """

    function: str
    scratch_bytes: int = 0
    layout: Layout = Layout.NONE
    needs: tuple[str, ...] = ()
    folds_zero_point: bool = False
    begins_at_bias: bool = False
    strip_lines: int = 0
    in_planes: bool = False
    access: Access = Access.SEPARATE
    header: str = "lp.h"


def in_profile(stem: str, op: Op) -> str:
    """Name of a kernel in the numeric profile of `op`."""
    return f"{part_in_profile(stem, op)}_s8"


def part_in_profile(stem: str, op: Op) -> str:
    """The same for what kernels call."""
    return f"{stem}_tflm" if op.profile is Profile.TFLM else stem


def to_four(length: int) -> int:
    """The next multiple of four."""
    return -(-length // 4) * 4
