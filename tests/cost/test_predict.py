"""Predicted cost: the arena that the header will state, figures that stay the same on the way to the chip."""

from __future__ import annotations

import json
import random
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from tests.branching import Builder
from tests.branching import random_net as branching_net
from tests.strategies import float_nets, observed_ranges, prepared, without_weights

from lilliput.codegen import generate
from lilliput.cost import cost
from lilliput.errors import NetError
from lilliput.net import DType, Net, Normalization
from lilliput.net.formats import FLOAT32, Formats
from lilliput.net.macs import net_macs
from lilliput.passes import lower, peak, plan_floats_for, plan_for, quantize
from lilliput.passes.lower import access_of, scratch_of, with_groups_hidden
from lilliput.passes.place import arena_bytes
from lilliput.search.chain import ChainSpace
from lilliput.search.cnn import CnnSpace
from lilliput.search.space import Space
from lilliput.search.walk import Walk
from lilliput.targets import board, boards
from lilliput.targets.kernels import constant_bytes

M4 = board("generic-m4")
RAW = Normalization(DType.UINT8, (128.0,), (64.0,))


def _sampled(count: int, seed: int = 0) -> list[Net]:
    space, rng = CnnSpace("log-uniform"), np.random.default_rng(seed)
    nets = [space.to_net(space.sample(rng), (28, 28, 1), 10, "net") for _ in range(count)]
    return [replace(net, normalization=RAW) for net in nets]


@given(float_nets())
def test_a_network_costs_the_same_before_training_and_as_compiled(net: Net) -> None:
    ready = prepared(net)
    planned = plan_for(quantize(ready, observed_ranges(ready, np.random.default_rng(0))), M4.core)
    compiled = cost(planned, M4)
    assert cost(without_weights(net), M4) == cost(net, M4) == compiled


@given(float_nets())
def test_a_network_that_computes_with_floats_has_a_cost(net: Net) -> None:
    planned = plan_floats_for(prepared(net), M4.core)
    assert planned.plan is not None
    weights = sum(tensor.elements for tensor in planned.tensors.values() if tensor.constant)
    found = cost(planned, M4)
    assert found.arena_bytes == planned.plan.arena_bytes
    assert found.weights_bytes >= 4 * weights


@given(float_nets())
def test_the_arena_is_the_one_in_the_generated_header(net: Net) -> None:
    ready = prepared(net)
    planned = plan_for(quantize(ready, observed_ranges(ready, np.random.default_rng(0))), M4.core)
    header = generate(planned, M4)[f"{net.name}.h"]
    stated = re.search(r"_ARENA_BYTES (\d+)", header)
    assert stated
    assert int(stated[1]) == cost(without_weights(net), M4).arena_bytes


@pytest.mark.parametrize("target", boards(), ids=lambda target: target.name)
def test_every_board_has_a_cost(target) -> None:  # type: ignore[no-untyped-def]
    for net in _sampled(4):
        found = cost(net, target)
        assert 0 < found.arena_without_input_bytes <= found.arena_bytes
        assert 0 < found.lower_bound_bytes <= found.arena_bytes
        assert found.flash_bytes == found.weights_bytes + found.code_bytes
        assert found.cycles is None or found.cycles > found.macs // 4
        assert found.code_bytes > 0


def test_the_arena_holds_what_is_live_at_the_peak() -> None:
    for net in _sampled(30):
        planned, found = lower(net, None, M4.core), cost(net, M4)
        live = peak(
            with_groups_hidden(planned, M4.core),
            scratch_bytes=scratch_of(M4.core),
            access=access_of(M4.core),
        )
        assert found.arena_bytes >= live.bytes
        assert found.order == tuple(op.name for op in planned.ops)
        assert found.macs == net_macs(net) == net_macs(planned)
        assert found.weights_bytes == sum(constant_bytes(op, planned, M4.core) for op in planned.ops)


def test_searched_networks_are_placed_at_their_peak() -> None:
    assert all(
        found.arena_bytes == found.lower_bound_bytes for found in (cost(net, M4) for net in _sampled(60))
    )


