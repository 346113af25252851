from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from tests.small_nets import Sketch
from tests.strategies import float_nets, observed_ranges, prepared, random_batch, without_weights

from lilliput.errors import NetError
from lilliput.net import (
    Activation,
    Add,
    AveragePool2D,
    Concat,
    DType,
    FullyConnected,
    GlobalAveragePool2D,
    MaxPool2D,
    Net,
    Normalization,
    Pad,
    Padding,
    Quant,
    Requantize,
    Reshape,
    Softmax,
    Tanh,
)
from lilliput.net.formats import format_named, formats_named
from lilliput.net.reference import run, run_all
from lilliput.passes import quantize
from lilliput.passes.choose_types import few_steps


def quantized(net: Net, examples: int = 64) -> Net:
    folded = prepared(net)
    return quantize(folded, observed_ranges(folded, np.random.default_rng(0), examples))


def real(values: np.ndarray, quant: Quant | None) -> np.ndarray:
    assert quant is not None
    return quant.scale * (values.astype(np.float64) - quant.zero_point)


def as_integers(x: np.ndarray, quant: Quant | None) -> np.ndarray:
    assert quant is not None
    return np.clip(np.rint(x / quant.scale) + quant.zero_point, -128, 127).astype(np.int8)


@given(net=float_nets())
def test_structure_does_not_depend_on_ranges_or_weights(net: Net) -> None:
    folded = prepared(net)
    with_ranges = quantize(folded, observed_ranges(folded, np.random.default_rng(0)))
    for other in (quantize(folded, None), quantize(without_weights(folded), None)):
        assert other.ops == with_ranges.ops
        assert {name: (t.shape, t.dtype, t.constant) for name, t in other.tensors.items()} == {
            name: (t.shape, t.dtype, t.constant) for name, t in with_ranges.tensors.items()
        }


@given(net=float_nets())
def test_scales_are_float32_and_zero_is_exact(net: Net) -> None:
    for tensor in quantized(net, 4).tensors.values():
        if tensor.dtype is DType.INT32:
            continue
        assert tensor.quant is not None
        assert all(scale == float(np.float32(scale)) for scale in tensor.quant.scales)


def classifier() -> Sketch:
    sketch = Sketch((12, 12, 1), seed=3)
    first = sketch.conv("x", 8, activation=Activation.RELU)
    pooled = sketch.add(MaxPool2D, first, strides=(2, 2))
    second = sketch.conv(pooled, 8, activation=Activation.RELU)
    joined = sketch.add(Concat, sketch.add(Add, pooled, second), pooled)
    smooth = sketch.add(AveragePool2D, joined, strides=(2, 2))
    sketch.dense(sketch.add(GlobalAveragePool2D, smooth), 5, bias=True)
    return sketch


def test_int8_results_are_close_to_the_reals() -> None:
    sketch = classifier()
    net = sketch.net(sketch.ops[-1].outputs[0])
    integers = quantized(net, 256)
    x = random_batch(net, np.random.default_rng(1), 100)
    expected = run(net, x)
    found = real(run(integers, as_integers(x, integers.input.quant)), integers.output.quant)
    assert np.abs(found - expected).max() < 0.06 * (expected.max() - expected.min())
    assert np.mean(found.argmax(1) == expected.argmax(1)) > 0.9


