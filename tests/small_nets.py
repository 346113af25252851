"""Small float networks written op by op, for tests that need a certain one."""

from __future__ import annotations

from typing import Any

import numpy as np

from lilliput.net import Add, BatchNorm, Conv2D, FullyConnected, Net, Op, Padding, Tensor


class Sketch:
    """A float network that grows from the input "x"; every method gives the name of the tensor it makes."""

    def __init__(self, shape: tuple[int, ...], seed: int = 0) -> None:
        self.rng = np.random.default_rng(seed)
        self.tensors = {"x": Tensor("x", shape)}
        self.ops: list[Op] = []

    def add(self, kind: type[Op], *inputs: str, **attributes: Any) -> str:
        """Any op; constants are named like activations."""
        name = f"{kind.__name__.lower()}_{len(self.ops)}"
        op = kind(name=name, inputs=inputs, outputs=(f"{name}_out",), **attributes)
        self.ops.append(op)
        shape = op.output_shape([self.tensors[used].shape for used in inputs])
        self.tensors[f"{name}_out"] = Tensor(f"{name}_out", shape)
        return f"{name}_out"

    def constant(self, values: Any) -> str:
        """A float32 constant."""
        data = np.asarray(values, np.float32)
        name = f"c{len(self.tensors)}"
        self.tensors[name] = Tensor(name, data.shape, constant=True, data=data)
        return name

    def conv(self, x: str, channels: int, size: int = 3, **attributes: Any) -> str:
        """A convolution with random weights and no bias; padded to keep the image's size."""
        shape = (channels, size, size, self.tensors[x].shape[2])
        weights = self.constant(self.rng.normal(0.0, 0.4, shape))
        attributes = {"padding": Padding(*[size // 2, (size - 1) // 2] * 2), **attributes}
        return self.add(Conv2D, x, weights, **attributes)

    def dense(self, x: str, units: int, bias: bool = False, **attributes: Any) -> str:
        """A matrix product with random weights."""
        constants = [self.constant(self.rng.normal(0.0, 0.4, (units, self.tensors[x].shape[0])))]
        if bias:
            constants.append(self.constant(self.rng.normal(0.0, 0.4, units)))
        return self.add(FullyConnected, x, *constants, **attributes)

    def norm(self, x: str) -> str:
        """Batch normalization with random parameters."""
        channels = self.tensors[x].shape[-1]
        values = [self.rng.normal(1.0, 0.3, channels), *self.rng.normal(0.0, 0.3, (2, channels))]
        return self.add(
            BatchNorm, x, *map(self.constant, values), self.constant(self.rng.uniform(0.3, 2.0, channels))
        )

    def sum(self, first: str, second: str) -> str:
        """An element-wise sum."""
        return self.add(Add, first, second)

    def net(self, output: str, **fields: Any) -> Net:
        """What has been drawn so far."""
        return Net("sketch", tuple(self.ops), self.tensors, ("x",), (output,), **fields)
