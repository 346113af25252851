"""Sizes of code: every kernel has one, each function counts once, each layer by itself."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from fit_layers import few_bit_layers
from fit_networks import networks
from samples import roomy
from tests.branching import Builder
from tests.strategies import random_net as any_net

import lilliput.runtime
from lilliput.codegen import generate
from lilliput.cost import cost
from lilliput.cost.code_size import code_bytes, code_sizes, layer_calls
from lilliput.measure.firmware import build_firmware
from lilliput.measure.toolchain import find_toolchain
from lilliput.net import Net
from lilliput.net.ops import Concat, Reshape
from lilliput.passes import plan_for
from lilliput.targets.cores import CORES, Core, core
from lilliput.targets.kernels import kernel_for

M4 = core("cortex-m4")
REFIT = "measure it: make fit-cycles"


def _convolutions(count: int) -> Net:
    builder = Builder()
    name = "input"
    for _ in range(count):
        name = builder.conv(name, 4)
    return plan_for(builder.net(name), M4)


def test_a_function_counts_once_and_each_layer_by_itself() -> None:
    sizes = code_sizes(M4)
    one, two, three = (code_bytes(_convolutions(count), M4) for count in (1, 2, 3))
    layer = sizes.layer_bytes("lp_conv2d_1x1_dsp_s8")
    assert abs(two - one - layer) <= 1
    assert abs(three - two - layer) <= 1
    assert one > sizes.network + sizes.function_bytes("lp_conv2d_1x1_dsp_s8")


def test_a_concatenation_calls_once_for_each_input() -> None:
    builder = Builder()
    op_inputs = [builder.conv("input", 2) for _ in range(3)]
    net = builder.net(builder.add(Concat, *op_inputs))
    assert layer_calls(net.ops[-1], net) == 3


def test_a_reshape_in_place_has_no_code() -> None:
    builder = Builder()
    net = builder.net(builder.add(Reshape, builder.conv("input", 2), shape=(32,)))
    assert layer_calls(net.ops[-1], net) == 1
    assert layer_calls(net.ops[-1], plan_for(net, M4)) == 0


def test_a_function_that_was_not_measured_has_a_plausible_size() -> None:
    sizes = code_sizes(M4)
    assert min(sizes.functions.values()) < sizes.function_bytes("lp_new") < max(sizes.functions.values())


@pytest.mark.parametrize("known", CORES, ids=lambda known: known.name)
def test_every_kernel_of_a_core_was_measured(known: Core) -> None:
    sizes = code_sizes(known)
    missing = [name for name in sorted(_functions(known)) if name not in sizes.functions]
    assert not missing, REFIT
    shipped = {path.stem for path in Path(lilliput.runtime.__path__[0]).glob("lp_*.c")}
    assert not {name for name in sizes.functions if name.startswith("lp_")} - shipped, REFIT


def _functions(known: Core) -> set[str]:
    found: set[str] = set()
    for seed in range(40):
        net = any_net(np.random.default_rng(seed))
        for op in net.ops:
            kernel = kernel_for(op, net, known)
            found |= {kernel.function, *kernel.needs}
    return found


@pytest.mark.skipif(shutil.which("arm-none-eabi-gcc") is None, reason="needs arm-none-eabi-gcc")
def test_constants_in_firmware_are_those_that_were_predicted(tmp_path: Path) -> None:
    """To the byte, with few bits too, whose arrays seldom fill their last words."""
    target = roomy(M4)
    for net in (*few_bit_layers(2, seed=5), *networks(2, seed=5)[:2]):
        planned = plan_for(net, M4)
        files = generate(planned, target)
        found = build_firmware(files, net.name, target, find_toolchain(target), tmp_path / "firmware.elf")
        assert found.flash_bytes.weights == cost(planned, target).weights_bytes
