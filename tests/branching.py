"""Random branched networks for tests of memory: int8, weightless, ops in an order in which they can run."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator

from lilliput.net.graph import Net
from lilliput.net.ops import (
    Add,
    AveragePool2D,
    Concat,
    Conv2D,
    DepthwiseConv2D,
    MaxPool2D,
    Op,
    Padding,
    ReLU,
    Requantize,
    Reshape,
)
from lilliput.net.tensor import DType, Quant, Tensor

QUANT = Quant.per_tensor(0.1)


class Builder:
    """Adds ops one by one; each method returns the name of the tensor that it makes."""

    def __init__(self, shape: tuple[int, ...] = (4, 4, 4), dtype: DType = DType.INT8) -> None:
        self.ops: list[Op] = []
        self.tensors = {"input": Tensor("input", shape, dtype, QUANT)}

    def add(self, kind: type[Op], *inputs: str, **attributes: object) -> str:
        """Any op on `inputs`, constants included."""
        name = f"{kind.__name__.lower()}_{len(self.ops)}"
        op = kind(name=name, inputs=inputs, outputs=(f"t{len(self.ops)}",), **attributes)
        shape = op.output_shape([self.tensors[tensor].shape for tensor in inputs])
        self.ops.append(op)
        self.tensors[op.outputs[0]] = Tensor(op.outputs[0], shape, DType.INT8, QUANT)
        return op.outputs[0]

    def conv(self, image: str, channels: int, kernel: tuple[int, int] = (1, 1), **attributes: object) -> str:
        """A convolution."""
        return self._weighted(Conv2D, image, (channels, *kernel, self.shape(image)[2]), **attributes)

    def depthwise(
        self, image: str, kernel: tuple[int, int], multiplier: int = 1, **attributes: object
    ) -> str:
        """A depthwise convolution."""
        shape = (*kernel, self.shape(image)[2] * multiplier)
        return self._weighted(DepthwiseConv2D, image, shape, **attributes)

    def _weighted(self, kind: type[Op], image: str, shape: tuple[int, ...], **attributes: object) -> str:
        weights = f"w{len(self.ops)}"
        self.tensors[weights] = Tensor(weights, shape, DType.INT8, QUANT, constant=True)
        return self.add(kind, image, weights, **attributes)

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of a tensor."""
        return self.tensors[name].shape

    def net(self, *outputs: str) -> Net:
        """The network made so far."""
        return Net("branching", tuple(self.ops), self.tensors, ("input",), outputs)


def random_net(seed: int, ops: int, reach: int = 6) -> Net:
    """A network of `ops` ops that read among the `reach` newest tensors; some outputs are read by nobody."""
    rng = random.Random(seed)
    builder = Builder((rng.choice([2, 4]), rng.choice([3, 4]), rng.randint(1, 9)))
    names = ["input"]
    while len(builder.ops) < ops:
        near = names[-reach:]
        one, shape = (name := rng.choice(near)), builder.tensors[name].shape
        alike = [name for name in near if builder.tensors[name].shape == shape]
        wide = [name for name in near if builder.tensors[name].shape[:2] == shape[:2]]
        kind = rng.choice(["conv", "conv", "add", "add", "concat", "relu", "requantize", "reshape", "pool"])
        if kind == "conv":
            names.append(builder.conv(one, rng.randint(1, 12)))
        elif kind == "add":
            names.append(builder.add(Add, one, rng.choice(alike)))
        elif kind == "concat":
            names.append(builder.add(Concat, *[rng.choice(wide) for _ in range(rng.randint(1, 3))]))
        elif kind == "relu":
            names.append(builder.add(ReLU, one))
        elif kind == "requantize":
            names.append(builder.add(Requantize, one))
        elif kind == "reshape":
            names.append(builder.add(Reshape, one, shape=(shape[1], shape[0], shape[2])))
        elif shape[0] >= 2 and shape[1] >= 2:
            names.append(builder.add(MaxPool2D, one))
    read = {name for op in builder.ops for name in op.inputs}
    ends = [name for name in names if name not in read] or names[-1:]
    extra = [name for name in names if name in read and rng.random() < 0.05]
    return builder.net(*dict.fromkeys([rng.choice(ends), *extra]))


