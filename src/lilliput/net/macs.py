"""Multiply-accumulate operations, the usual measure of a network's work."""

from __future__ import annotations

import math

from lilliput.net.graph import Net
from lilliput.net.ops import Conv2D, DepthwiseConv2D, FullyConnected, Op


def op_macs(op: Op, net: Net) -> int:
    """Multiply-accumulate operations of one op; 0 for an op without weights.

    Padding counts as if it were data, as is usual, so that the number depends on shapes alone.
    """
    if not isinstance(op, Conv2D | DepthwiseConv2D | FullyConnected):
        return 0
    weights = net.tensors[op.inputs[1]].shape
    outputs = net.tensors[op.outputs[0]].elements
    # A weight tensor holds one kernel for each output channel; its axis differs from op to op.
    channels = weights[2] if isinstance(op, DepthwiseConv2D) else weights[0]
    return outputs * (math.prod(weights) // channels)


def net_macs(net: Net) -> int:
    """Multiply-accumulate operations of one inference."""
    return sum(op_macs(op, net) for op in net.ops)
