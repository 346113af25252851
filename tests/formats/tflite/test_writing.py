"""A network becomes a file that TensorFlow Lite Micro runs, and that is read back as the same network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from tests.codegen.quantized_builder import Builder
from tests.formats.tflite.files import oracle_outputs
from tests.net.test_tflm import CASES, tflm
from tests.strategies import random_batch, random_net, without_weights

from lilliput.errors import FormatError
from lilliput.formats.tflite import parse_tflite, to_tflm, write_tflite
from lilliput.formats.tflite.emitters import EMITTERS
from lilliput.formats.tflite.graph import parse_graph
from lilliput.net import (
    FLOAT_ONLY,
    OPS,
    AveragePool2D,
    MaxPool2D,
    Net,
    Padding,
    Profile,
    Quant,
    ReLU6,
    same_padding,
)
from lilliput.net.formats import formats_named
from lilliput.net.reference import run
from lilliput.passes import fold_batch_norm, quantize
from lilliput.search.templates import Cnn, build


def test_every_integer_op_can_be_written() -> None:
    assert set(EMITTERS) == set(OPS) - FLOAT_ONLY


def numbers(net: Net, examples: int = 6) -> np.ndarray:
    return random_batch(net, np.random.default_rng(0), examples)


@pytest.mark.parametrize("case", CASES)
def test_what_is_written_is_read_back(case: str) -> None:
    for seed in range(6):
        net = tflm(*CASES[case](seed))
        again = parse_tflite(write_tflite(net), net.name)
        x = numbers(net)
        np.testing.assert_array_equal(run(again, x).reshape(len(x), -1), run(net, x).reshape(len(x), -1))
        assert again.input.quant == net.input.quant
        assert again.output.quant == net.output.quant


def test_the_same_network_gives_the_same_bytes() -> None:
    net = tflm(*CASES["chain"](3))
    assert write_tflite(net) == write_tflite(net)


def test_names_of_tensors_are_kept() -> None:
    net = tflm(*CASES["chain"](3))
    names = {tensor.name for tensor in parse_graph(write_tflite(net), "file").tensors}
    assert names >= set(net.tensors)


WINDOWS: dict[str, Callable[[Builder], str]] = {
    "conv": lambda b: b.conv("x", 3, (3, 2), padding=Padding(2, 0, 1, 1), strides=(1, 2)),
    "depthwise": lambda b: b.depthwise("x", (3, 3), padding=Padding(0, 2, 2, 0)),
    "max pool": lambda b: b.add(MaxPool2D, "x", pool=(3, 3), padding=Padding(2, 1, 0, 2)),
    "max pool same": lambda b: b.add(
        MaxPool2D, "x", pool=(3, 2), strides=(2, 2), padding=same_padding((7, 6), (3, 2), (2, 2))
    ),
    "conv same": lambda b: b.conv(
        "x", 3, (3, 3), strides=(2, 2), padding=same_padding((7, 6), (3, 3), (2, 2))
    ),
    "padding beyond the last window": lambda b: b.conv(
        "x", 3, (2, 2), strides=(2, 2), padding=Padding(0, 0, 0, 1)
    ),
}


@pytest.mark.parametrize("name", WINDOWS)
def test_any_padding_is_expressed(name: str) -> None:
    for seed in range(4):
        builder = Builder((7, 6, 3), seed)
        net = tflm(builder, WINDOWS[name](builder))
        x = numbers(net)
        found = oracle_outputs(write_tflite(net), x).reshape(-1, *net.output.shape)
        np.testing.assert_array_equal(found, run(net, x))


def test_padding_that_tensorflow_lite_knows_needs_no_operator() -> None:
    builder = Builder((7, 6, 3))
    net = tflm(builder, WINDOWS["conv same"](builder))
    assert len(parse_graph(write_tflite(net), "file").operators) == 1


def test_an_average_pool_of_odd_padding_is_refused() -> None:
    builder = Builder((7, 6, 3))
    y = builder.add(AveragePool2D, "x", pool=(3, 3), padding=Padding(2, 0, 0, 0))
    with pytest.raises(FormatError, match="neither TensorFlow Lite's 'valid' nor its 'same'"):
        write_tflite(Net("net", tuple(builder.ops), builder.tensors, ("x",), (y,)))


def test_pools_and_relu6_that_change_the_scale_take_two_operators() -> None:
    for kind, attributes in ((AveragePool2D, {"pool": (2, 2)}), (ReLU6, {})):
        for scale in (0.02, 0.2):
            builder = Builder((4, 4, 2), zero_point=-100)
            y = builder.add(kind, "x", scale=scale, **attributes)
            net = Net("net", tuple(builder.ops), builder.tensors, ("x",), (y,))
            x = numbers(net)
            assert len(to_tflm(net).ops) == 2
            found = oracle_outputs(write_tflite(net), x).reshape(-1, *net.output.shape)
            np.testing.assert_array_equal(found, run(to_tflm(net), x))


def test_a_relu6_whose_six_is_out_of_reach_is_a_relu() -> None:
    builder = Builder((30,), zero_point=120)
    y = builder.add(ReLU6, "x")
    builder.tensors[y] = replace(builder.tensors[y], quant=builder.tensors["x"].quant)
    net = tflm(builder, y)
    x = numbers(net)
    np.testing.assert_array_equal(oracle_outputs(write_tflite(net), x).reshape(x.shape), run(net, x))


def expressible(net: Net) -> bool:
    """Whether the network has no average pool with padding, which TensorFlow Lite may not know."""
    return not any(isinstance(op, AveragePool2D) and any(op.padding) for op in net.ops)


@pytest.mark.parametrize("seed", range(12))
def test_a_network_that_was_trained_here_runs_there(seed: int) -> None:
    net = random_net(np.random.default_rng(seed))
    if not expressible(net):
        pytest.skip("this random network has an average pool of odd padding")
    assert {op.profile for op in net.ops} == {Profile.LILLIPUT}
    x = numbers(net)
    expected = run(to_tflm(net), x)
    np.testing.assert_array_equal(
        oracle_outputs(write_tflite(net), x).reshape(-1, *net.output.shape), expected
    )


def test_its_numbers_are_close_to_those_here() -> None:
    far = []
    for seed in range(30):
        net = random_net(np.random.default_rng(seed), most_ops=3)
        x = numbers(net, 20)
        difference = run(to_tflm(net), x).astype(int) - run(net, x).astype(int)
        far.append(np.abs(difference).mean())
    assert np.median(far) < 0.1


def test_what_cannot_be_written_is_told() -> None:
    float_net = random_net(np.random.default_rng(1), quantized=False)
    with pytest.raises(FormatError, match="has no form in TensorFlow Lite"):
        write_tflite(float_net)
    with pytest.raises(FormatError, match="has no data"):
        write_tflite(without_weights(tflm(*CASES["conv"](0))))
    builder = Builder((3,))
    y = builder.add(ReLU6, "x")
    builder.tensors["x"] = replace(builder.tensors["x"], quant=Quant.per_tensor(1e30, 0))
    with pytest.raises(FormatError, match="has no form in TensorFlow Lite"):
        write_tflite(Net("net", tuple(builder.ops), builder.tensors, ("x",), (y,)))


@pytest.mark.parametrize(
    ("formats", "words"),
    [
        ("w4a8", "weights of op 'conv1' are int4, but weights and what flows must be int8; 2 ops in all"),
        ("int8,logits=w8a4", "numbers of op 'logits' are int4, but weights and what flows must be int8"),
        ("int16x8", "are int16, but weights and what flows must be int8"),
        ("w1a8", "are sign, but weights and what flows must be int8"),
    ],
)
def test_a_format_that_tensorflow_lite_lacks_is_named(formats: str, words: str) -> None:
    net = fold_batch_norm(build(Cnn((4,), (3,), (2,), ()), (8, 8, 1), 3, "net"))
    with pytest.raises(FormatError) as caught:
        to_tflm(quantize(net, None, formats_named(formats)))
    assert words in str(caught.value)
    assert "--format int8" in caught.value.hint
    assert "exported" not in str(caught.value)
