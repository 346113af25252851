"""No plan is ever wrong: random graphs through the checker, then as C with sanitizers in a poisoned arena.

Every row of input comes twice, with another poison in the arena each time: whatever a layer reads that
nobody wrote, or that was overwritten too early, makes outputs differ from the reference.
"""

from __future__ import annotations

import importlib
import os
from dataclasses import replace

import numpy as np
import pytest
from tests.codegen.host_program import random_input
from tests.codegen.many_networks import run_on_host
from tests.codegen.random_chains import random_chain
from tests.forced_streams import planned_in_streams
from tests.strategies import random_net

from lilliput.errors import NetError
from lilliput.net import Net, Optimize
from lilliput.net.reference import run
from lilliput.net.rows import row_bytes
from lilliput.net.verify_plan import verify_plan
from lilliput.passes import access_of, plan_for, scratch_of
from lilliput.targets import Core, board

GRAPHS = int(os.environ.get("LILLIPUT_PLANNED_GRAPHS", "2000"))
GRAPHS_OF_A_BUILD = 100
TARGETS = ("generic-m4", "rp2040")
WAYS = tuple(Optimize)
BATCHES = GRAPHS // GRAPHS_OF_A_BUILD
FIRST_BATCHES = BATCHES // 10
"""Those that `make test` runs, too."""


def planned(seed: int, core: Core) -> Net:
    """A random graph with a plan: branches, chains in streams that help or do not, or in patches."""
    rng, name = np.random.default_rng(seed), f"net{seed}"
    kind = seed % 4
    if kind == 0:
        graph = replace(random_net(rng), name=name)
        return plan_for(replace(graph, optimize=WAYS[seed // 4 % 3]), core)
    chain = replace(random_chain(seed, 3 + seed % 6, side=int(rng.integers(4, 16)), name=name), plan=None)
    if kind == 1:
        return planned_in_streams(chain, seed, scratch_of(core), access_of(core))
    chain = replace(chain, optimize=WAYS[seed // 4 % 3])
    if kind == 2:
        try:
            return plan_for(replace(chain, patches=int(rng.integers(1, 5))), core)
        except NetError:  # it does not begin with a chain
            pass
    return plan_for(replace(chain, optimize=Optimize.RAM), core)


@pytest.mark.parametrize(
    "batch",
    [pytest.param(n, marks=[] if n < FIRST_BATCHES else [pytest.mark.slow]) for n in range(BATCHES)],
)
def test_no_plan_is_wrong(batch: int) -> None:
    target = board(TARGETS[batch % len(TARGETS)])
    core = target.core
    first = batch * GRAPHS_OF_A_BUILD
    nets = {net.name: net for net in (planned(first + n, core) for n in range(GRAPHS_OF_A_BUILD))}
    for net in nets.values():
        verify_plan(net, scratch_of(core), access_of(core))
    rows = {name: random_input(net, 3, batch)[1:] for name, net in nets.items()}
    found = run_on_host(nets, target, {name: np.concatenate([x, x]) for name, x in rows.items()})
    for name, net in nets.items():
        expected = run(net, rows[name])
        for poisoned in np.split(found[name], 2):
            assert np.array_equal(poisoned, expected), f"{name}: {net.plan}"


def test_there_are_streams_patches_and_overlaps_among_them() -> None:
    core = board(TARGETS[0]).core
    plans = [net.plan for net in (planned(seed, core) for seed in range(GRAPHS_OF_A_BUILD)) if net.plan]
    assert sum(len(plan.streams) for plan in plans) > GRAPHS_OF_A_BUILD // 4
    assert sum(plan.patches is not None for plan in plans) > GRAPHS_OF_A_BUILD // 10
    assert sum(_overlaps(planned(seed, core)) for seed in range(30)) > 10


def test_a_wrong_plan_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tensors that are moved so that the checker, which is cautious, refuses: many outputs change."""
    monkeypatch.setattr(importlib.import_module("lilliput.codegen.generate"), "check", lambda *args: None)
    target, moved = board(TARGETS[0]), {}
    for seed in range(60):
        net = planned(seed, target.core)
        wrong = _refused(net, target.core)
        if wrong is not None:
            moved[net.name] = wrong
    rows = {name: random_input(net, 3)[1:] for name, net in moved.items()}
    found = run_on_host(moved, target, rows)
    differ = [name for name, net in moved.items() if not np.array_equal(found[name], run(net, rows[name]))]
    assert len(moved) > 20
    assert len(differ) > len(moved) // 3


def _refused(net: Net, core: Core) -> Net | None:
    """The network with one tensor elsewhere in the arena, where the checker says that it must not lie."""
    assert net.plan
    heights = {name: rows for stream in net.plan.streams for name, rows in stream.heights.items()}
    for name in (op.outputs[0] for op in net.ops):
        size = heights[name] * row_bytes(net, name) if name in heights else net.tensors[name].storage_bytes
        for start in range(0, net.plan.arena_bytes - size + 1, 16):
            plan = replace(net.plan, addresses={**net.plan.addresses, name: start})
            try:
                verify_plan(replace(net, plan=plan), scratch_of(core), access_of(core))
            except NetError:
                return replace(net, plan=plan)
    return None


def _overlaps(net: Net) -> bool:
    """Whether an output lies over an input of its own op."""
    assert net.plan
    places = {
        name: range(at, at + net.tensors[name].storage_bytes) for name, at in net.plan.addresses.items()
    }
    return any(
        max(places[name].start, places[op.outputs[0]].start)
        < min(places[name].stop, places[op.outputs[0]].stop)
        for op in net.ops
        for name in op.inputs
        if name in places
    )
