"""The `tflm` profile agrees with TensorFlow Lite Micro on every byte."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import permutations, product

import numpy as np
import pytest
from tests.codegen.quantized_builder import Builder
from tests.formats.tflite.files import oracle_outputs
from tests.strategies import random_batch

from lilliput.errors import NetError
from lilliput.formats.tflite import write_tflite
from lilliput.net import (
    Activation,
    Add,
    AveragePool2D,
    Concat,
    GlobalAveragePool2D,
    HardSwish,
    LeakyReLU,
    Logistic,
    MaxPool2D,
    Mul,
    Net,
    Op,
    Pad,
    Padding,
    Profile,
    Quant,
    ReLU,
    ReLU6,
    Requantize,
    Reshape,
    ResizeNearest,
    Slice,
    Softmax,
    Sub,
    Tanh,
    Transpose,
)
from lilliput.net.check import Stage, check
from lilliput.net.fixedpoint_tflm import Factor, quantize_multiplier
from lilliput.net.reference import TFLM_OPS, run

RELUS = list(Activation)
Case = Callable[[int], tuple[Builder, str]]
"""Seed → a network that is not finished, and its output."""


def tflm(builder: Builder, output: str) -> Net:
    """The network in the `tflm` profile, its scales float32 as files hold them."""
    tensors = {}
    for name, tensor in builder.tensors.items():
        quant = tensor.quant
        assert quant is not None
        scales = tuple(float(np.float32(scale)) for scale in quant.scales)
        tensors[name] = replace(tensor, quant=replace(quant, scales=scales))
    ops = tuple(replace(op, profile=Profile.TFLM) for op in builder.ops)
    return Net("net", ops, tensors, ("x",), (output,))


def _same_quant(builder: Builder, output: str) -> str:
    builder.tensors[output] = replace(builder.tensors[output], quant=builder.tensors["x"].quant)
    return output


def _conv(seed: int) -> tuple[Builder, str]:
    builder = Builder((7, 6, 3), seed)
    padding = (Padding(), Padding(1, 0, 1, 1))[seed % 2]
    return builder, builder.conv(
        "x",
        4,
        (3, 2),
        padding=padding,
        strides=(1 + seed % 2, 1 + seed // 2 % 2),
        dilation=((1, 1), (2, 1))[seed // 4 % 2],
        activation=RELUS[seed % 4],
        per_tensor=seed % 5 == 0,
        bias=seed % 3 > 0,
        gain=(1.0, 30.0, 0.1)[seed // 3 % 3],
    )


def _depthwise(seed: int) -> tuple[Builder, str]:
    builder = Builder((6, 7, 3), seed)
    return builder, builder.depthwise(
        "x", (3, 3), 1 + seed % 2, padding=Padding(1, 1, 1, 1), activation=RELUS[seed % 4], strides=(2, 2)
    )


def _dense(seed: int) -> tuple[Builder, str]:
    builder = Builder((19,), seed)
    return builder, builder.dense(
        "x", 5, per_tensor=seed % 2 == 0, activation=RELUS[seed % 4], bias=seed % 4 > 0
    )


def _max_pool(seed: int) -> tuple[Builder, str]:
    builder = Builder((7, 6, 3), seed)
    return builder, builder.add(MaxPool2D, "x", pool=(3, 2), strides=(2, 2), activation=RELUS[seed % 4])


def _average_pool(seed: int) -> tuple[Builder, str]:
    builder = Builder((7, 6, 3), seed)
    y = builder.add(AveragePool2D, "x", pool=(3, 2), strides=(2, 1), activation=RELUS[seed % 4])
    return builder, _same_quant(builder, y)


def _global_average(seed: int) -> tuple[Builder, str]:
    builder = Builder((1 + seed % 5, 6, 3), seed)
    return builder, builder.add(GlobalAveragePool2D, "x")


def _add(seed: int) -> tuple[Builder, str]:
    builder = Builder((3, 4, 5), seed)
    other = builder.add(Requantize, "x")
    return builder, builder.add(Add, *("x", other)[:: (1, -1)[seed % 2]], activation=RELUS[seed % 4])


def _sub(seed: int) -> tuple[Builder, str]:
    builder = Builder((3, 4, 5), seed)
    other = builder.add(Requantize, "x")
    return builder, builder.add(Sub, *("x", other)[:: (1, -1)[seed % 2]], activation=RELUS[seed % 4])


def _mul(seed: int) -> tuple[Builder, str]:
    builder = Builder((3, 4, 5), seed)
    other = builder.add(Requantize, "x")
    scale = (0.5, 0.05, 0.002)[seed // 2 % 3]
    return builder, builder.add(
        Mul, *("x", other)[:: (1, -1)[seed % 2]], activation=RELUS[seed % 4], scale=scale
    )


SMALLER = ((5,), (1,), (1, 1, 5), (4, 5), (3, 4, 1), (1, 4, 1), (3, 1, 1), (1, 4, 5), (3, 1, 5))


def _spread(seed: int) -> tuple[Builder, str]:
    builder = Builder((3, 4, 5), seed)
    smaller = builder.constant(*SMALLER[seed // 3 % 9])
    names = ("x", smaller)[:: (1, -1)[seed // 2 % 2]]
    return builder, builder.add((Add, Sub, Mul)[seed % 3], *names, activation=RELUS[seed % 4], scale=0.1)


def _gated(seed: int) -> tuple[Builder, str]:
    builder = Builder((3, 4, 5), seed)
    gate = builder.add(Logistic, builder.add(GlobalAveragePool2D, "x"))
    names = ("x", gate)[:: (1, -1)[seed // 2 % 2]]
    return builder, builder.add((Mul, Add, Sub)[seed % 3], *names, scale=0.05)


def _concat(seed: int) -> tuple[Builder, str]:
    builder = Builder((3, 4, 5), seed)
    pooled = builder.add(MaxPool2D, "x", pool=(1, 1))
    return builder, builder.add(Concat, "x", pooled, axis=seed % 3)


def _pad(seed: int) -> tuple[Builder, str]:
    builder = Builder((3, 4, 5), seed)
    return builder, builder.add(Pad, "x", padding=Padding(seed % 2, 2, 1, 0))


def _pad_with(seed: int) -> tuple[Builder, str]:
    builder = Builder((3, 4, 5), seed)
    value = float(builder.random.uniform(-9, 9))
    return builder, builder.add(Pad, "x", padding=Padding(seed % 2, 2, 1, 0), value=value)


def _slice(seed: int) -> tuple[Builder, str]:
    builder = Builder((7, 6, 5), seed)
    begin = tuple(int(builder.random.integers(0, size)) for size in (7, 6, 5))
    end = tuple(
        int(builder.random.integers(low + 1, size + 1)) for low, size in zip(begin, (7, 6, 5), strict=True)
    )
    steps = tuple(int(builder.random.integers(1, 4)) for _ in range(3))
    return builder, builder.add(Slice, "x", begin=begin, end=end, steps=steps)


def _transpose(seed: int) -> tuple[Builder, str]:
    builder = Builder((3, 4, 5), seed)
    return builder, builder.add(Transpose, "x", permutation=list(permutations(range(3)))[seed % 6])


def _resize(seed: int) -> tuple[Builder, str]:
    builder = Builder((3, 5, 2), seed)
    size = (int(builder.random.integers(1, 9)), int(builder.random.integers(1, 11)))
    return builder, builder.add(
        ResizeNearest, "x", size=size, align_corners=seed % 2 == 1, half_pixel_centers=seed % 3 == 1
    )


def _every_byte(kind: type[Op], scales: Sequence[float], output_scale: float | None = None) -> Case:
    def make(seed: int) -> tuple[Builder, str]:
        builder = Builder((256,), seed)
        x = builder.tensors["x"]
        assert x.quant is not None
        scale = scales[seed % len(scales)] * float(builder.random.uniform(0.7, 1.4))
        builder.tensors["x"] = replace(x, quant=Quant.per_tensor(scale, x.quant.zero_point))
        if output_scale is None:
            return builder, builder.add(kind, "x")
        return builder, builder.add(kind, "x", scale=scale * output_scale * builder.random.uniform(0.5, 2))

    return make


def _relu(seed: int) -> tuple[Builder, str]:
    builder = Builder((40,), seed)
    return builder, builder.add(ReLU, "x")


def _relu6(seed: int) -> tuple[Builder, str]:
    builder = Builder(
        (40,), seed, zero_point=-100 + seed
    )  # six must lie within int8 for TensorFlow Lite Micro
    return builder, _same_quant(builder, builder.add(ReLU6, "x"))


def _relu6_between_scales(seed: int) -> tuple[Builder, str]:
    builder = Builder((256,), seed, zero_point=-100 + seed)
    return builder, builder.add(ReLU6, "x")


def _leaky_relu(seed: int) -> tuple[Builder, str]:
    builder, x = _every_byte(HardSwish, _SCALES, 0.7)(seed)
    alpha = (0.0, 0.01, 0.1, 0.2, 0.3, 0.5, 1.0, 1.7)[seed // 3 % 8]
    last = builder.ops[-1]
    builder.ops[-1] = LeakyReLU(name=last.name, inputs=last.inputs, outputs=last.outputs, alpha=alpha)
    return builder, x


def _reshape(seed: int) -> tuple[Builder, str]:
    builder = Builder((3, 4, 5), seed)
    return builder, builder.add(Reshape, "x", shape=(4, 15))


def _softmax(seed: int) -> tuple[Builder, str]:
    builder = Builder((1 + seed % 12,), seed)
    scale = (0.003, 0.05, 0.2, 1.3)[seed % 4]
    builder.tensors["x"] = replace(builder.tensors["x"], quant=Quant.per_tensor(scale, 3))
    return builder, builder.add(Softmax, "x", beta=(1.0, 0.5)[seed % 2])


def _requantize(seed: int) -> tuple[Builder, str]:
    builder = Builder((60,), seed)
    return builder, builder.add(Requantize, "x")


def _chain(seed: int) -> tuple[Builder, str]:
    builder = Builder((9, 9, 2), seed)
    first = builder.conv("x", 6, padding=Padding(1, 1, 1, 1), activation=Activation.RELU)
    second = builder.depthwise(first, padding=Padding(1, 1, 1, 1))
    joined = builder.add(Add, first, second, activation=Activation.RELU6)
    pooled = builder.add(MaxPool2D, joined, strides=(2, 2))
    return builder, builder.add(Softmax, builder.dense(builder.flat(pooled), 7))


_SCALES = (0.002, 0.01, 0.02, 0.05, 0.1, 0.5, 2.0)
CASES: dict[str, Case] = {
    **{
        found.__name__[1:]: found
        for found in (
            *(_conv, _depthwise, _dense, _max_pool, _average_pool, _global_average, _add, _concat, _pad),
            *(_relu, _relu6, _reshape, _softmax, _requantize, _chain, _sub, _mul, _spread, _gated, _pad_with),
            *(_slice, _transpose, _resize),
        )
    },
    "logistic": _every_byte(Logistic, _SCALES),
    "tanh": _every_byte(Tanh, _SCALES),
    "hard_swish": _every_byte(HardSwish, _SCALES, 0.7),
    "hard_swish_of_large_factors": _every_byte(HardSwish, _SCALES, 0.05),
    "leaky_relu": _leaky_relu,
    "relu6_between_scales": _relu6_between_scales,
    "rescaling_relu": _every_byte(ReLU, _SCALES, 1.0),
    "rescaling_requantize": _every_byte(Requantize, _SCALES, 0.8),
}


@pytest.mark.parametrize("case", CASES)
def test_every_byte_is_that_of_tensorflow_lite_micro(case: str) -> None:
    for seed in range(24):
        net = tflm(*CASES[case](seed))
        check(net, Stage.QUANTIZED)
        x = random_batch(net, np.random.default_rng(seed), 6)
        if net.input.elements == 256:
            x[0] = np.arange(-128, 128)
        expected = oracle_outputs(write_tflite(net), x).reshape(-1, *net.output.shape)
        np.testing.assert_array_equal(run(net, x), expected, err_msg=f"seed {seed}: {net.ops[-1]}")


ROUND = (0.05, 0.1, 0.02, 0.04, 0.25, 0.005)
"""Scales of few digits: results fall between two integers, where the last bit of a factor decides."""


@pytest.mark.parametrize("kind", [ReLU, LeakyReLU, Requantize, HardSwish, Add, Sub, Mul])
def test_results_halfway_between_two_integers(kind: type[Op]) -> None:
    for first, second, third in product(ROUND, repeat=3):
        builder = Builder((256,), 1)
        operands = (
            ["x"]
            if kind in (ReLU, LeakyReLU, Requantize, HardSwish)
            else ["x", builder.constant(256, scale=second)]
        )
        if len(operands) == 1 and second != third:
            continue
        y = builder.add(kind, *operands, scale=third)
        builder.tensors["x"] = replace(builder.tensors["x"], quant=Quant.per_tensor(first, -3))
        net = tflm(builder, y)
        x = np.arange(-128, 128).astype(np.int8)[None]
        expected = oracle_outputs(write_tflite(net), x).reshape(x.shape)
        np.testing.assert_array_equal(run(net, x), expected, err_msg=f"{first} {second} {third}")


def test_every_integer_op_is_compared() -> None:
    compared = {type(op) for found in CASES.values() for op in found(0)[0].ops}
    assert compared == set(TFLM_OPS)


@pytest.mark.parametrize(
    ("real", "factor"),
    [
        (1.0, Factor(1 << 30, 1)),
        (0.5, Factor(1 << 30, 0)),
        (0.75, Factor(3 << 29, 0)),
        (1 - 2.0**-40, Factor(1 << 30, 1)),
        (0.0, Factor(0, 0)),
        (2.0**-40, Factor(0, 0)),
    ],
)
def test_factors_are_normalized(real: float, factor: Factor) -> None:
    assert quantize_multiplier(real) == factor


def test_an_average_pool_that_changes_the_scale_is_refused() -> None:
    builder = Builder((7, 6, 3))
    net = tflm(builder, builder.add(AveragePool2D, "x"))
    with pytest.raises(NetError, match="must give the quantization"):
        check(net, Stage.QUANTIZED)


def test_weights_of_minus_128_are_taken_as_they_are() -> None:
    builder = Builder((19,))
    net = tflm(builder, builder.dense("x", 3))
    name = net.ops[0].inputs[1]
    lowest = replace(net.tensors[name], data=np.full((3, 19), -128, np.int8))
    check(replace(net, tensors={**net.tensors, name: lowest}), Stage.QUANTIZED)
