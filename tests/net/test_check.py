from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from tests.small_nets import Sketch
from tests.strategies import float_nets, quantized_nets, without_weights

from lilliput.errors import NetError
from lilliput.net import (
    Activation,
    BatchNorm,
    Concat,
    Conv2D,
    DType,
    FullyConnected,
    GlobalAveragePool2D,
    MaxPool2D,
    Net,
    Normalization,
    Op,
    Padding,
    Plan,
    Quant,
    ReLU,
    Reshape,
    Softmax,
    Tensor,
)
from lilliput.net.check import Stage, check, stage_of
from lilliput.passes import fold_batch_norm, quantize
from lilliput.passes.place import plan

Break = Callable[[Net], Net]


def float_net() -> Net:
    """conv → norm → max pool → flatten → dense → softmax."""
    sketch = Sketch((4, 4, 2))
    pooled = sketch.add(MaxPool2D, sketch.norm(sketch.conv("x", 3)), strides=(2, 2))
    flat = sketch.add(Reshape, pooled, shape=(12,))
    return sketch.net(sketch.add(Softmax, sketch.dense(flat, 3, bias=True)))


def quantized_net() -> Net:
    net = fold_batch_norm(float_net())
    ranges = dict.fromkeys(net.tensors, (-2.0, 2.0))
    return quantize(net, ranges)


def with_op(net: Net, index: int, **changes: Any) -> Net:
    ops = list(net.ops)
    ops[index] = replace(ops[index], **changes)
    return replace(net, ops=tuple(ops))


def with_tensor(net: Net, name: str, /, **changes: Any) -> Net:
    return replace(net, tensors={**net.tensors, name: replace(net.tensors[name], **changes)})


def constant(net: Net, op: int = 0, index: int = 1) -> str:
    return net.ops[op].inputs[index]


def scaled(net: Net, name: str, **changes: Any) -> Net:
    quant = net.tensors[name].quant
    assert quant is not None
    return with_tensor(net, name, quant=replace(quant, **changes))


def test_valid_networks_pass() -> None:
    check(float_net(), Stage.FLOAT)
    check(without_weights(float_net()), Stage.FLOAT)
    check(quantized_net(), Stage.QUANTIZED)
    check(without_weights(quantized_net()), Stage.QUANTIZED)
    check(plan(quantized_net()), Stage.PLANNED)


@given(net=float_nets())
def test_random_float_networks_pass(net: Net) -> None:
    check(net, Stage.FLOAT)
    assert stage_of(net) is Stage.FLOAT


@given(net=quantized_nets())
def test_random_quantized_networks_pass(net: Net) -> None:
    check(net, Stage.QUANTIZED)
    assert stage_of(net) is Stage.QUANTIZED
    assert stage_of(plan(net)) is Stage.PLANNED


def reversed_ops(net: Net) -> Net:
    return replace(net, ops=net.ops[::-1])


def with_nan(net: Net) -> Net:
    values = np.array(net.tensors[constant(net)].data)
    values.flat[0] = np.nan
    return with_tensor(net, constant(net), data=values)


def with_infinity(net: Net) -> Net:
    values = np.array(net.tensors[constant(net)].data)
    values.flat[-1] = np.inf
    return with_tensor(net, constant(net), data=values)


def without_tensor(net: Net, name: str) -> Net:
    return replace(net, tensors={key: value for key, value in net.tensors.items() if key != name})


class _Foreign(ReLU):
    """An op outside the closed set."""


def with_foreign_op(net: Net) -> Net:
    last = net.ops[-1]
    return replace(
        net, ops=(*net.ops[:-1], _Foreign(name=last.name, inputs=last.inputs, outputs=last.outputs))
    )


def with_negative_variance(net: Net) -> Net:
    name = net.ops[1].inputs[4]
    return with_tensor(net, name, data=-np.ones(net.tensors[name].shape, np.float32))


