"""Which kernel multiplies a matrix by a vector, and in how many passes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.codegen.quantized_builder import Builder

from lilliput.net import Activation, MaxPool2D, Net, Optimize, Quant
from lilliput.targets.cores import core
from lilliput.targets.dense import PASS_FOURS, fully_connected, passes
from lilliput.targets.kernel import Kernel, Layout


def _chosen(
    *,
    inputs: int = 64,
    outputs: int = 32,
    activation: Activation = Activation.RELU,
    zero_point: int = -128,
    target: str = "cortex-m4",
    optimize: Optimize = Optimize.SPEED,
) -> Kernel:
    builder = Builder((9,))
    hidden = builder.dense("x", inputs, activation=activation)
    builder.tensors[hidden] = replace(builder.tensors[hidden], quant=Quant.per_tensor(0.1, zero_point))
    net = builder.net(builder.dense(hidden, outputs), target, "net")
    return _last(replace(net, optimize=optimize), target)


def _last(net: Net, target: str = "cortex-m4") -> Kernel:
    return fully_connected(net.ops[-1], net, core(target))


def test_what_a_relu_leaves_is_skipped_where_it_is_zero() -> None:
    kernel = _chosen()
    assert kernel.layout is Layout.SPARSE
    assert kernel.scratch_bytes == 2 * 64 + 4
    assert not kernel.folds_zero_point


@pytest.mark.parametrize(
    "other",
    [
        {"activation": Activation.NONE},
        {"zero_point": -127},
        {"outputs": 36},
        {"outputs": 24},
        {"inputs": 257},
        {"optimize": Optimize.RAM},
        {"optimize": Optimize.FLASH},
    ],
    ids=str,
)
def test_all_inputs_are_multiplied_otherwise_and_none_is_copied(other) -> None:
    kernel = _chosen(**other)
    assert kernel.layout is Layout.SPLIT
    assert kernel.scratch_bytes == 0


def test_cores_without_dsp_instructions_take_plain_weights() -> None:
    assert _chosen(target="cortex-m0plus").layout is Layout.PLAIN


def test_images_are_seen_through_a_reshape_but_not_through_a_pool() -> None:
    for pooled in (False, True):
        builder = Builder((6, 6, 2))
        image = builder.conv("x", 4, activation=Activation.RELU)
        if pooled:
            image = builder.add(MaxPool2D, image, pool=(1, 1), strides=(1, 1))
        flat = builder.flat(image)
        for name in (image, flat):
            builder.tensors[name] = replace(builder.tensors[name], quant=Quant.per_tensor(0.1, -128))
        net = builder.net(builder.dense(flat, 32), "cortex-m4", "net")
        assert _last(net).layout is (Layout.SPLIT if pooled else Layout.SPARSE)


@pytest.mark.parametrize("inputs", [1, 4, 5, 511, 512, 513, 1030, 4000])
def test_passes_cover_the_inputs_and_only_the_first_is_shorter(inputs) -> None:
    found = passes(inputs)
    assert 0 <= sum(found) - inputs < 4
    assert all(length == 4 * PASS_FOURS for length in found[1:])
    assert 0 < found[0] <= 4 * PASS_FOURS
