"""Batch normalization becomes part of the weights and bias before it.

A network that has been trained holds gamma, beta, mean and variance still, so the normalization is one factor
and one offset per channel.
"""

from __future__ import annotations

from collections import Counter
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
    folded = folded_batch_norm(net)
    check(folded, Stage.FLOAT)
    return folded


def folded_batch_norm(net: Net) -> Net:
    """The same of a network that was checked before; what comes out is checked by who goes on with it."""
    if not any(isinstance(op, BatchNorm) for op in net.ops):
        return net
    folding = _Folding(net)
    for op in net.ops:
        folding.take(op)
    return net.with_ops(folding.ops.values(), folding.tensors.values())


class _Folding:
    """The network while it is rewritten, op by op."""

    def __init__(self, net: Net) -> None:
        self.net = net
        self.names = Names(net)
        self.readers = Counter(name for op in net.ops for name in op.inputs)
        self.readers.update(net.outputs)
        self.tensors = dict(net.tensors)
        self.ops: dict[str, Op] = {}  # by output, in execution order

    def take(self, op: Op) -> None:
        """Adds the next op of the network, in whatever form."""
        if not isinstance(op, BatchNorm):
            self.ops[op.outputs[0]] = op
            return
        before = self.ops.get(op.inputs[0])
        free = isinstance(before, Weighted) and before.activation is Activation.NONE
        if isinstance(before, Weighted) and free and self.readers[op.inputs[0]] == 1:
            self._fold(op, before)
        else:
            self._add_depthwise(op)

    def _fold(self, norm: BatchNorm, before: Weighted) -> None:
        channels = self.tensors[before.outputs[0]].shape[-1]
        old = self.tensors[before.inputs[1]]
        weights = replace(old, name=self._own(old.name, f"{before.name}_weights"))
        wish = f"{before.name}_bias"
        has_bias = len(before.inputs) == 3
        name = self._own(before.inputs[2], wish) if has_bias else self.names.fresh(wish)
        bias = Tensor(name, (channels,), constant=True)
        affine = self._affine(norm)
        if affine is not None and old.data is not None:
            factor, offset = affine
            along = (-1,) if isinstance(before, DepthwiseConv2D) else (-1, *[1] * (len(old.shape) - 1))
            values = old.data.astype(np.float64) * factor.reshape(along)
            weights = replace(weights, data=values.astype(np.float32))
            had = self.tensors[before.inputs[2]].data if has_bias else None
            shifted = (0.0 if had is None else had.astype(np.float64) * factor) + offset
            bias = replace(bias, data=shifted.astype(np.float32))
        self._keep(weights, bias)
        del self.ops[before.outputs[0]]
        inputs = (before.inputs[0], weights.name, bias.name)
        self.ops[norm.outputs[0]] = replace(before, inputs=inputs, outputs=norm.outputs)

    def _add_depthwise(self, norm: BatchNorm) -> None:
        shape = self.tensors[norm.inputs[0]].shape
        channels = shape[-1]
        weights = Tensor(self.names.fresh(f"{norm.name}_weights"), (1, 1, channels), constant=True)
        bias = Tensor(self.names.fresh(f"{norm.name}_bias"), (channels,), constant=True)
        affine = self._affine(norm)
        if affine is not None:
            weights = replace(weights, data=affine[0].reshape(1, 1, channels).astype(np.float32))
            bias = replace(bias, data=affine[1].astype(np.float32))
        self._keep(weights, bias)
        source, target = norm.inputs[0], norm.outputs[0]
        if len(shape) != 3:
            image = (1, self.tensors[source].elements // channels, channels)
            inner, target = self.names.fresh(f"{norm.name}_image"), self.names.fresh(f"{norm.name}_scaled")
            self._keep(Tensor(inner, image), Tensor(target, image))
            self._reshape(f"{norm.name}_to_image", source, inner, image)
            source = inner
        constants = (weights.name, bias.name)
        self.ops[target] = DepthwiseConv2D(name=norm.name, inputs=(source, *constants), outputs=(target,))
        if target != norm.outputs[0]:
            self._reshape(f"{norm.name}_from_image", target, norm.outputs[0], shape)

    def _reshape(self, wish: str, source: str, target: str, shape: tuple[int, ...]) -> None:
        name = self.names.fresh(wish)
        self.ops[target] = Reshape(name=name, inputs=(source,), outputs=(target,), shape=shape)

    def _keep(self, *tensors: Tensor) -> None:
        self.tensors.update({tensor.name: tensor for tensor in tensors})

    def _own(self, constant: str, wish: str) -> str:
        """The constant's own name, or a fresh one if another op reads it too."""
        return constant if self.readers[constant] <= 1 else self.names.fresh(wish)

    def _affine(self, norm: BatchNorm) -> _Affine | None:
        """Factor and offset per channel, None where the network has no weights."""
        found = [self.tensors[name].data for name in norm.inputs[1:]]
        parameters = [data.astype(np.float64) for data in found if data is not None]
        if len(parameters) < 4:
            return None
        gamma, beta, mean, variance = parameters
        factor = gamma / np.sqrt(variance + norm.epsilon)
        return factor, beta - mean * factor