FLOAT_BREAKS: dict[str, tuple[Break, str]] = {
    "name with a dash": (lambda n: replace(n, name="my-net"), "no C identifier"),
    "name with a capital": (lambda n: replace(n, name="Net"), "lower case"),
    "name with a letter outside ASCII": (lambda n: replace(n, name="größe"), "no C identifier"),
    "empty name": (lambda n: replace(n, name=""), "no C identifier"),
    "name with a line break": (lambda n: replace(n, name="net\n"), "no C identifier"),
    "name of the runtime": (lambda n: replace(n, name="lp_net"), "reserved"),
    "name too long": (lambda n: replace(n, name="n" * 49), "at most 48"),
    "op name with a slash": (lambda n: with_op(n, 0, name="a/b"), "op name 'a/b'"),
    "op name that ends a comment": (lambda n: with_op(n, 0, name="x*/ y"), "no C identifier"),
    "op names twice": (lambda n: with_op(n, 0, name=n.ops[1].name), "two ops"),
    "tensor filed wrongly": (lambda n: with_tensor(n, "x", name="z"), "filed under"),
    "tensor missing": (lambda n: without_tensor(n, constant(n)), "missing"),
    "output tensor missing": (lambda n: without_tensor(n, n.ops[0].outputs[0]), "missing"),
    "input missing": (lambda n: without_tensor(n, "x"), "input 'x'"),
    "no input": (lambda n: replace(n, inputs=()), "one of each"),
    "two outputs": (lambda n: replace(n, outputs=(n.ops[0].outputs[0], n.outputs[0])), "one of each"),
    "output is the input": (lambda n: replace(n, outputs=("x",)), "no op writes"),
    "wrong order": (reversed_ops, "before any op has written it"),
    "written twice": (lambda n: with_op(n, 1, outputs=n.ops[0].outputs), "written twice"),
    "writes the input": (lambda n: with_op(n, 0, outputs=("x",)), "written twice"),
    "unused tensor": (lambda n: replace(n, tensors={**n.tensors, "z": Tensor("z", (1,))}), "nothing uses"),
    "dead op": (lambda n: replace(n, outputs=(n.ops[-2].outputs[0],)), "nothing uses"),
    "too few inputs": (lambda n: with_op(n, 0, inputs=("x",)), "takes 2 to 3"),
    "two outputs of an op": (lambda n: with_op(n, 0, outputs=("a", "b")), "gives one"),
    "weights that are no constant": (
        lambda n: with_tensor(n, constant(n), constant=False, data=None),
        "constant",
    ),
    "image that is constant": (
        lambda n: with_op(n, 1, inputs=(constant(n), *n.ops[1].inputs[1:])),
        "an activation",
    ),
    "unknown op": (with_foreign_op, "unknown type"),
    "wrong shape": (lambda n: with_tensor(n, n.ops[0].outputs[0], shape=(4, 4, 5)), "gives shape"),
    "dimension zero": (lambda n: with_tensor(n, "x", shape=(0, 4, 2)), "at least 1"),
    "no dimension": (lambda n: with_tensor(n, "x", shape=()), "at least 1"),
    "huge dimension": (lambda n: with_tensor(n, "x", shape=(2**40, 4, 2)), "not huge"),
    "dimension that is no number": (lambda n: with_tensor(n, "x", shape=(4, "4", 2)), "has shape"),
    "stride zero": (lambda n: with_op(n, 0, strides=(0, 1)), "strides"),
    "stride beyond 16 bits": (lambda n: with_op(n, 0, strides=(1, 1 << 16)), "strides"),
    "border beyond 16 bits": (lambda n: with_op(n, 0, padding=Padding(0, 0, 0, 1 << 16)), "padding"),
    "negative padding": (lambda n: with_op(n, 0, padding=Padding(-1, 0, 0, 0)), "padding"),
    "padding as large as the window": (lambda n: with_op(n, 0, padding=Padding(3, 0, 0, 0)), ""),
    "padding that is no Padding": (lambda n: with_op(n, 0, padding=(1, 1, 1, 1)), "padding"),
    "dilation zero": (lambda n: with_op(n, 0, dilation=(0, 1)), "dilation"),
    "activation that is text": (lambda n: with_op(n, 0, activation="relu"), "activation"),
    "profile that is text": (lambda n: with_op(n, 0, profile="tflm"), "profile"),
    "pool zero": (lambda n: with_op(n, 2, pool=(0, 2)), "pool"),
    "beta that is not positive": (lambda n: with_op(n, 5, beta=0.0), "beta"),
    "beta NaN": (lambda n: with_op(n, 5, beta=float("nan")), "beta"),
    "epsilon infinite": (lambda n: with_op(n, 1, epsilon=float("inf")), "epsilon"),
    "negative variance": (with_negative_variance, "variance"),
    "NaN weights": (with_nan, "NaN or infinity"),
    "infinite weights": (with_infinity, "NaN or infinity"),
    "data of another shape": (
        lambda n: with_tensor(n, constant(n), data=np.zeros(3, np.float32)),
        "its data",
    ),
    "data of another type": (
        lambda n: with_tensor(n, constant(n), data=np.zeros(n.tensors[constant(n)].shape)),
        "its data",
    ),
    "data of an activation": (
        lambda n: with_tensor(n, "x", data=np.zeros((4, 4, 2), np.float32)),
        "holds data",
    ),
    "some weights missing": (lambda n: with_tensor(n, constant(n), data=None), "all of them or to none"),
    "integers among floats": (lambda n: with_tensor(n, "x", dtype=DType.INT8), "float network"),
    "quantization among floats": (
        lambda n: with_tensor(n, "x", quant=Quant.per_tensor(1.0)),
        "float network",
    ),
    "labels for other outputs": (lambda n: replace(n, labels=("a", "b")), "2 labels for 3"),
    "label that cannot be printed": (lambda n: replace(n, labels=("a", "b", "c\n")), "printable"),
    "mean of other channels": (
        lambda n: replace(n, normalization=Normalization(DType.FLOAT32, (0.0,) * 3, (1.0,))),
        "mean",
    ),
    "std zero": (
        lambda n: replace(n, normalization=Normalization(DType.FLOAT32, (0.0,), (0.0,))),
        "positive",
    ),
    "mean NaN": (
        lambda n: replace(n, normalization=Normalization(DType.FLOAT32, (float("nan"),), (1.0,))),
        "finite",
    ),
    "bytes with a broken mean": (
        lambda n: replace(n, normalization=Normalization(DType.UINT8, (0.5,), (1.0,))),
        "whole",
    ),
    "bytes with a mean beyond them": (
        lambda n: replace(n, normalization=Normalization(DType.UINT8, (256.0,), (1.0,))),
        "whole",
    ),
    "bytes by channel": (
        lambda n: replace(n, normalization=Normalization(DType.UINT8, (0.0, 0.0), (1.0, 1.0))),
        "one whole mean",
    ),
    "raw data of another type": (
        lambda n: replace(n, normalization=Normalization(DType.INT16, (0.0,), (1.0,))),
        "uint8 or float32",
    ),
    "a plan": (lambda n: replace(n, plan=Plan({}, {}, 0, 0)), "plan"),
}


