"""A fully connected layer whose weights have one scale multiplied it in float32, the oracle in double.

One sum in many thousands was rounded the other way: those that lie halfway between two integers.
"""

from __future__ import annotations

import numpy as np
import pytest
from tests.formats.tflite.files import INT8, INT32, Array, File, oracle_outputs, window

from lilliput.formats.flatbuffer_writing import Number
from lilliput.formats.tflite import parse_tflite, schema
from lilliput.formats.tflite.schema import Builtin
from lilliput.net.reference import run


@pytest.mark.parametrize("code", [Builtin.FULLY_CONNECTED, Builtin.CONV_2D, Builtin.DEPTHWISE_CONV_2D])
def test_sums_halfway_between_two_integers(code: Builtin) -> None:
    rng = np.random.default_rng(0)
    for _ in range(40):
        scales = [
            float(np.float32(rng.uniform(*ends))) for ends in ((0.004, 0.2), (0.002, 0.05), (0.01, 0.9))
        ]
        data = layer(code, scales, halves(scales[0] * scales[1] / scales[2]))
        net = parse_tflite(data)
        x = np.zeros((1, *net.input.shape), np.int8)
        np.testing.assert_array_equal(
            run(net, x).ravel(), oracle_outputs(data, x).ravel(), err_msg=f"{scales}"
        )


def halves(factor: float) -> Array:
    """Sums that, times `factor`, are about a whole number and a half."""
    middle = np.rint((np.arange(-120, 120) + 0.5) / factor)
    return np.concatenate([middle - 1, middle, middle + 1]).astype(np.int32)


def layer(code: Builtin, scales: list[float], sums: Array) -> bytes:
    """A file with a layer whose biases are `sums`; scales are those of input, weights and output."""
    file, units = File(), len(sums)
    shapes: dict[Builtin, tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]] = {
        Builtin.FULLY_CONNECTED: ((1, 1), (units, 1), (1, units)),
        Builtin.CONV_2D: ((1, 1, 1, 1), (units, 1, 1, 1), (1, 1, 1, units)),
        Builtin.DEPTHWISE_CONV_2D: ((1, 1, 1, 1), (1, 1, 1, units), (1, 1, 1, units)),
    }
    fields = schema.DepthwiseOptions
    options = {
        Builtin.FULLY_CONNECTED: {},
        Builtin.CONV_2D: window(),
        Builtin.DEPTHWISE_CONV_2D: {
            **{field: Number("i", 1) for field in fields if field not in (fields.PADDING, fields.ACTIVATION)},
            fields.MULTIPLIER: Number("i", units),
        },
    }
    source, kernel, target = shapes[code]
    x = file.tensor(source, INT8, scales[0], 0)
    weights = file.constant(np.ones(kernel, np.int8), scales[1])
    bias = file.tensor((units,), INT32, scales[0] * scales[1], 0, data=sums)
    y = file.tensor(target, INT8, scales[2], 0)
    file.operator(code, (x, weights, bias), (y,), options[code])
    file.inputs, file.outputs = (x,), (y,)
    return file.data()