def test_every_layer_alone_is_within_two_steps() -> None:
    sketch = classifier()
    net = sketch.net(sketch.ops[-1].outputs[0])
    integers = quantized(net, 256)
    x = random_batch(net, np.random.default_rng(1), 20)
    values = run_all(integers, as_integers(x, integers.input.quant))
    reals = {
        name: real(value, integers.tensors[name].quant).astype(np.float32) for name, value in values.items()
    }
    for op in prepared(net).ops:
        alone = replace(
            net,
            ops=(replace(op, inputs=op.inputs),),
            inputs=tuple(name for name in op.inputs if name in reals)[:1],
            outputs=op.outputs,
        )
        if len([name for name in op.inputs if name in reals]) > 1:
            continue
        quant = integers.tensors[op.outputs[0]].quant
        assert quant is not None
        expected = run(alone, reals[alone.inputs[0]])
        low, high = quant.scale * (-128 - quant.zero_point), quant.scale * (127 - quant.zero_point)
        error = np.abs(reals[op.outputs[0]] - np.clip(expected, low, high)).max() / quant.scale
        # Weights are rounded too, which weighs more the more inputs a layer has.
        assert error < (8 if len(op.inputs) > 1 else 0.51), op.name


def test_bytes_enter_as_they_are() -> None:
    sketch = classifier()
    net = sketch.net(sketch.ops[-1].outputs[0], normalization=Normalization(DType.UINT8, (73.0,), (60.0,)))
    folded = prepared(net)
    ranges = observed_ranges(folded, np.random.default_rng(0))
    integers = quantize(folded, ranges)
    first = integers.ops[0]
    assert isinstance(first, Requantize)
    assert integers.inputs == ("x",)
    assert integers.input.dtype is DType.UINT8
    assert integers.input.quant == Quant.per_tensor(float(np.float32(1 / 60)), 73)
    raw = np.random.default_rng(2).integers(0, 256, (4, 12, 12, 1)).astype(np.uint8)
    values = run_all(integers, raw)
    np.testing.assert_array_equal(values[first.outputs[0]], raw.astype(np.int64) - 128)


def test_reals_enter_as_int8_of_what_is_normalized() -> None:
    sketch = classifier()
    net = sketch.net(sketch.ops[-1].outputs[0], normalization=Normalization(DType.FLOAT32, (5.0,), (2.0,)))
    integers = quantized(net)
    assert integers.input.dtype is DType.INT8
    assert not isinstance(integers.ops[0], Requantize)


def test_ops_that_move_integers_share_one_quantization() -> None:
    sketch = Sketch((6, 6, 3))
    left, right = sketch.conv("x", 2), sketch.conv("x", 3)
    pooled = sketch.add(
        MaxPool2D, sketch.add(Concat, left, sketch.add(Pad, right, padding=Padding(0, 0, 0, 0)))
    )
    net = quantized(sketch.net(sketch.add(Reshape, pooled, shape=(125,))))
    shared = {
        net.tensors[name].quant for op in net.ops for name in (*op.inputs[:1], *op.outputs) if name != "x"
    }
    assert len(shared) == 1


def test_a_joined_range_holds_every_part() -> None:
    sketch = Sketch((4,))
    net = sketch.net(sketch.add(Concat, sketch.dense("x", 2), sketch.dense("x", 2), axis=0))
    names = [op.outputs[0] for op in net.ops]
    found = quantize(
        net, {"x": (-1, 1), names[0]: (0.5, 3), names[1]: (-2, 1), names[2]: (-2, 3)}
    ).output.quant
    assert found is not None
    assert found.scale == pytest.approx(5 / 255, rel=1e-6)
    assert found.zero_point == round(-128 + 2 / found.scale)


def test_a_softmax_beside_other_values_gets_its_own_change_of_scale() -> None:
    sketch = Sketch((4,))
    logits = sketch.dense("x", 3)
    net = sketch.net(sketch.add(Concat, sketch.add(Softmax, logits), logits, axis=0))
    integers = quantized(net)
    assert [type(op).__name__ for op in integers.ops] == ["FullyConnected", "Softmax", "Requantize", "Concat"]
    x = random_batch(net, np.random.default_rng(0), 16)
    found = real(run(integers, as_integers(x, integers.input.quant)), integers.output.quant)
    assert integers.output.quant is not None
    assert np.abs(found - run(net, x)).max() < 4 * integers.output.quant.scale + 0.05


