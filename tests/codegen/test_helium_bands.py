"""Depthwise kernels for Helium make lines together, eight outputs after eight: with any number left over.

The outputs of all strips but the last, and those of the last one, end anywhere in eights.
"""

from __future__ import annotations

import itertools
import math
import shutil
from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import pytest
from tests.codegen.layer_sweep import Sides, differing, placed_near
from tests.codegen.quantized_builder import Builder
from tests.codegen.tflm_form import in_tflm
from tests.measure.small import needs_gcc

from lilliput.measure import qemu
from lilliput.net import DepthwiseConv2D, Net, Optimize
from lilliput.targets import board
from lilliput.targets.kernel import Layout
from lilliput.targets.kernels import kernel_for
from lilliput.targets.vectors import TILE, strip, tap_strip

TARGET = board("generic-m55")
DEPTH = 9
"""Channels: of a whole group, and one more."""
LONGEST = 40
"""Rows or columns."""
MOST_OUTPUTS = 300
"""Of a channel: larger images bring nothing new."""
STRIPS_LEAVE = {0, 2, 4, 5, 6, 7}
"""Outputs of a strip that fill no eight, where windows are 3x3: no other numbers come up."""
WINDOWS: tuple[tuple[Sides, Sides], ...] = (
    ((3, 3), (1, 1)),
    ((3, 3), (2, 2)),
    ((3, 3), (3, 3)),
    ((3, 5), (1, 1)),
    ((5, 5), (2, 2)),
    ((5, 5), (3, 3)),
    ((7, 7), (2, 2)),
)
"""Kernel and steps: of kernels for 3x3, of windows that are one vector, and of those that are several."""


def _layer(outputs: Sides, kernel: Sides, strides: Sides, seed: int) -> tuple[Builder, str]:
    sides = ((n - 1) * step + size for n, step, size in zip(outputs, strides, kernel, strict=True))
    builder = Builder((*sides, DEPTH), seed)
    return builder, builder.depthwise("x", kernel, strides=strides)


def _bands(net: Net) -> tuple[int, int, int]:
    """Lines that the kernel makes together, how many there are, and outputs of one."""
    op = net.ops[0]
    assert isinstance(op, DepthwiseConv2D)
    height, width, _ = net.output.shape
    if "windows" not in kernel_for(op, net, TARGET.core).function:
        return strip(op, net)[0], height, width
    held = tap_strip(op, net)
    return held.lines, held.rows, height if held.transposed else width


def _left_over(net: Net) -> tuple[int, int] | None:
    """Outputs that fill no eight: of a strip, and of a last one with less lines, if there is such a one."""
    lines, rows, width = _bands(net)
    rest = rows % lines
    return (lines * width % TILE, rest * width % TILE) if rows > lines and rest else None


def _candidates(kernel: Sides, strides: Sides) -> Iterator[Net]:
    """Of all outputs, the smallest ones first."""
    every = itertools.product(range(2, LONGEST), range(1, LONGEST))
    for seed, outputs in enumerate(sorted(every, key=math.prod)):
        if math.prod(outputs) > MOST_OUTPUTS:
            return
        builder, output = _layer(outputs, kernel, strides, seed)
        yield builder.net(output, TARGET.core)


@cache
def nets() -> dict[str, Net]:
    """The smallest of each window and number of outputs left over: in one profile and the other, scratch
    memory before and behind what is between."""
    found: dict[str, Net] = {}
    for window in WINDOWS:
        seen: set[tuple[int, int]] = set()
        for net in _candidates(*window):
            left = _left_over(net)
            if left and left not in seen:
                seen.add(left)
                net = replace(net, name=f"net{len(found)}", plan=None)
                net = in_tflm(net) if len(found) % 2 else net
                found[net.name] = placed_near(net, TARGET.core, len(found) // 2)
    return found


LITTLE_MEMORY: tuple[tuple[Sides, Sides, Sides, int, int], ...] = (
    ((9, 22), (2, 3), (2, 1), 56, 1),
    ((14, 11), (1, 5), (3, 3), 34, 1),
    ((13, 12), (3, 3), (1, 1), 1, 7),
    ((31, 10), (2, 3), (2, 2), 1, 4),
    ((12, 9), (5, 1), (1, 2), 12, 1),
)
"""Image, kernel, steps, channels, outputs of one: kernels for speed take columns as rows, others do not."""


@cache
def nets_for_little_memory() -> dict[str, Net]:
    """With every kernel that a network for little memory may take."""
    found: dict[str, Net] = {}
    for (image, kernel, strides, depth, multiplier), place in itertools.product(LITTLE_MEMORY, range(8)):
        builder = Builder((*image, depth), place)
        output = builder.depthwise("x", kernel, multiplier, strides=strides)
        net = builder.net(output, TARGET.core, f"net{len(found)}", optimize=Optimize.RAM)
        net = replace(net, plan=None)
        found[net.name] = placed_near(in_tflm(net) if len(found) % 3 else net, TARGET.core, place)
    return found


@pytest.mark.parametrize("profile", ["", "_tflm"])
def test_any_number_is_left_over(profile: str) -> None:
    left: dict[str, set[tuple[int, int]]] = {}
    for net in nets().values():
        found = _left_over(net)
        assert found is not None
        left.setdefault(kernel_for(net.ops[0], net, TARGET.core).function, set()).add(found)
    strips = left[f"lp_depthwise_conv2d_mve{profile}_s8"]
    windows = left[f"lp_depthwise_conv2d_windows_mve{profile}_s8"]
    assert {of_whole for of_whole, _ in strips} == STRIPS_LEAVE
    assert {of_last for _, of_last in strips} == {*range(TILE)}
    assert {of_whole for of_whole, _ in windows} == {*range(TILE)}
    assert {of_last for _, of_last in windows} == {*range(TILE)}


@needs_gcc
@pytest.mark.skipif(shutil.which(qemu.PROGRAM) is None, reason=f"{qemu.PROGRAM} is not installed")
def test_strips_of_any_number_of_outputs_give_the_bytes_of_the_reference() -> None:
    assert not differing(nets(), TARGET, on_chip=True)


def test_kernels_for_little_memory_take_rows_or_columns() -> None:
    nets = nets_for_little_memory().values()
    layouts = {kernel_for(net.ops[0], net, TARGET.core).layout for net in nets}
    assert layouts >= {Layout.TAP_PAIRS, Layout.TAP_PAIRS_COLUMNS}


@needs_gcc
@pytest.mark.skipif(shutil.which(qemu.PROGRAM) is None, reason=f"{qemu.PROGRAM} is not installed")
def test_all_kernels_for_little_memory_give_the_bytes_of_the_reference() -> None:
    assert not differing(nets_for_little_memory(), TARGET, on_chip=True)
