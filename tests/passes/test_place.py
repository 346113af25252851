"""Addresses: never an overlap, the smallest arena, the same plan every time."""

from __future__ import annotations

import pytest
from tests.branching import Builder, random_images, random_net, random_scratch
from tests.playback import survives

from lilliput.net.access import Access
from lilliput.net.graph import Net
from lilliput.net.ops import Add, Concat, Op, Padding, ReLU, Requantize
from lilliput.net.tensor import DType
from lilliput.net.verify_plan import verify_plan
from lilliput.passes.lower import access_of, scratch_of
from lilliput.passes.order import best_order, peak
from lilliput.passes.place import arena_bytes, place, plan
from lilliput.targets.cores import CORES, Core


def _scratch(seed: int):  # type: ignore[no-untyped-def]
    sizes = random_scratch(seed)
    return lambda op, net: sizes.get(op.name, 0)


def _check_plan(net: Net, seed: int) -> tuple[int, int]:
    scratch = _scratch(seed)
    found = plan(net, scratch)
    verify_plan(found, scratch)
    assert found.plan
    assert peak(found, scratch_bytes=scratch).bytes <= found.plan.lower_bound_bytes <= found.plan.arena_bytes
    return found.plan.arena_bytes, best_order(net, scratch).peak_bytes


def test_two_hundred_random_networks_are_placed_and_verified() -> None:
    above = 0
    for seed in range(200):
        arena, peak_bytes = _check_plan(random_net(seed, ops=4 + seed % 17, reach=3 + seed % 7), seed)
        assert arena >= peak_bytes
        above += arena > peak_bytes
    assert above <= 2


@pytest.mark.slow
def test_two_thousand_random_networks_are_placed_and_verified() -> None:
    above = 0
    for seed in range(1000, 3000):
        arena, peak_bytes = _check_plan(random_net(seed, ops=4 + seed % 37, reach=3 + seed % 9), seed)
        above += arena > peak_bytes
    assert above <= 40


def _check_overlaps(seed: int, ops: int, core: Core) -> tuple[int, int]:
    """Plans a network for the kernels of a core, checks the plan, and returns its arena and the bound."""
    net = random_images(seed, ops)
    scratch, access = scratch_of(core), access_of(core)
    found = plan(net, scratch, access)
    verify_plan(found, scratch, access)
    assert found.plan
    assert found.plan.arena_bytes <= place(found, scratch).plan.arena_bytes  # type: ignore[union-attr]
    if len(net.ops) <= 6:
        assert survives(found, access)
    return found.plan.arena_bytes, found.plan.lower_bound_bytes


def test_two_hundred_random_networks_overlap_and_are_verified() -> None:
    found = [_check_overlaps(seed, 3 + seed % 14, CORES[2 * (seed % 2)]) for seed in range(200)]
    assert sum(arena > bound for arena, bound in found) <= 2


@pytest.mark.slow
def test_two_thousand_random_networks_overlap_and_are_verified() -> None:
    found = [_check_overlaps(seed, 3 + seed % 30, CORES[2 * (seed % 2)]) for seed in range(1000, 3000)]
    assert sum(arena > bound for arena, bound in found) <= 20


def test_an_output_follows_its_input() -> None:
    builder = Builder((8, 8, 8))
    net = builder.net(builder.conv("input", 8, (3, 3), padding=Padding(1, 1, 1, 1)))
    found = plan(net, access=lambda op, net: Access.PIXELS).plan
    assert found
    assert dict(found.addresses) == {"input": 9 * 8, "t0": 0}
    assert found.arena_bytes == found.lower_bound_bytes == 8 * 8 * 8 + 9 * 8


def test_a_chain_takes_its_largest_pair() -> None:
    builder = Builder((4, 4, 4))
    name = "input"
    for channels in (9, 3, 12, 1, 7, 8, 2, 11, 5):
        name = builder.conv(name, channels)
    found = place(builder.net(name)).plan
    assert found
    assert found.arena_bytes == found.lower_bound_bytes == 16 * (11 + 5)


def test_in_place_ops_share_an_address() -> None:
    builder = Builder((4, 4, 4))
    net = builder.net(builder.add(ReLU, builder.add(Requantize, "input")))
    found = place(net).plan
    assert found
    assert set(found.addresses.values()) == {0}
    assert found.arena_bytes == 64


