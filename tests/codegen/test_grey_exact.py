"""Grey images before a large layer: weights that are kept as bytes, and doubled where factors are large."""

from __future__ import annotations

import numpy as np
import pytest
from tests.codegen.case_networks import CaseNetworks, constant, extreme_weights

from lilliput.codegen import generate
from lilliput.net import Conv2D, FullyConnected, Net, Padding, Reshape, Tensor
from lilliput.net.fixedpoint import conv_requant
from lilliput.net.formats import formats_named
from lilliput.passes import plan_for, quantize
from lilliput.targets import board
from lilliput.targets.kernels import kernel_for

FORMATS = ("w2a8", "w4a4", "w2a2", "w3a8")
SAME = Padding(1, 1, 1, 1)
CASES: dict[str, tuple[tuple[int, ...], int, dict[str, object]]] = {
    "plain": ((9, 10, 1), 5, {}),
    "stride 2": ((13, 17, 1), 6, {"padding": SAME, "strides": (2, 2)}),
    "columns": ((12, 6, 1), 7, {}),
    "strips": ((19, 7, 1), 5, {"padding": SAME}),
}
"""What → shape of the image, output channels, attributes."""
UNITS = 24
"""Enough of a dense layer that nine weights a channel do not count beside its own."""


def net_of(case: str, formats: str, extreme: str) -> Net:
    """A convolution whose sums exceed what it puts out, then a dense layer of int8."""
    shape, channels, attributes = CASES[case]
    rng = np.random.default_rng([*case.encode(), *formats.encode()])
    weights = extreme_weights(extreme, (channels, 3, 3, 1), rng)
    conv = Conv2D(name="grey", inputs=("x", "weights", "bias"), outputs=("y",), **attributes)  # type: ignore[arg-type]
    image = conv.output_shape([shape, weights.shape])
    flat = (int(np.prod(image)),)
    ops = (
        conv,
        Reshape(name="flat", inputs=("y",), outputs=("z",), shape=flat),
        FullyConnected(name="dense", inputs=("z", "units"), outputs=("out",)),
    )
    tensors = [
        Tensor("x", shape),
        constant("weights", weights),
        constant("bias", rng.normal(0, 0.5, channels)),
        Tensor("y", image),
        Tensor("z", flat),
        constant("units", rng.normal(0, 0.1, (UNITS, *flat))),
        Tensor("out", (UNITS,)),
    ]
    net = Net("grey", ops, {t.name: t for t in tensors}, ("x",), ("out",))
    reach = float(np.abs(weights).reshape(channels, -1).sum(axis=1).max()) / 12
    ranges = {"x": (-1.0, 1.0), "out": (-4.0, 4.0), **dict.fromkeys(("y", "z"), (-reach, reach))}
    found = quantize(net, ranges, formats_named(f"{formats},dense=int8"))
    return plan_for(found, board("generic-m4").core)


def inputs_of(net: Net) -> np.ndarray:
    """Both ends and drawn ones."""
    low, high = net.input.dtype.range
    drawn = np.random.default_rng([*net.name.encode()]).integers(low, high + 1, (2, *net.input.shape))
    ends = [np.full(net.input.shape, low), np.full(net.input.shape, high)]
    return np.stack([*ends, *drawn]).astype(net.input.dtype.numpy)


NETWORKS = CaseNetworks("generic-m4", FORMATS, tuple(CASES), net_of, inputs_of)


@pytest.mark.parametrize("formats", FORMATS)
def test_host_c_under_sanitizers(formats: str) -> None:
    NETWORKS.check_on_host(formats)


@pytest.mark.parametrize("formats", FORMATS)
def test_emulated_c(formats: str) -> None:
    NETWORKS.check_on_chip(formats)


def test_weights_that_are_kept_as_bytes_are_doubled() -> None:
    target = board("generic-m4")
    large = 0
    for name, net in NETWORKS.nets.items():
        op = net.ops[0]
        assert isinstance(op, Conv2D)
        assert kernel_for(op, net, target.core).function == "lp_depthwise_conv2d_dsp_s8"
        large += conv_requant(op, net).shift < 32
        assert "/* shift */ 32," in generate(net, target)[f"{name}.c"]
    assert large > 4
