"""The space `cnn` is Table 1 of µNAS: every option and bound is reached, and nothing beyond."""

from __future__ import annotations

import json
from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lilliput.search.cnn import CnnSpace
from lilliput.search.cnn_architecture import KERNELS, Block, CnnArchitecture, ConvLayer
from lilliput.search.cnn_morphisms import MORPHISMS, moves
from lilliput.search.cnn_sample import PRIORS, Sampler

SPACE = CnnSpace()
seeds = st.integers(0, 2**63 - 1)


def options(architectures: Iterable[CnnArchitecture]) -> dict[str, set[object]]:
    """Every value that each degree of freedom takes in `architectures`."""
    found: dict[str, set[object]] = {
        name: set()
        for name in [
            "N",
            "connection",
            "M",
            "pre_pool",
            "type",
            "K",
            "C",
            "S",
            "bn",
            "relu",
            "pool",
            "P",
            "F",
            "U",
        ]
    }
    for architecture in architectures:
        found["N"].add(len(architecture.blocks))
        found["pool"].add(architecture.pool_kind)
        found["P"].add(architecture.pool_size)
        found["F"].add(len(architecture.units))
        found["U"].update(architecture.units)
        for block in architecture.blocks:
            found["connection"].add(block.parallel)
            found["M"].add(len(block.layers))
            for layer in block.layers:
                found["pre_pool"].add(layer.pre_pool)
                found["type"].add(layer.depthwise)
                found["K"].add(layer.kernel)
                found["C"].add(layer.channels)
                found["S"].add(layer.stride)
                found["bn"].add(layer.batch_norm)
                found["relu"].add(layer.relu)
    return found


TABLE = {
    "N": set(range(1, 11)),
    "connection": {False, True},
    "M": {1, 2, 3},
    "pre_pool": {False, True},
    "type": {False, True},
    "K": {1, 3, 5, 7},
    "C": {None, *range(1, 129)},
    "S": {1, 2},
    "bn": {False, True},
    "relu": {False, True},
    "pool": {"avg", "max"},
    "P": {2, 4, 6},
    "F": {1, 2, 3},
    "U": set(range(10, 257)),
}


@pytest.mark.parametrize("counts", ["uniform", "log-uniform"])
def test_sampling_reaches_every_option_of_the_table_and_no_other(counts: str) -> None:
    space = CnnSpace(counts)  # type: ignore[arg-type]
    rng = np.random.default_rng(0)
    found = options(space.sample(rng) for _ in range(4000))
    assert found == TABLE


def test_morphisms_alone_reach_every_option_of_the_table_and_no_other() -> None:
    layer = ConvLayer(False, 3, 64, 1, False, False, True)
    start = CnnArchitecture((Block(False, (layer,)),), "avg", 4, (100,))
    rng = np.random.default_rng(1)
    seen = [start]
    for _ in range(9_000):
        seen.append(SPACE.mutate(seen[-1], rng)[0])
    found = options(seen)
    assert all(found[name] <= TABLE[name] for name in TABLE)
    assert {name: found[name] for name in TABLE if name not in "CU"} == {
        name: TABLE[name] for name in TABLE if name not in "CU"
    }
    assert {1, 128} <= found["C"]
    assert {10, 256} <= found["U"]


def test_morphisms_never_leave_the_corners_of_the_table() -> None:
    low = ConvLayer(False, 1, 1, 1, False, False, False)
    high = ConvLayer(False, 7, 128, 2, True, True, True)
    smallest = CnnArchitecture((Block(False, (low,)),), "avg", 2, (10,))
    largest = CnnArchitecture((Block(False, (high,) * 3),) * 10, "max", 6, (256,) * 3)
    rng = np.random.default_rng(2)
    for corner in (smallest, largest):
        for name, change in moves(corner):
            child = change(corner, Sampler(), rng)
            assert SPACE.decode(SPACE.encode(child)) == child, name
    names = {name for name, _ in moves(smallest)}
    assert not names & {"remove block", "remove convolution", "remove fully connected", "change stride"}
    names = {name for name, _ in moves(largest)}
    assert not names & {"append block", "insert convolution", "insert fully connected"}


@settings(max_examples=200, deadline=None)
@given(seeds)
def test_a_sample_survives_json(seed: int) -> None:
    architecture = SPACE.sample(np.random.default_rng(seed))
    assert SPACE.decode(json.loads(json.dumps(SPACE.encode(architecture)))) == architecture


@settings(max_examples=200, deadline=None)
@given(seeds)
def test_a_child_is_valid_named_and_differs_from_its_parent(seed: int) -> None:
    rng = np.random.default_rng(seed)
    parent = SPACE.sample(rng)
    child, morphism = SPACE.mutate(parent, rng)
    assert child != parent
    assert morphism in MORPHISMS
    assert SPACE.decode(SPACE.encode(child)) == child


def test_the_same_generator_gives_the_same_architectures() -> None:
    first, second = np.random.default_rng(7), np.random.default_rng(7)
    assert [SPACE.sample(first) for _ in range(20)] == [SPACE.sample(second) for _ in range(20)]
    parent = SPACE.sample(first)
    SPACE.sample(second)
    assert [SPACE.mutate(parent, first) for _ in range(50)] == [
        SPACE.mutate(parent, second) for _ in range(50)
    ]


def test_log_uniform_counts_make_small_networks_frequent() -> None:
    def median_channels(space: CnnSpace) -> float:
        rng = np.random.default_rng(3)
        counts = [
            layer.channels
            for _ in range(300)
            for block in space.sample(rng).blocks
            for layer in block.layers
            if layer.channels is not None
        ]
        return float(np.median(counts))

    assert 55 < median_channels(CnnSpace("uniform")) < 75
    assert 8 < median_channels(CnnSpace("log-uniform")) < 15


@given(seeds)
def test_widths_are_read_and_set_in_the_same_order(seed: int) -> None:
    architecture = SPACE.sample(np.random.default_rng(seed))
    widths = SPACE.widths(architecture)
    assert SPACE.with_widths(architecture, widths) == architecture
    wider = SPACE.with_widths(architecture, [width + 1 for width in widths])
    assert all(0 <= after - before <= 1 for before, after in zip(widths, SPACE.widths(wider), strict=True))
    layers = sum(layer.channels is not None for block in architecture.blocks for layer in block.layers)
    narrowest = SPACE.with_widths(architecture, [0] * len(widths))
    assert SPACE.widths(narrowest) == (1,) * layers + (10,) * len(architecture.units)


@given(seed=seeds)
def test_kernels_are_drawn_by_their_probabilities_as_numpy_draws(seed: int) -> None:
    for odds in PRIORS.values():
        drawn = Sampler(odds=odds).layer(np.random.default_rng(seed))
        rng = np.random.default_rng(seed)
        rng.random()
        assert drawn.kernel == rng.choice(KERNELS, p=odds.kernels)
