"""The order of ops: never more memory than the best of all topological orders."""

from __future__ import annotations

import itertools
import random
from importlib import import_module

import pytest
from tests.branching import Builder, live_bytes, random_net, random_scratch, topological_orders

from lilliput.errors import NetError
from lilliput.net.graph import Net
from lilliput.net.ops import Add, ReLU, Requantize
from lilliput.net.tensor import DType
from lilliput.passes.liveness import Liveness
from lilliput.passes.order import Orders, _Segment, best_order, order, peak
from lilliput.passes.steps import Steps


def _least(net: Net, scratch: dict[str, int], alignment: int) -> int:
    found = None
    for candidate in topological_orders(net):
        most = max(live_bytes(net, candidate, scratch, alignment))
        found = most if found is None else min(found, most)
    assert found is not None
    return found


def _few_orders(net: Net, limit: int = 1500) -> bool:
    return len(list(itertools.islice(topological_orders(net), limit))) < limit


def unequal_branches() -> Net:
    """As in µNAS Figure 1: two branches of different width meet; running the wrong one first costs memory."""
    builder = Builder((8, 8, 1))
    left = builder.conv("input", 4)
    right = builder.conv("input", 16)
    right = builder.conv(right, 1)
    left = builder.conv(left, 1)
    return builder.net(builder.add(Add, left, right))


def many_branches(branches: int, length: int) -> Net:
    """Chains of convolutions of changing width from one input, summed up pair by pair."""
    builder = Builder((8, 8, 4))
    ends = []
    for branch in range(branches):
        name = "input"
        for step in range(length - 1):
            name = builder.conv(name, 1 + (branch * 5 + step * 7) % 13)
        ends.append(builder.conv(name, 2))
    while len(ends) > 1:
        ends = [*ends[2:], builder.add(Add, *ends[:2])]
    return builder.net(*ends)


@pytest.mark.parametrize(("block", "few_nodes"), [*((block, 2000) for block in range(8)), (8, 0)])
def test_agrees_with_brute_force_over_all_orders(
    block: int, few_nodes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_module("lilliput.passes.order"), "_FEW_NODES", few_nodes)
    compared = 0
    for seed in range(block * 60, block * 60 + 60):
        net = random_net(seed, ops=4 + seed % 5, reach=3 + seed % 5)
        if not _few_orders(net):
            continue
        for scratch, alignment in (({}, 1), (random_scratch(seed), 4)):
            found = best_order(net, lambda op, _, s=scratch: s.get(op.name, 0), alignment_bytes=alignment)
            assert found.exact
            assert found.peak_bytes == _least(net, scratch, alignment), seed
            assert found.peak_bytes == max(live_bytes(net, found.ops, scratch, alignment)), seed
        compared += 1
    assert compared > 40


def test_variants_keep_the_peak() -> None:
    orders = set()
    for seed in range(100):
        net = random_net(seed, ops=12, reach=5)
        first = best_order(net)
        for variant in range(1, 4):
            other = best_order(net, variant=variant)
            assert other.peak_bytes == first.peak_bytes == peak(net, other.ops).bytes
            orders.add((seed, tuple(op.name for op in other.ops)))
    assert len(orders) > 150


def test_the_default_order_of_unequal_branches_needs_more_than_the_best() -> None:
    net = unequal_branches()
    default, best = peak(net), best_order(net)
    # Both branches' wide tensors at once: input, 4 channels and 16 channels of 64 bytes.
    assert default.bytes == 64 + 256 + 1024
    assert best.peak_bytes == 1024 + 64 + 64  # wide branch alone, with the input that the other still reads
    assert best.exact
    assert [op.name for op in best.ops][:2] == ["conv2d_1", "conv2d_2"]
    assert peak(order(net)).bytes == best.peak_bytes


def test_a_good_given_order_is_kept() -> None:
    builder = Builder()
    name = "input"
    for channels in (3, 9, 2, 5):
        name = builder.conv(name, channels)
    net = builder.net(name)
    assert best_order(net).ops == net.ops


def test_in_place_ops_take_no_memory_of_their_own() -> None:
    builder = Builder((4, 4, 4))
    net = builder.net(builder.add(ReLU, builder.add(ReLU, "input")))
    assert peak(net).bytes == 64


def test_an_input_that_is_read_later_is_not_overwritten() -> None:
    builder = Builder((4, 4, 4))
    net = builder.net(builder.add(Add, builder.add(ReLU, "input"), "input"))
    assert peak(net).live_bytes == (128, 128)


def test_an_output_is_not_overwritten() -> None:
    builder = Builder((4, 4, 4))
    first = builder.conv("input", 4)
    net = builder.net(first, builder.add(ReLU, first))
    assert peak(net).live_bytes == (128, 128)


def test_in_place_needs_the_same_number_of_bytes() -> None:
    builder = Builder((4, 4, 4), DType.INT16)
    net = builder.net(builder.add(Requantize, "input"))
    assert peak(net).bytes == 128 + 64


