"""`Net` → torch and back: one flat vector of weights, and a list of layers that read views of it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from lilliput.errors import TrainingError
from lilliput.net import (
    Add,
    AveragePool2D,
    BatchNorm,
    Conv2D,
    DepthwiseConv2D,
    FullyConnected,
    GlobalAveragePool2D,
    Net,
    Op,
    Softmax,
)
from lilliput.train import masking
from lilliput.train.layers import LAYERS, Layer, from_torch, to_torch


class Mode(Enum):
    """What batch norm does: use the batch's statistics, use and collect them, or use those of the network."""

    TRAIN = "train"
    ESTIMATE = "estimate"
    SCORE = "score"


@dataclass(frozen=True)
class Slot:
    """Where a constant lies in the flat vector.

    Convolution weights keep the `Net`'s layout, which is torch's channels_last; depthwise weights are kept
    channel by channel, as torch wants them.
    """

    name: str
    start: int
    shape: tuple[int, ...]
    op: type[Op]

    @property
    def end(self) -> int:
        """First element behind the constant."""
        return self.start + math.prod(self.shape)

    def view(self, flat: Tensor) -> Tensor:
        """The constant in torch's layout, sharing memory with `flat`."""
        part = flat[self.start : self.end]
        if len(self.shape) == 4:
            return part.view(self.shape).permute(0, 3, 1, 2)
        if len(self.shape) == 3:
            height, width, channels = self.shape
            return part.view(channels, 1, height, width)
        return part.view(self.shape)

    def flatten(self, value: Tensor) -> Tensor:
        """A tensor of torch's layout as a piece of the flat vector."""
        return (value.permute(0, 2, 3, 1) if len(self.shape) == 4 else value).reshape(-1)

    def to_numpy(self, flat: Tensor) -> NDArray[np.float32]:
        """The constant in the `Net`'s layout."""
        values = self.view(flat).detach().float().cpu().numpy()
        if len(self.shape) == 4:
            values = values.transpose(0, 2, 3, 1)
        elif len(self.shape) == 3:
            values = values[:, 0].transpose(1, 2, 0)
        return np.ascontiguousarray(values)

    def from_numpy(self, data: NDArray[np.generic], flat: Tensor) -> None:
        """Writes a constant of the `Net`'s layout to its place in `flat`."""
        values = torch.from_numpy(np.array(data, np.float32))
        if len(self.shape) == 4:
            values = values.permute(0, 3, 1, 2)
        elif len(self.shape) == 3:
            values = values.permute(2, 0, 1).unsqueeze(1)
        with torch.no_grad():
            self.view(flat).copy_(values)


