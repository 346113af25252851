"""Every kernel gives the reference's bytes at the edges of its sizes, on the host and on emulated cores."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from tests.codegen.host_program import random_input
from tests.codegen.many_networks import Arrays, run_on_chip, run_on_host
from tests.codegen.tflm_cases import ALL_CASES

from lilliput.errors import ToolchainError
from lilliput.net import Net
from lilliput.net.reference import run
from lilliput.targets import board

ROWS = 5


@cache
def nets_for(target: str) -> dict[str, Net]:
    return {
        case: make(board(target).core.name, f"net{index:03d}")
        for index, (case, make) in enumerate(ALL_CASES.items())
    }


@cache
def inputs_for(target: str) -> Arrays:
    return {case: random_input(net, ROWS) for case, net in nets_for(target).items()}


@cache
def expected(target: str) -> Arrays:
    return {case: run(net, inputs_for(target)[case]) for case, net in nets_for(target).items()}


@cache
def on_host(target: str) -> Arrays:
    return run_on_host(nets_for(target), board(target), inputs_for(target))


@cache
def on_chip(target: str, option: str) -> Arrays:
    return run_on_chip(nets_for(target), board(target), inputs_for(target), option)


@pytest.mark.parametrize("target", ["generic-m4", "rp2040", "generic-m55"])
@pytest.mark.parametrize("case", ALL_CASES)
def test_host_c_gives_the_bytes_of_the_reference(case: str, target: str) -> None:
    np.testing.assert_array_equal(on_host(target)[case], expected(target)[case])


@pytest.mark.parametrize(
    ("target", "option"),
    [
        ("generic-m4", "-O2"),
        ("generic-m4", "-O0"),
        ("generic-m4", "-Os"),
        ("rp2040", "-O2"),
        ("generic-rv32imc", "-O2"),
        ("generic-m55", "-O2"),
    ],
)
@pytest.mark.parametrize("case", ALL_CASES)
def test_emulated_c_gives_the_bytes_of_the_reference(case: str, target: str, option: str) -> None:
    try:
        found = on_chip(target, option)
    except ToolchainError as error:
        pytest.skip(str(error))
    np.testing.assert_array_equal(found[case], expected(target)[case])


@pytest.mark.parametrize("case", ALL_CASES)
def test_cases_say_something(case: str) -> None:
    values = expected("generic-m4")[case]
    assert values.size < 8 or np.unique(values).size > (1 if "shift" in case else 2)
