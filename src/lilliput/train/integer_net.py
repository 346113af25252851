"""A float network whose forward pass is that of its integer twin, so that it can be fine-tuned as what it
will be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lilliput.errors import TrainingError
from lilliput.net import Net, Op, Softmax
from lilliput.net.fixedpoint import activation_range, quant
from lilliput.train.integer_layers import INTEGER_LAYERS
from lilliput.train.layers import Layer, from_torch, to_torch
from lilliput.train.learned import Ends
from lilliput.train.torch_net import flat_gradient, lay_out

Ranges = Mapping[str, tuple[float, float]]
WeightScales = Mapping[str, NDArray[np.float64]]
"""Constant of a float network → the scale of each of its channels."""


class Quantize(Protocol):
    """Makes the quantized network."""

    def __call__(self, net: Net, ranges: Ranges, *, weight_scales: WeightScales | None = None) -> Net:
        """The quantized network of `net`, which has no batch norm; keeps the names of ops that hold weights.

        Args:
            ranges: of activations.
            weight_scales: of weights; they follow from the weights if None.
        """


class IntegerNet:
    """Float weights, integer arithmetic.

    Scales follow from weights and ranges when `refresh` is called.  Right after it, every activation is the
    same integer that `lilliput.net.reference` finds for `net`.

    Args:
        source: float with weights, no batch norm.
        ranges: of its activations, as `calibrate` gives them.
        quantize: makes the quantized network.

    Attributes:
        net: the quantized network of the last refresh.
        flat, decayed, slots, leaves: as of `TorchNet`.
        ranges: activation ranges now in use.
    """

    def __init__(
        self, source: Net, ranges: Ranges, quantize: Quantize, device: torch.device | str = "cpu"
    ) -> None:
        self.device = torch.device(device)
        self.ranges = dict(ranges)
        self._source, self._quantize = source, quantize
        self.slots, self.decayed = lay_out(source)
        self.flat = torch.zeros(self.slots[-1].end if self.slots else 0, device=self.device)
        for slot in self.slots:
            data = source.tensors[slot.name].data
            if data is None or not np.isfinite(data).all():
                raise TrainingError(
                    f"net '{source.name}' cannot be fine-tuned",
                    f"its constant '{slot.name}' has no data, or some that are not finite",
                    "train it first",
                )
            slot.from_numpy(data, self.flat)
        self._leaves = {slot.name: slot.view(self.flat).detach().requires_grad_() for slot in self.slots}
        self.leaves = [self._leaves[slot.name] for slot in self.slots]
        self._ops = {op.name: op for op in source.ops}
        self._seen: dict[str, tuple[Tensor, Tensor]] | None = None
        self.refresh()

    # What layers ask for

    def leaf(self, op: Op, index: int) -> Tensor:
        """Input `index` of the op of the same name in the float network."""
        return self._leaves[self._ops[op.name].inputs[index]]

    @property
    def observing(self) -> bool:
        """Whether ranges are being watched."""
        return self._seen is not None

    def observe(self, name: str, lowest: Tensor, highest: Tensor) -> None:
        """Takes note of the ends of tensor `name`, in steps of its scale."""
        if self._seen is not None:
            self._seen[name] = (lowest, highest)

    def ends(self, op: Op) -> Ends | None:
        """None: ranges are observed."""
        return None

    def weight_shares(self, op: Op) -> Tensor | None:
        """None: scales follow from the weights."""
        return None

    # Running

    def refresh(self) -> None:
        """Makes the quantized network of the present weights and ranges the one that runs."""
        self.net = self._quantize(self.source(), self.ranges)
        self._compile()

    def _compile(self) -> None:
        self._steps: list[tuple[Op, Layer, tuple[str, ...]]] = []
        for op in self.net.ops:
            inputs = tuple(name for name in op.inputs if not self.net.tensors[name].constant)
            self._steps.append((op, INTEGER_LAYERS[type(op)](op, self), inputs))

    def source(self) -> Net:
        """The float network with the present weights."""
        tensors = dict(self._source.tensors)
        for slot in self.slots[: len(self._leaves)]:
            tensors[slot.name] = replace(tensors[slot.name], data=slot.to_numpy(self.flat))
        return replace(self._source, tensors=tensors)

    def logits(self, x: Tensor) -> Tensor:
        """Scores before a last softmax, as reals, float32 (batch, classes).

        Args:
            x: (batch, *input shape), normalized reals; rounded to the network's input first.
        """
        last = self.net.producer(self.net.outputs[0])
        soft = last if isinstance(last, Softmax) else None
        name = self.net.outputs[0] if soft is None else soft.inputs[0]
        values = self._run(x, self._steps if soft is None else self._steps[:-1])
        scale = quant(name, self.net).scale * (1.0 if soft is None else soft.beta)
        return from_torch(values[name]).reshape(x.shape[0], -1) * scale

    @torch.no_grad()
    def integers(self, x: Tensor) -> dict[str, NDArray[np.generic]]:
        """Every activation by name, (batch, *shape), in its integer type; `x` as for `logits`."""
        found = {}
        for name, value in self._run(x, self._steps).items():
            tensor = self.net.tensors[name]
            whole = from_torch(value).double().cpu().numpy() + quant(name, self.net).zero_point
            found[name] = whole.astype(tensor.dtype.numpy)
        return found

    def gradient(self, loss: Tensor) -> Tensor:
        """Gradient of `loss` by `flat`."""
        return flat_gradient(loss, self.leaves, self.slots)

    # Ranges that follow the data

    def watch(self) -> None:
        """From now on, notes the ranges of activations."""
        self._seen = {}

    def follow(self, keep: float) -> None:
        """Moves the ranges towards those of the last batch, and stops watching.

        Args:
            keep: how much of the old range stays.
        """
        seen, self._seen = self._seen or {}, None
        for name, ends in seen.items():
            if name not in self.ranges:
                continue
            scale = quant(name, self.net).scale
            op = self.net.producer(name)
            assert op is not None
            zero_point = quant(name, self.net).zero_point
            kind = self.net.tensors[name].dtype.range
            cut = activation_range(op, self.net)
            low, high = (float(end) * scale for end in ends)
            # an activation that ends at a value fixes that end; the type's ends are what is being sought
            low = max(low, (cut[0] - zero_point) * scale) if cut[0] != kind[0] else low
            high = min(high, (cut[1] - zero_point) * scale) if cut[1] != kind[1] else high
            old = self.ranges[name]
            self.ranges[name] = (
                min(0.0, keep * old[0] + (1.0 - keep) * low),
                max(0.0, keep * old[1] + (1.0 - keep) * high),
            )

    # Inside

    def _run(self, x: Tensor, steps: list[tuple[Op, Layer, tuple[str, ...]]]) -> dict[str, Tensor]:
        values: dict[str, Tensor] = {self.net.inputs[0]: to_torch(self._enter(x))}
        for op, layer, inputs in steps:
            values[op.outputs[0]] = layer(*[values[name] for name in inputs])
        return values

    def _enter(self, x: Tensor) -> Tensor:
        """Reals → the input's integers minus their zero point."""
        tensor = self.net.input
        found = quant(tensor.name, self.net)
        low, high = tensor.dtype.range
        steps = (x.double() / found.scale).round_()
        return steps.clamp_(low - found.zero_point, high - found.zero_point).float()
