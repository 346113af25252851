"""A ReLU or ReLU6 becomes part of the op before it, which clamps its output anyway."""

from __future__ import annotations

from dataclasses import replace

from lilliput.net.check import Stage, check
from lilliput.net.fixedpoint import activation_of
from lilliput.net.graph import Net
from lilliput.net.ops import (
    Activation,
    Add,
    AveragePool2D,
    Conv2D,
    DepthwiseConv2D,
    FullyConnected,
    MaxPool2D,
    Op,
    ReLU,
    ReLU6,
)

_Fusing = Conv2D | DepthwiseConv2D | FullyConnected | MaxPool2D | AveragePool2D | Add


def fuse_activations(net: Net) -> Net:
    """A float network that computes the same, with every activation fused that can be.

    An activation is fused if the op before it can clamp and nobody else reads what that op gives.

    Raises:
        NetError: `net` is not a valid float network.
    """
    check(net, Stage.FLOAT)
    found = fused(net)
    check(found, Stage.FLOAT)
    return found


def fused(net: Net) -> Net:
    """The same of a network that was checked before; what comes out is checked by who goes on with it."""
    ops: dict[str, Op] = {}  # by output, in execution order
    for op in net.ops:
        if isinstance(op, ReLU | ReLU6):
            source = op.inputs[0]
            before = ops.get(source)
            alone = source not in net.outputs and len(net.consumers(source)) == 1
            if isinstance(before, _Fusing) and alone:
                del ops[source]
                both = _both(before.activation, activation_of(op))
                op = replace(before, outputs=op.outputs, activation=both)
        ops[op.outputs[0]] = op
    return net.with_ops(ops.values())


def _both(first: Activation, second: Activation) -> Activation:
    """One activation that does what two in a row do."""
    return Activation.RELU6 if Activation.RELU6 in (first, second) else Activation.RELU
