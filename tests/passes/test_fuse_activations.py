from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from tests.small_nets import Sketch
from tests.strategies import float_nets, random_batch, without_weights

from lilliput.net import Activation, Concat, Conv2D, GlobalAveragePool2D, MaxPool2D, Net, ReLU, ReLU6
from lilliput.net.fixedpoint import activation_of
from lilliput.net.reference import run
from lilliput.passes import fuse_activations


@given(net=float_nets())
def test_fusing_computes_the_same(net: Net) -> None:
    x = random_batch(net, np.random.default_rng(0), 3)
    np.testing.assert_array_equal(run(fuse_activations(net), x), run(net, x))


@given(net=float_nets())
def test_fusing_needs_no_weights(net: Net) -> None:
    assert without_weights(fuse_activations(net)) == fuse_activations(without_weights(net))


@pytest.mark.parametrize(
    ("first", "second", "together"),
    [
        (ReLU, ReLU, Activation.RELU),
        (ReLU, ReLU6, Activation.RELU6),
        (ReLU6, ReLU, Activation.RELU6),
        (ReLU6, ReLU6, Activation.RELU6),
    ],
)
def test_activations_in_a_row_become_one(
    first: type[ReLU | ReLU6], second: type[ReLU | ReLU6], together: Activation
) -> None:
    sketch = Sketch((6, 6, 2))
    net = fuse_activations(sketch.net(sketch.add(second, sketch.add(first, sketch.conv("x", 3)))))
    assert [type(op) for op in net.ops] == [Conv2D]
    assert activation_of(net.ops[0]) is together


def test_an_activation_fuses_into_a_pool() -> None:
    sketch = Sketch((6, 6, 2))
    net = fuse_activations(sketch.net(sketch.add(ReLU, sketch.add(MaxPool2D, "x"))))
    assert [type(op) for op in net.ops] == [MaxPool2D]


@pytest.mark.parametrize("kind", [GlobalAveragePool2D, Concat])
def test_ops_that_cannot_clamp_keep_their_activation_apart(kind: type[GlobalAveragePool2D | Concat]) -> None:
    sketch = Sketch((6, 6, 2))
    net = fuse_activations(sketch.net(sketch.add(ReLU, sketch.add(kind, "x"))))
    assert [type(op) for op in net.ops] == [kind, ReLU]


def test_what_another_op_reads_is_left_alone() -> None:
    sketch = Sketch((6, 6, 2))
    middle = sketch.conv("x", 2)
    net = fuse_activations(sketch.net(sketch.sum(middle, sketch.add(ReLU, middle))))
    assert [type(op).__name__ for op in net.ops] == ["Conv2D", "ReLU", "Add"]
