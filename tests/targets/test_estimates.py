"""Which of several ways to convolve with weights of few bits is chosen."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from lilliput.cost import cost
from lilliput.net import Conv2D, Net, Optimize, Padding, Tensor
from lilliput.net.formats import formats_named
from lilliput.passes import plan_for, quantize
from lilliput.targets import board
from lilliput.targets.estimates import RATES, cycles
from lilliput.targets.few_bit_kernels import fastest_way, ways
from lilliput.targets.kernel import LANE_LAYOUTS, Layout

CORE = board("generic-m4").core
SAME = Padding(1, 1, 1, 1)


def net_of(
    shape: tuple[int, int, int],
    channels: int,
    side: int,
    formats: str,
    stride: int = 1,
    range_of: float = 0.3,
) -> Net:
    """A convolution in a format, whose outputs have a range that fits its weights."""
    net, ranges = float_of(shape, channels, side, stride, range_of)
    return quantize(net, ranges, formats_named(formats))


def float_of(
    shape: tuple[int, int, int], channels: int, side: int, stride: int, range_of: float
) -> tuple[Net, dict[str, tuple[float, float]]]:
    """The same before it is quantized, and what flows."""
    weights = np.random.default_rng(0).normal(0, 0.1, (channels, side, side, shape[2])).astype(np.float32)
    padding = Padding(*(side // 2,) * 4)
    op = Conv2D(name="conv", inputs=("x", "w"), outputs=("y",), strides=(stride, stride), padding=padding)
    tensors = (
        Tensor("x", shape),
        Tensor("w", weights.shape, constant=True, data=weights),
        Tensor("y", op.output_shape([shape, weights.shape])),
    )
    net = Net("one", (op,), {t.name: t for t in tensors}, ("x",), ("y",))
    reach = range_of * side * shape[2] ** 0.5
    return net, {"x": (-1.0, 1.0), "y": (-reach, reach)}


def chosen(*arguments: object) -> str:
    net = net_of(*arguments)  # type: ignore[arg-type]
    op = net.ops[0]
    assert isinstance(op, Conv2D)
    found = fastest_way(op, net, CORE)
    assert found is not None
    return found.function


@pytest.mark.parametrize("channels", [8, 16])
def test_weights_of_few_channels_are_unpacked(channels: int) -> None:
    assert chosen((16, 16, 8), channels, 3, "w4a8") == "lp_conv2d_rows_dsp_planes_s8"


def test_nibbles_are_multiplied_where_outputs_have_many_products() -> None:
    assert chosen((8, 8, 64), 64, 3, "w4a8") == "lp_conv2d_nibbles_rows_dsp_s8"


def test_images_with_many_output_channels_are_not_multiplied_in_slots() -> None:
    assert chosen((32, 32, 3), 32, 3, "w4a8") == "lp_conv2d_colour_dsp_planes_s8"


def test_rows_that_come_by_halves_are_shared_where_channels_are_few() -> None:
    assert chosen((32, 32, 16), 32, 3, "w4a8", 2) == "lp_conv2d_rows_dsp_planes_s8"


def test_lanes_are_left_where_channels_fill_no_four() -> None:
    assert chosen((12, 12, 32), 10, 1, "w4a4,conv=w4a4") == "lp_conv2d_1x1_dsp_planes_s8"


@pytest.mark.parametrize("formats", ["w4a8", "w3a8", "w2a8", "w1a8", "w4a4", "w2a2"])
@pytest.mark.parametrize("shape", [(6, 7, 1), (8, 8, 3), (5, 9, 6), (9, 12, 8)])
@pytest.mark.parametrize("side", [1, 3, 5])
def test_every_way_has_an_estimate(shape: tuple[int, int, int], side: int, formats: str) -> None:
    net = net_of(shape, 6, side, formats)
    op = net.ops[0]
    assert isinstance(op, Conv2D)
    for kernel in ways(op, net, CORE):
        assert kernel.function in RATES or kernel.layout in {Layout.SLOTS} | LANE_LAYOUTS
        assert 0 < cycles(op, net, kernel, False) <= cycles(op, net, kernel, True)


@pytest.mark.parametrize("optimize", list(Optimize))
@pytest.mark.parametrize("formats", ["w4a8", "w2a8", "w4a6", "w4a4", "w4a2", "w2a2", "w3a5", "w6a8"])
@pytest.mark.parametrize("core", ["generic-m4", "rp2040"])
def test_memory_does_not_depend_on_scales(core: str, formats: str, optimize: Optimize) -> None:
    """Sums that must be doubled may take another kernel, but no more memory than is known before."""
    target = board(core)
    for shape, side in itertools.product(
        [(6, 7, 1), (8, 8, 3), (5, 9, 6), (9, 12, 8), (4, 4, 40)], (1, 3, 5)
    ):
        for range_of in (0.01, 0.1, 1.0):
            net, ranges = float_of(shape, 12, side, 1, range_of)
            net = replace(net, optimize=optimize)
            whole = formats_named(f"{formats},conv={formats}")
            built = plan_for(quantize(net, ranges, whole), target.core)
            assert built.plan is not None
            assert built.plan.arena_bytes == cost(net, target, whole).arena_bytes, (shape, side, range_of)
