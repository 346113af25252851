"""Every kernel gives the reference's bytes when its output lies over its input as far as it promises."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from tests.codegen.host_program import random_input
from tests.codegen.many_networks import Arrays, run_on_chip, run_on_host
from tests.codegen.tflm_cases import ALL_CASES

from lilliput.errors import ToolchainError
from lilliput.net import Net
from lilliput.net.reference import run
from lilliput.passes import plan_for
from lilliput.targets import board

ROWS = 3
TARGETS = ("generic-m4", "rp2040", "generic-m55")


@cache
def nets_for(target: str) -> dict[str, Net]:
    """The cases in the smallest arenas: one op, whose output follows its input at the least distance."""
    core = board(target).core
    return {
        case: plan_for(replace(make(core.name, f"net{index:03d}"), plan=None), core)
        for index, (case, make) in enumerate(ALL_CASES.items())
    }


@cache
def inputs_for(target: str) -> Arrays:
    return {case: random_input(net, ROWS) for case, net in nets_for(target).items()}


def _differing(found: Arrays, target: str) -> list[str]:
    nets, inputs = nets_for(target), inputs_for(target)
    return [case for case, net in nets.items() if not np.array_equal(found[case], run(net, inputs[case]))]


@pytest.mark.parametrize("target", TARGETS)
def test_host_c_gives_the_bytes_of_the_reference(target: str) -> None:
    found = run_on_host(nets_for(target), board(target), inputs_for(target))
    assert not _differing(found, target)


@pytest.mark.parametrize("target", TARGETS)
def test_emulated_c_gives_the_bytes_of_the_reference(target: str) -> None:
    try:
        found = run_on_chip(nets_for(target), board(target), inputs_for(target))
    except ToolchainError as error:
        pytest.skip(str(error))
    assert not _differing(found, target)


@pytest.mark.parametrize("target", TARGETS)
def test_most_cases_overlap(target: str) -> None:
    nets = nets_for(target).values()
    assert sum(_overlaps(net) for net in nets) > len(nets) // 2


def _overlaps(net: Net) -> bool:
    assert net.plan
    places = {
        name: range(at, at + net.tensors[name].storage_bytes) for name, at in net.plan.addresses.items()
    }
    one, other = places[net.inputs[0]], places[net.outputs[0]]
    return max(one.start, other.start) < min(one.stop, other.stop)
