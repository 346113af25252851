"""Quantized `Net` → .tflite."""

from __future__ import annotations

from lilliput.formats.tflite.draft import Draft
from lilliput.formats.tflite.emitters import EMITTERS
from lilliput.formats.tflite.profile import to_tflm
from lilliput.net import Net


def write_tflite(net: Net) -> bytes:
    """The bytes of a .tflite file that TensorFlow Lite Micro runs.

    What it computes is, bit for bit, what the reference computes for `to_tflm(net)`: for a network that was
    imported the network itself.

    Args:
        net: quantized, with weights; a plan is ignored.

    Raises:
        FormatError: the network is not quantized, has no weights, or holds what the format cannot express.
    """
    net = to_tflm(net)
    draft = Draft(net)
    # The format has no order of tensors, but readers show the inputs first.
    for name in net.inputs:
        draft.index(name)
    for op in net.ops:
        EMITTERS[type(op)](op, draft)
    return draft.finish()
