"""A .tflite file with a depthwise convolution over an image of no channels is told.

The shape rule divided by the number of channels, which ended in a ZeroDivisionError.  Found by fuzzing.
"""

from __future__ import annotations

import numpy as np
import pytest
from tests.formats.tflite.files import File, window

from lilliput.errors import FormatError
from lilliput.formats.tflite import parse_tflite
from lilliput.formats.tflite.schema import Builtin


def test_an_image_without_channels_is_told() -> None:
    file = File()
    image, target = file.tensor((1, 4, 4, 0)), file.tensor((1, 4, 4, 2))
    weights = file.constant(np.ones((1, 1, 1, 2), np.int8))
    file.operator(Builtin.DEPTHWISE_CONV_2D, (image, weights), (target,), window())
    file.inputs, file.outputs = (image,), (target,)
    with pytest.raises(FormatError, match="holds nothing"):
        parse_tflite(file.data())
