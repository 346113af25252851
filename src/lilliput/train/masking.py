"""Masked channels: what reads them sees zeros, and gradients are those of the network without them.

With feedback, masked channels themselves still learn: the gradient that reaches their outputs goes on to
their own weights (Lin et al. 2020 apply the gradient of the pruned network to the dense weights), but not
through those weights to the layers before, which would otherwise learn for channels that are not there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor


class _Gate(torch.autograd.Function):
    """x times a mask; masked channels get a share of the gradient too."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, mask: Tensor, feedback: float) -> Tensor:
        ctx.save_for_backward(torch.lerp(torch.ones_like(mask), mask, 1.0 - feedback))
        return x * mask

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        return gradients[0] * ctx.saved_tensors[0], None, None


class _Conv2D(torch.autograd.Function):
    """A convolution whose input gets no gradient from masked output channels."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        mask: Tensor,
        geometry: Sequence[Sequence[int]],
    ) -> Tensor:
        ctx.save_for_backward(x, weight, mask)
        ctx.geometry, ctx.biased = geometry, bias is not None
        strides, padding, dilation = geometry
        return F.conv2d(x, weight, bias, strides, padding, dilation)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, mask = ctx.saved_tensors
        strides, padding, dilation = ctx.geometry
        wanted = [ctx.needs_input_grad[0], True, ctx.biased]
        sizes = [len(weight)] if ctx.biased else None
        kept = weight * mask.view(-1, 1, 1, 1).to(weight.dtype)
        found = torch.ops.aten.convolution_backward(
            gradients[0], x, kept, sizes, strides, padding, dilation, False, [0, 0], 1, wanted
        )
        return (*found, None, None)


class _Linear(torch.autograd.Function):
    """A matrix product whose input gets no gradient from masked outputs."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, mask: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight, mask)
        ctx.biased = bias is not None
        return F.linear(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, mask = ctx.saved_tensors
        gradient = gradients[0]
        before = (gradient * mask.to(gradient.dtype)) @ weight
        return before, gradient.T @ x, gradient.sum(0) if ctx.biased else None, None


def gate(x: Tensor, mask: Tensor, feedback: float) -> Tensor:
    """`x` with its masked channels at zero.

    Args:
        x: (batch, channels, height, width) or (batch, features).
        mask: one number per channel, 1 or 0.
        feedback: share of the gradient that masked channels get.
    """
    mask = mask.to(x.dtype).view(1, -1, *[1] * (x.dim() - 2))
    if feedback == 0.0:
        return x * mask
    return cast(Tensor, _Gate.apply(x, mask, feedback))  # type: ignore[no-untyped-call]


def conv2d(
    x: Tensor, weight: Tensor, bias: Tensor | None, mask: Tensor, geometry: Sequence[Sequence[int]]
) -> Tensor:
    """`torch.nn.functional.conv2d`, with no gradient to `x` from output channels at which `mask` is 0.

    Args:
        geometry: strides, padding, dilation.
    """
    dtype = _dtype(x)
    with torch.autocast(x.device.type, enabled=False):
        bias = bias if bias is None else bias.to(dtype)
        found = _Conv2D.apply(x.to(dtype), weight.to(dtype), bias, mask, geometry)  # type: ignore[no-untyped-call]
    return cast(Tensor, found)


def linear(x: Tensor, weight: Tensor, bias: Tensor | None, mask: Tensor) -> Tensor:
    """`torch.nn.functional.linear` in the same way."""
    dtype = _dtype(x)
    with torch.autocast(x.device.type, enabled=False):
        bias = bias if bias is None else bias.to(dtype)
        found = _Linear.apply(x.to(dtype), weight.to(dtype), bias, mask)  # type: ignore[no-untyped-call]
    return cast(Tensor, found)


def _dtype(x: Tensor) -> torch.dtype:
    """What autocast would compute in."""
    kind = x.device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else x.dtype
