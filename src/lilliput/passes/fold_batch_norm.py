"""Batch normalization becomes part of the weights and bias before it.

A network that has been trained holds gamma, beta, mean and variance still, so the normalization is one factor
and one offset per channel.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from lilliput.net.check import Stage, check
from lilliput.net.graph import Net
from lilliput.net.ops import Activation, BatchNorm, Conv2D, DepthwiseConv2D, FullyConnected, Op, Reshape
from lilliput.net.tensor import Tensor
from lilliput.passes.naming import Names

Weighted = Conv2D | DepthwiseConv2D | FullyConnected
_Affine = tuple[NDArray[np.float64], NDArray[np.float64]]


def fold_batch_norm(net: Net) -> Net:
    """A float network that computes the same and has no BatchNorm.

    One that follows a convolution or matrix product goes into its weights and bias.  Any other becomes a 1x1
    depthwise convolution.  A weightless network gets the same ops and shapes.

    Raises:
        NetError: `net` is not a valid float network.
    """
    check(net, Stage.FLOAT)
    names = Names(net)
    for op in net.ops:
        if isinstance(op, BatchNorm):
            before = _foldable(op, net)
            net = _as_depthwise(op, net, names) if before is None else _fold(op, before, net, names)
    check(net, Stage.FLOAT)
    return net


def _foldable(norm: BatchNorm, net: Net) -> Weighted | None:
    """The op before `norm` that can take it in, if any."""
    source = norm.inputs[0]
    before = net.producer(source)
    if not isinstance(before, Weighted) or before.activation is not Activation.NONE:
        return None
    return before if source not in net.outputs and len(net.consumers(source)) == 1 else None


def _fold(norm: BatchNorm, before: Weighted, net: Net, names: Names) -> Net:
    channels = net.tensors[before.outputs[0]].shape[-1]
    old = net.tensors[before.inputs[1]]
    weights = replace(old, name=_own(old.name, f"{before.name}_weights", net, names))
    bias = Tensor(f"{before.name}_bias", (channels,), constant=True)
    affine = _affine(norm, net)
    if affine is not None and old.data is not None:
        factor, offset = affine
        along = (-1,) if isinstance(before, DepthwiseConv2D) else (-1, *[1] * (len(old.shape) - 1))
        weights = replace(
            weights, data=(old.data.astype(np.float64) * factor.reshape(along)).astype(np.float32)
        )
        had = net.tensors[before.inputs[2]].data if len(before.inputs) == 3 else None
        bias = replace(
            bias, data=((0.0 if had is None else had.astype(np.float64) * factor) + offset).astype(np.float32)
        )
    if len(before.inputs) == 3:
        bias = replace(bias, name=_own(before.inputs[2], bias.name, net, names))
    else:
        bias = replace(bias, name=names.fresh(bias.name))
    folded = replace(before, inputs=(before.inputs[0], weights.name, bias.name), outputs=norm.outputs)
    ops = (folded if op is before else op for op in net.ops if op is not norm)
    return net.with_ops(ops, (weights, bias))


def _as_depthwise(norm: BatchNorm, net: Net, names: Names) -> Net:
    shape = net.tensors[norm.inputs[0]].shape
    channels = shape[-1]
    weights = Tensor(names.fresh(f"{norm.name}_weights"), (1, 1, channels), constant=True)
    bias = Tensor(names.fresh(f"{norm.name}_bias"), (channels,), constant=True)
    affine = _affine(norm, net)
    if affine is not None:
        weights = replace(weights, data=affine[0].reshape(1, 1, channels).astype(np.float32))
        bias = replace(bias, data=affine[1].astype(np.float32))
    source, target = norm.inputs[0], norm.outputs[0]
    added, before, after = [weights, bias], list[Op](), list[Op]()
    if len(shape) != 3:
        image = (1, net.tensors[source].elements // channels, channels)
        source, target = names.fresh(f"{norm.name}_image"), names.fresh(f"{norm.name}_scaled")
        added += [Tensor(source, image), Tensor(target, image)]
        first, last = names.fresh(f"{norm.name}_to_image"), names.fresh(f"{norm.name}_from_image")
        before = [Reshape(name=first, inputs=norm.inputs[:1], outputs=(source,), shape=image)]
        after = [Reshape(name=last, inputs=(target,), outputs=norm.outputs, shape=shape)]
    scale = DepthwiseConv2D(name=norm.name, inputs=(source, weights.name, bias.name), outputs=(target,))
    at = net.ops.index(norm)
    return net.with_ops((*net.ops[:at], *before, scale, *after, *net.ops[at + 1 :]), added)


def _affine(norm: BatchNorm, net: Net) -> _Affine | None:
    """Factor and offset per channel, None where the network has no weights."""
    found = [net.tensors[name].data for name in norm.inputs[1:]]
    parameters = [data.astype(np.float64) for data in found if data is not None]
    if len(parameters) < 4:
        return None
    gamma, beta, mean, variance = parameters
    factor = gamma / np.sqrt(variance + norm.epsilon)
    return factor, beta - mean * factor


def _own(constant: str, wish: str, net: Net, names: Names) -> str:
    """The constant's own name, or a fresh one if another op reads it too."""
    return constant if len(net.consumers(constant)) == 1 else names.fresh(wish)