def test_dead_channels_and_constant_activations_are_harmless() -> None:
    sketch = Sketch((6,))
    weights = sketch.constant(np.zeros((3, 6)))
    dead = sketch.add(FullyConnected, "x", weights, activation=Activation.RELU)
    bias = sketch.constant([0.5, -40.0, 1e-9])
    also = sketch.add(FullyConnected, "x", sketch.constant(np.diag([0, 1e-12, 1, 1, 1, 1])[:3]), bias)
    net = sketch.net(sketch.add(Add, dead, also))
    integers = quantized(net)
    x = random_batch(net, np.random.default_rng(0), 32)
    found = real(run(integers, as_integers(x, integers.input.quant)), integers.output.quant)
    assert integers.output.quant is not None
    assert np.abs(found - run(net, x)).max() < 3 * integers.output.quant.scale


@pytest.mark.parametrize("width", [0.0, 1e-38, 1e-12, 1e12])
def test_ranges_that_do_not_fit_the_weights_still_give_valid_integers(width: float) -> None:
    sketch = classifier()
    net = sketch.net(sketch.ops[-1].outputs[0])
    ranges = observed_ranges(net, np.random.default_rng(0))
    for name in ranges:
        integers = quantize(net, {**ranges, name: (-width, width)})
        assert integers.quantized


@pytest.mark.parametrize("pair", [(0.0, float("nan")), (float("-inf"), 0.0), (1.0, -1.0)])
def test_broken_ranges_are_named(pair: tuple[float, float]) -> None:
    sketch = Sketch((4,))
    net = sketch.net(sketch.dense("x", 2))
    with pytest.raises(NetError, match="range of activation 'x'"):
        quantize(net, {"x": pair, net.outputs[0]: (0.0, 1.0)})


def test_missing_ranges_are_named() -> None:
    sketch = Sketch((4,))
    net = sketch.net(sketch.dense("x", 2))
    with pytest.raises(NetError, match=f"'{net.outputs[0]}' is missing"):
        quantize(net, {"x": (0.0, 1.0)})


def test_batch_norm_must_be_folded_first() -> None:
    sketch = Sketch((4, 4, 1))
    net = sketch.net(sketch.norm(sketch.conv("x", 2)))
    with pytest.raises(NetError, match="no integer form"):
        quantize(net, None)


def test_sums_that_do_not_fit_int32_are_refused() -> None:
    sketch = Sketch((70_000,))
    weights = sketch.constant(np.ones((1, 70_000)))
    net = sketch.net(sketch.add(FullyConnected, "x", weights))
    with pytest.raises(NetError, match="more than int32 holds"):
        quantize(net, {"x": (0.0, 1.0), net.outputs[0]: (0.0, 70_000.0)})


def two_layers() -> tuple[Net, dict[str, tuple[float, float]]]:
    sketch = Sketch((6, 6, 2), seed=1)
    pooled = sketch.add(MaxPool2D, sketch.conv("x", 4), pool=(2, 2), strides=(2, 2))
    net = sketch.net(sketch.dense(sketch.add(Reshape, pooled, shape=(36,)), 3))
    return net, observed_ranges(net, np.random.default_rng(0))


@pytest.mark.parametrize("name", ["w2a2", "int8", "qmn8", "qmn16-network"])
def test_learned_scales_of_weights_are_taken(name: str) -> None:
    net, ranges = two_layers()
    weights = net.ops[0].inputs[1]
    learned = np.array([0.11, 0.2, 0.3, 0.4])
    found = quantize(net, ranges, format_named(name), weight_scales={weights: learned})
    usual = quantize(net, ranges, format_named(name))
    used, unused = (made.tensors[weights].quant for made in (found, usual))
    assert used is not None
    if name == "qmn16-network":  # one scale for everything
        assert used == unused
    elif name == "qmn8":
        assert used.scales == (0.25,) * 4  # nearest to the geometric mean, 0.227
    else:
        np.testing.assert_allclose(used.scales, learned, rtol=1e-6)
        assert used != unused
    rest = net.ops[-1].inputs[1]
    assert found.tensors[rest] == usual.tensors[rest]


