"""Networks of one op, for cases at the edges of what kernels do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from tests.codegen.quantized_builder import Builder

from lilliput.net import Activation, DType, Net, Padding, Quant

Case = Callable[[str, str], Net]
"""Target core and name → planned network."""

ONE = Padding(1, 1, 1, 1)
EVEN = {"strides": (2, 2), "padding": Padding(0, 1, 0, 1)}
NONE, RELU, RELU6 = Activation.NONE, Activation.RELU, Activation.RELU6


def case_of(
    shape: tuple[int, ...],
    add: Callable[[Builder], str],
    *,
    seed: int = 0,
    dtype: DType = DType.INT8,
    zero_point: int | None = None,
) -> Case:
    def make(target: str, name: str) -> Net:
        builder = Builder(shape, seed, dtype, zero_point)
        return builder.net(add(builder), target, name)

    return make


def extreme(case: Case, weight: int, bias: int = 0) -> Case:
    """The same network with every weight the same, and an output that holds the largest sums."""

    def make(target: str, name: str) -> Net:
        net = case(target, name)
        tensors = dict(net.tensors)
        for tensor in net.tensors.values():
            if tensor.constant and tensor.data is not None:
                value = weight if tensor.dtype is DType.INT8 else bias
                tensors[tensor.name] = replace(tensor, data=np.full_like(tensor.data, value))
        weights = next(t for t in tensors.values() if t.dtype is DType.INT8 and t.constant)
        assert weights.quant is not None
        largest_sum = weights.elements // weights.shape[0] * 127 * 255 + abs(bias)
        step = 0.05 * max(weights.quant.scales) * largest_sum / 200
        tensors[net.outputs[0]] = replace(net.output, quant=Quant.per_tensor(step, 3))
        return replace(net, tensors=tensors)

    return make


def with_scales(case: Case, factor: float) -> Case:
    """The same network with an output scale that makes requantization factors `factor` times as large."""

    def make(target: str, name: str) -> Net:
        net = case(target, name)
        quant = net.output.quant
        assert quant is not None
        output = replace(net.output, quant=Quant.per_tensor(quant.scale / factor, quant.zero_point))
        return replace(net, tensors={**net.tensors, output.name: output})

    return make


def to_uint8(case: Case) -> Case:
    """The same network with an output of uint8."""

    def make(target: str, name: str) -> Net:
        net = case(target, name)
        assert net.output.quant is not None
        quant = Quant.per_tensor(net.output.quant.scale, net.output.quant.zero_point + 128)
        output = replace(net.output, dtype=DType.UINT8, quant=quant)
        return replace(net, tensors={**net.tensors, output.name: output})

    return make