def random_images(seed: int, ops: int, side: int = 7) -> Net:
    """A network of `ops` ops on small images: windows of all kinds, and branches that meet again."""
    rng = random.Random(seed)
    builder = Builder((rng.randint(1, side), rng.randint(1, side), rng.randint(1, 5)))
    names = ["input"]
    while len(builder.ops) < ops:
        one = rng.choice(names[-3:])
        height, width, _ = builder.shape(one)
        kernel = (rng.randint(1, min(3, height)), rng.randint(1, min(3, width)))
        padding = Padding(
            *(rng.randint(0, size - 1) for size in (kernel[0], kernel[0], kernel[1], kernel[1]))
        )
        window = {"strides": rng.choice([(1, 1), (1, 1), (2, 2), (1, 2)]), "padding": padding}
        alike = [name for name in names if builder.shape(name) == builder.shape(one)]
        match rng.randrange(8):
            case 0 | 1:
                names.append(builder.conv(one, rng.randint(1, 8), kernel, **window))
            case 2:
                names.append(builder.conv(one, rng.randint(1, 8)))
            case 3:
                names.append(builder.depthwise(one, kernel, rng.choice([1, 1, 2]), **window))
            case 4:
                kind = rng.choice([MaxPool2D, AveragePool2D])
                names.append(builder.add(kind, one, pool=kernel, **window))
            case 5:
                names.append(builder.add(Add, one, rng.choice(alike)))
            case 6:
                names.append(builder.add(Concat, one, rng.choice(alike)))
            case _:
                names.append(builder.add(ReLU, one))
    read = {name for op in builder.ops for name in op.inputs}
    return builder.net(rng.choice([name for name in names if name not in read]))


def random_scratch(seed: int) -> dict[str, int]:
    """Scratch bytes by op name, for half of the first hundred ops."""
    rng = random.Random(seed)
    kinds = [kind.__name__.lower() for kind in (Add, Concat, Conv2D, MaxPool2D, ReLU, Requantize, Reshape)]
    names = [f"{kind}_{index}" for kind, index in itertools.product(kinds, range(100))]
    return {name: rng.choice([0, rng.randint(1, 150)]) for name in names}


def topological_orders(net: Net) -> Iterator[tuple[Op, ...]]:
    """Every order in which the ops can run."""

    def extend(order: tuple[Op, ...], written: frozenset[str]) -> Iterator[tuple[Op, ...]]:
        if len(order) == len(net.ops):
            yield order
        for op in net.ops:
            if op not in order and all(net.tensors[name].constant or name in written for name in op.inputs):
                yield from extend((*order, op), written | {*op.outputs})

    yield from extend((), frozenset(net.inputs))


def live_bytes(net: Net, order: tuple[Op, ...], scratch: dict[str, int], alignment: int) -> list[int]:
    """Bytes live while each op runs, written down from the definition, tensor by tensor."""

    def aligned(value: int) -> int:
        return (value + alignment - 1) // alignment * alignment

    found = []
    for position, op in enumerate(order):
        later = {name for other in order[position + 1 :] for name in other.inputs} | {*net.outputs}
        so_far = {*net.inputs} | {name for other in order[:position] for name in other.outputs}
        waiting = {name for other in order[position:] for name in other.inputs} | {*net.outputs}
        live = (so_far & waiting) | {*op.outputs}
        total = sum(
            aligned(net.tensors[name].storage_bytes) for name in live if not net.tensors[name].constant
        )
        size = net.tensors[op.outputs[0]].storage_bytes
        if type(op) in (ReLU, Requantize, Reshape, Add) and any(
            name not in later and net.tensors[name].storage_bytes == size for name in op.inputs
        ):
            total -= aligned(size)
        found.append(total + aligned(scratch.get(op.name, 0)))
    return found
