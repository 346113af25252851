"""Files of one or a few operators, and whether they are read as TensorFlow Lite Micro computes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from tests.formats.tflite.files import File, oracle_outputs

from lilliput.errors import FormatError
from lilliput.formats.flatbuffer_writing import Number
from lilliput.formats.tflite import parse_tflite, schema
from lilliput.formats.tflite.schema import Builtin
from lilliput.net import Net, Op
from lilliput.net.reference import run

Make = Callable[[File], tuple[int, int]]
"""Draws in a file; gives the indices of its input and its output."""


def imported(make: Make) -> tuple[Net, bytes]:
    file = File()
    source, target = make(file)
    file.inputs, file.outputs = (source,), (target,)
    data = file.data()
    return parse_tflite(data), data


def compared(make: Make, examples: int = 12) -> Net:
    """The network of a file, which computes what TensorFlow Lite Micro computes."""
    net, data = imported(make)
    low, high = net.input.dtype.range
    x = np.random.default_rng(0).integers(low, high, (examples, *net.input.shape), endpoint=True)
    x = x.astype(net.input.dtype.numpy)
    expected = oracle_outputs(data, x)
    np.testing.assert_array_equal(run(net, x).reshape(examples, -1), expected.reshape(examples, -1))
    return net


def kinds(net: Net) -> list[type[Op]]:
    return [type(op) for op in net.ops]


def simple(
    code: int,
    shape: Sequence[int],
    target: Sequence[int],
    *constants: Any,
    options: dict[int, Any] | None = None,
    scale: float = 0.05,
    zero_point: int = 3,
) -> Make:
    """One operator with an input, lists of whole numbers, and an output."""

    def make(file: File) -> tuple[int, int]:
        inputs = [file.tensor(shape), *(file.integers(*np.atleast_1d(values)) for values in constants)]
        output = file.tensor(target, scale=scale, zero_point=zero_point)
        file.operator(code, inputs, (output,), options or {})
        return inputs[0], output

    return make


def bounds(*masks: int) -> dict[int, Any]:
    return {field: Number("i", mask) for field, mask in zip(schema.StridedSliceOptions, masks, strict=True)}


def refused(make: Make) -> str:
    with pytest.raises(FormatError) as told:
        imported(make)
    return told.value.why


def reduced(shape: Sequence[int], axes: Sequence[int], keep: bool) -> Make:
    wide = [1 if axis in [a % len(shape) for a in axes] else size for axis, size in enumerate(shape)]
    target = (
        wide
        if keep
        else [size for axis, size in enumerate(shape) if axis not in [a % len(shape) for a in axes]]
    )
    options = {schema.ReducerOptions.KEEP_DIMS: Number("?", keep)}
    return simple(Builtin.MEAN, shape, target, axes, options=options, scale=0.013, zero_point=-20)
