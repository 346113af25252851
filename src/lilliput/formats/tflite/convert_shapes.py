"""Operators that move numbers without changing them."""

from __future__ import annotations

import math

from lilliput.formats.tflite.context import Call, Unsupported, without_batch
from lilliput.formats.tflite.schema import ConcatenationOptions
from lilliput.net import Activation, Concat, Pad, Padding, Reshape


def net_axis(call: Call, axis: int, place: int = 0) -> int:
    """The axis of a `Net`'s tensor for an axis of the file's, which may count from the end.

    Raises:
        Unsupported: it is the batch, or there is no such axis.
    """
    shape = call.context.file_tensor(call.source(place)).shape
    if not -len(shape) <= axis < len(shape):
        raise Unsupported(f"a tensor of shape {shape} has no axis {axis}")
    found = axis % len(shape) - (len(shape) - len(without_batch(shape)))
    if found < 0:
        raise Unsupported("it works along the batch")
    return found


def concat(call: Call) -> None:
    """CONCATENATION."""
    call.expect(1, 64)
    parts = [call.activation(place) for place in range(call.inputs)]
    if call.fused(ConcatenationOptions.ACTIVATION) is not Activation.NONE:
        raise Unsupported("a fused activation is not supported here")
    axis = net_axis(call, call.whole(ConcatenationOptions.AXIS))
    call.finish(Concat, *(part.name for part in parts), axis=axis)


def pad(call: Call) -> None:
    """PAD."""
    call.expect(2)
    image, pads = call.image(), call.integers(1)
    if len(pads) != 4 or any(not isinstance(row, list) or len(row) != 2 for row in pads):
        raise Unsupported(f"its padding is {pads}")
    if pads[0] != [0, 0] or pads[3] != [0, 0]:
        raise Unsupported(f"padding {pads} is not of height and width alone")
    call.finish(Pad, image.name, padding=Padding(*pads[1], *pads[2]))


def reshape(call: Call) -> None:
    """RESHAPE, SQUEEZE and EXPAND_DIMS: the file tells the output's shape."""
    call.expect(1, 2)
    source, shape = call.activation(), call.output().shape
    if math.prod(shape) != source.elements:
        raise Unsupported(f"{source.shape} cannot become {shape}")
    call.finish(Reshape, source.name, shape=shape)
