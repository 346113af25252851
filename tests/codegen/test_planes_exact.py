"""Weights of 1 to 7 bits that are unpacked from planes; sums of lanes and nibbles that are made in parts."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from tests.codegen.case_networks import CaseNetworks, constant, extreme_weights

from lilliput.codegen.planes import packed_planes
from lilliput.net import Conv2D, DepthwiseConv2D, FullyConnected, Net, Op, Padding, Tensor
from lilliput.net.formats import formats_named
from lilliput.passes import plan_for, quantize
from lilliput.targets import board
from lilliput.targets.kernel import Layout
from lilliput.targets.kernels import kernel_for
from lilliput.targets.lanes import (
    LARGEST_NIBBLE_SUM,
    lane_limits,
    nibble_segment,
    pass_segments,
    segment_fours,
)
from lilliput.targets.planes import chunk_channels, doublings_of, packed_words

FORMATS = ("w4a8", "w2a8", "w1a8", "w3a8", "w5a8", "w6a4", "w7a8")
SAME, WIDE = Padding(1, 1, 1, 1), Padding(2, 2, 2, 2)
CASES: dict[str, tuple[tuple[int, ...], tuple[int, ...], dict[str, object]]] = {
    "dense": ((37,), (5, 37), {}),
    "dense, long": ((1501,), (7, 1501), {}),
    "dense, one output": ((13,), (1, 13), {}),
    "one output channel": ((5, 6, 9), (1, 3, 3, 9), {}),
    "pointwise": ((4, 5, 12), (9, 1, 1, 12), {}),
    "pointwise, chunks": ((3, 3, 264), (21, 1, 1, 264), {}),
    "rows": ((5, 9, 4), (6, 3, 3, 4), {"padding": SAME}),
    "rows, stride 2": ((7, 8, 8), (5, 3, 3, 8), {"padding": SAME, "strides": (2, 2)}),
    "rows, chunks": ((4, 5, 128), (6, 3, 3, 128), {"padding": SAME}),
    "gathered, long": ((6, 8, 80), (9, 4, 4, 80), {"strides": (2, 2)}),
    "uneven depth": ((6, 7, 5), (7, 3, 3, 5), {"padding": SAME, "strides": (2, 1)}),
    "dilated": ((8, 9, 4), (5, 3, 3, 4), {"dilation": (2, 2), "padding": WIDE}),
    "strip": ((8, 12, 1), (6, 5, 5, 1), {"padding": WIDE}),
    "grey": ((8, 9, 1), (5, 3, 3, 1), {}),
    "grey, stride 2": ((9, 11, 1), (6, 3, 3, 1), {"padding": SAME, "strides": (2, 2)}),
    "colour": ((8, 8, 3), (10, 3, 3, 3), {"padding": SAME, "strides": (2, 2)}),
    "depthwise in fours": ((6, 7, 8), (3, 3, 8), {"padding": SAME}),
    "depthwise in fours, stride 2": ((9, 8, 12), (3, 3, 12), {"padding": SAME, "strides": (2, 2)}),
    "depthwise": ((6, 7, 6), (3, 3, 6), {"padding": SAME}),
    "depthwise, columns": ((9, 4, 5), (3, 3, 5), {}),
    "depthwise, few pixels": ((3, 3, 12), (3, 3, 12), {"padding": SAME, "strides": (2, 2)}),
    "depthwise, 5x5": ((7, 9, 4), (5, 5, 4), {"padding": WIDE}),
    "depthwise, 1x3": ((5, 9, 3), (1, 3, 3), {}),
    "depthwise, two outputs": ((5, 6, 3), (3, 3, 6), {"padding": SAME}),
    "depthwise, dilated": ((9, 9, 4), (3, 3, 4), {"dilation": (2, 2)}),
}
"""What → shapes of the input and of the weights, attributes."""
TARGETS = ("generic-m4", "rp2040", "generic-rv32imc")


def net_of(target: str, case: str, formats: str, extreme: str) -> Net:
    """A layer whose sums, where its weights are drawn, often exceed what it puts out."""
    shape, weights_shape, attributes = CASES[case]
    rng = np.random.default_rng([*case.encode(), *formats.encode()])
    kind: type[Op] = {2: FullyConnected, 3: DepthwiseConv2D, 4: Conv2D}[len(weights_shape)]
    is_depthwise = kind is DepthwiseConv2D
    weights = extreme_weights(extreme, weights_shape, rng)
    channels = weights_shape[-1 if is_depthwise else 0]
    op = kind(name="tested", inputs=("x", "weights", "bias"), outputs=("y",), **attributes)
    tensors = [
        Tensor("x", shape),
        constant("weights", weights),
        constant("bias", rng.normal(0, 0.5, channels)),
        Tensor("y", op.output_shape([shape, weights_shape])),
    ]
    net = Net("planes", (op,), {t.name: t for t in tensors}, ("x",), ("y",))
    rows = np.moveaxis(weights, -1, 0) if is_depthwise else weights
    reach = float(np.abs(rows).reshape(channels, -1).sum(axis=1).max())
    reach /= 12 if extreme == "drawn" else 1
    found = quantize(net, {"x": (-1.0, 1.0), "y": (-reach, reach)}, formats_named(formats))
    return plan_for(found, board(target).core)


def inputs_of(net: Net) -> np.ndarray:
    """Both ends, those at which sums of the second and fourth output are largest, and drawn ones."""
    rng = np.random.default_rng([*net.name.encode()])
    low, high = net.input.dtype.range
    drawn = rng.integers(low, high + 1, net.input.shape)
    weights = net.tensors[net.ops[0].inputs[1]].data
    assert weights is not None
    ends = [np.full(net.input.shape, low), np.full(net.input.shape, high)]
    for channel in (1, 3):
        is_dense = weights.ndim == 2
        ends.append(np.where(weights[channel % len(weights)] > 0, low, high) if is_dense else drawn[::-1])
    return np.stack([*ends, drawn]).astype(net.input.dtype.numpy)


NETWORKS = {
    target: CaseNetworks(target, FORMATS, tuple(CASES), partial(net_of, target), inputs_of)
    for target in TARGETS
}


@pytest.mark.parametrize("formats", FORMATS)
@pytest.mark.parametrize("target", TARGETS[:2])  # the third one's C is the second's
def test_host_c_under_sanitizers(target: str, formats: str) -> None:
    NETWORKS[target].check_on_host(formats)


@pytest.mark.parametrize("formats", FORMATS)
@pytest.mark.parametrize("target", TARGETS)
def test_emulated_c(target: str, formats: str) -> None:
    NETWORKS[target].check_on_chip(formats)


KERNELS = {
    "generic-m4": {
        "lp_conv2d_dsp_planes_s8",
        "lp_conv2d_1x1_dsp_planes_s8",
        "lp_conv2d_colour_dsp_planes_s8",
        "lp_conv2d_rows_dsp_planes_s8",
        "lp_conv2d_strip_dsp_planes_s8",
        "lp_depthwise_conv2d_taps_dsp_planes_s8",
        "lp_depthwise_conv2d_dsp_planes_s8",
        "lp_depthwise_conv2d_fours_dsp_planes_s8",
        "lp_fully_connected_planes_dsp_s8",
        "lp_fully_connected_nibbles_dsp_s8",
        "lp_fully_connected_packed_dsp_s8",
        "lp_conv2d_nibbles_dsp_s8",
        "lp_conv2d_nibbles_rows_dsp_s8",
        "lp_conv2d_packed_dsp_s8",
        "lp_conv2d_packed_rows_dsp_s8",
    },
    "rp2040": {
        "lp_conv2d_pairs_planes_s8",
        "lp_conv2d_1x1_pairs_planes_s8",
        "lp_depthwise_conv2d_pairs_planes_s8",
        "lp_conv2d_packed_pixels_s8",
        "lp_fully_connected_packed_pairs_s8",
    },
}


@pytest.mark.parametrize("target", KERNELS)
def test_all_these_kernels_run(target: str) -> None:
    core = board(target).core
    used = {kernel_for(op, net, core).function for net in NETWORKS[target].nets.values() for op in net.ops}
    assert used >= KERNELS[target]


def test_no_layer_takes_a_portable_kernel_but_some_of_single_bits() -> None:
    """Those whose windows do not fill words: no bit stands for the 0 that fills them."""
    core = board("generic-m4").core
    functions = {
        (case, kernel_for(net.ops[-1], net, core).function)
        for formats in FORMATS
        for key, case, extreme in NETWORKS["generic-m4"].keys(formats)
        if extreme == "drawn" and formats != "w1a8"
        for net in [NETWORKS["generic-m4"].nets[key]]
    }
    portable = {case for case, function in functions if function.endswith("conv2d_packed_s8")}
    assert not portable


def _largest(case: str, formats: str) -> Net:
    return net_of("generic-m4", case, formats, "largest")


def test_sums_are_made_in_parts_where_they_could_leave_their_bits() -> None:
    net = _largest("rows, chunks", "w4a8")
    planes = 3 * 128 // 4
    segment = nibble_segment(net.ops[-1], net)
    assert segment * 12 * 7 <= LARGEST_NIBBLE_SUM < (segment + 1) * 12 * 7
    assert segment < planes
    net = _largest("dense, long", "w4a8")
    assert nibble_segment(net.ops[-1], net) * 4 * 7 <= LARGEST_NIBBLE_SUM
    for case in ("rows, chunks", "gathered, long"):
        net = _largest(case, "w2a8")
        low, high = lane_limits(2, 128)
        segment = segment_fours(net.ops[-1], net)
        passes = pass_segments(net.ops[-1], net)
        assert 4 * segment <= low
        assert 4 * segment * passes <= high < 4 * segment * (passes + 1)
        assert segment * passes < 3 * 3 * 128 // 4


def test_chunks_do_not_come_out_even() -> None:
    net = _largest("pointwise, chunks", "w5a8")
    kernel = kernel_for(net.ops[-1], net, board("generic-m4").core)
    chunk = chunk_channels(net.ops[-1], net, kernel.layout)
    assert chunk < 21
    assert 21 % chunk % 2 == 1


def test_weights_are_doubled_where_that_makes_factors_fit() -> None:
    drawn = net_of("generic-m4", "depthwise in fours", "w2a8", "drawn")
    assert doublings_of(drawn.ops[-1], drawn, Layout.TAP_BY_TAP) > 0


@pytest.mark.parametrize("bits", range(1, 8))
@pytest.mark.parametrize("words", [1, 2, 3, 5, 7, 8, 9, 20])
def test_planes_take_hardly_more_than_their_bits(bits: int, words: int) -> None:
    values = np.random.default_rng(bits).integers(0, 1 << bits, 4 * words).astype(np.uint8)
    packed = packed_planes(values, bits)
    assert len(packed) == packed_words(words, bits)
    assert len(packed) * 8 < words * bits + 8 * 3
    assert words % 8 or len(packed) * 8 == words * bits
