"""An integer network whose scales learn together with its weights."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from lilliput.net import Conv2D, DepthwiseConv2D, FullyConnected, Net, Op
from lilliput.net.fixedpoint import activation_range, quant
from lilliput.train.integer_net import IntegerNet, Quantize, Ranges
from lilliput.train.learned import Ends, ends_of
from lilliput.train.torch_net import Slot


class LearningNet(IntegerNet):
    """As `IntegerNet`, but the ends of activations' ranges and the scales of weights are trainable.

    They are logarithms of what the first ones are multiplied by, and lie behind the constants in `flat`.  A
    `refresh` makes new scales of them.
    """

    def __init__(
        self, source: Net, ranges: Ranges, quantize: Quantize, device: torch.device | str = "cpu"
    ) -> None:
        self._end_leaves: dict[str, Tensor] = {}
        self._share_leaves: dict[str, Tensor] = {}
        super().__init__(source, ranges, quantize, device)
        self._first_ranges = dict(ranges)
        self._first_scales = {
            self._ops[op.name].inputs[1]: np.array(quant(op.inputs[1], self.net).scales)
            for op in self.net.ops
            if isinstance(op, (Conv2D, DepthwiseConv2D, FullyConnected))
        }
        made = [name for op in source.ops for name in op.outputs if name in self.ranges]
        sizes = dict.fromkeys(made, 2) | {name: len(found) for name, found in self._first_scales.items()}
        extra: list[Slot] = []
        for name, size in sizes.items():
            start = extra[-1].end if extra else self.flat.numel()
            extra.append(Slot(name, start, (size,), Op))
        grown = torch.zeros(extra[-1].end if extra else self.flat.numel(), device=self.device)
        grown[: self.flat.numel()] = self.flat
        self.flat = grown
        self._leaves = {slot.name: slot.view(grown).detach().requires_grad_() for slot in self.slots}
        learned = {slot.name: slot.view(grown).detach().requires_grad_() for slot in extra}
        self._end_leaves = {name: learned[name] for name in made}
        self._share_leaves = {name: learned[name] for name in self._first_scales}
        self.slots = [*self.slots, *extra]
        self.leaves = [*self._leaves.values(), *learned.values()]
        self._compile()

    def ends(self, op: Op) -> Ends | None:
        """How the range of what `op` puts out learns; a conversion between types has none of its own."""
        name = op.outputs[0]
        leaf = self._end_leaves.get(name)
        if leaf is None:
            return None
        tensor = self.net.tensors[name]
        zero_point = quant(name, self.net).zero_point
        cut = activation_range(op, self.net)
        return ends_of(leaf, self.ranges[name], tensor.dtype.range, zero_point, cut, tensor.elements)

    def weight_shares(self, op: Op) -> Tensor | None:
        """Logarithm of what the scales of the weights of `op` are multiplied by."""
        return self._share_leaves.get(self._ops[op.name].inputs[1])

    def refresh(self) -> None:
        """Makes the quantized network of the present weights and scales the one that runs."""
        if not self._share_leaves:
            super().refresh()
            return
        grown = {name: leaf.detach().double().exp().tolist() for name, leaf in self._end_leaves.items()}
        for name, (low, high) in self._first_ranges.items():
            if name in grown:
                self.ranges[name] = low * grown[name][0], high * grown[name][1]
        self.net = self._quantize(self.source(), self.ranges, weight_scales=self.weight_scales())
        self._compile()

    def weight_scales(self) -> dict[str, np.ndarray]:
        """The present scales of the weights by constant, one for each channel."""
        return {
            name: first * self._share_leaves[name].detach().double().exp().cpu().numpy()
            for name, first in self._first_scales.items()
        }

    def watch(self) -> None:
        """Nothing: ranges learn instead of being observed."""

    def follow(self, keep: float) -> None:
        """Nothing: ranges learn instead of being observed."""