@pytest.mark.parametrize("name", ["qmn8-network", "qmn16-network"])
def test_a_network_of_one_layer_without_weights_has_one_scale(name: str) -> None:
    sketch = Sketch((4,))
    net = sketch.net(sketch.add(Softmax, "x"))
    found = quantize(net, {"x": (-3.0, 3.0), net.outputs[0]: (0.0, 1.0)}, formats_named(name))
    taken = found.tensors["x"].quant
    assert taken is not None
    assert taken.scale == 2.0**-5  # holds 3 in 8 bits, which softmax takes in both formats


@pytest.mark.parametrize("name", ["qmn8-network", "qmn16-network"])
def test_a_network_may_have_no_scale_to_choose(name: str) -> None:
    sketch = Sketch((4,))
    net = sketch.net(sketch.add(Tanh, sketch.add(Tanh, "x")))
    one = quantize(net, dict.fromkeys(net.tensors, (-0.99, 0.99)), formats_named(name))
    taken = one.tensors["x"].quant
    assert taken is not None
    assert taken.scale == 2.0**-7


def test_weights_of_one_bit_are_signs_of_their_mean_magnitude() -> None:
    net, ranges = two_layers()
    name = net.ops[0].inputs[1]
    found = quantize(net, ranges, format_named("w1a8")).tensors[name]
    real = net.tensors[name].data
    assert real is not None
    assert found.data is not None
    assert found.quant is not None
    assert found.dtype is DType.SIGN
    np.testing.assert_array_equal(found.data, np.where(real < 0, -1, 1))
    np.testing.assert_allclose(found.quant.scales, np.abs(real).mean(axis=(1, 2, 3)), rtol=1e-6)


def test_one_bit_of_what_flows_behind_a_relu_is_zero_or_a_step() -> None:
    net, ranges = two_layers()
    (made, *_) = (op.outputs[0] for op in net.ops)
    found = quantize(net, {**ranges, made: (0.0, 0.75)}, format_named("w8a1")).tensors[made]
    assert (found.dtype.range, found.quant) == ((-1, 0), Quant.per_tensor(0.75, -1))


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_beside_int16_a_layer_of_few_bits_keeps_its_zero_point(bits: int) -> None:
    net, ranges = two_layers()
    first, *_ = net.ops
    (made,) = first.outputs
    formats = formats_named(f"int16x8,{first.name}=w3a{bits}")
    found = quantize(net, {**ranges, made: (0.0, 0.75)}, formats).tensors[made]
    least, _ = found.dtype.range
    assert found.dtype.bits == bits
    assert found.quant == Quant.per_tensor(float(np.float32(0.75 / (2**bits - 1))), least)


def test_beside_int16_a_residual_sum_may_have_one_bit() -> None:
    sketch = classifier()
    folded = prepared(sketch.net(sketch.ops[-1].outputs[0]))
    (add,) = (op for op in folded.ops if isinstance(op, Add))
    formats = formats_named(f"int16x8,{add.name}=w3a1")
    found = quantize(folded, observed_ranges(folded, np.random.default_rng(0)), formats)
    assert DType.INT1 in {tensor.dtype for tensor in found.tensors.values()}
    assert any(isinstance(op, Add) and found.tensors[op.outputs[0]].dtype is DType.INT1 for op in found.ops)


def test_activations_of_few_bits_are_known_with_their_steps() -> None:
    net, _ = two_layers()
    made = [op.outputs[0] for op in net.ops]
    assert few_steps(net, formats_named("w8a6")) == {}
    assert few_steps(net, formats_named("w8a2")) == dict.fromkeys(made, 3)
    dense = net.ops[-1].name
    assert few_steps(net, formats_named(f"w2a5,{dense}=int8")) == dict.fromkeys(made[:-1], 31)
