"""Signs times single bits at the edges of what their kernel does: shapes, borders, both zero points."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from tests.codegen.case_networks import EXTREMES, CaseNetworks
from tests.codegen.test_packed_exact import CASES, inputs_of, net_of

from lilliput.net import Activation, DType, Net
from lilliput.net.reference import run_all
from lilliput.targets import board
from lilliput.targets.kernels import constant_bytes, kernel_for

TARGETS = ("generic-m4", "rp2040")
FORMATS = ("w1a1", "w1a8")


def _net(target: str, case: str, formats: str, extreme: str) -> Net:
    """Bits stand for 0 and a step behind a ReLU, for minus a step and 0 without."""
    turn = list(CASES).index(case) + EXTREMES.index(extreme)
    return net_of(target, case, formats, extreme, "w8a1", (Activation.RELU, Activation.NONE)[turn % 2])


NETWORKS = {
    target: CaseNetworks(target, FORMATS, tuple(CASES), partial(_net, target), inputs_of)
    for target in TARGETS
}


@pytest.mark.parametrize("formats", FORMATS)
@pytest.mark.parametrize("target", TARGETS)
def test_host_c_under_sanitizers(target: str, formats: str) -> None:
    NETWORKS[target].check_on_host(formats)


@pytest.mark.parametrize("formats", FORMATS)
@pytest.mark.parametrize("target", TARGETS)
def test_emulated_c(target: str, formats: str) -> None:
    NETWORKS[target].check_on_chip(formats)


def test_all_layers_count_bits() -> None:
    for target in TARGETS:
        core = board(target).core
        for net in NETWORKS[target].nets.values():
            assert kernel_for(net.ops[-1], net, core).function == "lp_conv2d_binary_s8"


def test_both_bits_flow_and_both_zero_points_are_there() -> None:
    seen = set()
    for net in NETWORKS["generic-m4"].nets.values():
        hidden = net.tensors["hidden"]
        assert hidden.dtype is DType.INT1
        assert hidden.quant is not None
        values = np.unique(run_all(net, NETWORKS["generic-m4"].inputs[net.name])["hidden"])
        seen |= {(hidden.quant.zero_point, int(value)) for value in values}
    assert seen == {(zero_point, value) for zero_point in (-1, 0) for value in (-1, 0)}


def test_a_window_of_signs_takes_whole_words_and_no_more() -> None:
    net = NETWORKS["generic-m4"].nets[f"net1_{list(CASES).index('many inputs')}_0"]
    op, core = net.ops[-1], board("generic-m4").core
    channels, window = 9, 3 * 3 * 64
    assert constant_bytes(op, net, core) == channels * window // 8 + channels * 8
