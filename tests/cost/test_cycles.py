"""Predicted cycles: every kernel has a model, counts follow from shapes, and the emulator agrees."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from benchmarks.fit_networks import networks
from tests.branching import Builder
from tests.strategies import random_net as any_net

from lilliput.codegen import generate
from lilliput.cost import cost
from lilliput.cost.cycle_counts import COUNTS, counts
from lilliput.cost.cycles import cycle_model, net_cycles, op_cycles
from lilliput.measure.emulator import Emulator
from lilliput.measure.firmware import build_firmware
from lilliput.measure.measuring import random_vectors
from lilliput.measure.toolchain import find_toolchain
from lilliput.net import OPS, Conv2D, FullyConnected, Net, Padding
from lilliput.net.macs import op_macs
from lilliput.passes import lower, plan_for
from lilliput.targets import board
from lilliput.targets.cores import CORES, Core, core
from lilliput.targets.kernels import kernel_for

M4 = core("cortex-m4")
REFIT = "fit them: python benchmarks/fit_cost.py"


def _pointwise(pixels: int, channels: int) -> Net:
    builder = Builder((1, pixels, 8))
    return plan_for(builder.net(builder.conv("input", channels)), M4)


def test_every_op_is_counted() -> None:
    assert set(COUNTS) == set(OPS)


def test_products_inside_and_in_the_padding_are_all_multiply_accumulates() -> None:
    for seed in range(30):
        net = any_net(np.random.default_rng(seed))
        for op in net.ops:
            found = counts(op, net)
            if isinstance(op, Conv2D):
                assert found["products"] + found["padding_products"] == op_macs(op, net)
            if isinstance(op, FullyConnected):
                assert found["products"] == op_macs(op, net)


def test_a_window_over_the_border_is_not_whole() -> None:
    builder = Builder((5, 5, 3))
    builder.tensors["w"] = replace(builder.tensors["input"], name="w", shape=(2, 3, 3, 3), constant=True)
    net = builder.net(builder.add(Conv2D, "input", "w", padding=Padding(1, 1, 1, 1)))
    found = counts(net.ops[0], net)
    assert found["pixels"] == 25
    assert found["whole_windows"] == 9
    assert found["border_rows"] == (16 + 3) * 3  # three pixels of the last block are missing


def test_more_work_takes_more_cycles() -> None:
    least = net_cycles(_pointwise(16, 8), M4)
    assert least is not None
    for net in (_pointwise(64, 8), _pointwise(16, 32)):
        more = net_cycles(net, M4)
        assert more is not None
        assert more > 2 * least


@pytest.mark.parametrize("known", CORES, ids=lambda known: known.name)
def test_every_kernel_of_a_core_has_a_model(known: Core) -> None:
    model = cycle_model(known)
    if model is None:
        assert known.timing is None, REFIT
        return
    missing = set()
    for seed in range(40):
        net = any_net(np.random.default_rng(seed))
        missing |= {kernel_for(op, net, known).function for op in net.ops} - set(model.functions)
    assert not missing, REFIT


def test_without_a_model_there_is_no_figure() -> None:
    other = replace(M4, name="cortex-m99")
    net = _pointwise(16, 8)
    assert op_cycles(net.ops[0], net, other) is None
    assert net_cycles(net, other) is None


@pytest.mark.skipif(shutil.which("arm-none-eabi-gcc") is None, reason="fitted on arm-none-eabi-gcc")
def test_predictions_agree_with_firmware(tmp_path: Path) -> None:
    """Networks that no fit has seen: flash within 2 %, cycles within 5 % on average."""
    target = replace(board("generic-m4"), flash_bytes=1 << 26, ram_bytes=1 << 26)
    toolchain = find_toolchain(target)
    errors = []
    for net in networks(10, seed=77):
        planned = lower(net, None, target.core)
        firmware = build_firmware(generate(planned, target), net.name, target, toolchain, tmp_path / "a.elf")
        profile = Emulator(firmware.image, net.name, target).profile(random_vectors(planned, 3)[2].tobytes())
        found = cost(planned, target)
        assert profile.cycles is not None
        assert found.cycles is not None
        assert firmware.flash_bytes.total == pytest.approx(found.flash_bytes, rel=0.02), REFIT
        errors.append(abs(found.cycles / profile.cycles - 1))
    assert sum(errors) / len(errors) < 0.05, REFIT
    assert max(errors) < 0.10, REFIT
