"""Addresses: never an overlap, the smallest arena, the same plan every time."""

from __future__ import annotations

import itertools
import random

import pytest
from tests.branching import Builder, random_net, random_scratch

from lilliput.net.graph import Net
from lilliput.net.ops import Add, Concat, Op, ReLU, Requantize
from lilliput.net.tensor import DType
from lilliput.net.verify_plan import verify_plan
from lilliput.passes.order import best_order, peak
from lilliput.passes.pack import Buffer, most_live, pack
from lilliput.passes.place import arena_bytes, place, plan


def _scratch(seed: int):  # type: ignore[no-untyped-def]
    sizes = random_scratch(seed)
    return lambda op, net: sizes.get(op.name, 0)


def _random_buffers(rng: random.Random, count: int, unit: int = 4) -> list[Buffer]:
    found = []
    for _ in range(count):
        first = rng.randrange(10)
        found.append(Buffer(first, first + rng.choice([0, 1, 1, 2, 4]), unit * rng.randint(1, 12)))
    return found


def _tight_buffers(rng: random.Random, width: int, times: int) -> list[Buffer]:
    """Buffers that fill an arena of 4 x `width` bytes at every time, but need not fit into it."""
    live: list[tuple[int, int]] = []
    found = []
    for time in range(times):
        rng.shuffle(live)
        count = rng.randint(1, 2)
        ending, live = live[:count], live[count:]
        found += [Buffer(first, time - 1, size) for first, size in ending]
        space = width - sum(size for _, size in live)
        while space:
            size = rng.randint(1, space)
            live.append((time, size))
            space -= size
    found += [Buffer(first, times - 1, size) for first, size in live]
    return [buffer._replace(size=4 * buffer.size) for buffer in found]


def _overlap_free(buffers: list[Buffer], offsets: tuple[int, ...], height: int) -> bool:
    placed = list(zip(buffers, offsets, strict=True))
    return all(offset >= 0 and offset + buffer.size <= height for buffer, offset in placed) and all(
        one.last < other.first or other.last < one.first or a + one.size <= b or b + other.size <= a
        for (one, a), (other, b) in itertools.combinations(placed, 2)
    )


def _least_height(buffers: list[Buffer]) -> int:
    """Every order of putting each buffer as low as its placed neighbours allow, tops only: small cases."""
    best = sum(buffer.size for buffer in buffers)
    for sequence in itertools.permutations(range(len(buffers))):
        tops: dict[int, int] = {}
        for index in sequence:
            buffer = buffers[index]
            tops[index] = buffer.size + max(
                (
                    tops[other]
                    for other in tops
                    if buffers[other].first <= buffer.last and buffer.first <= buffers[other].last
                ),
                default=0,
            )
            if tops[index] >= best:
                break
        else:
            best = max(tops.values(), default=0)
    return best


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


def test_packing_is_proven_best_where_brute_force_is_possible() -> None:
    rng = random.Random(3)
    for _ in range(100):
        buffers = _random_buffers(rng, 6)
        found = pack(buffers)
        assert _overlap_free(buffers, found.offsets, found.height)
        assert found.height == found.lower_bound == _least_height(buffers)


def test_packing_proves_where_the_largest_live_sum_is_out_of_reach() -> None:
    fragmented = proven = 0
    for seed in range(300):
        buffers = _tight_buffers(random.Random(seed), 8, 10)
        found = pack(buffers)
        assert _overlap_free(buffers, found.offsets, found.height)
        assert found.lower_bound >= most_live(buffers) == 32
        fragmented += found.lower_bound > 32
        proven += found.height == found.lower_bound
    assert fragmented >= 5
    assert proven >= 298


@pytest.mark.slow
def test_packing_agrees_with_a_constraint_solver() -> None:
    from ortools.sat.python import cp_model

    fragmented = 0
    for seed in range(300):
        rng = random.Random(seed)
        buffers = _random_buffers(rng, 24) if seed % 3 == 0 else _tight_buffers(rng, 8, 10)
        found = pack(buffers)
        assert _overlap_free(buffers, found.offsets, found.height)
        model = cp_model.CpModel()
        height = model.new_int_var(most_live(buffers) // 4, found.height // 4, "height")
        times, places = [], []
        for index, (first, last, size) in enumerate(buffers):
            start = model.new_int_var(0, found.height // 4, f"start{index}")
            places.append(model.new_fixed_size_interval_var(start, size // 4, f"place{index}"))
            times.append(model.new_fixed_size_interval_var(first, last - first + 1, f"time{index}"))
            model.add(start + size // 4 <= height)
        model.add_no_overlap_2d(times, places)
        model.minimize(height)
        solver = cp_model.CpSolver()
        solver.parameters.num_workers = 1
        solver.parameters.max_deterministic_time = 20
        assert solver.solve(model) == cp_model.OPTIMAL
        least = 4 * round(solver.objective_value)
        assert found.lower_bound <= least <= found.height
        fragmented += least > most_live(buffers)
    assert fragmented


def test_packing_without_exact_search_states_its_bound() -> None:
    above = 0
    for seed in range(100):
        buffers = _tight_buffers(random.Random(seed), 8, 10)
        quick, full = pack(buffers, node_limit=0), pack(buffers)
        assert _overlap_free(buffers, quick.offsets, quick.height)
        assert quick.lower_bound == most_live(buffers)
        assert quick.lower_bound <= full.height <= quick.height
        above += quick.height > full.height
    assert above


def test_packing_nothing_takes_nothing() -> None:
    assert pack([]) == ((), 0, 0)


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
