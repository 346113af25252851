"""Each morphism of Table 1 changes what its name says, by the amounts of the table."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lilliput.search.cnn import CnnSpace
from lilliput.search.cnn_architecture import Block, CnnArchitecture, ConvLayer
from lilliput.search.cnn_morphisms import CHANGE_BITS, MORPHISMS, moves
from lilliput.search.cnn_sample import Sampler
from lilliput.search.widths import Widths

LAYER = ConvLayer(
    depthwise=False, kernel=3, channels=64, stride=1, pre_pool=False, batch_norm=True, relu=True
)
PLAIN = CnnArchitecture((Block(False, (LAYER, LAYER)), Block(False, (LAYER, LAYER))), "avg", 4, (100, 50))


def children(morphism: str, parent: CnnArchitecture = PLAIN, draws: int = 1) -> list[CnnArchitecture]:
    rng = np.random.default_rng(0)
    return [
        change(parent, Sampler(), rng)
        for _ in range(draws)
        for name, change in moves(parent)
        if name == morphism
    ]


def layers(architecture: CnnArchitecture) -> list[ConvLayer]:
    return [layer for block in architecture.blocks for layer in block.layers]


def changed_layers(morphism: str, parent: CnnArchitecture = PLAIN) -> set[ConvLayer]:
    found = set()
    for child in children(morphism, parent):
        pairs = [(old, new) for old, new in zip(layers(parent), layers(child), strict=True) if old != new]
        assert len(pairs) == 1
        found.add(pairs[0][1])
    return found


def test_every_morphism_of_the_table_is_offered() -> None:
    assert {name for name, _ in moves(PLAIN)} == set(MORPHISMS)


def test_append_block_adds_one_at_the_end() -> None:
    for child in children("append block", draws=20):
        assert child.blocks[:2] == PLAIN.blocks
        assert len(child.blocks) == 3
    assert {child.blocks[2].parallel for child in children("append block", draws=20)} == {False, True}


def test_remove_block_removes_any() -> None:
    parent = replace(PLAIN, blocks=(Block(False, (LAYER,)), PLAIN.blocks[1]))
    assert {child.blocks for child in children("remove block", parent, draws=30)} == {
        (parent.blocks[0],),
        (parent.blocks[1],),
    }


def test_removing_a_trunk_makes_the_branch_beside_it_serial() -> None:
    branch = Block(True, (LAYER, replace(LAYER, channels=None)))
    parent = replace(PLAIN, blocks=(Block(False, (LAYER,)), branch))
    trunks = [child for child in children("remove block", parent, draws=30) if len(layers(child)) == 2]
    assert trunks
    for child in trunks:
        assert not child.blocks[0].parallel
        assert child.blocks[0].layers[0] == LAYER
        assert child.blocks[0].layers[1].channels is not None


def test_change_block_connection_goes_both_ways_and_never_concerns_the_first_block() -> None:
    (parallel,) = children("change block connection")
    assert parallel.blocks[1] == Block(True, (LAYER, replace(LAYER, channels=None)))
    (serial,) = children("change block connection", parallel)
    assert not serial.blocks[1].parallel
    assert serial.blocks[1].layers[1].channels is not None


def test_insert_and_remove_convolution_take_any_place() -> None:
    grown = children("insert convolution", draws=60)
    assert all(len(layers(child)) == 5 for child in grown)
    places = set()
    for child in grown:
        before, after = (2, 3) if len(child.blocks[0].layers) == 2 else (3, 2)
        assert {len(child.blocks[0].layers), len(child.blocks[1].layers)} == {before, after}
        block = next(block for block in child.blocks if len(block.layers) == 3)
        places.add(next((i for i, layer in enumerate(block.layers) if layer != LAYER), -1))
    assert {0, 1, 2} <= places
    assert all(len(layers(child)) == 3 for child in children("remove convolution"))


@pytest.mark.parametrize(
    ("morphism", "expected"),
    [
        ("toggle pre-pooling", {replace(LAYER, pre_pool=True)}),
        ("change convolution type", {replace(LAYER, depthwise=True, channels=None)}),
        ("change kernel size", {replace(LAYER, kernel=1), replace(LAYER, kernel=5)}),
        ("change channels", {replace(LAYER, channels=64 + step) for step in (-5, -3, -1, 1, 3, 5)}),
        ("change stride", {replace(LAYER, stride=2)}),
        ("toggle batch norm", {replace(LAYER, batch_norm=False)}),
        ("toggle ReLU", {replace(LAYER, relu=False)}),
    ],
)
def test_a_layer_changes_by_the_steps_of_the_table(morphism: str, expected: set[ConvLayer]) -> None:
    assert changed_layers(morphism) == expected


def test_a_depthwise_layer_that_becomes_full_gets_channels() -> None:
    depthwise = replace(LAYER, depthwise=True, channels=None)
    parent = replace(PLAIN, blocks=(Block(False, (depthwise,)),))
    (found,) = changed_layers("change convolution type", parent)
    assert not found.depthwise
    assert found.channels is not None
    assert not children("change channels", parent)


def test_a_kernel_that_shrinks_to_one_loses_its_stride() -> None:
    parent = replace(PLAIN, blocks=(Block(False, (replace(LAYER, stride=2),)),))
    assert changed_layers("change kernel size", parent) == {
        replace(LAYER, kernel=1, stride=1),
        replace(LAYER, kernel=5, stride=2),
    }
    pointwise = replace(PLAIN, blocks=(Block(False, (replace(LAYER, kernel=1),)),))
    assert not children("change stride", pointwise)


def test_the_head_changes_by_the_steps_of_the_table() -> None:
    assert [child.pool_kind for child in children("change pooling type")] == ["max"]
    assert {child.pool_size for child in children("change pooling size")} == {2, 6}
    assert {child.units for child in children("change units")} == {
        *((100 + step, 50) for step in (-5, -3, -1, 1, 3, 5)),
        *((100, 50 + step) for step in (-5, -3, -1, 1, 3, 5)),
    }
    assert {child.units for child in children("remove fully connected", draws=20)} == {(100,), (50,)}
    grown = children("insert fully connected", draws=60)
    assert all(len(child.units) == 3 for child in grown)
    assert {tuple(u in (100, 50) for u in child.units) for child in grown} >= {
        (False, True, True),
        (True, False, True),
        (True, True, False),
    }


def test_one_morphism_of_all_that_apply_is_drawn_uniformly() -> None:
    rng = np.random.default_rng(5)
    drawn = [CnnSpace().mutate(PLAIN, rng)[1] for _ in range(4000)]
    options = [name for name, _ in moves(PLAIN)]
    for name in MORPHISMS:
        expected = options.count(name) / len(options)
        assert abs(drawn.count(name) / len(drawn) - expected) < 5 * np.sqrt(expected / len(drawn))


def test_bits_stay_as_they_are_unless_there_is_a_choice() -> None:
    names = [name for name, _ in moves(PLAIN)]
    assert CHANGE_BITS not in names
    assert [name for name, _ in moves(PLAIN, Widths())] == names


def test_a_change_of_bits_is_one_of_two_bits_at_most_in_one_layer() -> None:
    widths, rng = Widths((2, 8), (4, 8)), np.random.default_rng(0)
    parent = replace(PLAIN, unit_bits=((8, 8), (3, 8)))
    found = [change(parent, Sampler(), rng) for name, change in moves(parent, widths) if name == CHANGE_BITS]
    assert len(set(found)) == len(found)

    def bits(architecture: CnnArchitecture) -> list[int]:
        convolutions = [
            bits for layer in layers(architecture) for bits in (layer.bits, layer.activation_bits)
        ]
        dense = [bits for pair in architecture.unit_bits for bits in pair]
        return [*convolutions, *dense, architecture.bits]

    steps = {tuple(np.subtract(bits(child), bits(parent))) for child in found}
    assert {tuple(sorted(step)) for step in steps} == {
        tuple(sorted([change, *[0] * (len(bits(parent)) - 1)])) for change in (-2, -1, 1, 2)
    }
    assert {place for step in steps for place, change in enumerate(step) if change} == set(
        range(len(bits(parent)))
    )


def test_hidden_layers_come_and_go_with_their_bits() -> None:
    parent = replace(PLAIN, unit_bits=((2, 8), (3, 7)))
    pairs = set(zip(parent.units, parent.unit_bits, strict=True))
    for child in children("remove fully connected", parent, draws=20):
        assert set(zip(child.units, child.unit_bits, strict=True)) < pairs
    for child in children("insert fully connected", parent, draws=20):
        assert pairs < set(zip(child.units, child.unit_bits, strict=True))
