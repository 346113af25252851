"""Published int8 models: generated C, reference and TensorFlow Lite Micro agree on every byte.

The oracle's tensors before the softmax are compared too, since a softmax hides what is small.
"""

from __future__ import annotations

import os
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from tests.codegen.many_networks import Arrays, run_on_chip, run_on_host
from tests.formats.tflite.files import oracle_tensors
from tests.structured_inputs import KINDS, structured_input

from lilliput.errors import MeasureError, ToolchainError
from lilliput.formats.tflite import read_tflite
from lilliput.net import Net, Optimize, Softmax
from lilliput.net.reference import run_all
from lilliput.passes import plan_for
from lilliput.targets import Board, board
from lilliput.targets.cores import CORES, Core, core

MODELS = Path(os.environ.get("LILLIPUT_SHARED", "")) / "models"
NAMES = ("ad", "kws", "ic")
ALL_ROWS, SOME_ROWS, FEW_ROWS = 1000, 100, len(KINDS)

pytestmark = pytest.mark.skipif(
    not os.environ.get("LILLIPUT_SHARED"), reason="LILLIPUT_SHARED names no folder with models"
)


@cache
def models() -> dict[str, Net]:
    """The models, and those that end in a softmax also without it."""
    nets = {name: read_tflite(MODELS / f"{name}.tflite") for name in NAMES}
    cut = {f"{name}_logits": without_softmax(net) for name, net in nets.items()}
    return {**nets, **{name: net for name, net in cut.items() if net is not None}}


def without_softmax(net: Net) -> Net | None:
    """The network that gives what the softmax at its end would take; None where there is none."""
    *ops, last = net.ops
    if not isinstance(last, Softmax):
        return None
    shorter = replace(net, name=f"{net.name}_logits", outputs=last.inputs, labels=())
    return shorter.with_ops(tuple(ops))


@cache
def inputs(rows: int) -> Arrays:
    return {name: structured_input(net, rows) for name, net in models().items()}


@cache
def expected(rows: int) -> Arrays:
    """What TensorFlow Lite Micro gives, in one run for a model and its logits."""
    found: Arrays = {}
    for name in NAMES:
        nets = {key: net for key, net in models().items() if key in (name, f"{name}_logits")}
        tensors = oracle_tensors(
            (MODELS / f"{name}.tflite").read_bytes(),
            inputs(rows)[name],
            [file_index(net.outputs[0]) for net in nets.values()],
        )
        for (key, net), values in zip(nets.items(), tensors, strict=True):
            found[key] = values.reshape(rows, *net.output.shape)
    return found


def file_index(name: str) -> int:
    """The file's number for an imported tensor."""
    return int(name.removeprefix("t"))


def with_core(of: Core) -> Board:
    """A board on which all models fit together."""
    return replace(board("generic-m4"), name=f"any-{of.name}", core=of)


def planned(target: Board, optimize: Optimize = Optimize.SPEED) -> dict[str, Net]:
    nets = {name: replace(net, optimize=optimize) for name, net in models().items()}
    return {name: plan_for(net, target.core) for name, net in nets.items()}


@pytest.mark.parametrize("name", NAMES)
def test_every_tensor_of_the_reference_is_that_of_tensorflow_lite_micro(name: str) -> None:
    net, x = models()[name], inputs(len(KINDS))[name]
    names = [op.outputs[0] for op in net.ops if op.outputs[0].removeprefix("t").isdigit()]
    assert len(names) > len(net.ops) // 2
    tensors = run_all(net, x)
    oracle = oracle_tensors(
        (MODELS / f"{name}.tflite").read_bytes(), x, [file_index(tensor) for tensor in names]
    )
    for tensor, values in zip(names, oracle, strict=True):
        np.testing.assert_array_equal(tensors[tensor].reshape(values.shape), values)


@pytest.mark.parametrize("rows", [SOME_ROWS, pytest.param(ALL_ROWS, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", ["cortex-m4", "cortex-m0plus"])
def test_host_c_gives_the_bytes_of_tensorflow_lite_micro(name: str, rows: int) -> None:
    target = with_core(core(name))
    found = run_on_host(planned(target), target, inputs(rows), "-O2")
    for key, values in expected(rows).items():
        np.testing.assert_array_equal(found[key], values)


@pytest.mark.parametrize(
    ("of", "rows"),
    [
        *(pytest.param(of, FEW_ROWS, id=of.name) for of in CORES),
        pytest.param(core("cortex-m4"), ALL_ROWS, id="cortex-m4-all", marks=pytest.mark.slow),
    ],
)
def test_emulated_c_gives_the_bytes_of_tensorflow_lite_micro(of: Core, rows: int) -> None:
    target, found = with_core(of), {}
    nets = planned(target)
    try:
        for name in NAMES:  # all together are more than the flash of the board that QEMU emulates
            some = {key: net for key, net in nets.items() if key in (name, f"{name}_logits")}
            found |= run_on_chip(some, target, inputs(rows))
    except (MeasureError, ToolchainError) as error:
        if isinstance(error, MeasureError) and "no emulator" not in str(error):
            raise
        pytest.skip(str(error))
    for key, values in expected(rows).items():
        np.testing.assert_array_equal(found[key], values)


@pytest.mark.parametrize("optimize", [Optimize.RAM, Optimize.FLASH])
def test_what_is_optimized_for_changes_no_byte(optimize: Optimize) -> None:
    target = with_core(core("cortex-m4"))
    try:
        found = run_on_chip(planned(target, optimize), target, inputs(FEW_ROWS))
    except ToolchainError as error:
        pytest.skip(str(error))
    for key, values in expected(FEW_ROWS).items():
        np.testing.assert_array_equal(found[key], values)


def test_outputs_say_something() -> None:
    softened = {name for name in NAMES if f"{name}_logits" in models()}
    for name, values in expected(SOME_ROWS).items():
        assert len(np.unique(values, axis=0)) > SOME_ROWS // 2, name
        assert name in softened or len(np.unique(values)) > 100, name
