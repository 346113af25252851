"""Pruning reaches its target gradually, lets channels come back, and ends with a smaller network."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.train.sketch import branched, random_net, stripes

from lilliput import train
from lilliput.net import Conv2D
from lilliput.net.check import Stage, check
from lilliput.train.channels import find_groups
from lilliput.train.prune import Pruner
from lilliput.train.settings import PruneSettings, TrainSettings
from lilliput.train.torch_net import TorchNet


def test_the_share_grows_along_a_cubic() -> None:
    pruner = Pruner(branched(), PruneSettings(sparsity=0.5), 100, 200)
    targets = [pruner.target(step) for step in (0, 99, 100, 120, 150, 200, 500)]
    groups = pruner.groups
    assert targets[:3] == [0, 0, 0]
    assert targets[3] == round(0.5 * (1 - 0.8**3) * groups)
    assert targets[4] == round(0.5 * (1 - 0.5**3) * groups)
    assert targets[5:] == [round(0.5 * groups)] * 2


def test_the_smallest_channels_are_masked() -> None:
    net = branched(np.random.default_rng(0))
    module = TorchNet(net)
    first = next(op for op in net.ops if isinstance(op, Conv2D))
    second = [op for op in net.ops if isinstance(op, Conv2D)][1]
    with torch.no_grad():
        for op in (first, second):  # an Add joins their channels
            module.constant(op.inputs[1])[[1, 3]] *= 1e-3
    pruner = Pruner(net, PruneSettings(sparsity=0.1), 0, 1)
    pruner.update(module, 1)
    groups = find_groups(net)
    assert pruner.gone == {int(groups.of[first.outputs[0]][index]) for index in (1, 3)}


def test_masked_channels_learn_with_feedback_only() -> None:
    net = branched(np.random.default_rng(0))
    first = next(op for op in net.ops if isinstance(op, Conv2D))
    groups = find_groups(net)
    gone = frozenset({int(groups.of[first.outputs[0]][2])})
    x = torch.randn(8, *net.input.shape)
    for feedback in (1.0, 0.3, 0.0):
        module = TorchNet(net)
        Pruner(net, PruneSettings(feedback=feedback), 0, 1).set_gone(module, gone)
        loss = torch.nn.functional.cross_entropy(module.logits(x), torch.arange(8) % 3)
        (gradient,) = torch.autograd.grad(loss, [module.constant(first.inputs[1])])
        assert bool(gradient[2].abs().max() > 0) == (feedback > 0)
        assert gradient[1].abs().max() > 0


@pytest.mark.parametrize("seed", range(8))
def test_kept_channels_learn_as_in_the_smaller_network(seed: int) -> None:
    net = random_net(seed, batch_norm=seed % 2 == 0)
    groups = find_groups(net)
    gone = groups.removable(groups.prunable[::2], len(groups.prunable))
    x, target = torch.randn(8, *net.input.shape), torch.arange(8) % 4
    module = TorchNet(net)
    pruner = Pruner(net, PruneSettings(), 0, 1)
    pruner.set_gone(module, gone)
    smaller = TorchNet(pruner.shrink(net))
    whole = module.gradient(torch.nn.functional.cross_entropy(module.logits(x), target))
    expected = smaller.gradient(torch.nn.functional.cross_entropy(smaller.logits(x), target))
    found = smaller.flatten(pruner.shrink(module.to_net(whole)))
    assert torch.allclose(found, expected, atol=1e-5, rtol=1e-3)


def test_masked_channels_come_back_when_they_grow() -> None:
    net = branched(np.random.default_rng(0))
    module = TorchNet(net)
    pruner = Pruner(net, PruneSettings(sparsity=0.4), 0, 1)
    pruner.update(module, 1)
    before = pruner.gone
    groups = find_groups(net)
    with torch.no_grad():
        for name, numbers in groups.makers.items():
            rows = torch.from_numpy(np.isin(numbers, list(before)))
            module.constant(name)[rows] *= 100
    pruner.update(module, 1)
    assert len(pruner.gone) == len(before)
    assert not before & pruner.gone


@pytest.mark.parametrize("end_epoch", [2, 4, 50])
def test_the_fitted_network_is_smaller(end_epoch: int) -> None:
    data = stripes(200, (9, 8, 2))
    prune = PruneSettings(sparsity=0.5, start_epoch=1, end_epoch=end_epoch, every_steps=2)
    fitted = train.fit(branched(), data, TrainSettings(epochs=4, batch_size=32), prune=prune)
    check(fitted.net, Stage.FLOAT)
    before, after = len(find_groups(branched()).prunable), len(find_groups(fitted.net).prunable)
    assert after == before - round(0.5 * before)
    found = train.evaluate(fitted.net, data.validation.x, data.validation.y)
    assert found == pytest.approx(fitted.validation_accuracy)


def test_no_sparsity_changes_nothing() -> None:
    data = stripes(100, (9, 8, 2))
    settings = TrainSettings(epochs=1, batch_size=32)
    plain = train.fit(branched(), data, settings)
    pruned = train.fit(branched(), data, settings, prune=PruneSettings(sparsity=0.0))
    assert plain.net == pruned.net