def test_scratch_counts_only_while_its_op_runs() -> None:
    builder = Builder((4, 4, 4))
    net = builder.net(builder.conv(builder.conv("input", 4), 4))
    found = peak(net, scratch_bytes=lambda op, _: 9 if op.name == "conv2d_0" else 0)
    assert found.live_bytes == (128 + 12, 128)
    assert found.op == "conv2d_0"


def test_without_the_input_its_int8_form_does_not_count_either() -> None:
    builder = Builder((4, 4, 4), DType.UINT8)
    net = builder.net(builder.conv(builder.add(Requantize, "input"), 2))
    assert best_order(net).peak_bytes == 64 + 32
    assert best_order(net, count_input=False).peak_bytes == 32


def test_without_the_input_what_is_computed_from_it_counts() -> None:
    builder = Builder((4, 4, 4))
    net = builder.net(builder.conv(builder.add(ReLU, "input"), 2))
    assert best_order(net, count_input=False).peak_bytes == 64 + 32


def test_sizes_are_rounded_up_to_the_alignment() -> None:
    builder = Builder((3, 3, 1))
    net = builder.net(builder.conv("input", 1))
    assert best_order(net).peak_bytes == 24
    assert best_order(net, alignment_bytes=1).peak_bytes == 18


def test_a_network_without_ops_needs_its_input() -> None:
    net = Builder((4, 4, 4)).net("input")
    found = best_order(net)
    assert (found.ops, found.peak_bytes, found.exact) == ((), 64, True)


def test_an_op_that_nearly_fills_the_memory_is_no_matter_of_trial() -> None:
    builder = Builder((8, 8, 4))
    ends = []
    for branch in range(7):
        name = "input"
        for channels in (3, 1, 3, 1, 1000 + branch, 8):
            name = builder.conv(name, channels)
        ends.append(name)
    ends.append(builder.conv(builder.conv(builder.conv("input", 1500), 900), 8))
    while len(ends) > 1:
        ends = [*ends[2:], builder.add(Add, *ends[:2])]
    found = best_order(builder.net(*ends), node_limit=5000)
    assert found.exact
    assert found.peak_bytes == 64 * (1500 + 900 + 4)


@pytest.mark.parametrize(("branches", "length"), [(4, 9), (8, 4), (13, 2)])
def test_forty_ops_with_many_branches_are_exact(branches: int, length: int) -> None:
    net = many_branches(branches, length)
    assert len(net.ops) >= 38
    found = best_order(net)
    assert found.exact
    assert found.peak_bytes < peak(net).bytes
    assert found.peak_bytes == peak(net, found.ops).bytes


def test_the_node_limit_falls_back_on_a_good_order_and_says_so() -> None:
    inexact = 0
    for seed in range(40):
        net = random_net(seed, ops=14, reach=8)
        limited, full = best_order(net, node_limit=1), best_order(net)
        assert full.exact
        assert limited.lower_bound_bytes <= full.peak_bytes <= limited.peak_bytes <= peak(net).bytes
        assert limited.peak_bytes == peak(net, limited.ops).bytes
        assert limited.exact == (limited.peak_bytes == limited.lower_bound_bytes)
        inexact += not limited.exact
    assert inexact


def test_hundreds_of_ops_come_back() -> None:
    net = random_net(5, ops=200, reach=12)
    found = best_order(net, node_limit=1000)
    assert found.peak_bytes <= peak(net).bytes
    assert peak(net, found.ops).bytes == found.peak_bytes


def test_an_order_that_cannot_run_is_refused() -> None:
    net = unequal_branches()
    with pytest.raises(NetError, match="before anything wrote it"):
        peak(net, tuple(reversed(net.ops)))
    with pytest.raises(NetError, match="each once"):
        peak(net, net.ops[:-1])


def test_one_search_serves_all_orders_that_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    solved: list[_Segment] = []
    solve = _Segment.solve

    def counted(segment: _Segment, floor: int, node_limit: int) -> None:
        solved.append(segment)
        solve(segment, floor, node_limit)

    monkeypatch.setattr(_Segment, "solve", counted)
    orders = Orders(Liveness(many_branches(4, 3)))
    assert not solved
    found = [orders.best(variant) for variant in range(5)]
    assert len(solved) == 1
    assert len({one.peak_bytes for one in found}) == 1
    assert len({tuple(one.indices) for one in found}) > 1


@pytest.mark.parametrize("seed", range(20))
def test_a_remembered_step_is_the_step(seed: int) -> None:
    liveness = Liveness(random_net(seed, ops=9, reach=5))
    steps, rng = Steps(liveness), random.Random(seed)
    for _ in range(200):
        done = 0
        for index in range(liveness.count):
            if not liveness.before[index] & ~done and rng.random() < 0.6:
                step = steps.step(done, index)
                assert (step.rise_bytes, step.change_bytes) == liveness.step(done, 0, index)
                assert step.enabled == liveness.enabled(index, done | 1 << index)
                run = steps.free_run(done, index)
                if run is not None:
                    most, live, ran = 0, 0, done
                    for other in run.ops:
                        during, live = liveness.step(ran, live, other)
                        most, ran = max(most, during), ran | 1 << other
                    assert (run.rise_bytes, run.change_bytes, run.mask) == (most, live, ran & ~done)
                    assert live <= 0
                done |= 1 << index
