"""A network in torch computes what the numpy reference computes, and comes back unchanged."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.train.sketch import Sketch, branched, gated, random_net

from lilliput.errors import TrainingError
from lilliput.net import OPS, BatchNorm, Net, Reshape
from lilliput.net.reference import run_all
from lilliput.train.layers import LAYERS
from lilliput.train.torch_net import Mode, TorchNet


def inputs_for(net: Net, count: int = 5, seed: int = 7) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 1, (count, *net.input.shape)).astype(np.float32)


def test_every_op_has_a_layer() -> None:
    assert set(LAYERS) == set(OPS)


@pytest.mark.parametrize("seed", range(44))
def test_every_activation_is_that_of_the_reference(seed: int) -> None:
    net = random_net(seed, batch_norm=seed % 2 == 0, softmax=seed % 3 == 0) if seed < 40 else gated(seed)
    x = inputs_for(net)
    with torch.no_grad():
        found = TorchNet(net, keep_all=True).forward_all(torch.from_numpy(x))
        alone = TorchNet(net).forward(torch.from_numpy(x))
    expected = run_all(net, x)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name].numpy(), value, rtol=2e-4, atol=2e-4, err_msg=name)
    np.testing.assert_allclose(alone.numpy(), expected[net.output.name], rtol=2e-4, atol=2e-4)


def test_shapes_of_time_series_pass() -> None:
    sketch = Sketch((1, 20, 3), np.random.default_rng(0))
    x = sketch.add(Reshape, sketch.conv("input", 4, kernel=(1, 5), strides=(1, 2)), shape=(8, 4))
    net = sketch.net(sketch.dense(sketch.flat(sketch.norm(x)), 3))
    batch = inputs_for(net)
    with torch.no_grad():
        found = TorchNet(net).forward(torch.from_numpy(batch))
    np.testing.assert_allclose(found, run_all(net, batch)[net.output.name], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("channels", [1, 2])
def test_a_window_as_wide_as_the_image_may_step(channels: int) -> None:
    """torch 2.13 computes something else where one channel steps beyond its only window of columns."""
    sketch = Sketch((9, 3, channels), np.random.default_rng(0))
    x = sketch.conv("input", 4, kernel=(3, 3), strides=(1, 2))
    net = sketch.net(sketch.dense(sketch.flat(x), 3))
    batch = inputs_for(net, 16)
    with torch.no_grad():
        found = TorchNet(net).forward(torch.from_numpy(batch))
    np.testing.assert_allclose(found, run_all(net, batch)[net.output.name], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("seed", range(5))
def test_weights_come_back_as_they_went_in(seed: int) -> None:
    net = random_net(seed)
    back = TorchNet(net).to_net()
    assert back.tensors == net.tensors
    assert back.ops == net.ops


def test_fresh_weights_follow_the_generator() -> None:
    def weights(seed: int) -> torch.Tensor:
        return TorchNet(branched(), generator=torch.Generator().manual_seed(seed)).flat

    assert torch.equal(weights(1), weights(1))
    assert not torch.equal(weights(1), weights(2))


def test_statistics_are_those_of_all_batches_together() -> None:
    net = random_net(2)
    first = next(op for op in net.ops if isinstance(op, BatchNorm))
    x = inputs_for(net, 60)
    module = TorchNet(net)
    module.estimate_statistics(torch.split(torch.from_numpy(x), 20))
    seen = run_all(net, x)[first.inputs[0]].astype(np.float64)
    tensors = module.to_net().tensors
    axes = tuple(range(seen.ndim - 1))
    np.testing.assert_allclose(tensors[first.inputs[3]].data, seen.mean(axes), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(tensors[first.inputs[4]].data, seen.var(axes), rtol=1e-3, atol=1e-4)


def test_gradient_has_the_order_of_the_flat_vector() -> None:
    net = random_net(3)
    module = TorchNet(net)
    x = torch.from_numpy(inputs_for(net))
    target = torch.tensor([0, 1, 2, 3, 0])

    def loss() -> torch.Tensor:
        return torch.nn.functional.cross_entropy(module.logits(x).double(), target)

    gradient = module.gradient(loss())
    largest = gradient.abs().topk(8).indices
    for place in largest.tolist():
        before = float(module.flat[place])
        values = []
        for step in (-1e-3, 1e-3):
            module.flat[place] = before + step
            values.append(loss().item())
        module.flat[place] = before
        slope = (values[1] - values[0]) / 2e-3
        assert slope == pytest.approx(float(gradient[place]), rel=0.1, abs=2e-3)


def test_weights_come_before_biases_and_norms() -> None:
    module = TorchNet(random_net(4))
    for slot in module.slots:
        assert (slot.end <= module.decayed) == slot.name.startswith("w_")


def test_dropout_spares_the_last_layer_and_scoring() -> None:
    sketch = Sketch((6,), np.random.default_rng(0))
    last = sketch.dense(sketch.dense("input", 50), 2)
    net = sketch.net(last)
    x = torch.ones(4, 6)
    module = TorchNet(net, generator=torch.Generator().manual_seed(0), dropout=0.5, keep_all=True)
    whole = TorchNet(net, keep_all=True).forward_all(x)
    hidden = net.ops[0].outputs[0]
    assert torch.equal(module.forward_all(x)[hidden], whole[hidden])
    module.mode = Mode.TRAIN
    dropped = module.forward_all(x)
    assert not torch.equal(dropped[hidden], whole[hidden])
    weights, bias = module.constant(net.ops[1].inputs[1]), module.constant(net.ops[1].inputs[2])
    assert torch.allclose(dropped[last], dropped[hidden] @ weights.T + bias, atol=1e-5)


def test_weights_that_are_not_finite_are_refused() -> None:
    net = branched(np.random.default_rng(0))
    name = net.ops[0].inputs[1]
    data = np.array(net.tensors[name].data)
    data.flat[3] = np.inf
    broken = replace(net, tensors={**net.tensors, name: replace(net.tensors[name], data=data)})
    with pytest.raises(TrainingError, match=name):
        TorchNet(broken)
