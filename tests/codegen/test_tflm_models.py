"""Published int8 models: the generated C, the reference and TensorFlow Lite Micro agree on every byte."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from tests.codegen.host_program import random_input
from tests.codegen.many_networks import Arrays, run_on_chip, run_on_host

from lilliput.errors import ToolchainError
from lilliput.formats.tflite import read_tflite
from lilliput.net import Net
from lilliput.net.reference import run
from lilliput.passes import plan_for
from lilliput.targets import board

MODELS = Path(os.environ.get("LILLIPUT_SHARED", "")) / "models"
NAMES = ("ad", "kws", "ic")
ROWS = 4

pytestmark = pytest.mark.skipif(
    not os.environ.get("LILLIPUT_SHARED"), reason="LILLIPUT_SHARED names no folder with models"
)


@cache
def models(target: str) -> dict[str, Net]:
    return {name: plan_for(read_tflite(MODELS / f"{name}.tflite"), board(target).core) for name in NAMES}


@cache
def inputs() -> Arrays:
    return {name: random_input(net, ROWS) for name, net in models("generic-m4").items()}


@cache
def expected() -> Arrays:
    return {name: run(net, inputs()[name]) for name, net in models("generic-m4").items()}


@pytest.mark.parametrize("name", NAMES)
def test_the_reference_is_tensorflow_lite_micro(name: str) -> None:
    pytest.importorskip("tflite_micro", reason="the pip package tflite-micro is the oracle")
    from tflite_micro.python.tflite_micro import runtime

    interpreter = runtime.Interpreter.from_file(str(MODELS / f"{name}.tflite"), arena_size=1 << 18)
    for row, y in zip(inputs()[name], expected()[name], strict=True):
        interpreter.set_input(row[None], 0)
        interpreter.invoke()
        np.testing.assert_array_equal(interpreter.get_output(0).reshape(y.shape), y)


@pytest.mark.parametrize("target", ["generic-m4", "rp2040"])
def test_host_c_gives_the_bytes_of_the_reference(target: str) -> None:
    found = run_on_host(models(target), board(target), inputs(), "-O2")
    for name in NAMES:
        np.testing.assert_array_equal(found[name], expected()[name])


@pytest.mark.parametrize("target", ["generic-m4", "rp2040"])
def test_emulated_c_gives_the_bytes_of_the_reference(target: str) -> None:
    try:
        found = run_on_chip(models(target), board(target), inputs())
    except ToolchainError as error:
        pytest.skip(str(error))
    for name in NAMES:
        np.testing.assert_array_equal(found[name], expected()[name])
