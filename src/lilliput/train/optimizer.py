"""Optimizers on one flat vector of weights, and schedules of the learning rate."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from lilliput.train.settings import TrainSettings


class Optimizer(Protocol):
    """Changes weights in place, step by step."""

    def step(self, gradient: Tensor, rate: float) -> None:
        """One step.

        Args:
            gradient: of the loss by the weights; may be overwritten.
            rate: learning rate of this step.
        """

    def state(self) -> dict[str, Tensor]:
        """Everything but the weights, for a checkpoint: vectors as long as the weights, and counters of one
        element."""

    def load(self, state: dict[str, Tensor]) -> None:
        """Takes over what `state` gave."""


class SGDW:
    """Stochastic gradient descent with momentum and decoupled weight decay (Loshchilov and Hutter 2019).

    Args:
        weights: changed in place.
        decayed: the first so many elements decay.
        decay: part of a weight that a step at rate `peak` takes away.
    """

    def __init__(
        self, weights: Tensor, decayed: int, decay: float, peak: float, momentum: float, nesterov: bool
    ) -> None:
        self._weights, self._decaying = weights, weights[:decayed]
        self._decay_per_rate = decay / peak
        self._momentum, self._nesterov = momentum, nesterov
        self._velocity = torch.zeros_like(weights)

    @torch.no_grad()
    def step(self, gradient: Tensor, rate: float) -> None:
        """One step."""
        if self._decay_per_rate > 0.0:
            self._decaying.mul_(1.0 - rate * self._decay_per_rate)
        self._velocity.mul_(self._momentum).add_(gradient)
        if self._nesterov:
            self._weights.add_(gradient.add_(self._velocity, alpha=self._momentum), alpha=-rate)
        else:
            self._weights.add_(self._velocity, alpha=-rate)

    def state(self) -> dict[str, Tensor]:
        """The velocity."""
        return {"velocity": self._velocity}

    def load(self, state: dict[str, Tensor]) -> None:
        """Takes over what `state` gave."""
        self._velocity.copy_(state["velocity"])


class AdamW:
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019); arguments as of `SGDW`."""

    def __init__(
        self,
        weights: Tensor,
        decayed: int,
        decay: float,
        peak: float,
        momentum: float,
        second: float = 0.999,
        epsilon: float = 1e-8,
    ) -> None:
        self._weights, self._decaying = weights, weights[:decayed]
        self._decay_per_rate = decay / peak
        self._first, self._second, self._epsilon = momentum, second, epsilon
        self._mean = torch.zeros_like(weights)
        self._square = torch.zeros_like(weights)
        self._steps = 0

    @torch.no_grad()
    def step(self, gradient: Tensor, rate: float) -> None:
        """One step."""
        self._steps += 1
        if self._decay_per_rate > 0.0:
            self._decaying.mul_(1.0 - rate * self._decay_per_rate)
        self._mean.lerp_(gradient, 1.0 - self._first)
        self._square.mul_(self._second).addcmul_(gradient, gradient, value=1.0 - self._second)
        unbiased = math.sqrt(1.0 - self._second**self._steps)
        scale = (self._square.sqrt() / unbiased).add_(self._epsilon)
        self._weights.addcdiv_(self._mean, scale, value=-rate / (1.0 - self._first**self._steps))

    def state(self) -> dict[str, Tensor]:
        """Both moments and the number of steps."""
        return {"mean": self._mean, "square": self._square, "steps": torch.tensor([self._steps])}

    def load(self, state: dict[str, Tensor]) -> None:
        """Takes over what `state` gave."""
        self._mean.copy_(state["mean"])
        self._square.copy_(state["square"])
        self._steps = int(state["steps"][0])


def make_optimizer(weights: Tensor, decayed: int, settings: TrainSettings) -> Optimizer:
    """The optimizer that `settings` names, on `weights`."""
    common = (weights, decayed, settings.weight_decay, settings.learning_rate, settings.momentum)
    return AdamW(*common) if settings.optimizer == "adamw" else SGDW(*common, settings.nesterov)


def rate_at(settings: TrainSettings, steps_per_epoch: int) -> Callable[[int], float]:
    """Step number → learning rate."""
    total = settings.epochs * steps_per_epoch
    rising = max(1, round(settings.warmup * total))

    def one_cycle(step: int) -> float:
        if step < rising and settings.warmup > 0.0:
            return settings.learning_rate * (step + 1) / rising
        falling = max(1, total - rising)
        return (
            settings.learning_rate * 0.5 * (1.0 + math.cos(math.pi * min(1.0, (step - rising + 1) / falling)))
        )

    def stairs(step: int) -> float:
        rate = settings.learning_rate
        for epoch, lower in settings.steps:
            rate = lower if step // steps_per_epoch >= epoch else rate
        passed = sum(step // steps_per_epoch >= epoch for epoch in settings.milestones)
        return rate * settings.gamma**passed

    return {"one-cycle": one_cycle, "step": stairs, "constant": lambda _: settings.learning_rate}[
        settings.schedule
    ]
