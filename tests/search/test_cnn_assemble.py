"""The walk from architecture to network: sizes, joins of branches, what stays out as an image gets small."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lilliput.errors import NetError
from lilliput.net.check import Stage, check
from lilliput.net.graph import Net
from lilliput.net.ops import (
    Add,
    BatchNorm,
    Conv2D,
    FullyConnected,
    MaxPool2D,
    Op,
    Pad,
    Padding,
    ReLU,
    Reshape,
)
from lilliput.net.reference import run_all
from lilliput.search.cnn import CnnSpace
from lilliput.search.cnn_architecture import Block, CnnArchitecture, ConvLayer
from lilliput.search.space import structure

SPACE = CnnSpace()
FULL = ConvLayer(
    depthwise=False, kernel=3, channels=8, stride=1, pre_pool=False, batch_norm=False, relu=False
)
DEPTHWISE = replace(FULL, depthwise=True, channels=None)
JOINING = replace(FULL, channels=None)


def net(*blocks: Block, shape: tuple[int, ...] = (16, 16, 3), pool_size: int = 2) -> Net:
    return SPACE.to_net(CnnArchitecture(blocks, "avg", pool_size, (10,)), shape, 4, "candidate")


def serial(*layers: ConvLayer) -> Block:
    return Block(False, layers)


def parallel(*layers: ConvLayer) -> Block:
    return Block(True, layers)


def kinds(network: Net) -> list[str]:
    return [type(op).__name__ for op in network.ops]


def only(network: Net, kind: type[Op]) -> Op:
    (found,) = [op for op in network.ops if isinstance(op, kind)]
    return found


def with_weights(network: Net, rng: np.random.Generator) -> Net:
    """The network with random constants, variances positive."""
    filled = [
        replace(tensor, data=(rng.random(tensor.shape) + 0.1).astype(np.float32))
        for tensor in network.tensors.values()
        if tensor.constant
    ]
    return network.with_ops(network.ops, filled)


def test_a_layer_is_pooling_convolution_batch_norm_and_relu_in_this_order() -> None:
    found = net(serial(replace(FULL, pre_pool=True, batch_norm=True, relu=True)))
    assert kinds(found) == [
        "MaxPool2D",
        "Conv2D",
        "BatchNorm",
        "ReLU",
        "AveragePool2D",
        "Reshape",
        "FullyConnected",
        "ReLU",
        "FullyConnected",
    ]
    shapes = [found.tensors[op.outputs[0]].shape for op in found.ops]
    assert shapes == [(8, 8, 3), (6, 6, 8), (6, 6, 8), (6, 6, 8), (3, 3, 8), (72,), (10,), (10,), (4,)]


def test_a_convolution_before_batch_norm_has_no_bias() -> None:
    assert len(only(net(serial(FULL)), Conv2D).inputs) == 3
    assert len(only(net(serial(replace(FULL, batch_norm=True))), Conv2D).inputs) == 2


def test_constants_have_shapes_and_no_data() -> None:
    found = net(serial(FULL))
    constants = [tensor for tensor in found.tensors.values() if tensor.constant]
    assert len(constants) == 6
    assert all(tensor.data is None for tensor in constants)


def test_an_image_too_small_cuts_kernels_and_leaves_poolings_out() -> None:
    big = replace(FULL, kernel=7, stride=2, pre_pool=True)
    found = net(serial(big, big, big), serial(big), shape=(6, 5, 1), pool_size=6)
    images = [
        found.tensors[op.outputs[0]].shape
        for op in found.ops
        if not isinstance(op, FullyConnected | ReLU | Reshape)
    ]
    assert images == [(3, 2, 1), (1, 1, 8), (1, 1, 8), (1, 1, 8), (1, 1, 8)]


def test_a_series_of_height_one_keeps_its_kernels() -> None:
    found = net(serial(replace(FULL, kernel=5, pre_pool=True)), shape=(1, 64, 6), pool_size=4)
    convolution = only(found, Conv2D)
    assert found.tensors[convolution.inputs[1]].shape == (8, 1, 5, 6)
    assert found.tensors[only(found, MaxPool2D).outputs[0]].shape == (1, 32, 6)
    assert found.tensors[convolution.outputs[0]].shape == (1, 28, 8)


def test_a_branch_reads_what_the_last_serial_block_read() -> None:
    found = net(serial(FULL), serial(FULL), parallel(JOINING), parallel(JOINING))
    convolutions = [op for op in found.ops if isinstance(op, Conv2D)]
    assert convolutions[0].inputs[0] == "input"
    assert {op.inputs[0] for op in convolutions[1:]} == {convolutions[0].outputs[0]}
    assert kinds(found).count("Add") == 2


def test_branches_of_one_size_are_added_as_they_are() -> None:
    found = net(serial(FULL), parallel(replace(JOINING, relu=True)), serial(FULL))
    add = only(found, Add)
    assert [found.tensors[name].shape for name in add.inputs] == [(14, 14, 8)] * 2
    assert "Pad" not in kinds(found)
    assert found.consumers(add.outputs[0])[0].outputs[0] == "block3_layer1_conv"


def test_a_branch_takes_the_channels_of_the_block_that_it_joins() -> None:
    found = net(serial(replace(FULL, channels=5)), parallel(replace(FULL, channels=9), JOINING))
    assert found.tensors[only(found, Add).outputs[0]].shape == (14, 14, 5)


def test_a_branch_that_ends_depthwise_is_followed_by_a_pointwise_convolution() -> None:
    found = net(serial(FULL), parallel(DEPTHWISE))
    expand = found.producer(only(found, Add).inputs[1])
    assert isinstance(expand, Conv2D)
    assert found.tensors[expand.inputs[1]].shape == (8, 1, 1, 3)


def test_a_branch_twice_as_large_is_pooled_before_the_sum() -> None:
    found = net(serial(replace(FULL, stride=2)), parallel(JOINING))
    pool = only(found, MaxPool2D)
    assert isinstance(pool, MaxPool2D)
    assert pool.pool == pool.strides == (2, 2)
    assert [found.tensors[name].shape for name in only(found, Add).inputs] == [(7, 7, 8)] * 2


def test_a_branch_a_little_smaller_is_filled_up_with_zeros() -> None:
    found = net(serial(FULL), parallel(replace(JOINING, kernel=5)))
    pad = only(found, Pad)
    assert isinstance(pad, Pad)
    assert pad.padding == Padding(bottom=2, right=2)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32),
    st.sampled_from([(28, 28, 1), (32, 32, 3), (49, 10, 1), (1, 128, 9), (1, 7, 3), (3, 1, 2), (1, 1, 1)]),
)
def test_every_architecture_has_a_network_that_runs(seed: int, shape: tuple[int, int, int]) -> None:
    rng = np.random.default_rng(seed)
    architecture = CnnSpace("log-uniform").sample(rng)
    found = SPACE.to_net(architecture, shape, 10, "candidate")
    check(found, Stage.FLOAT)
    assert found.output.shape == (10,)
    values = run_all(with_weights(found, rng), rng.random((1, *shape), dtype=np.float32))
    for op in found.ops:
        assert values[op.outputs[0]].shape == (1, *found.tensors[op.outputs[0]].shape)


def test_every_network_has_at_least_the_layers_of_its_architecture() -> None:
    rng = np.random.default_rng(11)
    for _ in range(100):
        architecture = SPACE.sample(rng)
        found = SPACE.to_net(architecture, (28, 28, 1), 10, "candidate")
        layers = [layer for block in architecture.blocks for layer in block.layers]
        convolutions = [op for op in found.ops if "Conv2D" in type(op).__name__ and "expand" not in op.name]
        assert len(convolutions) == len(layers)
        assert sum(isinstance(op, BatchNorm) for op in found.ops) == sum(layer.batch_norm for layer in layers)
        assert sum(isinstance(op, FullyConnected) for op in found.ops) == len(architecture.units) + 1


@pytest.mark.parametrize(
    ("shape", "classes"), [((10,), 2), ((0, 8, 1), 2), ((8, 8, 1), 0), ((2, 8, 8, 1), 2)]
)
def test_an_input_that_is_no_image_is_refused(shape: tuple[int, ...], classes: int) -> None:
    architecture = CnnArchitecture((serial(FULL),), "avg", 2, (10,))
    with pytest.raises(NetError, match="takes an input"):
        SPACE.to_net(architecture, shape, classes, "candidate")


def test_a_thousand_candidates_take_about_a_second() -> None:
    rng = np.random.default_rng(0)
    began = time.process_time()
    for _ in range(1000):
        check(SPACE.to_net(SPACE.sample(rng), (28, 28, 1), 10, "candidate"), Stage.FLOAT)
    assert time.process_time() - began < 5.0


def test_structure_tells_networks_apart_and_ignores_names() -> None:
    one = net(serial(FULL, FULL))
    assert structure(one) == structure(net(serial(FULL), serial(FULL)))
    assert structure(one) != structure(net(serial(FULL), parallel(JOINING)))
    assert structure(one) != structure(net(serial(FULL, FULL), shape=(16, 16, 1)))
    assert structure(one) != structure(net(serial(FULL, replace(FULL, stride=2))))
    # a kernel that the image cuts is the smaller kernel
    wide = serial(replace(FULL, kernel=7))
    assert structure(net(wide, shape=(3, 3, 1))) == structure(net(serial(FULL), shape=(3, 3, 1)))