class TorchNet:
    """A float `Net` that torch can run and train.

    Args:
        net: float; constants without data get fresh values, drawn with `generator`.
        device: where the weights live.
        generator: a CPU generator; needed for fresh weights and for dropout.
        dropout: share dropped of the inputs of every fully connected layer but the last, in `Mode.TRAIN`.
        keep_all: run so that `forward_all` may be called; costs memory.

    Attributes:
        flat: every trainable constant, one after the other; the first `decayed` elements are weights, then
            come biases and batch norm parameters.
        leaves: views of `flat` that require gradients, in the order of `slots`.
        gates: tensor name → mask of its channels, applied where convolutions and fully connected layers
            read it.
        shields: output of a convolution or fully connected layer → mask of the channels that teach the layers
            before; the others are masked, and learn by themselves.
        feedback: share of the gradient that masked channels get.
    """

    def __init__(
        self,
        net: Net,
        device: torch.device | str = "cpu",
        generator: torch.Generator | None = None,
        dropout: float = 0.0,
        keep_all: bool = False,
    ) -> None:
        self.net = net
        self.device = torch.device(device)
        self.mode = Mode.SCORE
        self.gates: dict[str, Tensor] = {}
        self.shields: dict[str, Tensor] = {}
        self.feedback = 0.0
        self.generator = generator
        self._keep_all = keep_all
        self._dropout = dropout
        dense = [op for op in net.ops if isinstance(op, FullyConnected)]
        self._dropping = frozenset(op.name for op in dense[:-1])
        self.slots, self.decayed = lay_out(net)
        self.flat = torch.zeros(self.slots[-1].end if self.slots else 0, device=self.device)
        self._constants: dict[str, Tensor] = {}
        self._load()
        for slot in self.slots:
            self._constants[slot.name] = slot.view(self.flat).detach().requires_grad_()
        self.leaves = [self._constants[slot.name] for slot in self.slots]
        self._collected: dict[str, tuple[int, Tensor | float, Tensor | float]] = {}
        self._steps = self._compile(net.ops)
        last = net.producer(net.outputs[0]) if net.outputs else None
        self._softmax = (
            last if isinstance(last, Softmax) and len(net.consumers(net.outputs[0])) == 0 else None
        )

    # What layers ask for

    def constant(self, name: str) -> Tensor:
        """Constant `name` in torch's layout."""
        return self._constants[name]

    def drop(self, x: Tensor, op: Op) -> Tensor:
        """`x` with dropout, if it trains and `op` is not the last fully connected layer."""
        if self._dropout == 0.0 or self.mode is not Mode.TRAIN or op.name not in self._dropping:
            return x
        keep = 1.0 - self._dropout
        mask = torch.empty(x.shape, dtype=torch.float32).bernoulli_(keep, generator=self.generator)
        return x * mask.to(x.device, x.dtype).div_(keep)

    def gate(self, x: Tensor, name: str) -> Tensor:
        """`x`, which is tensor `name`, with its masked channels at zero."""
        mask = self.gates.get(name) if self.gates else None
        return x if mask is None else masking.gate(x, mask, self.feedback)

    def shield(self, op: Op) -> Tensor | None:
        """The mask of the outputs of `op` whose gradient must not go on to its input, if there is one."""
        return self.shields.get(op.outputs[0]) if self.shields else None

    def normalize(self, x: Tensor, op: BatchNorm) -> Tensor:
        """Batch norm by the present mode."""
        if x.dim() == 3:  # (batch, length, channels)
            return self.normalize(x.flatten(0, 1), op).view(x.shape)
        gamma, beta, mean, variance = (self._constants[name] for name in op.inputs[1:])
        if self.mode is Mode.SCORE:
            return F.batch_norm(x, mean, variance, gamma, beta, False, 0.0, op.epsilon)
        if self.mode is Mode.TRAIN:
            return F.batch_norm(x, None, None, gamma, beta, True, 0.0, op.epsilon)
        normal, mean, scale = torch.native_batch_norm(x, gamma, beta, None, None, True, 0.0, op.epsilon)
        self._collect(op, mean, 1.0 / scale.double() ** 2 - op.epsilon, x.numel() // x.shape[1])
        return normal

    # Running

    def logits(self, x: Tensor) -> Tensor:
        """Scores before a last softmax, float32, (batch, classes).

        Args:
            x: (batch, *input shape), normalized.
        """
        steps = self._steps[:-1] if self._softmax is not None else self._steps
        name = self._softmax.inputs[0] if self._softmax is not None else self.net.outputs[0]
        scores = from_torch(self._run(x, steps)[name]).reshape(x.shape[0], -1).float()
        return scores * self._softmax.beta if self._softmax is not None else scores

    def forward(self, x: Tensor) -> Tensor:
        """The network's output, (batch, *output shape)."""
        return from_torch(self._run(x, self._steps)[self.net.outputs[0]])

    def forward_all(self, x: Tensor) -> dict[str, Tensor]:
        """Every activation by name, (batch, *shape); the module must be made with `keep_all`."""
        assert self._keep_all
        return {name: from_torch(value) for name, value in self._run(x, self._steps).items()}

    def gradient(self, loss: Tensor) -> Tensor:
        """Gradient of `loss` by `flat`."""
        return flat_gradient(loss, self.leaves, self.slots)

    @torch.no_grad()
    def estimate_statistics(self, batches: Iterable[Tensor]) -> None:
        """Sets mean and variance of every batch norm to those over `batches` (normalized inputs)."""
        self._collected = {}
        norms = [op for op in self.net.ops if isinstance(op, BatchNorm)]
        if norms:
            before, self.mode = self.mode, Mode.ESTIMATE
            for batch in batches:
                self.logits(batch)
            self.mode = before
        for op in norms:
            count, total, square = self._collected[op.name]
            assert isinstance(total, Tensor)
            assert isinstance(square, Tensor)
            mean = total / count
            self._constants[op.inputs[3]].copy_(mean)
            self._constants[op.inputs[4]].copy_((square / count - mean * mean).clamp_min(0.0))
        self._collected = {}

    # Back to a `Net`

    def to_net(self, flat: Tensor | None = None) -> Net:
        """The network with the present weights and statistics, or with `flat` in the weights' place."""
        flat = self.flat if flat is None else flat
        data = {slot.name: slot.to_numpy(flat) for slot in self.slots}
        for name, value in self._constants.items():
            if name not in data:
                data[name] = np.array(value.detach().float().cpu().numpy())
        tensors = {
            name: replace(tensor, data=data[name]) if name in data else tensor
            for name, tensor in self.net.tensors.items()
        }
        return replace(self.net, tensors=tensors)

    def flatten(self, net: Net) -> Tensor:
        """The trainable constants of `net`, which has this network's tensors, as one vector."""
        flat = torch.zeros_like(self.flat)
        for slot in self.slots:
            data = net.tensors[slot.name].data
            assert data is not None
            slot.from_numpy(data, flat)
        return flat

    # Inside

    def _load(self) -> None:
        trainable = {slot.name: slot for slot in self.slots}
        roles = {name: (op, index) for op in self.net.ops for index, name in enumerate(op.inputs)}
        last = next((op.inputs[1] for op in reversed(self.net.ops) if isinstance(op, FullyConnected)), None)
        for name, tensor in self.net.tensors.items():
            if not tensor.constant:
                continue
            op, index = roles[name]
            if tensor.data is not None:
                data = tensor.data
            else:
                gain = 1.0 if name == last else math.sqrt(2.0)
                data = self._fresh(op, index, tensor.shape, gain)
            if not np.isfinite(data).all():
                raise TrainingError(
                    f"tensor '{name}' of net '{self.net.name}' holds values that are not finite",
                    "a training cannot start from them",
                    "take another file, or leave the weights out",
                )
            if name in trainable:
                trainable[name].from_numpy(data, self.flat)
            else:
                self._constants[name] = torch.tensor(np.asarray(data, np.float32), device=self.device)

    def _fresh(self, op: Op, index: int, shape: tuple[int, ...], gain: float) -> NDArray[np.generic]:
        """First values of a constant: weights as He et al. 2015, everything else neutral."""
        if isinstance(op, BatchNorm):
            return np.full(shape, 1.0 if index in (1, 4) else 0.0, np.float32)
        if index != 1:
            return np.zeros(shape, np.float32)
        fan_in = math.prod(shape[:2]) if isinstance(op, DepthwiseConv2D) else math.prod(shape[1:])
        values = torch.empty(shape).normal_(0.0, gain / math.sqrt(fan_in), generator=self.generator)
        return cast(NDArray[np.generic], values.numpy())

    def _compile(self, ops: tuple[Op, ...]) -> list[tuple[str, Layer, tuple[str, ...], tuple[str, ...]]]:
        """(output, layer, inputs, tensors that are dead afterwards) of every op."""
        last_use = {name: index for index, op in enumerate(ops) for name in op.inputs}
        steps = []
        for index, op in enumerate(ops):
            inputs = tuple(name for name in op.inputs if not self.net.tensors[name].constant)
            dead = tuple(name for name in inputs if last_use[name] == index and name not in self.net.outputs)
            steps.append((op.outputs[0], LAYERS[type(op)](op, self), inputs, () if self._keep_all else dead))
        return steps

    def overwritable(self, op: Op) -> bool:
        """Whether `op` may write its output over its only input and nobody, gradients included, misses it."""
        producer = self.net.producer(op.inputs[0])
        saved_nowhere = (
            BatchNorm,
            Conv2D,
            DepthwiseConv2D,
            FullyConnected,
            Add,
            AveragePool2D,
            GlobalAveragePool2D,
        )
        alone = len(self.net.consumers(op.inputs[0])) == 1 and op.inputs[0] not in self.net.outputs
        return not self._keep_all and alone and isinstance(producer, saved_nowhere)

    def _run(
        self, x: Tensor, steps: list[tuple[str, Layer, tuple[str, ...], tuple[str, ...]]]
    ) -> dict[str, Tensor]:
        values = {self.net.inputs[0]: to_torch(x)}
        for output, layer, inputs, dead in steps:
            values[output] = layer(*[values[name] for name in inputs])
            for name in dead:
                values.pop(name, None)
        return values

    def _collect(self, op: BatchNorm, mean: Tensor, variance: Tensor, count: int) -> None:
        """Adds a batch's statistics: number of elements of a channel, their sum, the sum of their squares."""
        known = self._collected.get(op.name, (0, 0.0, 0.0))
        centre = mean.double()
        square = variance + centre**2
        self._collected[op.name] = (known[0] + count, known[1] + centre * count, known[2] + square * count)


def flat_gradient(loss: Tensor, leaves: list[Tensor], slots: list[Slot]) -> Tensor:
    """Gradient of `loss` by `leaves`, one after the other as `slots` say.

    It is zero by leaves that the loss does not depend on.
    """
    gradients = torch.autograd.grad(loss, leaves, allow_unused=True, materialize_grads=True)
    return torch.cat([slot.flatten(piece) for slot, piece in zip(slots, gradients, strict=True)])


def lay_out(net: Net) -> tuple[list[Slot], int]:
    """Places of the trainable constants, weights first, and the number of elements that are weights."""
    weights: dict[str, tuple[tuple[int, ...], type[Op]]] = {}
    others: dict[str, tuple[tuple[int, ...], type[Op]]] = {}
    for op in net.ops:
        if isinstance(op, (Conv2D, DepthwiseConv2D, FullyConnected)):
            weights[op.inputs[1]] = (net.tensors[op.inputs[1]].shape, type(op))
            for name in op.inputs[2:]:
                others[name] = (net.tensors[name].shape, type(op))
        elif isinstance(op, BatchNorm):
            for name in op.inputs[1:3]:
                others[name] = (net.tensors[name].shape, type(op))
    slots: list[Slot] = []
    start = 0
    for name, (shape, kind) in (*weights.items(), *others.items()):
        slots.append(Slot(name, start, shape, kind))
        start = slots[-1].end
    return slots, sum(math.prod(shape) for shape, _ in weights.values())
