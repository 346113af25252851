from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from tests.net import loops
from tests.strategies import float_nets, quantized_nets, random_batch, random_net, without_weights

from lilliput.errors import NetError
from lilliput.net import OPS, Net, Op
from lilliput.net.reference import run, run_all
from lilliput.net.reference.integer import INTEGER_OPS


def _inputs(op: Op, net: Net, values: dict[str, np.ndarray], example: int) -> list[np.ndarray]:
    found = []
    for name in op.inputs:
        data = net.tensors[name].data
        found.append(values[name][example] if data is None else data)
    return found


@given(net=quantized_nets(most_ops=4))
def test_integers_agree_with_plain_loops(net: Net) -> None:
    values = run_all(net, random_batch(net, np.random.default_rng(1), 2))
    for op in net.ops:
        expected = loops.run_op(op, net, _inputs(op, net, values, 1))
        np.testing.assert_array_equal(values[op.outputs[0]][1], expected, err_msg=f"{op}")


@given(net=float_nets(most_ops=4))
def test_reals_agree_with_plain_loops(net: Net) -> None:
    values = run_all(net, random_batch(net, np.random.default_rng(1), 2))
    for op in net.ops:
        expected = loops.run_op(op, net, _inputs(op, net, values, 1))
        np.testing.assert_allclose(values[op.outputs[0]][1], expected, rtol=1e-5, atol=1e-6, err_msg=f"{op}")


def test_random_networks_hold_every_op() -> None:
    nets = [random_net(np.random.default_rng(seed), quantized=seed % 2 == 0) for seed in range(200)]
    integers = {type(op) for net in nets if net.quantized for op in net.ops}
    reals = {type(op) for net in nets if not net.quantized for op in net.ops}
    assert integers == set(INTEGER_OPS)
    assert reals == set(OPS)


@given(net=quantized_nets())
@settings(max_examples=15)
def test_examples_do_not_influence_each_other(net: Net) -> None:
    x = random_batch(net, np.random.default_rng(2), 5)
    together = run(net, x)
    one_by_one = np.concatenate([run(net, x[index : index + 1]) for index in range(len(x))])
    np.testing.assert_array_equal(together, one_by_one)


def test_large_batches_run_in_slices_with_the_same_result() -> None:
    net = random_net(np.random.default_rng(3))
    x = random_batch(net, np.random.default_rng(3), 2500)
    np.testing.assert_array_equal(run(net, x), run_all(net, x)[net.output.name])


def test_an_empty_batch_gives_an_empty_result() -> None:
    net = random_net(np.random.default_rng(4))
    found = run(net, random_batch(net, np.random.default_rng(4), 0))
    assert found.shape == (0, *net.output.shape)
    assert found.dtype == net.output.dtype.numpy


def test_inputs_of_another_shape_or_type_are_refused() -> None:
    net = random_net(np.random.default_rng(5))
    x = random_batch(net, np.random.default_rng(5), 2)
    with pytest.raises(NetError, match="does not fit"):
        run(net, x.astype(np.float64))
    with pytest.raises(NetError, match="does not fit"):
        run(net, x[..., :0])


def test_a_network_without_weights_cannot_run() -> None:
    seed = next(
        s
        for s in range(99)
        if any(t.constant for t in random_net(np.random.default_rng(s), False).tensors.values())
    )
    net = random_net(np.random.default_rng(seed), quantized=False)
    with pytest.raises(NetError, match="has no data"):
        run(without_weights(net), random_batch(net, np.random.default_rng(6), 1))
