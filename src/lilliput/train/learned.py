"""Scales that learn: gradients of whole numbers by the scales that they are counted in.

LSQ (Esser et al., arXiv:1902.08153): a number that is rounded to y steps of the scale s stands for s · y, and
grows with s by y − v / s, what rounding added; one that is clamped, by the bound alone.  Both ends of an
activation's range learn (LSQ+, Bhalgat et al., arXiv:2004.09576), as logarithms (TQT, Jain et al.,
arXiv:1903.08066), so that they keep their sign and one learning rate suits all.  Layers compute with the
scales of the last refresh; what is learned until the next one counts from there on.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


def nearest(exact: Tensor) -> Tensor:
    """Whole numbers, as `quantize` makes them of what is counted in steps."""
    return exact.round()


def sign(exact: Tensor) -> Tensor:
    """-1 or 1, as `quantize` makes them of weights that have one bit."""
    return torch.where(exact < 0, -1.0, 1.0).to(exact.dtype)


Whole = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Ends:
    """How the two ends of an activation's range learn.

    Attributes:
        leaf: (2,), trainable logarithms of what the lower and the upper end are multiplied by.
        shares: how much of a relative change of each end the scale follows.
        clamped: what a value that is clamped at the lower or the upper bound grows by, in steps, if the lower
            and the upper end grow: 2 × 2.
        damping: of the gradient, 1 / √(elements × steps) as in LSQ.
    """

    leaf: Tensor
    shares: tuple[float, float]
    clamped: tuple[tuple[float, float], tuple[float, float]]
    damping: float


def ends_of(
    leaf: Tensor,
    span: tuple[float, float],
    kind: tuple[int, int],
    zero_point: int,
    cut: tuple[int, int],
    elements: int,
) -> Ends:
    """The rule for one activation.

    Args:
        leaf: see `Ends`.
        span: its real range, lower end <= 0 <= upper end.
        kind: ends of its type.
        zero_point: of its quantization; with 0 both ends move alike.
        cut: ends of its activation; where they are not those of the type they are what the network says.
        elements: of one example.
    """
    low = kind[0] - zero_point if cut[0] == kind[0] else 0
    high = kind[1] - zero_point if cut[1] == kind[1] else 0
    damping = 1.0 / math.sqrt(elements * max(kind[1], 1))
    width = span[1] - span[0]
    if zero_point == 0 or width <= 0.0:
        return Ends(leaf, (1.0, 1.0), ((low, low), (high, high)), damping)
    return Ends(leaf, (-span[0] / width, span[1] / width), ((low, 0.0), (0.0, high)), damping)


class LearnedRescale(torch.autograd.Function):
    """Whole sums → whole numbers of the output's scale, which learns; else as of `integer_layers`."""

    @staticmethod
    def forward(
        ctx: Any,
        acc: Tensor,
        bias: Tensor | None,
        factor: Tensor,
        low: int,
        high: int,
        leaf: Tensor,
        ends: Ends,
    ) -> Tensor:
        exact = acc.double()
        if bias is not None:
            exact = exact + bias if exact is acc else exact.add_(bias)
        exact = exact * factor if exact is acc else exact.mul_(factor)
        steps = (exact + 0.5).floor_()
        inside = (steps >= low) & (steps <= high)
        rest = exact.neg_().add_(steps).float().mul_(inside)
        steps.clamp_(low, high)
        whole = steps.float()
        ctx.save_for_backward(whole, rest, inside, factor)
        ctx.kinds = (acc.dtype, None if bias is None else bias.shape, (low, high), ends)
        return whole

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        whole, rest, inside, factor = ctx.saved_tensors
        dtype, bias_shape, bounds, ends = ctx.kinds
        passed = gradients[0] * inside
        clamped = gradients[0] - passed
        rounded = (gradients[0] * rest).sum()
        under, over = (
            # an end that the activation sets, such as a ReLU's 0, does not learn
            (clamped * (whole == bound)).sum() if any(growth) else torch.zeros_like(rounded)
            for bound, growth in zip(bounds, ends.clamped, strict=True)
        )
        by_ends = torch.stack(
            [
                rounded * share + under * ends.clamped[0][end] + over * ends.clamped[1][end]
                for end, share in enumerate(ends.shares)
            ]
        )
        gradient = passed.mul_(factor.float())
        bias = None if bias_shape is None else gradient.sum_to_size(bias_shape).double()
        return gradient.to(dtype), bias, None, None, None, by_ends * ends.damping, None


class LearnedRound(torch.autograd.Function):
    """Real weights, channels first → whole numbers of scales that learn.

    `shares` holds the logarithm of what each channel's scale is multiplied by.
    """

    @staticmethod
    def forward(ctx: Any, real: Tensor, scale: Tensor, most: int, shares: Tensor, whole: Whole) -> Tensor:
        exact = real.double() / scale
        inside = exact.round().abs() <= most
        steps = whole(exact).clamp_(-most, most)
        ctx.save_for_backward(inside, scale, torch.where(inside, steps - exact, steps).float())
        ctx.damping = 1.0 / math.sqrt(real[0].numel() * most)
        return steps.to(real.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        inside, scale, growth = ctx.saved_tensors
        by_share = (gradients[0] * growth).flatten(1).sum(1) * ctx.damping
        return (gradients[0] * inside / scale).float(), None, None, by_share.float(), None
