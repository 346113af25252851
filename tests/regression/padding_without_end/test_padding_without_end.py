"""A .tflite file whose convolution is dilated until its padding no longer fits any memory is told.

With the padding scheme SAME, a dilation of 2**28 pads an image of 11 rows with 2**29 zeros, and the reference
asked for terabytes.  Found by fuzzing.
"""

from __future__ import annotations

import numpy as np
import pytest
from tests.formats.tflite.files import File, window

from lilliput.errors import FormatError
from lilliput.formats.flatbuffer_writing import Number
from lilliput.formats.tflite import parse_tflite, schema
from lilliput.formats.tflite.schema import Builtin


def test_padding_beyond_any_memory_is_told() -> None:
    file = File()
    image, target = file.tensor((1, 11, 11, 3)), file.tensor((1, 11, 11, 2))
    weights = file.constant(np.ones((2, 3, 3, 3), np.int8))
    options = {**window(), schema.ConvOptions.DILATION_H: Number("i", 1 << 28)}
    file.operator(Builtin.CONV_2D, (image, weights), (target,), options)
    file.inputs, file.outputs = (image,), (target,)
    with pytest.raises(FormatError, match="dilation"):
        parse_tflite(file.data())
