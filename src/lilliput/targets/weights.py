"""How many bytes weights take, as each kernel wants them."""

from __future__ import annotations

import math

from lilliput.net.fixedpoint import WeightedOp
from lilliput.net.graph import Net
from lilliput.targets.binary import window_words
from lilliput.targets.kernel import Kernel, Layout, to_four
from lilliput.targets.lanes import fours_of, lane_bytes
from lilliput.targets.pixels import eights_of, row_pairs_bytes
from lilliput.targets.planes import planes_bytes
from lilliput.targets.slots import slots_weights_bytes
from lilliput.targets.strip import strip_fours
from lilliput.targets.vectors import LANES, patches_bytes, small_weights_bytes, tap_vectors
from lilliput.targets.wide import wide_weights_bytes


def weights_bytes(op: WeightedOp, net: Net, kernel: Kernel) -> int:
    """Bytes of the array of weights that a kernel reads, filled to a multiple of four."""
    layout = kernel.layout
    if kernel.in_planes:
        return planes_bytes(op, net, layout)
    channels, *window = net.tensors[op.inputs[1]].shape
    match layout:
        case Layout.SPLIT_STRIP:
            return 4 * channels * strip_fours(op, net)
        case Layout.SPLIT_PAIRS | Layout.SPLIT_COLOUR | Layout.SPLIT:
            return channels * to_four(math.prod(window))
        case Layout.LANES_STRIP:
            return lane_bytes(op, net, strip_fours(op, net))
        case Layout.LANES | Layout.LANES_ROWS | Layout.NIBBLES | Layout.NIBBLES_ROWS:
            return lane_bytes(op, net, fours_of(op, net))
        case Layout.BIT_EIGHTS:
            return to_four(channels * eights_of(op, net) * net.tensors[op.inputs[1]].dtype.bits)
        case Layout.BIT_PAIRS:
            return row_pairs_bytes(op, net)
        case Layout.CHANNEL_FOURS:
            return wide_weights_bytes(op, net)
        case Layout.SIGNS:
            return 4 * channels * window_words(op, net)
        case Layout.VECTORS:
            return to_four(channels) * -(-math.prod(window) // LANES) * LANES
        case Layout.SLOTS:
            return slots_weights_bytes(op, net)
        case Layout.SMALL_WINDOWS:
            return small_weights_bytes(channels, math.prod(window))
        case Layout.PATCHES:
            return to_four(patches_bytes(window[-1]))
        case Layout.TAP_PAIRS | Layout.TAP_PAIRS_COLUMNS:
            sides = net.tensors[op.inputs[1]].shape[:2]
            return window[-1] * LANES * tap_vectors(sides[:: -1 if layout is Layout.TAP_PAIRS_COLUMNS else 1])
        case Layout.PLAIN | Layout.WIDE_CHANNELS:
            return to_four(net.tensors[op.inputs[1]].storage_bytes)
    return to_four(channels * math.prod(window))