@pytest.mark.parametrize("case", FLOAT_BREAKS)
def test_a_broken_float_network_is_refused(case: str) -> None:
    breaks, why = FLOAT_BREAKS[case]
    with pytest.raises(NetError) as caught:
        check(breaks(float_net()), Stage.FLOAT)
    assert why in str(caught.value)


def with_weight(value: int) -> Break:
    def change(net: Net) -> Net:
        values = np.array(net.tensors[constant(net)].data)
        values.flat[0] = value
        return with_tensor(net, constant(net), data=values)

    return change


def with_bias(value: int) -> Break:
    def change(net: Net) -> Net:
        name = constant(net, 0, 2)
        return with_tensor(net, name, data=np.full(net.tensors[name].shape, value, np.int32))

    return change


def out(net: Net, op: int) -> str:
    return net.ops[op].outputs[0]


QUANTIZED_BREAKS: dict[str, tuple[Break, str]] = {
    "float activation": (lambda n: with_tensor(n, "x", dtype=DType.FLOAT32, quant=None), "float32"),
    "uint8 into a convolution": (
        lambda n: with_tensor(n, "x", dtype=DType.UINT8, quant=Quant.per_tensor(1.0)),
        "uint8",
    ),
    "no quantization": (lambda n: with_tensor(n, "x", quant=None), "lacks one scale"),
    "scale zero": (lambda n: scaled(n, "x", scales=(0.0,)), "positive and finite"),
    "scale NaN": (lambda n: scaled(n, "x", scales=(float("nan"),)), "positive and finite"),
    "zero point beyond the type": (lambda n: scaled(n, "x", zero_points=(128,)), "zero point"),
    "zero point that is no number": (lambda n: scaled(n, "x", zero_points=(0.5,)), "zero point"),
    "scales by channel of an activation": (
        lambda n: with_tensor(n, "x", quant=Quant((1.0, 1.0), (0, 0), 2)),
        "lacks one scale",
    ),
    "axis outside the tensor": (lambda n: scaled(n, constant(n), axis=4), "axis"),
    "too few scales": (lambda n: scaled(n, constant(n), scales=(1.0, 1.0), zero_points=(0, 0)), "2 scales"),
    "weights off zero": (lambda n: scaled(n, constant(n), zero_points=(1, 0, 0)), "zero points 0"),
    "weights along another axis": (
        lambda n: scaled(n, constant(n), axis=3, scales=(1.0,) * 2, zero_points=(0,) * 2),
        "axis 0",
    ),
    "weights of another type": (
        lambda n: with_tensor(n, constant(n), dtype=DType.INT32, data=np.zeros((3, 3, 3, 2), np.int32)),
        "are int32, which must be sign, int2, int3",
    ),
    "weight of -128": (with_weight(-128), "below -127"),
    "weight without a sign": (
        lambda n: with_tensor(n, constant(n), dtype=DType.SIGN, data=np.zeros((3, 3, 3, 2), np.int8)),
        "are signs, and some are 0",
    ),
    "weights of a bit that may be 0": (
        lambda n: with_tensor(n, constant(n), dtype=DType.INT1, data=np.zeros((3, 3, 3, 2), np.int8)),
        "are int1, which must be sign, int2, int3",
    ),
    "bias of another type": (
        lambda n: with_tensor(n, constant(n, 0, 2), dtype=DType.INT8, data=np.zeros(3, np.int8)),
        "not int32",
    ),
    "bias of another scale": (
        lambda n: scaled(n, constant(n, 0, 2), scales=(1.0, 1.0, 1.0)),
        "scale of bias",
    ),
    "sums beyond int32": (with_bias(2**31 - 1), "more than int32 holds"),
    "an output far too fine": (
        lambda n: scaled(scaled(n, out(n, 0), scales=(1e-12,)), out(n, 1), scales=(1e-12,)),
        "may",
    ),
    "an output that cannot be reached": (
        lambda n: scaled(scaled(n, out(n, 0), scales=(1e-25,)), out(n, 1), scales=(1e-25,)),
        "cannot be requantized",
    ),
    "a pool that changes the scale": (
        lambda n: scaled(n, out(n, 1), scales=(0.3,)),
        "must give the quantization",
    ),
    "a softmax of another scale": (lambda n: scaled(n, n.outputs[0], scales=(0.3,)), "1/256"),
}


