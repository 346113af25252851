"""Channels that leave a network leave its outputs as they were with those channels at zero."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.train.sketch import Sketch, branched, gated, random_net

from lilliput.errors import NetError
from lilliput.net import Add, Concat, FullyConnected, Net, Pad, Reshape
from lilliput.net.check import Stage, check
from lilliput.train.channels import find_groups, remove_channels
from lilliput.train.prune import Pruner
from lilliput.train.settings import PruneSettings
from lilliput.train.torch_net import TorchNet


def outputs_when_masked_and_when_removed(net: Net, gone: frozenset[int]) -> tuple[np.ndarray, np.ndarray]:
    x = torch.from_numpy(np.random.default_rng(1).normal(0, 1, (6, *net.input.shape)).astype(np.float32))
    masked = TorchNet(net)
    pruner = Pruner(net, PruneSettings(), 0, 1)
    pruner.set_gone(masked, gone)
    smaller = pruner.shrink(net)
    check(smaller, Stage.FLOAT)
    with torch.no_grad():
        return masked.forward(x).numpy(), TorchNet(smaller).forward(x).numpy()


@pytest.mark.parametrize("seed", range(30))
def test_a_pruned_network_computes_what_the_masked_one_does(seed: int) -> None:
    net = random_net(seed, batch_norm=seed % 2 == 0)
    groups = find_groups(net)
    order = np.random.default_rng(seed).permutation(np.array(groups.prunable)).tolist()
    gone = groups.removable(order, len(order) // 2)
    masked, smaller = outputs_when_masked_and_when_removed(net, gone)
    np.testing.assert_allclose(smaller, masked, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("seed", range(4))
def test_gates_keep_what_they_need(seed: int) -> None:
    net = gated(seed)
    groups = find_groups(net)
    gone = groups.removable(list(groups.prunable), len(groups.prunable) // 2)
    masked, smaller = outputs_when_masked_and_when_removed(net, gone)
    np.testing.assert_allclose(smaller, masked, rtol=1e-4, atol=1e-4)


def test_branches_joined_by_add_go_together() -> None:
    net = branched(np.random.default_rng(0))
    groups = find_groups(net)
    add = next(op for op in net.ops if isinstance(op, Add))
    first, second = (groups.of[name] for name in add.inputs)
    assert (first == second).all()
    masked, smaller = outputs_when_masked_and_when_removed(net, frozenset({int(first[2]), int(first[4])}))
    np.testing.assert_allclose(smaller, masked, rtol=1e-5, atol=1e-5)


def test_flattened_pixels_go_with_their_channel() -> None:
    net = branched(np.random.default_rng(0))
    reshape = next(op for op in net.ops if isinstance(op, Reshape))
    groups = find_groups(net)
    channel = int(groups.of[reshape.inputs[0]][1])
    smaller = remove_channels(net, {channel})
    height, width, channels = net.tensors[reshape.inputs[0]].shape
    assert smaller.tensors[reshape.outputs[0]].shape == (height * width * (channels - 1),)
    dense = next(op for op in net.ops if isinstance(op, FullyConnected))
    whole, cut = net.tensors[dense.inputs[1]].data, smaller.tensors[dense.inputs[1]].data
    assert whole is not None
    kept = np.delete(np.asarray(whole).reshape(-1, height, width, channels), 1, axis=3)
    assert cut is not None
    assert np.array_equal(cut, kept.reshape(len(kept), -1))


def test_network_without_weights_gets_smaller_too() -> None:
    net = branched()
    groups = find_groups(net)
    gone = groups.removable(groups.prunable, 5)
    assert len(gone) == 5
    check(remove_channels(net, gone), Stage.FLOAT)


def test_inputs_and_outputs_never_shrink() -> None:
    sketch = Sketch((6, 6, 4), np.random.default_rng(0))
    x = sketch.conv("input", 4, kernel=(1, 1))
    joined = sketch.add(Concat, sketch.add(Add, x, "input"), sketch.add(Pad, "input"), axis=2)
    net = sketch.net(sketch.conv(joined, 3, kernel=(1, 1)))
    assert find_groups(net).prunable == ()
    frozen = int(find_groups(net).of["input"][0])
    with pytest.raises(NetError, match="cannot go"):
        remove_channels(net, {frozen})


def test_every_tensor_keeps_a_channel() -> None:
    net = branched()
    groups = find_groups(net)
    gone = groups.removable(groups.prunable, len(groups.prunable))
    smaller = remove_channels(net, gone)
    assert min(tensor.shape[-1] for tensor in smaller.tensors.values()) >= 1
    with pytest.raises(NetError, match="lose all"):
        remove_channels(net, groups.prunable)


def test_reshape_that_mixes_channels_keeps_them_all() -> None:
    sketch = Sketch((4, 4, 2), np.random.default_rng(0))
    x = sketch.add(Reshape, sketch.conv("input", 3, kernel=(1, 1)), shape=(4, 3, 4))
    net = sketch.net(sketch.dense(sketch.flat(sketch.conv(x, 5, kernel=(1, 1))), 2))
    groups = find_groups(net)
    assert groups.prunable == tuple(int(number) for number in groups.of["conv2d_2_out"])
