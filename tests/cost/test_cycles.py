"""Predicted cycles: every kernel has a model, counts follow from shapes, and the emulator agrees."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest
from fit_formats import SINGLE_BITS, format_networks
from fit_layers import few_bit_layers
from fit_networks import networks
from prediction import MEDIAN_ALLOWED_PERCENT, accuracy, board_with, held_out
from samples import measured, roomy
from tests.branching import Builder
from tests.strategies import random_net as any_net

from lilliput.cost import cost
from lilliput.cost.code_size import code_sizes
from lilliput.cost.cycle_counts import COUNTS, counts
from lilliput.cost.cycles import cycle_model, net_cycles, op_cycles
from lilliput.net import OPS, Conv2D, FullyConnected, Net, Optimize, Padding
from lilliput.net.macs import op_macs
from lilliput.passes import plan_for
from lilliput.targets import Board, board, boards
from lilliput.targets.blocking import Blocking, blocking_of
from lilliput.targets.cores import CORES, Core, core
from lilliput.targets.kernels import kernel_for

M4 = core("cortex-m4")
GENERIC = board("generic-m4")
REFIT = "fit them: make fit-cycles"


def _pointwise(pixels: int, channels: int) -> Net:
    builder = Builder((1, pixels, 8))
    return plan_for(builder.net(builder.conv("input", channels)), M4)


def test_every_op_is_counted() -> None:
    assert set(COUNTS) == set(OPS)


def test_products_inside_and_in_the_padding_are_all_multiply_accumulates() -> None:
    for seed in range(30):
        net = any_net(np.random.default_rng(seed))
        for op in net.ops:
            found = counts(op, net, Blocking())
            if isinstance(op, Conv2D):
                assert found["products"] + found["padding_products"] == op_macs(op, net)
            if isinstance(op, FullyConnected):
                assert found["products"] == op_macs(op, net)


def test_a_window_over_the_border_is_not_whole() -> None:
    builder = Builder((5, 5, 3))
    builder.tensors["w"] = replace(builder.tensors["input"], name="w", shape=(2, 3, 3, 3), constant=True)
    net = builder.net(builder.add(Conv2D, "input", "w", padding=Padding(1, 1, 1, 1)))
    found = counts(net.ops[0], net, Blocking(pixels=4))
    assert found["pixels"] == 25
    assert found["whole_windows"] == 9
    assert found["border_rows"] == (16 + 3) * 3  # three pixels of the last block are missing


def test_more_work_takes_more_cycles() -> None:
    least, _ = net_cycles(_pointwise(16, 8), GENERIC)
    assert least is not None
    for net in (_pointwise(64, 8), _pointwise(16, 32)):
        more, _ = net_cycles(net, GENERIC)
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
        missing |= {kernel_for(op, net, known).function for op in net.ops} - set(model.cycles.functions)
    assert not missing, REFIT


@pytest.mark.parametrize("known", CORES, ids=lambda known: known.name)
def test_every_kernel_for_few_bits_has_a_model_and_sizes(known: Core) -> None:
    """No kernel takes the figures of another, nor those of all in the mean."""
    model, sizes = cycle_model(known), code_sizes(known)
    missing = set()
    for net in few_bit_layers(40, seed=3):
        for made in (net, replace(net, optimize=Optimize.FLASH)):
            kernels = [kernel_for(op, made, known) for op in made.ops]
            functions = {kernel.function for kernel in kernels}
            missing |= functions.union(*(kernel.needs for kernel in kernels)) - set(sizes.functions)
            missing |= functions - set(sizes.layers)
            missing |= functions - set(model.cycles.functions) if model else set()
    assert not missing, REFIT


@pytest.mark.parametrize("known", CORES, ids=lambda known: known.name)
def test_figures_of_kernels_for_few_bits_are_of_counts_that_occur(known: Core) -> None:
    """A figure whose name no count has would never be added up: its kernel would be predicted too fast.

    Some occur with few shapes alone.
    """
    model = cycle_model(known)
    counted: dict[str, set[str]] = {}
    for net in few_bit_layers(40, seed=3):
        for op in net.ops:
            function = kernel_for(op, net, known).function
            if blocking_of(function).packing.shares or blocking_of(function).slots:
                found = counts(op, net, blocking_of(function))
                counted.setdefault(function, set()).update(found, ("once",))
    for function, names in counted.items() if model else ():
        figures = model.cycles.functions[function]
        assert sum(name in names for name in figures) > 0.7 * len(figures), (function, REFIT)


def test_without_a_model_there_is_no_figure() -> None:
    other = replace(M4, name="cortex-m99")
    net = _pointwise(16, 8)
    assert op_cycles(net.ops[0], net, other) is None
    assert net_cycles(net, replace(GENERIC, core=other)) == (None, None)


def test_a_flash_that_waits_adds_cycles() -> None:
    net = _pointwise(64, 32)
    waiting = board("nucleo-l4r5zi")
    cycles, with_flash = net_cycles(net, waiting)
    assert cycles is not None
    assert with_flash is not None
    assert cycles < with_flash < 2 * cycles
    slower, slowest = (net_cycles(net, replace(waiting, flash_wait_states=states)) for states in (10, 15))
    assert slower[0] == slowest[0] == cycles
    assert slower[1] is not None
    assert slowest[1] is not None
    assert slower[1] - with_flash == pytest.approx(slowest[1] - slower[1], abs=1)


def test_without_wait_states_or_with_an_unmeasured_cache_there_is_no_figure_with_flash() -> None:
    net, waiting = _pointwise(16, 8), board("nucleo-l4r5zi")
    assert waiting.flash_cache is not None
    odd = replace(waiting, flash_cache=replace(waiting.flash_cache, line_bytes=64))
    for target in (odd, replace(waiting, flash_wait_states=None)):
        cycles, with_flash = net_cycles(net, target)
        assert cycles == net_cycles(net, waiting)[0]
        assert with_flash is None


@pytest.mark.parametrize("target", boards(), ids=lambda target: target.name)
def test_every_board_has_both_figures(target: Board) -> None:
    cycles, with_flash = net_cycles(plan_for(_pointwise(16, 8), target.core), target)
    if target.core.timing is None:
        assert (cycles, with_flash) == (None, None)
        return
    assert cycles is not None, REFIT
    assert with_flash is not None, REFIT
    assert cycles <= with_flash


@pytest.mark.skipif(shutil.which("arm-none-eabi-gcc") is None, reason="fitted on arm-none-eabi-gcc")
def test_predictions_agree_with_firmware() -> None:
    """Networks that no fit has seen: flash within 2 %, cycles within 5 % on average."""
    target = board("nucleo-l4r5zi")
    errors, with_flash = [], []
    for sample in measured(M4, networks(10, seed=77), jobs=1):
        found = cost(sample.net, target)
        assert sample.cycles is not None
        assert sample.code_bytes + found.weights_bytes == pytest.approx(found.flash_bytes, rel=0.02), REFIT
        errors.append(abs((found.cycles or 0) / sample.cycles.total - 1))
        with_flash.append(abs((found.cycles_with_flash or 0) / sample.on(target) - 1))
    assert sum(errors) / len(errors) < 0.05, REFIT
    assert max(errors) < 0.10, REFIT
    assert sum(with_flash) / len(with_flash) < 0.07, REFIT


@pytest.mark.skipif(shutil.which("arm-none-eabi-gcc") is None, reason="fitted on arm-none-eabi-gcc")
def test_predictions_of_packed_weights_agree_with_firmware() -> None:
    """Networks with weights of 2 to 7 bits that no fit has seen: flash within 2 %, cycles within 5 %."""
    target = board("nucleo-l4r5zi")
    packed = [
        net
        for net in format_networks(7, seed=101)
        if any(tensor.dtype.narrow for tensor in net.tensors.values())
    ]
    assert len(packed) == 4
    errors = []
    for sample in measured(M4, packed, jobs=1):
        found = cost(sample.net, target)
        assert sample.cycles is not None
        assert sample.code_bytes + found.weights_bytes == pytest.approx(found.flash_bytes, rel=0.02), REFIT
        assert found.cycles is not None, REFIT
        errors.append(abs(found.cycles / sample.cycles.total - 1))
    assert sum(errors) / len(errors) < 0.05, REFIT


@pytest.mark.skipif(shutil.which("arm-none-eabi-gcc") is None, reason="fitted on arm-none-eabi-gcc")
@pytest.mark.parametrize("known", [M4, core("cortex-m0plus")], ids=lambda known: known.name)
def test_predictions_of_layers_with_bits_of_their_own_agree_with_firmware(known: Core) -> None:
    """Networks that no fit has seen: cycles of each within 10 %, 5 % on average."""
    errors = []
    for sample in measured(known, few_bit_layers(3, seed=101), jobs=1):
        assert sample.cycles is not None
        found, _ = net_cycles(sample.net, roomy(known))
        assert found is not None, REFIT
        errors.append(abs(found / sample.cycles.total - 1))
    assert max(errors) < 0.10, REFIT
    assert sum(errors) / len(errors) < 0.05, REFIT


@pytest.mark.skipif(shutil.which("arm-none-eabi-gcc") is None, reason="fitted on arm-none-eabi-gcc")
def test_predictions_of_layers_that_count_bits_agree_with_firmware() -> None:
    """Networks with single bits that no fit has seen: each of their layers within 15 %, 4 % on average."""
    errors = []
    for sample in measured(M4, format_networks(6, seed=101, families=SINGLE_BITS), jobs=1):
        assert sample.cycles is not None
        for number, op in enumerate(sample.net.ops):
            if kernel_for(op, sample.net, M4).function == "lp_conv2d_binary_s8":
                found = op_cycles(op, sample.net, M4)
                errors.append(abs((found or 0) / sample.cycles.layers[number] - 1))
    assert len(errors) > 4
    assert max(errors) < 0.15, REFIT
    assert sum(errors) / len(errors) < 0.04, REFIT


@pytest.mark.skipif(shutil.which("arm-none-eabi-gcc") is None, reason="fitted on arm-none-eabi-gcc")
def test_predictions_for_well_known_shapes_agree_with_firmware() -> None:
    """Those of papers, in both profiles, and a few random ones; MACs explain less."""
    nets = held_out(seed=3, searched=3, shapes=("ad", "kws"))
    found = accuracy(list(measured(M4, nets, jobs=1)), board_with("cortex-m4"))
    assert np.median(found.errors_percent) < MEDIAN_ALLOWED_PERCENT, REFIT
    assert found.errors_percent.max() < 10, REFIT
    assert np.median(found.errors_with_flash_percent) < MEDIAN_ALLOWED_PERCENT, REFIT
    assert found.r_squared > max(0.99, found.r_squared_of_macs), REFIT
