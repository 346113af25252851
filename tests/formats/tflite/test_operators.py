"""Every form in which a file may tell an operator gives the bytes of TensorFlow Lite Micro, or is refused."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.formats.tflite.files import UINT8, File, oracle_outputs, window
from tests.formats.tflite.operator_files import bounds, compared, kinds, reduced, refused, simple

from lilliput.formats.flatbuffer_writing import Number
from lilliput.formats.tflite import parse_tflite, schema, write_tflite
from lilliput.formats.tflite.operators import CONVERTERS
from lilliput.formats.tflite.schema import Builtin
from lilliput.net import Conv2D, FullyConnected, Reshape, Transpose
from lilliput.net.reference import run


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize(
    ("shape", "axes"),
    [
        ((1, 3, 4, 5), (1, 2)),
        ((1, 3, 4, 5), (2, 1)),
        ((1, 3, 4, 5), (-2, -3)),
        ((1, 3, 4, 5), (1,)),
        ((1, 3, 4, 5), (2,)),
        ((1, 3, 4, 5), (3,)),
        ((1, 3, 4, 5), (1, 2, 3)),
        ((1, 7, 6), (1,)),
        ((1, 7, 6), (2,)),
        ((1, 1, 6, 5), (2,)),
        ((1, 40), (1,)),
    ],
)
def test_means_over_any_axes(shape: tuple[int, ...], axes: tuple[int, ...], keep: bool) -> None:
    compared(reduced(shape, axes, keep))


def test_the_usual_mean_is_one_op() -> None:
    assert len(compared(reduced((1, 3, 4, 5), (1, 2), False)).ops) == 1


@pytest.mark.parametrize(
    ("shape", "rows"),
    [
        ((1, 3, 4, 5), ((0, 0), (1, 2), (0, 3), (0, 0))),
        ((1, 3, 4, 5), ((0, 0), (0, 0), (0, 0), (2, 1))),
        ((1, 3, 4, 5), ((0, 0), (1, 0), (0, 2), (3, 0))),
        ((1, 3, 4), ((0, 0), (1, 2), (0, 1))),
        ((1, 9), ((0, 0), (4, 2))),
        ((1, 3, 4, 5), ((0, 0),) * 4),
    ],
)
@pytest.mark.parametrize("value", [None, 77])
def test_borders_along_any_axis(
    shape: tuple[int, ...], rows: tuple[tuple[int, int], ...], value: int | None
) -> None:
    def make(file: File) -> tuple[int, int]:
        inputs = [file.tensor(shape), file.integers(*rows)]
        if value is not None:
            inputs.append(file.tensor((1,), data=np.array([value], np.int8)))
        target = file.tensor([size + sum(row) for size, row in zip(shape, rows, strict=True)])
        file.operator(Builtin.PAD if value is None else Builtin.PADV2, inputs, (target,), {})
        return inputs[0], target

    compared(make)


@pytest.mark.parametrize(
    ("begin", "end", "steps", "masks", "target"),
    [
        ((0, 1, 0, 2), (1, 4, 3, 5), (1, 1, 1, 1), (0,) * 5, (1, 3, 3, 3)),
        ((0, 1, 0, 0), (1, 5, 4, 6), (1, 2, 3, 1), (0,) * 5, (1, 2, 2, 6)),
        ((0, -3, -2, 1), (1, -1, 99, -1), (1, 1, 1, 2), (0,) * 5, (1, 2, 2, 2)),
        ((0, 2, 3, 4), (0, 1, 1, 1), (1, 1, 1, 1), (0b1000, 0b1111, 0, 0, 0), (1, 3, 1, 6)),
        ((0, 2, 0, 0), (1, 3, 4, 6), (1, 1, 1, 1), (0, 0, 0, 0, 0b10), (1, 4, 6)),
        ((0, -1, 1, 0), (1, 0, 2, 6), (1, 1, 1, 1), (0, 0, 0, 0, 0b110), (1, 6)),
    ],
)
def test_strided_slices(
    begin: Any, end: Any, steps: Any, masks: tuple[int, ...], target: tuple[int, ...]
) -> None:
    compared(simple(Builtin.STRIDED_SLICE, (1, 5, 4, 6), target, begin, end, steps, options=bounds(*masks)))


def test_slices_and_splits() -> None:
    compared(simple(Builtin.SLICE, (1, 5, 4, 6), (1, 2, 4, 3), (0, 1, 0, 3), (1, 2, -1, 3)))

    def halves(file: File) -> tuple[int, int]:
        source = file.tensor((1, 4, 3, 6))
        left, right = file.tensor((1, 4, 3, 3)), file.tensor((1, 4, 3, 3))
        target = file.tensor((1, 4, 3, 3), scale=0.1)
        split = {0: Number("i", 2)}
        file.operator(Builtin.SPLIT, (file.integers(3), source), (left, right), split)
        file.operator(Builtin.SUB, (right, left), (target,), {})
        return source, target

    assert [kind.__name__ for kind in kinds(compared(halves))] == ["Slice", "Slice", "Sub"]

    def uneven(file: File) -> tuple[int, int]:
        source = file.tensor((1, 9))
        parts = [file.tensor((1, size)) for size in (2, 4, 3)]
        inputs = (source, file.integers(2, -1, 3), file.integers(1))
        file.operator(Builtin.SPLIT_V, inputs, parts, {0: Number("i", 3)})
        return source, parts[1]

    compared(uneven)


@pytest.mark.parametrize("align", [False, True])
@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("size", [(6, 8), (5, 3), (1, 11), (7, 7)])
def test_resizing(size: tuple[int, int], half: bool, align: bool) -> None:
    options = {0: Number("?", align), 1: Number("?", half)}
    compared(simple(Builtin.RESIZE_NEAREST_NEIGHBOR, (1, 3, 4, 2), (1, *size, 2), size, options=options))


@pytest.mark.parametrize(
    ("shape", "order", "free"),
    [
        ((1, 3, 4, 5), (0, 3, 1, 2), False),
        ((1, 3, 4, 5), (0, 2, 1, 3), False),
        ((1, 1, 4, 5), (0, 2, 1, 3), True),
        ((1, 4, 5, 1), (0, 3, 1, 2), True),
        ((1, 4, 5, 1), (1, 2, 0, 3), True),
        ((1, 6, 5), (0, 2, 1), False),
        ((1, 3, 4, 5), (0, 1, 2, 3), True),
    ],
)
def test_transposes(shape: tuple[int, ...], order: tuple[int, ...], free: bool) -> None:
    net = compared(simple(Builtin.TRANSPOSE, shape, [shape[axis] for axis in order], order))
    assert (Transpose not in kinds(net)) == free


def test_transposes_that_cancel_are_gone() -> None:
    def make(file: File) -> tuple[int, int]:
        source, first = file.tensor((1, 3, 4, 5)), file.tensor((1, 5, 3, 4))
        second, third = file.tensor((1, 5, 3, 4), scale=0.03), file.tensor((1, 5, 3, 4), scale=0.1)
        target = file.tensor((1, 3, 4, 5), scale=0.1)
        file.operator(Builtin.TRANSPOSE, (source, file.integers(0, 3, 1, 2)), (first,), {})
        file.operator(Builtin.HARD_SWISH, (first,), (second,), {})
        file.operator(Builtin.ADD, (second, second), (third,), {})
        file.operator(Builtin.TRANSPOSE, (third, file.integers(0, 2, 3, 1)), (target,), {})
        return source, target

    assert Transpose not in kinds(compared(make))


def test_a_transpose_before_a_fully_connected_layer_goes_into_its_weights() -> None:
    def make(file: File) -> tuple[int, int]:
        source, turned = file.tensor((1, 3, 4, 5)), file.tensor((1, 5, 3, 4))
        flat, target = file.tensor((1, 60)), file.tensor((1, 7), scale=0.9)
        weights = np.random.default_rng(3).integers(-127, 128, (7, 60)).astype(np.int8)
        file.operator(Builtin.TRANSPOSE, (source, file.integers(0, 3, 1, 2)), (turned,), {})
        file.operator(Builtin.RESHAPE, (turned, file.integers(1, 60)), (flat,), {})
        file.operator(Builtin.FULLY_CONNECTED, (flat, file.constant(weights)), (target,), {})
        return source, target

    assert kinds(compared(make)) == [Reshape, FullyConnected]


@pytest.mark.parametrize("per_channel", [True, False])
@pytest.mark.parametrize("seed", range(6))
def test_a_fully_connected_layer_of_many_rows_is_a_convolution(per_channel: bool, seed: int) -> None:
    def make(file: File) -> tuple[int, int]:
        rng = np.random.default_rng(seed)
        scales = rng.uniform(0.001, 0.03, 6 if per_channel else 1)
        source = file.tensor((1, 5, 3, 9), scale=rng.uniform(0.01, 0.1))
        target = file.tensor((1, 5, 3, 6), scale=rng.uniform(0.2, 0.5))
        weights = file.constant(rng.integers(-127, 128, (6, 9)).astype(np.int8), scales)
        bias = file.constant(rng.integers(-999, 999, 6).astype(np.int32))
        options = {2: Number("?", True)}
        file.operator(Builtin.FULLY_CONNECTED, (source, weights, bias), (target,), options)
        return source, target

    assert kinds(compared(make)) == [Reshape, Conv2D, Reshape]


@pytest.mark.parametrize("code", [Builtin.ADD, Builtin.SUB, Builtin.MUL])
@pytest.mark.parametrize(
    "shape", [(4,), (1, 1, 1, 4), (1,), (), (1, 2, 3, 4), (1, 2, 3, 1), (3, 4), (1, 1, 3, 1)]
)
@pytest.mark.parametrize("swapped", [False, True])
def test_constants_that_are_repeated(code: Builtin, shape: tuple[int, ...], swapped: bool) -> None:
    def make(file: File) -> tuple[int, int]:
        values = np.random.default_rng(5).integers(-128, 128, max(1, math.prod(shape))).astype(np.int8)
        source = file.tensor((1, 2, 3, 4))
        constant = file.tensor(shape, scale=0.02, zero_point=-9, data=values.reshape(shape))
        target = file.tensor((1, 2, 3, 4), scale=0.08)
        inputs = (constant, source) if swapped else (source, constant)
        file.operator(code, inputs, (target,), {0: Number("b", 1)})
        return source, target

    assert len(compared(make).ops) == 1


@pytest.mark.parametrize("code", [Builtin.ADD, Builtin.SUB, Builtin.MUL])
@pytest.mark.parametrize(
    ("shape", "other"), [((1, 3, 1, 4), (1, 1, 5, 4)), ((1, 3, 1, 1), (5, 4)), ((1, 1, 5, 1), (1, 3, 1, 4))]
)
@pytest.mark.parametrize("swapped", [False, True])
def test_both_operands_may_be_repeated(
    code: Builtin, shape: tuple[int, ...], other: tuple[int, ...], swapped: bool
) -> None:
    def make(file: File) -> tuple[int, int]:
        values = np.random.default_rng(5).integers(-128, 128, other).astype(np.int8)
        source = file.tensor(shape)
        constant = file.tensor(other, scale=0.02, zero_point=-9, data=values)
        target = file.tensor((1, 3, 5, 4), scale=0.08)
        file.operator(code, (constant, source) if swapped else (source, constant), (target,), {})
        return source, target

    compared(make)


def test_two_means_make_an_image_again() -> None:
    def make(file: File) -> tuple[int, int]:
        source, rows, columns = (
            file.tensor((1, 3, 5, 4)),
            file.tensor((1, 3, 1, 4)),
            file.tensor((1, 1, 5, 4)),
        )
        target = file.tensor((1, 3, 5, 4), scale=0.09)
        keep = {schema.ReducerOptions.KEEP_DIMS: Number("?", True)}
        file.operator(Builtin.MEAN, (source, file.integers(2)), (rows,), keep)
        file.operator(Builtin.MEAN, (source, file.integers(1)), (columns,), keep)
        file.operator(Builtin.MUL, (rows, columns), (target,), {})
        return source, target

    compared(make)


@pytest.mark.parametrize("activation", range(4))
@pytest.mark.parametrize("code", [Builtin.ADD, Builtin.CONV_2D])
def test_fused_activations(code: Builtin, activation: int) -> None:
    def make(file: File) -> tuple[int, int]:
        source, target = file.tensor((1, 4, 4, 3), scale=0.1), file.tensor((1, 4, 4, 3), scale=0.06)
        if code is Builtin.ADD:
            file.operator(code, (source, source), (target,), {0: Number("b", activation)})
        else:
            weights = file.constant(np.eye(3, dtype=np.int8).reshape(3, 1, 1, 3) * 100)
            file.operator(code, (source, weights), (target,), window(activation=activation))
        return source, target

    compared(make)


@pytest.mark.parametrize(
    "code", [Builtin.LOGISTIC, Builtin.TANH, Builtin.HARD_SWISH, Builtin.RELU, Builtin.RELU6]
)
def test_functions(code: Builtin) -> None:
    ends = {Builtin.LOGISTIC: (1 / 256, -128), Builtin.TANH: (1 / 128, 0)}
    scale, zero_point = ends.get(code, (0.03, -7))
    compared(simple(code, (1, 5, 31), (1, 5, 31), scale=scale, zero_point=zero_point))


@pytest.mark.parametrize("alpha", [0.0, 0.1, 0.3, 1.0, 2.5])
def test_leaky_relus(alpha: float) -> None:
    options = {schema.LeakyReluOptions.ALPHA: Number("f", alpha)}
    compared(simple(Builtin.LEAKY_RELU, (1, 9, 31), (1, 9, 31), options=options, scale=0.03, zero_point=-7))


def test_a_relu6_between_scales_is_written_as_it_was() -> None:
    net = compared(simple(Builtin.RELU6, (1, 256), (1, 256), scale=0.02, zero_point=-128))
    x = np.arange(-128, 128, dtype=np.int8)[None]
    data = write_tflite(net)
    np.testing.assert_array_equal(run(parse_tflite(data), x), run(net, x))
    np.testing.assert_array_equal(oracle_outputs(data, x).reshape(1, -1), run(net, x))


def test_a_leaky_relu_that_turns_negative_inputs_over_is_refused() -> None:
    options = {schema.LeakyReluOptions.ALPHA: Number("f", -0.5)}
    assert "alpha of this operator is -0.5" in refused(
        simple(Builtin.LEAKY_RELU, (1, 4), (1, 4), options=options)
    )


@pytest.mark.parametrize("axis", [1, 2, -1])
@pytest.mark.parametrize("first", [False, True])
def test_constants_that_are_joined(axis: int, first: bool) -> None:
    def make(file: File) -> tuple[int, int]:
        shape, whole = [1, 3, 4, 2], [1, 3, 4, 2]
        shape[axis], whole[axis] = 1, whole[axis] + 1
        values = np.random.default_rng(5).integers(-128, 128, shape).astype(np.int8)
        source, constant = file.tensor((1, 3, 4, 2)), file.tensor(shape, data=values)
        target = file.tensor(whole)
        inputs = (constant, source) if first else (source, constant)
        file.operator(Builtin.CONCATENATION, inputs, (target,), {0: Number("i", axis)})
        return source, target

    net = compared(make)
    assert len(net.ops) == 1
    x = np.random.default_rng(1).integers(-128, 128, (5, 3, 4, 2)).astype(np.int8)
    written = write_tflite(net)
    np.testing.assert_array_equal(run(parse_tflite(written), x), run(net, x))
    np.testing.assert_array_equal(oracle_outputs(written, x).reshape(5, -1), run(net, x).reshape(5, -1))


def test_moves_along_many_axes() -> None:
    net = compared(simple(Builtin.TRANSPOSE, (1, 2, 3, 4, 5), (1, 5, 2, 4, 3), (0, 4, 1, 3, 2)))
    assert kinds(net) == [Transpose]


def test_a_uint8_output_is_kept() -> None:
    def make(file: File) -> tuple[int, int]:
        source, target = file.tensor((1, 40)), file.tensor((1, 40), UINT8, 0.07, 99)
        file.operator(Builtin.QUANTIZE, (source,), (target,), {})
        return source, target

    assert compared(make).output.dtype.value == "uint8"


def test_every_operator_is_drawn_by_a_test() -> None:
    here = Path(__file__).parent
    names = ("operator_files.py", "test_operators.py", "test_rewritten_operators.py")
    text = "".join((here / name).read_text(encoding="utf-8") for name in names)
    written = {Builtin.AVERAGE_POOL_2D, Builtin.MAX_POOL_2D, Builtin.DEPTHWISE_CONV_2D, Builtin.SOFTMAX}
    written |= {Builtin.CONCATENATION, Builtin.RELU6, Builtin.EXPAND_DIMS, Builtin.SQUEEZE}
    for code in set(CONVERTERS) - written:
        assert f"Builtin.{code.name}" in text, code.name


def test_every_operator_is_documented() -> None:
    page = (Path(__file__).parents[3] / "docs" / "tflite.md").read_text(encoding="utf-8")
    for code in CONVERTERS:
        assert f"`{code.name}`" in page, f"docs/tflite.md does not mention {code.name}"