@pytest.mark.parametrize("case", QUANTIZED_BREAKS)
def test_a_broken_quantized_network_is_refused(case: str) -> None:
    breaks, why = QUANTIZED_BREAKS[case]
    with pytest.raises(NetError) as caught:
        check(breaks(quantized_net()), Stage.QUANTIZED)
    assert why in str(caught.value)


def test_batch_norm_has_no_place_among_integers() -> None:
    with pytest.raises(NetError):
        check(float_net(), Stage.QUANTIZED)


def test_a_planned_network_needs_its_plan() -> None:
    with pytest.raises(NetError, match="no plan"):
        check(quantized_net(), Stage.PLANNED)


def test_a_plan_whose_buffers_overlap_is_refused() -> None:
    net = plan(quantized_net())
    assert net.plan is not None
    outputs_lag = {name: 4 * place for place, name in enumerate(net.plan.addresses)}
    crushed = replace(net.plan, addresses=outputs_lag)
    with pytest.raises(NetError):
        check(replace(net, plan=crushed), Stage.PLANNED)


def test_a_softmax_over_too_many_elements_is_refused() -> None:
    sketch = Sketch((40_000,))
    net = sketch.net(sketch.add(Softmax, "x"))
    with pytest.raises(NetError, match="more than 32768"):
        quantize(net, None)


@pytest.mark.parametrize(
    ("kind", "shape"),
    [(GlobalAveragePool2D, (4,)), (FullyConnected, (4, 4, 1)), (BatchNorm, (4,)), (Concat, (4,))],
)
def test_inputs_of_the_wrong_rank_are_refused(kind: type[Op], shape: tuple[int, ...]) -> None:
    sketch = Sketch(shape)
    constants = [sketch.constant(np.ones((2, 3)))] * (kind.arity[0] - 1)
    op = kind(name="op", inputs=("x", *constants), outputs=("y",))
    tensors = {**sketch.tensors, "y": Tensor("y", (1,))}
    with pytest.raises(NetError):
        check(Net("net", (op,), tensors, ("x",), ("y",)), Stage.FLOAT)


def test_the_error_says_what_why_and_what_next() -> None:
    with pytest.raises(NetError) as caught:
        check(with_op(float_net(), 0, activation=Activation.RELU, strides=(0, 0)), Stage.FLOAT)
    assert caught.value.what == "network 'sketch' is not valid"
    assert "strides of op 'conv2d_0' (Conv2D) is (0, 0)" in caught.value.why
    assert caught.value.hint


def test_pixels_outside_the_image_are_not_counted_as_a_window() -> None:
    sketch = Sketch((2, 2, 1))
    weights = sketch.constant(np.ones((1, 2, 2, 1)))
    op = Conv2D(name="c", inputs=("x", weights), outputs=("y",), padding=Padding(2, 2, 2, 2))
    tensors = {**sketch.tensors, "y": Tensor("y", op.output_shape([(2, 2, 1), (1, 2, 2, 1)]))}
    with pytest.raises(NetError, match="as large as its window"):
        check(Net("net", (op,), tensors, ("x",), ("y",)), Stage.FLOAT)
