"""A .tflite file whose input and weights have scales so small that their product is none of float32 is told.

Such a file was read, but the network could not be written again: the bias's scale had lost its digits.  Found
by fuzzing.
"""

from __future__ import annotations

import numpy as np
import pytest
from tests.formats.tflite.files import File

from lilliput.errors import FormatError
from lilliput.formats.tflite import parse_tflite, write_tflite
from lilliput.formats.tflite.schema import Builtin


def dense(scale: float) -> bytes:
    file = File()
    source, target = file.tensor((1, 4), scale=scale), file.tensor((1, 2))
    weights = file.constant(np.ones((2, 4), np.int8), scale)
    bias = file.integers(1, -1)
    file.operator(Builtin.FULLY_CONNECTED, (source, weights, bias), (target,))
    file.inputs, file.outputs = (source,), (target,)
    return file.data()


@pytest.mark.parametrize("scale", [1e-21, 1e20])
def test_a_product_of_scales_beyond_float32_is_told(scale: float) -> None:
    with pytest.raises(FormatError, match="a scale that float32 does not hold"):
        parse_tflite(dense(scale))


def test_what_is_read_can_be_written() -> None:
    assert write_tflite(parse_tflite(dense(1e-3)))
