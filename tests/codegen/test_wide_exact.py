"""Kernels of 16-bit integers for DSP instructions at the edges of what they do: shapes, borders, extremes."""

from __future__ import annotations

import numpy as np
import pytest
from tests.codegen.case_networks import CaseNetworks, constant, extreme_weights

from lilliput.net import Activation, Conv2D, DepthwiseConv2D, FullyConnected, Net, Op, Padding, Tensor
from lilliput.net.formats import formats_named
from lilliput.passes import plan_for, quantize
from lilliput.targets import board
from lilliput.targets.kernels import kernel_for

TARGET = "generic-m4"
FORMATS = ("qmn16", "int16x8")
ROWS = 3
SAME, WIDE, TALL = Padding(1, 1, 1, 1), Padding(2, 2, 2, 2), Padding(1, 1, 0, 0)
DEPTHWISE = 0
CASES: dict[str, tuple[tuple[int, ...], int, tuple[int, int], dict[str, object]]] = {
    "one pixel": ((1, 1, 3), 5, (1, 1), {}),
    "a series": ((1, 9, 6), 8, (1, 3), {"padding": Padding(0, 0, 1, 1)}),
    "a series in fours": ((1, 11, 4), 4, (1, 3), {"padding": Padding(0, 0, 1, 0), "strides": (1, 2)}),
    "a dilated series": ((1, 11, 4), 6, (1, 3), {"dilation": (1, 2)}),
    "columns": ((9, 3, 4), 4, (3, 1), {"padding": Padding(1, 1, 0, 0)}),
    "grey, 5x5": ((9, 8, 1), 6, (5, 5), {}),
    "5x5, padded": ((6, 6, 6), 16, (5, 5), {"padding": WIDE}),
    "pointwise": ((5, 5, 9), 4, (1, 1), {}),
    "pointwise in fours": ((5, 5, 8), 3, (1, 1), {}),
    "pointwise, strides": ((5, 6, 8), 7, (1, 1), {"strides": (2, 2)}),
    "stride 2": ((9, 9, 4), 9, (3, 3), {"strides": (2, 2), "padding": SAME}),
    "dilated": ((8, 9, 4), 5, (3, 3), {"dilation": (2, 2), "padding": WIDE}),
    "many inputs": ((6, 6, 56), 9, (3, 3), {"padding": SAME}),
    "depthwise": ((7, 9, 8), DEPTHWISE, (3, 3), {"padding": SAME}),
    "depthwise, stride 2": ((8, 9, 6), DEPTHWISE, (3, 3), {"padding": SAME, "strides": (2, 2)}),
    "depthwise, five channels": ((6, 5, 5), DEPTHWISE, (2, 3), {}),
    "depthwise series": ((1, 20, 7), DEPTHWISE, (1, 9), {"padding": Padding(0, 0, 4, 4)}),
    "depthwise, dilated rows": ((9, 6, 4), DEPTHWISE, (3, 3), {"padding": WIDE, "dilation": (2, 1)}),
    "depthwise, outside": ((1, 3, 4), DEPTHWISE, (2, 2), {"padding": TALL, "dilation": (2, 1)}),
    "dense": ((152,), 10, (0, 0), {}),
    "dense, odd": ((35,), 7, (0, 0), {}),
    "dense, one output": ((9,), 1, (0, 0), {}),
}
"""What → shape of the input, output channels or `DEPTHWISE`, kernel, attributes."""


def _net(case: str, formats: str, extreme: str) -> Net:
    """The layer that is tested, whose output is not cut as long as weights are drawn."""
    shape, channels, kernel, attributes = CASES[case]
    rng = np.random.default_rng([*case.encode(), *formats.encode()])
    is_dense = len(shape) == 1
    window = (*kernel, shape[-1])
    is_depthwise = channels == DEPTHWISE
    if is_depthwise:
        channels = shape[-1]
    form = window if is_depthwise else (channels, shape[-1]) if is_dense else (channels, *window)
    weights = extreme_weights(extreme, form, rng)
    names = {"inputs": ("x", "weights", "bias"), "outputs": ("y",)}
    activation = Activation.RELU if channels % 2 else Activation.NONE
    op: Op
    if is_dense:
        op = FullyConnected(name="tested", activation=activation, **names)
    else:
        kind = DepthwiseConv2D if is_depthwise else Conv2D
        op = kind(name="tested", activation=activation, **names, **attributes)
    tensors = [
        Tensor("x", shape),
        constant("weights", weights),
        constant("bias", rng.normal(0, 0.5, channels)),
        Tensor("y", op.output_shape([shape, weights.shape])),
    ]
    net = Net("wide", (op,), {t.name: t for t in tensors}, ("x",), ("y",))
    reach = float(
        np.abs(np.moveaxis(weights, -1 if is_depthwise else 0, 0)).reshape(channels, -1).sum(1).max()
    )
    reach = reach if extreme != "alternating" else reach / 4
    return plan_for(
        quantize(net, {"x": (-2.0, 2.0), "y": (-reach, reach)}, formats_named(formats)), board(TARGET).core
    )


def _inputs(net: Net) -> np.ndarray:
    """Drawn numbers, the least ones, and both ends in turn."""
    rng = np.random.default_rng([*net.name.encode()])
    x = rng.integers(-(1 << 15), 1 << 15, (ROWS, *net.input.shape)).astype(np.int16)
    x[1] = -(1 << 15)
    x[2] = rng.choice([-(1 << 15), (1 << 15) - 1], net.input.shape)
    return x


NETWORKS = CaseNetworks(TARGET, FORMATS, tuple(CASES), _net, _inputs)


@pytest.mark.parametrize("formats", FORMATS)
def test_host_c_under_sanitizers(formats: str) -> None:
    NETWORKS.check_on_host(formats)


@pytest.mark.parametrize("formats", FORMATS)
def test_emulated_c(formats: str) -> None:
    NETWORKS.check_on_chip(formats)


@pytest.mark.parametrize("formats", FORMATS)
def test_layers_take_the_kernel_as_far_as_their_sums_fit(formats: str) -> None:
    core = board(TARGET).core
    plain = {
        (case, extreme)
        for key, case, extreme in NETWORKS.keys(formats)
        for net in [NETWORKS.nets[key]]
        if "_dsp_" not in kernel_for(net.ops[0], net, core).function
    }
    # 504 weights of 127 and their bias come near to 2**31 / 2**15, and stay below it.
    assert plain == set()
