"""Files with the shapes of well-known models compile to C that gives the bytes of TensorFlow Lite Micro."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from tests.codegen.many_networks import Arrays, run_on_chip, run_on_host
from tests.formats.tflite.example_models import EXAMPLES
from tests.formats.tflite.files import oracle_integers
from tests.structured_inputs import KINDS, structured_input

from lilliput.cli import main
from lilliput.errors import ToolchainError
from lilliput.formats.tflite import parse_tflite
from lilliput.net import Net
from lilliput.net.reference import run
from lilliput.passes import plan_for
from lilliput.targets import board

ROWS = len(KINDS)
LARGE = ("person_detection",)
"""The reference takes long for these."""


@cache
def files() -> dict[str, bytes]:
    return {name: make() for name, make in EXAMPLES.items()}


@cache
def nets(target: str) -> dict[str, Net]:
    found = {name: parse_tflite(data, name) for name, data in files().items()}
    return {name: plan_for(net, board(target).core) for name, net in found.items()}


@cache
def inputs() -> Arrays:
    return {name: structured_input(net, ROWS, 1) for name, net in nets("generic-m4").items()}


@cache
def expected() -> Arrays:
    found = nets("generic-m4")
    return {name: oracle_integers(data, found[name], inputs()[name]) for name, data in files().items()}


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_reference_is_tensorflow_lite_micro(name: str) -> None:
    rows = 1 if name in LARGE else ROWS
    y = run(nets("generic-m4")[name], inputs()[name][:rows])
    np.testing.assert_array_equal(y, expected()[name][:rows])
    assert np.unique(expected()[name], axis=0).shape[0] > 1


@pytest.mark.parametrize("target", ["generic-m4", "rp2040"])
def test_host_c_is_tensorflow_lite_micro(target: str) -> None:
    found = run_on_host(nets(target), board(target), inputs())
    for name, values in expected().items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)


def test_emulated_c_is_tensorflow_lite_micro() -> None:
    try:
        found = run_on_chip(nets("generic-m4"), board("generic-m4"), inputs())
    except ToolchainError as error:
        pytest.skip(str(error))
    for name, values in expected().items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)


def test_a_file_compiles_and_is_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What the README promises, by the command line."""
    (tmp_path / "model.tflite").write_bytes(files()["mobilenet_v2"])
    build = str(tmp_path / "build")
    assert main(["compile", str(tmp_path / "model.tflite"), "--board", "nucleo-l4r5zi", "-o", build]) == 0
    capsys.readouterr()
    assert main(["measure", build, "--json"]) == 0
    measured = json.loads(capsys.readouterr().out)
    assert measured["mismatches"] == 0
    assert measured["cycles"] is None or sum(layer["cycles"] for layer in measured["layers"]) > 0
