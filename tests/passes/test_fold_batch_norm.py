from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given
from tests.small_nets import Sketch
from tests.strategies import float_nets, random_batch, without_weights

from lilliput.net import Activation, BatchNorm, Conv2D, DepthwiseConv2D, FullyConnected, Net, Reshape
from lilliput.net.reference import run
from lilliput.passes import fold_batch_norm


@given(net=float_nets())
def test_folding_computes_the_same(net: Net) -> None:
    folded = fold_batch_norm(net)
    assert not any(isinstance(op, BatchNorm) for op in folded.ops)
    x = random_batch(net, np.random.default_rng(0), 3)
    before, after = run(net, x), run(folded, x)
    np.testing.assert_allclose(after, before, rtol=1e-3, atol=1e-4 * max(1.0, float(np.abs(before).max())))


@given(net=float_nets())
def test_folding_needs_no_weights(net: Net) -> None:
    assert without_weights(fold_batch_norm(net)) == fold_batch_norm(without_weights(net))


def test_a_norm_after_a_convolution_costs_nothing() -> None:
    sketch = Sketch((6, 6, 2))
    net = sketch.net(sketch.norm(sketch.conv("x", 4)))
    folded = fold_batch_norm(net)
    assert [type(op) for op in folded.ops] == [Conv2D]
    assert len(folded.ops[0].inputs) == 3
    assert folded.outputs == net.outputs


def test_a_norm_after_a_matrix_product_costs_nothing() -> None:
    sketch = Sketch((6,))
    assert [type(op) for op in fold_batch_norm(sketch.net(sketch.norm(sketch.dense("x", 4)))).ops] == [
        FullyConnected
    ]


def test_norms_in_a_row_fold_into_one_convolution() -> None:
    sketch = Sketch((6, 6, 2))
    net = sketch.net(sketch.norm(sketch.norm(sketch.conv("x", 4))))
    assert [type(op) for op in fold_batch_norm(net).ops] == [Conv2D]


def test_a_norm_whose_input_is_read_elsewhere_stays_a_step_of_its_own() -> None:
    sketch = Sketch((6, 6, 2))
    middle = sketch.conv("x", 4)
    folded = fold_batch_norm(sketch.net(sketch.sum(middle, sketch.norm(middle))))
    assert [type(op).__name__ for op in folded.ops] == ["Conv2D", "DepthwiseConv2D", "Add"]


def test_a_norm_after_a_fused_activation_does_not_fold_back() -> None:
    sketch = Sketch((6, 6, 2))
    net = sketch.net(sketch.norm(sketch.conv("x", 4, activation=Activation.RELU)))
    assert [type(op) for op in fold_batch_norm(net).ops] == [Conv2D, DepthwiseConv2D]


def test_a_norm_of_a_vector_becomes_a_depthwise_convolution_of_one_pixel() -> None:
    sketch = Sketch((5,))
    folded = fold_batch_norm(sketch.net(sketch.norm("x")))
    assert [type(op) for op in folded.ops] == [Reshape, DepthwiseConv2D, Reshape]


def test_names_that_are_taken_are_not_taken_again() -> None:
    sketch = Sketch((5,))
    net = sketch.net(sketch.norm(sketch.norm("x")))
    taken = f"{net.ops[0].name}_image"
    renamed = replace(
        net,
        ops=(
            replace(net.ops[0], outputs=(taken,)),
            replace(net.ops[1], inputs=(taken, *net.ops[1].inputs[1:])),
        ),
        tensors={
            (taken if name == net.ops[0].outputs[0] else name): replace(
                tensor, name=taken if name == net.ops[0].outputs[0] else name
            )
            for name, tensor in net.tensors.items()
        },
    )
    x = random_batch(renamed, np.random.default_rng(1), 2)
    np.testing.assert_allclose(run(fold_batch_norm(renamed), x), run(renamed, x), rtol=1e-4, atol=1e-5)


def test_weights_that_two_ops_share_are_not_changed_for_the_other() -> None:
    sketch = Sketch((6, 6, 2))
    first = sketch.conv("x", 2)
    weights = sketch.ops[0].inputs[1]
    second = sketch.add(Conv2D, first, weights)
    net = sketch.net(sketch.norm(second))
    folded = fold_batch_norm(net)
    x = random_batch(net, np.random.default_rng(1), 2)
    np.testing.assert_allclose(run(folded, x), run(net, x), rtol=1e-4, atol=1e-5)
    assert folded.ops[0].inputs[1] != folded.ops[1].inputs[1]
