"""Kernels for weights of 2 and 4 bits at the edges of what they do: shapes, borders, extremes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from tests.codegen.many_networks import Arrays, run_on_chip, run_on_host

from lilliput.errors import ToolchainError
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
from lilliput.net.reference import run, run_all
from lilliput.passes import plan_for, quantize
from lilliput.targets import board
from lilliput.targets.kernels import kernel_for

TARGET = "generic-m4"
FORMATS = ("w4a8", "w4a4", "w4a6", "w2a2", "w2a8", "w2a4")
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
}
"""What → shape of the input, output channels, kernel, attributes."""
EXTREMES = ("drawn", "largest", "smallest", "alternating")


def _tensor(name: str, data: np.ndarray) -> Tensor:
    return Tensor(name, data.shape, constant=True, data=data.astype(np.float32))


def _net(case: str, formats: str, extreme: str) -> Net:
    """A layer that makes activations of few bits, then the one that is tested, then one with 8 bits."""
    shape, channels, kernel, attributes = CASES[case]
    rng = np.random.default_rng([*case.encode(), *formats.encode()])
    depth = shape[-1]
    is_dense = len(shape) == 1
    first: Op
    tested: Op
    first_weights = rng.normal(0, 0.5, (depth, depth) if is_dense else (depth, 1, 1, depth))
    weights = rng.normal(0, 0.5, (channels, depth) if is_dense else (channels, *kernel, depth))
    bias = rng.normal(0, 0.2, depth)
    signs = rng.choice([-1.0, 1.0], weights.shape)
    if extreme != "drawn":
        weights = {
            "largest": np.ones_like(weights),
            "smallest": -np.ones_like(weights),
            "alternating": signs,
        }[extreme]
        # Far beyond what the range holds, so that inputs are the type's ends.
        bias = (
            np.where(rng.random(depth) < 0.5, -100.0, 100.0) if extreme == "alternating" else bias * 0 - 100
        )
    names = {"inputs": ("x", "first_weights", "first_bias"), "outputs": ("hidden",)}
    tested_names = {"inputs": ("hidden", "weights", "bias"), "outputs": ("y",)}
    if is_dense:
        first, tested = FullyConnected(name="first", **names), FullyConnected(name="tested", **tested_names)
    else:
        activation = Activation.RELU if channels % 2 else Activation.NONE
        first = Conv2D(name="first", **names)
        tested = Conv2D(name="tested", activation=activation, **tested_names, **attributes)
    tensors = [
        Tensor("x", shape),
        _tensor("first_weights", first_weights),
        _tensor("first_bias", bias),
        Tensor("hidden", shape),
        _tensor("weights", weights),
        _tensor("bias", rng.normal(0, 0.5, channels)),
        Tensor("y", tested.output_shape([shape, weights.shape])),
    ]
    raw = Normalization(DType.UINT8, (128.0,), (64.0,))
    net = Net("packed", (first, tested), {t.name: t for t in tensors}, ("x",), ("y",), normalization=raw)
    reach = float(np.abs(weights).reshape(channels, -1).sum(axis=1).max())
    ranges = {"x": (-2.0, 2.0), "hidden": (-1.0, 1.0), "y": (-reach, reach)}
    found = quantize(net, ranges, formats_named(f"int8,first={formats},tested={formats}"))
    return plan_for(found, board(TARGET).core)


@cache
def nets() -> dict[str, Net]:
    found = {}
    for number, formats in enumerate(FORMATS):
        for index, case in enumerate(CASES):
            for way, extreme in enumerate(EXTREMES):
                key = f"net{number}_{index}_{way}"
                found[key] = replace(_net(case, formats, extreme), name=key)
    return found


@cache
def inputs() -> Arrays:
    rng = np.random.default_rng(3)
    return {key: rng.integers(0, 256, (ROWS, *net.input.shape), np.uint8) for key, net in nets().items()}


@cache
def on_host() -> Arrays:
    return run_on_host(nets(), board(TARGET), inputs())


@cache
def on_chip() -> Arrays:
    return run_on_chip(nets(), board(TARGET), inputs())


def _compare(formats: str, found: Arrays) -> None:
    number = FORMATS.index(formats)
    for index, case in enumerate(CASES):
        for way, extreme in enumerate(EXTREMES):
            key = f"net{number}_{index}_{way}"
            expected = run(nets()[key], inputs()[key])
            assert np.array_equal(found[key], expected), (case, extreme)


@pytest.mark.parametrize("formats", FORMATS)
def test_host_c_under_sanitizers(formats: str) -> None:
    _compare(formats, on_host())


@pytest.mark.parametrize("formats", FORMATS)
def test_emulated_c(formats: str) -> None:
    try:
        found = on_chip()
    except ToolchainError as error:
        pytest.skip(str(error))
    _compare(formats, found)


def test_all_kernels_for_packed_weights_run() -> None:
    core = board(TARGET).core
    used = {kernel_for(op, net, core).function for net in nets().values() for op in net.ops}
    assert used >= {
        "lp_conv2d_nibbles_dsp_s8",
        "lp_conv2d_nibbles_rows_dsp_s8",
        "lp_conv2d_packed_dsp_s8",
        "lp_conv2d_packed_rows_dsp_s8",
        "lp_conv2d_packed_strip_dsp_s8",
        "lp_fully_connected_packed_dsp_s8",
    }


def test_extremes_reach_both_ends_of_what_flows() -> None:
    for number, formats in enumerate(FORMATS):
        net = nets()[f"net{number}_6_3"]
        hidden = run_all(net, inputs()[net.name])["hidden"]
        low, high = net.tensors["hidden"].dtype.range
        assert (hidden.min(), hidden.max()) == (low, high), formats


LONG = (1024, 1025, 1028, 2048, 2051, 3000)
"""Inputs of matrix products, around what is expanded at a time."""


def _long(length: int) -> Net:
    rng = np.random.default_rng(length)
    tensors = [
        Tensor("x", (length,)),
        _tensor("weights", rng.normal(0, 1, (7, length)) * (rng.random((7, length)) < 0.3)),
        _tensor("bias", rng.normal(0, 0.5, 7)),
        Tensor("y", (7,)),
    ]
    op = FullyConnected(name="tested", inputs=("x", "weights", "bias"), outputs=("y",))
    net = Net(f"long{length}", (op,), {t.name: t for t in tensors}, ("x",), ("y",))
    found = quantize(net, {"x": (-2.0, 2.0), "y": (-90.0, 90.0)}, formats_named("w4a8"))
    return plan_for(found, board(TARGET).core)


@pytest.mark.parametrize("run_all_on", [run_on_host, run_on_chip])
def test_long_matrix_products_are_made_in_parts(run_all_on: Callable[..., Arrays]) -> None:
    core, found = board(TARGET).core, {f"long{length}": _long(length) for length in LONG}
    kernels = [kernel_for(net.ops[-1], net, core) for net in found.values()]
    in_parts = "lp_fully_connected_nibbles_dsp_s8"
    assert [kernel.function for kernel in kernels] == ["lp_conv2d_nibbles_dsp_s8", *[in_parts] * 5]
    assert max(kernel.scratch_bytes for kernel in kernels) <= 20 * 256
    rng = np.random.default_rng(3)
    rows = {key: rng.integers(-128, 128, (ROWS, *net.input.shape), np.int8) for key, net in found.items()}
    try:
        outputs = run_all_on(found, board(TARGET), rows)
    except ToolchainError as error:
        pytest.skip(str(error))
    for key, net in found.items():
        assert np.array_equal(outputs[key], run(net, rows[key])), key
