"""Packing: never an overlap that is not allowed, proven best where a proof is claimed."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from typing import Any

import pytest

from lilliput.passes.blocks import Buffer, Pair, Problem
from lilliput.passes.pack import pack


def random_buffers(rng: random.Random, count: int, unit: int = 4) -> list[Buffer]:
    found = []
    for _ in range(count):
        first = rng.randrange(10)
        found.append(Buffer(first, first + rng.choice([0, 1, 1, 2, 4]), unit * rng.randint(1, 12)))
    return found


def tight_buffers(rng: random.Random, width: int, times: int) -> list[Buffer]:
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


Parts = tuple[list[Buffer], list[int], dict[tuple[int, int], Pair]]
"""What a problem is made of: buffers, the block of each, and pairs."""


def overlapping(rng: random.Random, count: int) -> Parts:
    """Buffers some of which share a block, and some of which may lie over one that ends when they begin."""
    buffers = random_buffers(rng, count)
    pairs: dict[tuple[int, int], Pair] = {}
    block_of = list(range(count))
    taken: set[int] = set()
    for other in range(count):
        ending = [i for i in range(count) if buffers[i].first < buffers[other].first == buffers[i].last]
        ending = [i for i in ending if i not in taken]
        if not ending or rng.random() < 0.3:
            continue
        one = rng.choice(ending)
        taken.add(one)
        if rng.random() < 0.3:
            block_of[other] = block_of[one]
        elif rng.random() < 0.3:
            pairs[one, other] = Pair(buffers[one].size, buffers[other].size, same=True)
        else:
            lead, lag = rng.choice([0, 4, 8, 20]), rng.choice([0, 8, buffers[one].size, buffers[one].size])
            pairs[one, other] = Pair(min(lag, buffers[one].size), min(lead, buffers[other].size))
    return buffers, _numbered(block_of), pairs


def _numbered(block_of: list[int]) -> list[int]:
    numbers = {block: number for number, block in enumerate(dict.fromkeys(block_of))}
    return [numbers[block] for block in block_of]


def decided(parts: Parts) -> Iterator[Problem]:
    """The problem with every choice of which pairs begin at the same offset."""
    buffers, block_of, pairs = parts
    alike = [key for key, pair in pairs.items() if pair.same]
    for chosen in itertools.product((False, True), repeat=len(alike)):
        joined = list(block_of)
        for (one, other), is_same in zip(alike, chosen, strict=True):
            if is_same:
                joined = [joined[one] if block == joined[other] else block for block in joined]
        rest = {key: pair._replace(same=False) for key, pair in pairs.items() if not pair.same}
        yield Problem(buffers, _numbered(joined), rest)


def is_right(problem: Problem, offsets: tuple[int, ...], height: int) -> bool:
    inside = all(0 <= offset <= height - size for offset, size in zip(offsets, problem.sizes, strict=True))
    return inside and all(
        offsets[other] - offsets[block] >= distance
        or offsets[block] - offsets[other] >= problem.apart[other][block]
        or (offsets[block] == offsets[other] and other in problem.same[block])
        for block, above in enumerate(problem.apart)
        for other, distance in above.items()
    )


def least_height(problem: Problem) -> int:
    """Every order of putting each block as low as those below it allow: small cases."""
    best = sum(problem.sizes)
    for sequence in itertools.permutations(range(len(problem.sizes))):
        offsets: dict[int, int] = {}
        for index in sequence:
            below = [
                offset + problem.apart[other][index]
                for other, offset in offsets.items()
                if index in problem.apart[other]
            ]
            offsets[index] = max(below, default=0)
            if offsets[index] + problem.sizes[index] >= best:
                break
        else:
            best = max(offset + problem.sizes[index] for index, offset in offsets.items())
    return best


def most_live(buffers: list[Buffer]) -> int:
    return max(sum(b.size for b in buffers if b.first <= time <= b.last) for time in range(20))


def test_packing_is_proven_best_where_brute_force_is_possible() -> None:
    rng = random.Random(3)
    for _ in range(100):
        buffers = random_buffers(rng, 6)
        problem = Problem(buffers)
        found = pack(problem)
        assert problem.lower_bound == most_live(buffers)
        assert is_right(problem, found.offsets, found.height)
        assert found.height == found.lower_bound == least_height(problem)


def test_packing_with_overlaps_is_proven_best_where_brute_force_is_possible() -> None:
    rng = random.Random(5)
    smaller = 0
    for _ in range(200):
        parts = overlapping(rng, 6)
        problem = Problem(*parts)
        found = pack(problem)
        assert is_right(problem, found.offsets, found.height)
        assert found.height == found.lower_bound == min(least_height(choice) for choice in decided(parts))
        smaller += found.height < pack(Problem(parts[0])).height
    assert smaller > 50


def test_packing_proves_where_the_largest_live_sum_is_out_of_reach() -> None:
    fragmented = proven = 0
    for seed in range(300):
        problem = Problem(tight_buffers(random.Random(seed), 8, 10))
        found = pack(problem)
        assert is_right(problem, found.offsets, found.height)
        assert found.lower_bound >= problem.lower_bound == 32
        fragmented += found.lower_bound > 32
        proven += found.height == found.lower_bound
    assert fragmented >= 5
    assert proven >= 298


def solved(problem: Problem, highest: int) -> int:
    """The least height, by a constraint solver; distances are multiples of 4."""
    from ortools.sat.python import cp_model

    model = cp_model.CpModel()
    height = model.new_int_var(0, highest // 4, "height")
    starts = [model.new_int_var(0, highest // 4, f"start{i}") for i in range(len(problem.sizes))]
    for start, size in zip(starts, problem.sizes, strict=True):
        model.add(start + size // 4 <= height)
    plain = not any(problem.paired) and all(len(parts) == 1 for parts in problem.parts)
    if plain:
        model.add_no_overlap_2d(*_rectangles(model, problem, starts))
    for one, above in enumerate(problem.apart):
        for other, distance in above.items():
            if one < other and not plain:
                lies_below = model.new_bool_var(f"below{one}_{other}")
                model.add(starts[other] - starts[one] >= distance // 4).only_enforce_if(lies_below)
                back = problem.apart[other][one] // 4
                lies_above = lies_below.negated()
                if other in problem.same[one]:
                    lies_above = model.new_bool_var(f"above{one}_{other}")
                    is_same = model.new_bool_var(f"same{one}_{other}")
                    model.add(starts[one] == starts[other]).only_enforce_if(is_same)
                    model.add_bool_or(lies_below, lies_above, is_same)
                model.add(starts[one] - starts[other] >= back).only_enforce_if(lies_above)
    model.minimize(height)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.max_deterministic_time = 20
    assert solver.solve(model) == cp_model.OPTIMAL
    return 4 * round(solver.objective_value)


def _rectangles(model: Any, problem: Problem, starts: list[Any]) -> tuple[list[Any], list[Any]]:
    times, places = [], []
    for index, (((first, last, size),), start) in enumerate(zip(problem.parts, starts, strict=True)):
        places.append(model.new_fixed_size_interval_var(start, size // 4, f"place{index}"))
        times.append(model.new_fixed_size_interval_var(first, last - first + 1, f"time{index}"))
    return times, places


@pytest.mark.slow
def test_packing_agrees_with_a_constraint_solver() -> None:
    fragmented = 0
    for seed in range(300):
        rng = random.Random(seed)
        match seed % 3:
            case 0:
                problem = Problem(random_buffers(rng, 24))
            case 1:
                problem = Problem(tight_buffers(rng, 8, 10))
            case _:
                problem = Problem(*overlapping(rng, 12))
        found = pack(problem)
        assert is_right(problem, found.offsets, found.height)
        least = solved(problem, found.height)
        assert found.lower_bound <= least <= found.height
        fragmented += least > problem.lower_bound
    assert fragmented


def test_packing_without_exact_search_states_its_bound() -> None:
    above = 0
    for seed in range(100):
        problem = Problem(tight_buffers(random.Random(seed), 8, 10))
        quick, full = pack(problem, node_limit=0), pack(problem)
        assert is_right(problem, quick.offsets, quick.height)
        assert quick.lower_bound == problem.lower_bound
        assert quick.lower_bound <= full.height <= quick.height
        above += quick.height > full.height
    assert above


def test_packing_nothing_takes_nothing() -> None:
    assert pack(Problem([])) == ((), 0, 0)


def test_an_output_lies_a_few_bytes_before_its_input() -> None:
    problem = Problem([Buffer(0, 1, 100), Buffer(1, 2, 100)], pairs={(0, 1): Pair(100, 12)})
    assert pack(problem) == ((12, 0), 112, 112)


def test_what_may_lie_anywhere_takes_the_larger_size() -> None:
    problem = Problem([Buffer(0, 1, 40), Buffer(1, 2, 100)], pairs={(0, 1): Pair(0, 0)})
    assert pack(problem).height == 100


def test_a_buffer_takes_the_place_of_another_only_where_that_helps() -> None:
    pairs = {(0, 1): Pair(100, 100, same=True)}
    problem = Problem([Buffer(0, 1, 100), Buffer(1, 2, 100)], pairs=pairs)
    assert pack(problem) == ((0, 0), 100, 100)


def test_buffers_of_a_block_take_each_others_place() -> None:
    problem = Problem([Buffer(0, 1, 100), Buffer(1, 3, 40), Buffer(2, 3, 60)], [0, 0, 1])
    assert pack(problem) == ((0, 40), 100, 100)
