"""The space `chain`: every architecture has a network, every morphism does what it says and nothing else."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lilliput.errors import StudyError
from lilliput.net.check import Stage, check
from lilliput.net.formats import Formats
from lilliput.net.ops import BatchNorm, Conv2D, FullyConnected, MaxPool2D
from lilliput.passes import fold_batch_norm, fuse_activations, quantize
from lilliput.search.chain import FIRST_CHANNELS, ChainSpace
from lilliput.search.chain_architecture import (
    CHANNELS,
    CONVOLUTIONS,
    DENSE,
    KERNELS,
    POOLINGS,
    UNITS,
    ChainArchitecture,
    Convolution,
    Dense,
    Pooling,
)
from lilliput.search.space import structure
from lilliput.search.widths import BITS

SPACE = ChainSpace()
START = ChainArchitecture(
    (Convolution(5, 8, 8), Pooling(), Convolution(3, 12, 4)), (Dense(20, 8), Dense(16, 2)), 8
)


def walk(count: int, seed: int = 0) -> list[tuple[ChainArchitecture, ChainArchitecture, str]]:
    """Parent, child and morphism of a long series of mutations."""
    rng = np.random.default_rng(seed)
    found, parent = [], SPACE.sample(rng)
    for _ in range(count):
        child, name = SPACE.mutate(parent, rng)
        found.append((parent, child, name))
        parent = child
    return found


@pytest.mark.parametrize("shape", [(28, 28, 1), (8, 8, 3), (1, 40, 6), (1, 1, 2)])
def test_every_architecture_has_a_network(shape: tuple[int, ...]) -> None:
    for _, child, _ in walk(150):
        net = SPACE.to_net(child, shape, 5, "chain")
        check(net, Stage.FLOAT)
        assert net.output.shape == (5,)
        assert sum(isinstance(op, Conv2D) for op in net.ops) == child.convolutions
        assert sum(isinstance(op, BatchNorm) for op in net.ops) == child.convolutions
        assert sum(isinstance(op, FullyConnected) for op in net.ops) == len(child.dense) + 1
        assert sum(isinstance(op, MaxPool2D) for op in net.ops) <= child.poolings


def test_layers_stand_in_the_network_as_in_the_chain() -> None:
    net = SPACE.to_net(START, (28, 28, 1), 10, "chain")
    weights = [net.tensors[op.inputs[1]].shape for op in net.ops if isinstance(op, Conv2D | FullyConnected)]
    assert weights == [(8, 5, 5, 1), (12, 3, 3, 8), (20, 10 * 10 * 12), (16, 20), (10, 16)]


def test_mutations_stay_within_the_bounds_and_come_back_from_json() -> None:
    for _, child, _ in walk(2000):
        assert SPACE.decode(SPACE.encode(child)) == child


def test_every_bound_is_reached() -> None:
    found = [child for _, child, _ in walk(6000, seed=1)]
    layers = [layer for child in found for layer in child.features]
    convolutions = [layer for layer in layers if isinstance(layer, Convolution)]
    assert {child.convolutions for child in found} == set(range(CONVOLUTIONS[0], CONVOLUTIONS[1] + 1))
    assert {child.poolings for child in found} == set(range(POOLINGS[0], POOLINGS[1] + 1))
    assert {len(child.dense) for child in found} == set(range(DENSE[0], DENSE[1] + 1))
    assert {layer.kernel for layer in convolutions} == set(KERNELS)
    assert {min(layer.channels for layer in convolutions), max(layer.channels for layer in convolutions)} == {
        *CHANNELS
    }
    rng, child, units = np.random.default_rng(0), START, set()
    for _ in range(3000):  # in a long series of mutations hidden layers come and go before they grow that far
        child = SPACE.morphisms(child)["change units"](child, rng)
        units |= {layer.units for layer in child.dense}
    assert (min(units), max(units)) == UNITS
    bits = [layer.bits for layer in convolutions] + [child.bits for child in found]
    assert set(bits) == set(range(BITS[0], BITS[1] + 1))


def size(architecture: ChainArchitecture) -> tuple[int, int, int]:
    return architecture.convolutions, architecture.poolings, len(architecture.dense)


CHANGES = {
    "insert convolution": (1, 0, 0),
    "remove convolution": (-1, 0, 0),
    "insert pooling": (0, 1, 0),
    "remove pooling": (0, -1, 0),
    "insert fully connected": (0, 0, 1),
    "remove fully connected": (0, 0, -1),
    "change kernel": (0, 0, 0),
    "change channels": (0, 0, 0),
    "change units": (0, 0, 0),
    "change bits": (0, 0, 0),
}


def test_a_mutation_is_what_its_name_says() -> None:
    seen: Counter[str] = Counter()
    for parent, child, name in walk(2000):
        seen[name] += 1
        assert child != parent
        assert tuple(np.subtract(size(child), size(parent))) == CHANGES[name]
        if CHANGES[name] == (0, 0, 0):
            before, after = ([*one.features, *one.dense] for one in (parent, child))
            differing = [pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]]
            assert len(differing) + (parent.bits != child.bits) == 1
            field = name.removeprefix("change ")
            for first, second in differing:
                assert replace(first, **{field: getattr(second, field)}) == second  # type: ignore[arg-type]
    assert set(seen) == set(CHANGES)
    assert min(seen.values()) > 50


def test_with_fixed_bits_all_layers_have_them_and_none_is_changed() -> None:
    space, rng = ChainSpace((8, 8)), np.random.default_rng(0)
    architecture = space.sample(rng)
    for _ in range(300):
        architecture, name = space.mutate(architecture, rng)
        assert name != "change bits"
        layers = [layer for layer in architecture.features if isinstance(layer, Convolution)]
        assert {layer.bits for layer in (*layers, *architecture.dense)} | {architecture.bits} == {8}


def test_random_convolutions_get_wider() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        layers = [layer for layer in SPACE.sample(rng).features if isinstance(layer, Convolution)]
        channels = [layer.channels for layer in layers]
        assert FIRST_CHANNELS[0] <= channels[0] <= FIRST_CHANNELS[1]
        assert channels == sorted(channels)


def test_widths_come_back_and_are_cut() -> None:
    assert SPACE.widths(START) == (8, 12, 20, 16)
    assert SPACE.with_widths(START, SPACE.widths(START)) == START
    assert SPACE.widths(SPACE.with_widths(START, [0, 999, 1, 999])) == (1, 128, 4, 256)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"features": []}, "1 to 10 entries"),
        ({"features": [{"type": "pooling"}]}, "the number of convolutions is 0"),
        (
            {"features": [{"type": "convolution", "kernel": 4, "channels": 8, "bits": 8}]},
            r"features\[0\]\.kernel",
        ),
        ({"features": [{"type": "convolution", "kernel": 3, "channels": 0, "bits": 8}]}, "1 to 128"),
        ({"features": [{"type": "pool", "kernel": 3, "channels": 1, "bits": 8}]}, "one of convolution"),
        (
            {"features": [*SPACE.encode(START)["features"], *[{"type": "pooling"}] * 4]},
            "number of poolings is 5",
        ),
        ({"dense": [{"units": 8, "bits": 9}]}, "2 to 8"),
        ({"dense": [{"bits": 8}]}, "keys units, and maybe activation_bits, bits,"),
        ({"dense": [{"units": 8, "activation_bits": 1}]}, r"dense\[0\]\.activation_bits"),
        ({"bits": True}, "whole number"),
        ({"more": 1}, "keys dense, features, and maybe bits"),
    ],
)
def test_what_is_no_architecture_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(StudyError, match=message):
        SPACE.decode({**SPACE.encode(START), **change})


def test_what_was_written_before_layers_had_bits_has_8() -> None:
    plain = ChainArchitecture((Convolution(3, 4),), (Dense(16),))
    assert (
        SPACE.decode(
            {"features": [{"type": "convolution", "kernel": 3, "channels": 4}], "dense": [{"units": 16}]}
        )
        == plain
    )
    assert SPACE.formats(plain) == Formats()
    assert "activation_bits" not in json.dumps(SPACE.encode(plain))


def test_activations_have_bits_of_their_own() -> None:
    space, rng = ChainSpace((8, 8), (2, 8)), np.random.default_rng(0)
    architecture, seen = space.sample(rng), set()
    for _ in range(400):
        architecture, _ = space.mutate(architecture, rng)
        assert space.decode(space.encode(architecture)) == architecture
        layers = [layer for layer in architecture.features if isinstance(layer, Convolution)]
        assert {layer.bits for layer in layers} | {architecture.bits} == {8}
        seen |= {layer.activation_bits for layer in (*layers, *architecture.dense)}
    assert seen == set(range(BITS[0], BITS[1] + 1))


def test_formats_name_the_layers_of_the_network_that_is_built() -> None:
    architecture = ChainArchitecture(
        (Convolution(3, 4, 4, 6), Pooling(), Convolution(3, 8)), (Dense(16, 2),), 5
    )
    formats = SPACE.formats(architecture)
    assert {op: found.name for op, found in formats.ops.items()} == {
        "conv1": "w4a6",
        "dense1": "w2a8",
        "logits": "w5a8",
    }
    net = fuse_activations(fold_batch_norm(SPACE.to_net(architecture, (28, 28, 1), 10, "net")))
    quantized = quantize(net, None, formats)
    found = {
        op.name: quantized.tensors[op.inputs[1]].dtype.bits for op in quantized.ops if len(op.inputs) == 3
    }
    assert found == {"conv1": 4, "conv3": 8, "dense1": 2, "logits": 5}


def test_networks_that_differ_in_bits_alone_are_two() -> None:
    one = ChainArchitecture((Convolution(3, 4, 4),), ())
    other = ChainArchitecture((Convolution(3, 4, 5),), ())
    whole = ChainArchitecture((Convolution(3, 4),), ())
    found = [
        structure(SPACE.to_net(each, (8, 8, 1), 10, "net"), SPACE.formats(each))
        for each in (one, other, whole)
    ]
    assert len(set(found)) == 3
    assert found[2] == structure(SPACE.to_net(whole, (8, 8, 1), 10, "net"))