def test_the_arena_without_input_does_not_depend_on_how_ops_are_listed() -> None:
    for seed in range(60):
        net = branching_net(seed, 14, 6)
        shuffled = replace(net, ops=_another_order(net, seed))
        assert arena_bytes(net, count_input=False) == arena_bytes(shuffled, count_input=False)


def _another_order(net: Net, seed: int):  # type: ignore[no-untyped-def]
    rng, left, written, order = random.Random(seed), list(net.ops), {*net.inputs}, []
    while left:
        ready = [op for op in left if all(net.tensors[n].constant or n in written for n in op.inputs)]
        op = rng.choice(ready)
        left.remove(op)
        order.append(op)
        written |= {*op.outputs}
    return tuple(order)


def test_a_plan_is_taken_as_it_is() -> None:
    net = lower(_sampled(1)[0], None, M4.core)
    assert net.plan
    roomy = replace(net, plan=replace(net.plan, arena_bytes=net.plan.arena_bytes + 400))
    assert cost(roomy, M4).arena_bytes == cost(net, M4).arena_bytes + 400


def test_a_network_that_breaks_a_rule_has_no_cost() -> None:
    builder = Builder()
    net = builder.net(builder.conv("input", 4))
    with pytest.raises(NetError):
        cost(replace(net, outputs=("nothing",)), M4)


def test_cost_is_json() -> None:
    found = cost(_sampled(1)[0], M4)
    assert json.loads(json.dumps(found.__dict__))["arena_bytes"] == found.arena_bytes


@pytest.mark.parametrize(
    "space", [ChainSpace((2, 8), (2, 8)), CnnSpace("log-uniform", "shallow", (2, 8), (2, 8))]
)
def test_a_candidate_of_any_bits_costs_what_it_will_when_it_is_trained(space: Space[Any]) -> None:
    for seed in range(8):
        rng = np.random.default_rng(seed)
        architecture = space.sample(rng)
        net, formats = space.to_net(architecture, (28, 28, 1), 10, "net"), space.formats(architecture)
        assert formats.ops
        constants = {
            tensor.name: replace(tensor, data=np.abs(rng.normal(0, 0.3, tensor.shape)).astype(np.float32))
            for tensor in net.tensors.values()
            if tensor.constant
        }
        ready = prepared(replace(net, tensors={**net.tensors, **constants}))
        trained = plan_for(quantize(ready, observed_ranges(ready, rng), formats), M4.core)
        before, after = cost(net, M4, formats), cost(trained, M4)
        # How long sums of few bits may grow follows from the weights.
        assert (before.cycles, before.cycles_with_flash) == pytest.approx(
            (after.cycles, after.cycles_with_flash), rel=0.1
        )
        assert before == replace(after, cycles=before.cycles, cycles_with_flash=before.cycles_with_flash)
        header = generate(trained, M4)["net.h"]
        assert f"_ARENA_BYTES {cost(net, M4, formats).arena_bytes}" in header


def test_a_candidate_of_floats_costs_what_it_will_when_it_is_trained() -> None:
    (net,) = _sampled(1)
    found = cost(net, M4, Formats(FLOAT32))
    assert found.weights_bytes > 3 * cost(net, M4).weights_bytes
    rng = np.random.default_rng(0)
    constants = {
        tensor.name: replace(tensor, data=np.abs(rng.normal(0, 0.3, tensor.shape)).astype(np.float32))
        for tensor in net.tensors.values()
        if tensor.constant
    }
    trained = plan_floats_for(prepared(replace(net, tensors={**net.tensors, **constants})), M4.core)
    assert found == cost(trained, M4)
    assert trained.plan
    assert (
        found.arena_bytes
        == trained.plan.arena_bytes
        > 4 * max(tensor.elements for tensor in trained.tensors.values() if not tensor.constant)
    )


def test_a_depthwise_convolution_of_floats_has_a_cost() -> None:
    walk = Walk((8, 8, 4), 10)
    name = walk.relu("relu", walk.convolution("depthwise", "input", None, (3, 3), bias=True))
    net = walk.classifier(name, [], 10, "net")
    assert cost(net, M4, Formats(FLOAT32)).weights_bytes >= 4 * (3 * 3 * 4 + 4)