def test_sizes_need_not_be_multiples_of_four() -> None:
    builder = Builder((3, 3, 3))
    net = builder.net(builder.conv(builder.conv("input", 1), 5))
    found = place(net)
    verify_plan(found)
    assert found.plan
    assert found.plan.arena_bytes == 12 + 48
    assert found.plan.arena_bytes % 4 == 0


def test_scratch_memory_gets_a_place_of_its_own() -> None:
    builder = Builder((4, 4, 4))
    net = builder.net(builder.conv(builder.conv("input", 4), 1))

    def scratch(op: Op, _: Net) -> int:
        return 33 if op.name == "conv2d_1" else 0

    found = place(net, scratch)
    verify_plan(found, scratch)
    assert found.plan
    assert found.plan.scratch["conv2d_1"][1] == 33
    assert list(found.plan.scratch) == ["conv2d_1"]
    assert found.plan.arena_bytes == 128


def test_outputs_stay_to_the_end() -> None:
    builder = Builder((4, 4, 4))
    early = builder.conv("input", 1)
    net = builder.net(early, builder.conv(builder.conv("input", 4), 4))
    found = plan(net)
    verify_plan(found)
    assert found.plan
    assert found.plan.arena_bytes == 16 + 128


def test_plan_chooses_the_order_of_the_smallest_peak() -> None:
    builder = Builder((8, 8, 1))
    left, right = builder.conv("input", 4), builder.conv("input", 16)
    net = builder.net(builder.add(Add, builder.conv(left, 1), builder.conv(right, 1)))
    found, as_given = plan(net).plan, place(net).plan
    assert found
    assert as_given
    assert found.arena_bytes == best_order(net).peak_bytes < as_given.arena_bytes


def test_without_the_input_the_arena_holds_the_rest() -> None:
    builder = Builder((8, 8, 3), DType.UINT8)
    net = builder.net(builder.conv(builder.conv(builder.add(Requantize, "input"), 2), 2))
    assert arena_bytes(net) == 64 * 5
    assert arena_bytes(net, count_input=False) == 64 * 4


def test_without_the_input_the_arena_is_never_larger() -> None:
    for seed in range(60):
        net = random_net(seed, 12, 5)
        assert arena_bytes(net, _scratch(seed), count_input=False) <= arena_bytes(net, _scratch(seed)), seed


def test_plans_are_repeatable() -> None:
    for seed in range(20):
        net = random_net(seed, 25, 8)
        one, other = plan(net, _scratch(seed)), plan(net, _scratch(seed))
        assert one.ops == other.ops
        assert one.plan == other.plan


def test_an_input_that_nobody_reads_has_a_place() -> None:
    builder = Builder((4, 4, 4))
    net = builder.net(builder.conv("input", 4))
    builder.tensors["unused"] = builder.tensors["input"].__class__("unused", (50,), DType.INT8)
    net = Net("two", net.ops, builder.tensors, ("input", "unused"), net.outputs)
    found = plan(net)
    verify_plan(found)
    assert found.plan
    assert found.plan.arena_bytes == 128


def test_a_network_without_ops_holds_its_input() -> None:
    found = plan(Builder((4, 4, 4)).net("input"))
    verify_plan(found)
    assert found.plan
    assert (found.plan.arena_bytes, dict(found.plan.addresses)) == (64, {"input": 0})


def test_large_networks_are_placed_without_exhausting_the_stack() -> None:
    net = random_net(11, 400, 4)
    found = place(net)
    verify_plan(found)


def test_concatenation_of_many_inputs_is_placed_at_its_peak() -> None:
    builder = Builder((4, 4, 2))
    joined = builder.add(Concat, *[builder.conv("input", channels) for channels in range(1, 9)])
    found = plan(builder.net(joined)).plan
    assert found
    assert found.arena_bytes == 16 * 36 * 2


@pytest.mark.parametrize("seed", range(30))
def test_an_arena_that_will_do_changes_nothing_but_the_effort(seed: int) -> None:
    net, scratch = random_net(seed, ops=4 + seed % 8), _scratch(seed)
    least = arena_bytes(net, scratch, count_input=False)
    for most_bytes in (least - 4, least, least + 4, 2 * least):
        found = arena_bytes(net, scratch, count_input=False, most_bytes=most_bytes)
        assert found == min(least, most_bytes)
