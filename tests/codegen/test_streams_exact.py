"""Layers that take turns row by row give the reference's bytes, on the host and on emulated cores."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from tests.codegen.host_program import random_input
from tests.codegen.many_networks import Arrays, run_on_chip, run_on_host
from tests.codegen.random_chains import random_chain
from tests.forced_streams import planned_in_streams

from lilliput.errors import ToolchainError
from lilliput.net import Net
from lilliput.net.reference import run
from lilliput.net.verify_plan import verify_plan
from lilliput.passes import access_of, scratch_of
from lilliput.targets import board

NETWORKS = 60
TARGETS = ("generic-m4", "rp2040")


@cache
def nets_for(target: str) -> dict[str, Net]:
    core = board(target).core
    scratch, access = scratch_of(core), access_of(core)
    found = {}
    for seed in range(NETWORKS):
        net = planned_in_streams(random_chain(seed, 3 + seed % 5, name=f"net{seed}"), seed, scratch, access)
        verify_plan(net, scratch, access)
        found[net.name] = net
    return found


@cache
def inputs_for(target: str) -> Arrays:
    return {name: random_input(net, 3) for name, net in nets_for(target).items()}


def _differing(found: Arrays, target: str) -> list[str]:
    nets, inputs = nets_for(target), inputs_for(target)
    return [name for name, net in nets.items() if not np.array_equal(found[name], run(net, inputs[name]))]


@pytest.mark.parametrize("target", TARGETS)
def test_host_c_gives_the_bytes_of_the_reference(target: str) -> None:
    assert not _differing(run_on_host(nets_for(target), board(target), inputs_for(target)), target)


@pytest.mark.parametrize(
    ("target", "option"),
    [("generic-m4", "-O2"), ("generic-m4", "-Os"), ("rp2040", "-O2"), ("generic-m55", "-O2")],
)
def test_emulated_c_gives_the_bytes_of_the_reference(target: str, option: str) -> None:
    try:
        found = run_on_chip(nets_for(target), board(target), inputs_for(target), option)
    except ToolchainError as error:
        pytest.skip(str(error))
    assert not _differing(found, target)


def test_there_are_many_streams() -> None:
    plans = [net.plan for net in nets_for("generic-m4").values() if net.plan]
    assert sum(len(plan.streams) for plan in plans) > NETWORKS // 2
    assert max(len(stream.ops) for plan in plans for stream in plan.streams) > 3
