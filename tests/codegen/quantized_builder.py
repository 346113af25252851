"""Builds small quantized networks with random weights and scales, op by op, placed without any sharing."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from lilliput.net import (
    Add,
    AveragePool2D,
    Concat,
    Conv2D,
    DepthwiseConv2D,
    DType,
    FullyConnected,
    GlobalAveragePool2D,
    MaxPool2D,
    Net,
    Op,
    Pad,
    Plan,
    Quant,
    ReLU,
    ReLU6,
    Requantize,
    Reshape,
    ResizeNearest,
    Slice,
    Tensor,
    Transpose,
)
from lilliput.net.fixedpoint import BOUNDED
from lilliput.targets import Core, core
from lilliput.targets.kernels import kernel_for

SAME_QUANTIZATION = (MaxPool2D, Concat, Pad, Reshape, Slice, Transpose, ResizeNearest)


class Builder:
    """Adds ops one by one; each method returns the name of the tensor that it makes."""

    def __init__(
        self, shape: tuple[int, ...], seed: int = 0, dtype: DType = DType.INT8, zero_point: int | None = None
    ) -> None:
        self.random = np.random.default_rng(seed)
        self.ops: list[Op] = []
        if zero_point is None:
            zero_point = int(self.random.integers(*dtype.range, endpoint=True))
        self.tensors = {"x": Tensor("x", shape, dtype, Quant.per_tensor(0.05, zero_point))}

    def shape(self, tensor: str) -> tuple[int, ...]:
        return self.tensors[tensor].shape

    def _quant(self, tensor: str) -> Quant:
        found = self.tensors[tensor].quant
        assert found is not None
        return found

    def add(self, kind: type[Op], *inputs: str, scale: float | None = None, **attributes: object) -> str:
        """Any op on `inputs`, constants included; its output gets a random zero point."""
        number = len(self.ops)
        op = kind(name=f"op{number}", inputs=inputs, outputs=(f"t{number}",), **attributes)
        shape = op.output_shape([self.tensors[name].shape for name in inputs])
        if isinstance(op, SAME_QUANTIZATION):
            found = self._quant(inputs[0])
        elif type(op) in BOUNDED:
            found = BOUNDED[type(op)]
        else:
            step = scale if scale is not None else float(self.random.uniform(0.02, 0.2))
            found = Quant.per_tensor(step, int(self.random.integers(-128, 127, endpoint=True)))
        self.ops.append(op)
        self.tensors[op.outputs[0]] = Tensor(op.outputs[0], shape, DType.INT8, found)
        return op.outputs[0]

    def constant(self, *shape: int, scale: float = 0.05) -> str:
        """A constant that an op may combine with what flows."""
        name = f"c{len(self.tensors)}"
        values = self.random.integers(-128, 127, shape, endpoint=True).astype(np.int8)
        found = Quant.per_tensor(scale, int(self.random.integers(-128, 127, endpoint=True)))
        self.tensors[name] = Tensor(name, shape, DType.INT8, found, True, values)
        return name

    def weighted(
        self,
        kind: type[Op],
        x: str,
        weights: tuple[int, ...],
        *,
        gain: float = 1.0,
        bias: bool = True,
        per_tensor: bool = False,
        **attributes: object,
    ) -> str:
        """Conv2D, DepthwiseConv2D or FullyConnected; outputs spread over int8 where `gain` is about 1."""
        number = len(self.ops)
        axis = 2 if kind is DepthwiseConv2D else 0
        channels = weights[axis]
        values = self.random.integers(-127, 128, weights).astype(np.int8)
        terms = math.prod(weights) / channels
        output_scale = 0.05
        typical = 74 * 74 * math.sqrt(terms)
        factor = gain * 40 * output_scale / (typical * self._quant(x).scale)
        scales = factor * self.random.uniform(0.6, 1.4, 1 if per_tensor else channels)
        names = [x, f"w{number}"]
        self.tensors[names[1]] = Tensor(
            names[1],
            weights,
            DType.INT8,
            Quant(tuple(map(float, scales)), (0,) * len(scales), None if per_tensor else axis),
            True,
            values,
        )
        if bias:
            names.append(f"b{number}")
            spread = int(typical) + 1
            bias_scales = scales * self._quant(x).scale
            self.tensors[names[2]] = Tensor(
                names[2],
                (channels,),
                DType.INT32,
                Quant(tuple(map(float, bias_scales)), (0,) * len(scales), None if per_tensor else 0),
                True,
                self.random.integers(-spread, spread, channels).astype(np.int32),
            )
        return self.add(kind, *names, scale=output_scale, **attributes)

    def conv(self, x: str, channels: int, kernel: tuple[int, int] = (3, 3), **attributes: object) -> str:
        return self.weighted(Conv2D, x, (channels, *kernel, self.shape(x)[2]), **attributes)

    def depthwise(
        self, x: str, kernel: tuple[int, int] = (3, 3), multiplier: int = 1, **attributes: object
    ) -> str:
        return self.weighted(DepthwiseConv2D, x, (*kernel, self.shape(x)[2] * multiplier), **attributes)

    def dense(self, x: str, units: int, **attributes: object) -> str:
        return self.weighted(FullyConnected, x, (units, self.shape(x)[0]), **attributes)

    def flat(self, x: str) -> str:
        return self.add(Reshape, x, shape=(math.prod(self.shape(x)),))

    def net(self, output: str, target: Core | str = "cortex-m4", name: str = "tiny", **fields: object) -> Net:
        """The network, planned: every buffer has its own place."""
        found = Net(name, tuple(self.ops), self.tensors, ("x",), (output,), **fields)  # type: ignore[arg-type]
        return placed(found, core(target) if isinstance(target, str) else target)


def placed(net: Net, target: Core) -> Net:
    """`net` with a plan that shares nothing."""
    addresses, scratch, top = {}, {}, 0

    def reserve(size: int) -> int:
        nonlocal top
        at, top = top, top + -(-size // 4) * 4
        return at

    for tensor in net.tensors.values():
        if not tensor.constant:
            addresses[tensor.name] = reserve(tensor.storage_bytes)
    for op in net.ops:
        size = kernel_for(op, net, target).scratch_bytes
        if size:
            scratch[op.name] = (reserve(size), size)
    return replace(net, plan=Plan(addresses, scratch, top, top))


__all__ = [
    "Add",
    "AveragePool2D",
    "Builder",
    "GlobalAveragePool2D",
    "ReLU",
    "ReLU6",
    "Requantize",
    "placed",
]
