"""Networks with folded borders and moved transposes compute what they computed before."""

from __future__ import annotations

import numpy as np
import pytest
from tests.codegen.quantized_builder import Builder
from tests.strategies import random_batch, random_net

from lilliput.formats.folding import fold_padding, without_transposes
from lilliput.net import (
    Add,
    AveragePool2D,
    HardSwish,
    MaxPool2D,
    Net,
    Op,
    Pad,
    Padding,
    Reshape,
    Sub,
    Transpose,
)
from lilliput.net.check import Stage, check
from lilliput.net.reference import run

ONE = Padding(1, 1, 1, 1)
LOWEST = -1e6


def drawn(builder: Builder, output: str) -> Net:
    net = Net("net", tuple(builder.ops), builder.tensors, ("x",), (output,))
    return net.with_ops(net.ops)


def changed(before: Net) -> list[type[Op]]:
    """The ops after both passes, which gave the same numbers."""
    after = fold_padding(without_transposes(before))
    check(after, Stage.QUANTIZED)
    x = random_batch(before, np.random.default_rng(0), 6)
    np.testing.assert_array_equal(run(after, x), run(before, x))
    return [type(op) for op in after.ops]


@pytest.mark.parametrize("seed", range(60))
def test_random_networks_stay_what_they_are(seed: int) -> None:
    changed(random_net(np.random.default_rng(seed)))


def test_borders_of_windows_are_folded() -> None:
    builder = Builder((6, 5, 3), 1)
    y = builder.conv(builder.add(Pad, "x", padding=ONE), 4, strides=(2, 2))
    y = builder.depthwise(builder.add(Pad, y, padding=Padding(0, 1, 2, 0)), padding=Padding(1, 0, 0, 0))
    y = builder.add(MaxPool2D, builder.add(Pad, y, padding=Padding(0, 1, 0, 1), value=LOWEST), pool=(2, 2))
    assert Pad not in changed(drawn(builder, y))


@pytest.mark.parametrize(
    "make",
    [
        lambda b: b.conv(b.add(Pad, "x", padding=ONE, value=0.4), 4),
        lambda b: b.conv(b.add(Pad, "x", padding=Padding(3, 0, 0, 0)), 4),
        lambda b: b.add(MaxPool2D, b.add(Pad, "x", padding=ONE)),
        lambda b: b.add(AveragePool2D, b.add(Pad, "x", padding=ONE)),
        lambda b: b.add(Pad, "x", padding=ONE),
    ],
)
def test_borders_that_mean_something_else_stay(make: object) -> None:
    builder = Builder((6, 5, 3), 1)
    assert Pad in changed(drawn(builder, make(builder)))  # type: ignore[operator]


def test_transposes_meet_behind_what_goes_element_by_element() -> None:
    builder = Builder((3, 4, 5), 1)
    turned = builder.add(Transpose, "x", permutation=(2, 0, 1))
    other = builder.add(Transpose, builder.add(HardSwish, "x"), permutation=(2, 0, 1))
    y = builder.add(Sub, builder.add(HardSwish, turned), other)
    y = builder.add(Transpose, y, permutation=(1, 2, 0))
    assert Transpose not in changed(drawn(builder, y))


def test_a_transpose_of_only_one_operand_stays() -> None:
    builder = Builder((4, 4, 4), 1)
    y = builder.add(Add, builder.add(Transpose, "x", permutation=(1, 0, 2)), "x")
    assert changed(drawn(builder, y)) == [Transpose, Add]


def test_a_transpose_goes_into_the_weights_behind_it() -> None:
    builder = Builder((3, 4, 5), 1)
    turned = builder.add(Transpose, "x", permutation=(2, 1, 0))
    y = builder.dense(builder.flat(turned), 7)
    found = changed(drawn(builder, y))
    assert Transpose not in found
    assert found[0] is Reshape


def test_what_two_ops_read_is_not_moved() -> None:
    builder = Builder((3, 4, 5), 1)
    turned = builder.add(Transpose, "x", permutation=(1, 0, 2))
    y = builder.add(Add, builder.add(HardSwish, turned), turned)
    assert changed(drawn(builder, y)) == [Transpose, HardSwish, Add]
