"""Operators that are rewritten or dropped on reading, and those that are refused."""

from __future__ import annotations

from typing import Any

import numpy as np
from tests.formats.tflite.files import FLOAT32, INT64, File, window
from tests.formats.tflite.operator_files import (
    Make,
    bounds,
    compared,
    imported,
    kinds,
    reduced,
    refused,
    simple,
)

from lilliput.errors import FormatError
from lilliput.formats.flatbuffer_writing import Number
from lilliput.formats.tflite.schema import Builtin
from lilliput.net import Conv2D, Pad, Reshape


def through_floats(scale: float, zero_point: int) -> Make:
    def make(file: File) -> tuple[int, int]:
        source, middle = file.tensor((1, 256)), file.tensor((1, 256), FLOAT32, None)
        target = file.tensor((1, 256), scale=scale, zero_point=zero_point)
        file.operator(Builtin.DEQUANTIZE, (source,), (middle,))
        file.operator(Builtin.QUANTIZE, (middle,), (target,))
        return source, target

    return make


def test_floats_inside_that_only_change_the_scale_are_gone() -> None:
    assert kinds(compared(through_floats(0.05, 3))) == [Reshape]
    compared(through_floats(0.0625, -4))


def test_floats_inside_that_round_differently_are_refused() -> None:
    found = []
    for scale in np.linspace(0.02, 0.2, 40):
        try:
            compared(through_floats(float(scale), 5))
            found.append("")
        except FormatError as error:
            found.append(error.why)
    assert "" in found
    assert all("round differently" in why for why in found if why)
    assert any(found)


def test_a_convolution_takes_the_border_before_it() -> None:
    def make(file: File) -> tuple[int, int]:
        source, wide = file.tensor((1, 5, 6, 2)), file.tensor((1, 6, 8, 2))
        target = file.tensor((1, 2, 3, 3), scale=0.9)
        weights = np.random.default_rng(0).integers(-127, 128, (3, 3, 3, 2)).astype(np.int8)
        rows = file.integers([0, 0], [0, 1], [1, 1], [0, 0])
        file.operator(Builtin.PAD, (source, rows), (wide,), {})
        file.operator(Builtin.CONV_2D, (wide, file.constant(weights)), (target,), window((2, 2), 1))
        return source, target

    assert kinds(compared(make)) == [Conv2D]


def test_a_border_that_somebody_else_reads_stays() -> None:
    def make(file: File) -> tuple[int, int]:
        source, wide = file.tensor((1, 4, 4, 1)), file.tensor((1, 6, 6, 1))
        made, target = file.tensor((1, 6, 6, 1), scale=0.9), file.tensor((1, 6, 6, 1), scale=0.9)
        weights = np.ones((1, 1, 1, 1), np.int8)
        file.operator(Builtin.PAD, (source, file.integers([0, 0], [1, 1], [1, 1], [0, 0])), (wide,), {})
        file.operator(Builtin.CONV_2D, (wide, file.constant(weights)), (made,), window(padding=1))
        file.operator(Builtin.ADD, (made, wide), (target,), {})
        return source, target

    assert Pad in kinds(compared(make))


def test_shapes_that_are_computed_are_left_out() -> None:
    def make(file: File) -> tuple[int, int]:
        source, target = file.tensor((1, 3, 4)), file.tensor((1, 12))
        shape, first, packed = (file.tensor(size, 2, None) for size in ((3,), (), (2,)))
        file.operator(Builtin.SHAPE, (source,), (shape,), {0: Number("b", 2)})
        inputs = (shape, file.integers(0), file.integers(1), file.integers(1))
        file.operator(Builtin.STRIDED_SLICE, inputs, (first,), bounds(0, 0, 0, 0, 1))
        file.operator(
            Builtin.PACK, (first, file.constant(np.array(12, np.int32))), (packed,), {0: Number("i", 2)}
        )
        file.operator(Builtin.RESHAPE, (source, packed), (target,), {})
        return source, target

    net, _ = imported(make)
    assert kinds(net) == [Reshape]


def test_what_cannot_be_imported_says_why() -> None:
    assert "new axes" in refused(
        simple(Builtin.STRIDED_SLICE, (1, 4), (1, 1, 4), (0,), (1,), (1,), options=bounds(0, 0, 0, 1, 0))
    )
    assert "goes backwards through an axis of 4, by -1" in refused(
        simple(Builtin.STRIDED_SLICE, (1, 4), (1, 4), (0, 3), (1, -5), (1, -1), options=bounds(0, 0, 0, 0, 0))
    )
    assert "takes 3 to 1" in refused(simple(Builtin.SLICE, (1, 4), (1, 4), (0, 3), (1, -2)))
    assert "no axis 7" in refused(reduced((1, 3, 4, 5), (7,), True))
    assert "does not order the axes" in refused(simple(Builtin.TRANSPOSE, (1, 3, 4), (1, 4, 3), (0, 0, 1)))
    assert "its size is" in refused(
        simple(Builtin.RESIZE_NEAREST_NEIGHBOR, (1, 3, 4, 2), (1, 0, 2, 2), (0, 2))
    )
    assert "along the batch" in refused(simple(Builtin.PAD, (1, 4), (2, 4), ((0, 1), (0, 0))))
    assert "not a list of whole numbers" in refused(
        simple(Builtin.TRANSPOSE, (1, 3), (1, 3), ((0, 1), (1, 0)))
    )
    assert "do not go together" in refused(repeated((3, 3, 4)))
    assert "not int8 with one scale" in refused(repeated((2, 3, 4), (0.1, 0.2)))


def repeated(shape: tuple[int, ...], scale: Any = 0.1) -> Make:
    def make(file: File) -> tuple[int, int]:
        source, target = file.tensor((1, 3, 2, 4)), file.tensor((1, 3, 2, 4))
        constant = file.tensor(shape, scale=scale, data=np.ones(shape, np.int8))
        file.operator(Builtin.MUL, (source, constant), (target,), {})
        return source, target

    return make


def test_numbers_that_flow_from_shapes_are_refused() -> None:
    def make(file: File) -> tuple[int, int]:
        source, target = file.tensor((1, 3, 4)), file.tensor((1, 3, 4))
        begin = file.tensor((3,), 2, None)
        file.operator(Builtin.SHAPE, (source,), (begin,), {})
        file.operator(Builtin.SLICE, (source, begin, file.integers(1, 3, 4)), (target,), {})
        return source, target

    assert "'tensor2' is not a constant" in refused(make)


def test_indices_of_int64_are_refused() -> None:
    def make(file: File) -> tuple[int, int]:
        source, target = file.tensor((1, 3, 4)), file.tensor((1, 4, 3))
        order = file.tensor((3,), INT64, None, data=np.array([0, 2, 1], np.int64))
        file.operator(Builtin.TRANSPOSE, (source, order), (target,), {})
        return source, target

    assert "'tensor2' is of a type that is not known, not int32" in refused(make)
