"""Signs times single bits at the edges of what their kernel does: shapes, borders, both zero points."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from tests.codegen.many_networks import Arrays, run_on_chip, run_on_host
from tests.codegen.test_packed_exact import CASES, EXTREMES, net_of

from lilliput.errors import ToolchainError
from lilliput.net import Activation, DType, Net
from lilliput.net.reference import run, run_all
from lilliput.targets import board
from lilliput.targets.kernels import constant_bytes, kernel_for

TARGETS = ("generic-m4", "rp2040")
FORMATS = ("w1a1", "w1a8")
ROWS = 3


@cache
def nets(target: str) -> dict[str, Net]:
    """Bits that stand for 0 and a step behind a ReLU, for minus a step and 0 without."""
    found = {}
    for number, formats in enumerate(FORMATS):
        for index, case in enumerate(CASES):
            for way, extreme in enumerate(EXTREMES):
                activation = (Activation.RELU, Activation.NONE)[(index + way) % 2]
                key = f"net{number}_{index}_{way}"
                net = net_of(case, formats, extreme, target, "w8a1", activation)
                found[key] = replace(net, name=key)
    return found


@cache
def inputs(target: str) -> Arrays:
    rng = np.random.default_rng(3)
    return {
        key: rng.integers(0, 256, (ROWS, *net.input.shape), np.uint8) for key, net in nets(target).items()
    }


def _compare(found: Arrays, target: str) -> None:
    for key, net in nets(target).items():
        assert np.array_equal(found[key], run(net, inputs(target)[key])), key


@pytest.mark.parametrize("target", TARGETS)
def test_host_c_under_sanitizers(target: str) -> None:
    _compare(run_on_host(nets(target), board(target), inputs(target)), target)


@pytest.mark.parametrize("target", TARGETS)
def test_emulated_c(target: str) -> None:
    try:
        found = run_on_chip(nets(target), board(target), inputs(target))
    except ToolchainError as error:
        pytest.skip(str(error))
    _compare(found, target)


def test_all_layers_count_bits() -> None:
    for target in TARGETS:
        core = board(target).core
        for net in nets(target).values():
            assert kernel_for(net.ops[-1], net, core).function == "lp_conv2d_binary_s8"


def test_both_bits_flow_and_both_zero_points_are_there() -> None:
    seen = set()
    for net in nets("generic-m4").values():
        hidden = net.tensors["hidden"]
        assert hidden.dtype is DType.INT1
        assert hidden.quant is not None
        values = np.unique(run_all(net, inputs("generic-m4")[net.name])["hidden"])
        seen |= {(hidden.quant.zero_point, int(value)) for value in values}
    assert seen == {(zero_point, value) for zero_point in (-1, 0) for value in (-1, 0)}


def test_a_window_of_signs_takes_whole_words_and_no_more() -> None:
    net = nets("generic-m4")[f"net1_{list(CASES).index('many inputs')}_0"]
    op, core = net.ops[-1], board("generic-m4").core
    channels, window = 9, 3 * 3 * 64
    assert constant_bytes(op, net, core) == channels * window // 8 + channels * 8
