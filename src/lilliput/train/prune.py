"""Structured pruning in the training loop: masks that follow the weights, and in the end a smaller
network."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray

from lilliput.net import Conv2D, FullyConnected, Net
from lilliput.train.channels import find_groups, remove_channels
from lilliput.train.settings import PruneSettings
from lilliput.train.torch_net import TorchNet


class Pruner:
    """Masks the channels with the smallest weights, more of them as the training goes on (µNAS section 3.6).

    The share of masked channels grows as 1 - (1 - progress)^3 between the first and the last step (Zhu and
    Gupta 2017). Masked channels read as zero; with feedback, gradients are taken with the masks on and
    applied to the weights of masked channels too, which may therefore come back (Lin et al. 2020).

    Args:
        net: whose channels; fixes what hangs together.
        start, end: steps between which the share grows.
    """

    def __init__(self, net: Net, settings: PruneSettings, start: int, end: int) -> None:
        self._net = net
        self._settings = settings
        self._start, self._end = start, end
        self._groups = find_groups(net)
        mixing = [op for op in net.ops if isinstance(op, (Conv2D, FullyConnected))]
        self._readers = tuple({op.inputs[0]: None for op in mixing})
        self._made = tuple(op.outputs[0] for op in mixing)
        self.gone: frozenset[int] = frozenset()

    @property
    def groups(self) -> int:
        """How many groups of channels could go."""
        return len(self._groups.prunable)

    def target(self, step: int) -> int:
        """How many groups are masked at `step`."""
        if step < self._start:
            return 0
        progress = 1.0 if step >= self._end else (step - self._start) / (self._end - self._start)
        return round(self._settings.sparsity * (1.0 - (1.0 - progress) ** 3) * self.groups)

    def due(self, step: int) -> bool:
        """Whether masks are chosen anew before `step`."""
        return self._start <= step <= self._end and (step - self._start) % self._settings.every_steps == 0

    def update(self, module: TorchNet, step: int) -> None:
        """Chooses what is masked from the present weights, and sets the gates of `module`."""
        norms = self.norms(module)
        ranked = sorted(self._groups.prunable, key=lambda number: (norms[number], number))
        self.set_gone(module, self._groups.removable(ranked, self.target(step)))

    def set_gone(self, module: TorchNet, gone: frozenset[int]) -> None:
        """Masks exactly the groups `gone`."""
        self.gone = gone
        module.feedback = self._settings.feedback
        module.gates = self._masks(self._readers, module.device)
        module.shields = self._masks(self._made, module.device) if self._settings.feedback else {}

    def _masks(self, names: Iterable[str], device: torch.device) -> dict[str, torch.Tensor]:
        """Tensor name → what stays of its channels, for those that lose some."""
        masks = {}
        for name in names if self.gone else ():
            keep = ~np.isin(self._groups.of[name], list(self.gone))
            if not keep.all():
                masks[name] = torch.from_numpy(keep.astype(np.float32)).to(device)
        return masks

    def norms(self, module: TorchNet) -> NDArray[np.float64]:
        """L2 norm of each group's weights by group number, in units of the mean over the layer.

        Layers' weights differ in size, most of all where batch norm makes the size irrelevant.  A group with
        channels of several layers has the root mean square over its channels.
        """
        size = 1 + max((int(numbers.max()) for numbers in self._groups.makers.values()), default=0)
        squares, counts = np.zeros(size), np.zeros(size)
        with torch.no_grad():
            for name, numbers in self._groups.makers.items():
                weights = module.constant(name)
                lengths = weights.flatten(1).double().norm(dim=1).cpu().numpy()
                np.add.at(squares, numbers, (lengths / max(lengths.mean(), 1e-30)) ** 2)
                np.add.at(counts, numbers, 1.0)
        found: NDArray[np.float64] = np.sqrt(squares / np.maximum(counts, 1.0))
        return found

    def shrink(self, net: Net) -> Net:
        """`net`, which has this pruner's shapes, without the channels that are masked now."""
        return remove_channels(net, self.gone, self._groups)
