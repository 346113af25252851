"""Kernels for weights of 2 to 7 bits at the edges of what they do: shapes, borders, extremes."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from tests.codegen.case_networks import CaseNetworks, constant, extreme_weights

from lilliput.net import (
    Activation,
    Conv2D,
    DType,
    FullyConnected,
    Net,
    Normalization,
    Op,
    Padding,
    Tensor,
)
from lilliput.net.formats import formats_named
from lilliput.net.reference import run_all
from lilliput.passes import plan_for, quantize
from lilliput.targets import board
from lilliput.targets.kernels import kernel_for
from lilliput.targets.lanes import held_groups
from lilliput.targets.pixels import eights_of, pixel_lanes
from lilliput.targets.strip import strip_ends, strip_runs

TARGETS = ("generic-m4", "rp2040", "generic-rv32imc")
FORMATS = ("w4a8", "w4a4", "w4a6", "w4a2", "w2a2", "w2a8", "w2a4", "w3a2", "w5a6", "w6a4", "w7a4")
ROWS = 3
SAME, WIDE = Padding(1, 1, 1, 1), Padding(2, 2, 2, 2)
CASES: dict[str, tuple[tuple[int, ...], int, tuple[int, int], dict[str, object]]] = {
    "one pixel": ((1, 1, 3), 5, (1, 1), {}),
    "few channels": ((5, 7, 3), 6, (3, 3), {"padding": SAME}),
    "grey, 5x5": ((9, 8, 1), 6, (5, 5), {}),
    "5x5, padded": ((6, 6, 6), 16, (5, 5), {"padding": WIDE}),
    "pointwise": ((5, 5, 9), 4, (1, 1), {}),
    "pointwise, strides": ((5, 6, 8), 7, (1, 1), {"strides": (2, 2)}),
    "rows": ((6, 7, 8), 8, (3, 3), {"padding": SAME}),
    "rows, odd": ((5, 9, 12), 6, (3, 3), {"padding": Padding(1, 0, 1, 0)}),
    "rows, few of them": ((3, 4, 4), 5, (3, 3), {"padding": SAME, "strides": (2, 1)}),
    "rows, none to share": ((8, 6, 4), 4, (1, 3), {"strides": (3, 1)}),
    "narrow rows": ((5, 4, 4), 4, (3, 3), {}),
    "stride 2": ((9, 9, 4), 8, (3, 3), {"strides": (2, 2), "padding": SAME}),
    "dilated": ((8, 9, 4), 5, (3, 3), {"dilation": (2, 2), "padding": WIDE}),
    "many inputs": ((6, 6, 64), 9, (3, 3), {"padding": SAME}),
    "dense": ((150,), 10, (0, 0), {}),
    "dense, odd": ((35,), 7, (0, 0), {}),
    "dense, one output": ((9,), 1, (0, 0), {}),
    "grey, 5x5, wide": ((6, 16, 1), 6, (5, 5), {}),
    "grey, padded": ((7, 8, 1), 8, (5, 5), {"padding": WIDE}),
    "grey, 4x7": ((6, 13, 1), 5, (4, 7), {"strides": (2, 2)}),
    "two channels": ((4, 17, 2), 7, (3, 4), {"padding": SAME, "strides": (1, 2)}),
    "six channels": ((4, 8, 6), 6, (5, 5), {"padding": WIDE}),
    "five in a row": ((5, 11, 1), 4, (3, 5), {"strides": (1, 2)}),
    "colour": ((7, 11, 3), 9, (3, 3), {"padding": SAME}),
    "colour, in the image": ((9, 18, 3), 8, (3, 3), {}),
    "colour, stride 2": ((9, 17, 3), 8, (3, 3), {"strides": (2, 2), "padding": Padding(1, 0, 1, 0)}),
    "colour, 7x7": ((8, 30, 3), 5, (7, 7), {"strides": (4, 2), "padding": Padding(3, 3, 3, 3)}),
    "colour, rows left out": ((11, 9, 3), 4, (2, 3), {"strides": (3, 1), "padding": Padding(1, 1, 1, 1)}),
    "nine in a row": ((6, 21, 1), 4, (5, 9), {"strides": (1, 2), "padding": Padding(2, 2, 4, 4)}),
    "lanes one by one": ((4, 8, 6), 13, (5, 5), {"padding": WIDE}),
    "eight fours": ((4, 7, 4), 6, (2, 4), {}),
}
"""What → shape of the input, output channels, kernel, attributes."""
SLOT_CASES: dict[str, tuple[tuple[int, ...], int, tuple[int, int], dict[str, object]]] = {
    "grey": ((18, 26, 1), 9, (3, 3), {"padding": SAME}),
    "wide": ((5, 29, 2), 3, (3, 3), {"padding": SAME}),
    "one row": ((3, 15, 1), 3, (3, 4), {}),
    "many channels": ((7, 10, 40), 5, (3, 3), {"padding": SAME}),
    "5x3": ((12, 9, 5), 6, (5, 3), {"padding": Padding(2, 2, 1, 1)}),
    "2x6": ((5, 17, 3), 8, (2, 6), {"padding": Padding(0, 1, 5, 0)}),
    "2x5": ((6, 14, 2), 3, (2, 5), {}),
    "4x5": ((9, 12, 3), 7, (4, 5), {"padding": Padding(1, 2, 0, 4)}),
    "5x4": ((8, 16, 4), 8, (5, 4), {"padding": Padding(2, 2, 3, 3)}),
    "3x2": ((9, 9, 3), 4, (3, 2), {}),
    "3x7": ((6, 11, 2), 4, (3, 7), {"padding": Padding(1, 1, 3, 3)}),
    "5x5, bands of rows": ((28, 20, 16), 4, (5, 5), {"padding": WIDE}),
    "bands of columns": ((24, 23, 24), 6, (3, 3), {"padding": Padding(2, 1, 1, 2)}),
}
"""The same for `test_slots_exact.py`."""


def net_of(
    target: str,
    case: str,
    formats: str,
    extreme: str,
    first_format: str = "",
    first_activation: Activation = Activation.NONE,
) -> Net:
    """A layer that makes activations of few bits, in its own format or that of the one that is tested."""
    core = board(target).core
    shape, channels, kernel, attributes = (CASES | SLOT_CASES)[case]
    rng = np.random.default_rng([*case.encode(), *formats.encode()])
    depth = shape[-1]
    is_dense = len(shape) == 1
    first: Op
    tested: Op
    first_weights = rng.normal(0, 0.5, (depth, depth) if is_dense else (depth, 1, 1, depth))
    weights = extreme_weights(extreme, (channels, depth) if is_dense else (channels, *kernel, depth), rng)
    bias = rng.normal(0, 0.2, depth)
    if extreme != "drawn":
        # Far beyond what the range holds, so that inputs are the type's ends: that at which sums are largest.
        far = np.full(depth, -100.0 if core.has_dsp else 100.0)
        bias = np.where(rng.random(depth) < 0.5, far, -far) if extreme == "alternating" else far
    names = {"inputs": ("x", "first_weights", "first_bias"), "outputs": ("hidden",)}
    tested_names = {"inputs": ("hidden", "weights", "bias"), "outputs": ("y",)}
    if is_dense:
        first = FullyConnected(name="first", activation=first_activation, **names)
        tested = FullyConnected(name="tested", **tested_names)
    else:
        activation = Activation.RELU if channels % 2 else Activation.NONE
        first = Conv2D(name="first", activation=first_activation, **names)
        tested = Conv2D(name="tested", activation=activation, **tested_names, **attributes)
    tensors = [
        Tensor("x", shape),
        constant("first_weights", first_weights),
        constant("first_bias", bias),
        Tensor("hidden", shape),
        constant("weights", weights),
        constant("bias", rng.normal(0, 0.5, channels)),
        Tensor("y", tested.output_shape([shape, weights.shape])),
    ]
    raw = Normalization(DType.UINT8, (128.0,), (64.0,))
    net = Net("packed", (first, tested), {t.name: t for t in tensors}, ("x",), ("y",), normalization=raw)
    reach = float(np.abs(weights).reshape(channels, -1).sum(axis=1).max())
    least = 0.0 if first_activation is Activation.RELU else -1.0
    ranges = {"x": (-2.0, 2.0), "hidden": (least, 1.0), "y": (-reach, reach)}
    found = quantize(net, ranges, formats_named(f"int8,first={first_format or formats},tested={formats}"))
    return plan_for(found, core)


def inputs_of(net: Net) -> np.ndarray:
    """Rows of bytes that belong to a network by its name."""
    rng = np.random.default_rng([*net.name.encode()])
    return rng.integers(0, 256, (ROWS, *net.input.shape), np.uint8)


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
        "lp_conv2d_nibbles_dsp_s8",
        "lp_conv2d_nibbles_rows_dsp_s8",
        "lp_conv2d_packed_dsp_s8",
        "lp_conv2d_packed_rows_dsp_s8",
        "lp_conv2d_packed_strip_dsp_s8",
        "lp_fully_connected_packed_dsp_s8",
    },
    "rp2040": {"lp_conv2d_packed_pixels_s8", "lp_fully_connected_packed_pairs_s8"},
}


@pytest.mark.parametrize("target", KERNELS)
def test_all_kernels_for_packed_weights_run(target: str) -> None:
    core = board(target).core
    used = {kernel_for(op, net, core).function for net in NETWORKS[target].nets.values() for op in net.ops}
    assert used >= KERNELS[target]


def test_all_widths_share_words_without_dsp() -> None:
    core = board("rp2040").core
    nets = NETWORKS["rp2040"].nets.values()
    used = {name for net in nets for op in net.ops for name in kernel_for(op, net, core).needs}
    assert used >= {f"lp_multiply_pixels_{bits}" for bits in range(2, 8)}
    assert used >= {f"lp_multiply_row_pair_{bits}" for bits in range(2, 5)}


def test_lanes_are_multiplied_in_each_way() -> None:
    core = board("generic-m4").core
    nets = NETWORKS["generic-m4"].nets.values()
    used = {name for net in nets for op in net.ops for name in kernel_for(op, net, core).needs}
    ways = ("2", "2_small", "2_band", "4", "4_small", "4_band")
    assert used >= {f"lp_multiply_lanes_{way}" for way in ways}


def test_strips_are_made_in_each_way() -> None:
    """Windows apart or not, with last elements of rows or not, lanes of all channels kept or not."""
    core = board("generic-m4").core
    found = {
        (strip_runs(op, net) > 1, strip_ends(op, net) > 0, held_groups(op, net) > 1)
        for net in NETWORKS["generic-m4"].nets.values()
        for op in net.ops
        if kernel_for(op, net, core).function == "lp_conv2d_packed_strip_dsp_s8"
    }
    assert {way[:2] for way in found} >= {(True, True), (True, False), (False, False)}
    assert {way[2] for way in found} == {True, False}


@pytest.mark.parametrize("target", KERNELS)
def test_extremes_reach_both_ends_of_what_flows(target: str) -> None:
    networks = NETWORKS[target]
    for number, formats in enumerate(FORMATS):
        net = networks.nets[f"net{number}_6_3"]
        hidden = run_all(net, networks.inputs[net.name])["hidden"]
        low, high = net.tensors["hidden"].dtype.range
        assert (hidden.min(), hidden.max()) == (low, high), formats


def test_pixels_share_words_in_each_way() -> None:
    found = {
        (formats, *pixel_lanes(op, net)[:1], segment_count(op, net) > 1)
        for number, formats in enumerate(FORMATS)
        for net in NETWORKS["rp2040"].nets.values()
        if net.name.startswith(f"net{number}_")
        for op in net.ops[-1:]
        if isinstance(op, Conv2D)
    }
    assert found >= {("w2a2", 4, True), ("w2a2", 4, False), ("w4a8", 2, True), ("w4a8", 2, False)}
    assert found >= {("w4a2", 4, True), ("w2a4", 4, False), ("w2a4", 2, False), ("w4a4", 2, False)}
    assert found >= {("w3a2", 4, True), ("w5a6", 2, True), ("w6a4", 2, True), ("w7a4", 2, True)}


def segment_count(op: Conv2D, net: Net) -> int:
    """How often the lanes of a sum are taken apart."""
    return -(-eights_of(op, net) // pixel_lanes(op, net)[1])
