"""What kernels for cores with Helium hold fits their scratch memory."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.codegen.quantized_builder import Builder

from lilliput.net import DepthwiseConv2D, Net, Optimize, Padding
from lilliput.targets.vectors import strip, strips_bytes, tap_strip

ONE = Padding(1, 1, 1, 1)
PATCH, OFFSETS = 4, 16
"""Bytes of the place of a patch, and of those of eight outputs."""


def _held_bytes(stride: int, lines: int, height: int, width: int) -> int:
    """What `lp_depthwise_conv2d_mve_s8` writes for a part of the output, as its C does."""
    unit = 3 - stride
    lines = min(lines, -(-height // unit) * unit)
    if stride == 1:
        rows, pairs = lines + 2, (width + 1) // 2 + 1
    else:
        rows, pairs = 2 * lines + 1, width + 1
    tiles = 0
    for made in {min(lines, height), height % lines if height > lines else 0}:
        if stride == 1:
            patches = -(-made // 2) * (width // 2)
            tiles += -(-patches // 2) * (2 * PATCH + OFFSETS) + width % 2 * -(-made // 4) * (
                4 * PATCH + OFFSETS
            )
        else:
            tiles += -(-made * width // 8) * (8 * PATCH + OFFSETS)
    return rows * pairs * 16 + tiles


def _layer(height: int, width: int, stride: int, optimize: Optimize) -> tuple[DepthwiseConv2D, Net]:
    builder = Builder((height * stride, width * stride, 8), 1)
    net = builder.net(builder.depthwise("x", strides=(stride, stride), padding=ONE), "cortex-m55")
    (op,) = net.ops
    assert isinstance(op, DepthwiseConv2D)
    return op, replace(net, optimize=optimize)


@pytest.mark.parametrize("optimize", [Optimize.SPEED, Optimize.RAM])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("shape", [(3, 3), (6, 6), (7, 24), (24, 24), (25, 5), (48, 11), (30, 48)])
def test_strips_of_all_parts_of_the_output_fit(
    shape: tuple[int, int], stride: int, optimize: Optimize
) -> None:
    op, net = _layer(*shape, stride, optimize)
    lines, _ = strip(op, net)
    room = strips_bytes(op, net)
    for height in range(1, shape[0] + 1):
        for width in range(1, shape[1] + 1):
            assert _held_bytes(stride, lines, height, width) <= room


@pytest.mark.parametrize("stride", [1, 2])
def test_a_small_arena_holds_fewer_lines(stride: int) -> None:
    many, few = (strip(*_layer(25, 5, stride, optimize))[0] for optimize in (Optimize.SPEED, Optimize.RAM))
    assert few < many


def _taps_bytes(op: DepthwiseConv2D, lines: int, height: int, width: int) -> int:
    """What `lp_depthwise_conv2d_windows_mve_s8` writes for a part of the output, as its C does."""
    lines = min(lines, height)
    columns = (width - 1) * op.strides[1] + 4 * op.dilation[1] + 1
    row_bytes = -(-columns // (2 - op.strides[1] % 2)) * 16
    rows = (lines - 1) * op.strides[0] + 4 * op.dilation[0] + 1
    tiles = sum(-(-made * width // 8) for made in (lines, height % lines))
    return op.dilation[1] * 16 + rows * row_bytes + 2 * 16 + tiles * (8 * PATCH + OFFSETS)


@pytest.mark.parametrize("optimize", [Optimize.SPEED, Optimize.RAM])
@pytest.mark.parametrize(("strides", "dilation"), [((1, 1), (1, 1)), ((2, 2), (1, 1)), ((1, 2), (2, 3))])
@pytest.mark.parametrize("shape", [(3, 3), (7, 24), (24, 24), (25, 5), (48, 11)])
def test_taps_of_all_parts_of_the_output_fit(
    shape: tuple[int, int], strides: tuple[int, int], dilation: tuple[int, int], optimize: Optimize
) -> None:
    builder = Builder((shape[0] * strides[0], shape[1] * strides[1], 8), 1)
    span, wide = (2 * apart for apart in dilation)
    padding = Padding(span, span, wide, wide)
    output = builder.depthwise("x", (5, 5), strides=strides, dilation=dilation, padding=padding)
    net = replace(builder.net(output, "cortex-m55"), optimize=optimize)
    (op,) = net.ops
    assert isinstance(op, DepthwiseConv2D)
    held = tap_strip(op, net)
    assert not held.transposed
    for height in range(1, shape[0] + 1):
        for width in range(1, shape[1] + 1):
            assert _taps_bytes(op, held.lines, height, width) <= held.scratch_bytes
