"""Random layers, near to their inputs, give the bytes of the reference on the host and on emulated cores."""

from __future__ import annotations

from functools import cache

import pytest
from tests.codegen.layer_sweep import KINDS, differing, sweep

from lilliput.errors import ToolchainError
from lilliput.net import Net
from lilliput.targets import board
from lilliput.targets.kernels import kernel_for

TARGETS = ("generic-m55", "generic-m4", "rp2040")
FEW, FEW_MACS = 48, 30_000
"""Layers of each kind, in one firmware; products of one."""
MANY, MANY_MACS = 640, 90_000
HELIUM = (
    "lp_depthwise_conv2d_mve",
    "lp_depthwise_conv2d_windows_mve",
    "lp_conv2d_mve",
    "lp_fully_connected_mve",
)


@cache
def few(target: str) -> dict[str, Net]:
    core = board(target).core
    return {name: net for kind in KINDS for name, net in sweep(core, kind, range(FEW), FEW_MACS).items()}


def _check_on_chip(nets: dict[str, Net], target: str) -> None:
    try:
        found = differing(nets, board(target), on_chip=True)
    except ToolchainError as error:
        pytest.skip(str(error))
    assert not found


def test_they_take_every_kernel_for_helium() -> None:
    core = board("generic-m55").core
    functions = {kernel_for(net.ops[0], net, core).function for net in few("generic-m55").values()}
    assert functions >= {f"{stem}{profile}_s8" for stem in HELIUM for profile in ("", "_tflm")}


@pytest.mark.parametrize("target", TARGETS)
def test_emulated_c_gives_the_bytes_of_the_reference(target: str) -> None:
    _check_on_chip(few(target), target)


@pytest.mark.parametrize("target", TARGETS)
def test_host_c_gives_the_bytes_of_the_reference(target: str) -> None:
    assert not differing(few(target), board(target), on_chip=False)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("target", TARGETS)
def test_many_give_the_bytes_of_the_reference(target: str, kind: str) -> None:
    nets = sweep(board(target).core, kind, range(FEW, FEW + MANY), MANY_MACS)
    assert not differing(nets, board(target), on_chip=False)
    _check_on_chip(nets, target)
