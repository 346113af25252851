"""What every op of the `lilliput` profile means in torch when it computes in integers and still has
gradients.

An activation is carried as float32 that holds whole numbers: its integers minus their zero point, so that 0
is real 0.0. Forward, every layer gives exactly the integers of `lilliput.net.reference`; constants come
from `lilliput.net.fixedpoint`. Backward, rounding counts as the identity and clamping as a gate
(straight-through estimator, Bengio et al. 2013), so a gradient is that of the real network times the scales.

Why it is exact, in every number format:

- Activations and weights have at most 16 bits, which float32 holds.  `check` bounds the sum of the magnitudes
  of what any op adds up: by 2**31, or by 2**47 where it puts out 16 bits.  So every partial sum, in whatever
  order, is a whole number that float64 holds (2**53); float32 (2**24) is taken where the bound allows it.
- A requantization floor(acc * M / 2**n + 1/2), n <= 32, is computed in float64, with M / 2**n exact.  If the
  result is not clamped it is below 2**16, so the whole number acc * M is below 2**49 and exact, and so is all
  that follows.  If acc * M is 2**53 or more it may be rounded, but rounding is monotone: the result stays
  above 2**20, and is clamped as it should be.
- Sums and products of two tensors are whole numbers below 2**46 (multipliers have 15 bits).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from lilliput.net import (
    Add,
    AveragePool2D,
    Concat,
    Conv2D,
    DepthwiseConv2D,
    DType,
    FullyConnected,
    GlobalAveragePool2D,
    HardSwish,
    LeakyReLU,
    Logistic,
    MaxPool2D,
    Mul,
    Net,
    Op,
    Pad,
    ReLU,
    ReLU6,
    Requantize,
    Reshape,
    ResizeNearest,
    Slice,
    Softmax,
    Sub,
    Tanh,
    Transpose,
)
from lilliput.net.fixedpoint import (
    AverageOp,
    Requant,
    WeightedOp,
    activation_range,
    add_parameters,
    conv_requant,
    is_wide,
    mul_parameters,
    pad_value,
    pool_counts,
    pool_requant,
    quant,
    requantize_parameters,
    softmax_table,
)
from lilliput.net.reference import INTEGER_OPS
from lilliput.train.layers import FUNCTIONS, LAYERS, Layer, pad_image, split_padding, spread, torch_strides
from lilliput.train.learned import Ends, LearnedRescale, LearnedRound, Whole, nearest, sign

_LARGEST_BIAS = 2**31 - 1
_EXACT_FLOAT32 = 1 << 24


class Host(Protocol):
    """What an integer layer may ask of the module that holds it."""

    net: Net  # the quantized one
    device: torch.device

    def leaf(self, op: Op, index: int) -> Tensor:
        """Input `index` of `op`, a trainable constant in float32 and torch's layout."""

    def observe(self, name: str, lowest: Tensor, highest: Tensor) -> None:
        """Takes note of the values of tensor `name` before they were clamped, in steps of its scale."""

    @property
    def observing(self) -> bool:
        """Whether `observe` wants to be called."""

    def ends(self, op: Op) -> Ends | None:
        """How the range of what `op` puts out learns; None if it does not."""

    def weight_shares(self, op: Op) -> Tensor | None:
        """Trainable logarithm of what the scales of the weights of `op` are multiplied by, if they learn."""


class _Round(torch.autograd.Function):
    """Reals → whole numbers of a scale, as `quantize` rounds constants."""

    @staticmethod
    def forward(ctx: Any, real: Tensor, scale: Tensor, most: int, whole: Whole) -> Tensor:
        exact = real.double() / scale
        ctx.save_for_backward(exact.round().abs() <= most, scale)
        return whole(exact).clamp_(-most, most).to(real.dtype if most < _EXACT_FLOAT32 else torch.float64)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        inside, scale = ctx.saved_tensors
        return (gradients[0] * inside / scale).float(), None, None, None


class _Rescale(torch.autograd.Function):
    """Whole sums → whole numbers of the output's scale: floor((acc + bias) * factor + 1/2), clamped."""

    @staticmethod
    def forward(
        ctx: Any, acc: Tensor, bias: Tensor | None, factor: Tensor, low: int, high: int, watch: Any
    ) -> Tensor:
        steps = acc.double()
        if bias is not None:
            steps = steps + bias if steps is acc else steps.add_(bias)
        steps = steps * factor if steps is acc else steps.mul_(factor)
        steps.add_(0.5).floor_()
        if watch is not None:
            watch(*torch.aminmax(steps))
        ctx.save_for_backward((steps >= low) & (steps <= high), factor)
        ctx.kinds = (acc.dtype, None if bias is None else bias.shape)
        return steps.clamp_(low, high).float()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        inside, factor = ctx.saved_tensors
        dtype, bias_shape = ctx.kinds
        gradient = gradients[0] * inside * factor.float()
        bias = None
        if bias_shape is not None:
            bias = gradient.sum_to_size(bias_shape).double()
        return gradient.to(dtype), bias, None, None, None, None


def rescale(op: Op, host: Host, factor: Tensor) -> Callable[[Tensor, Tensor | None], Tensor]:
    """(sums, bias) → what `op` puts out, clamped to its activation's range.

    Args:
        factor: M / 2**n, float64, exact; one number, or shaped to spread over the sums.
    """
    name = op.outputs[0]
    low, high = activation_range(op, host.net)
    zero_point = quant(name, host.net).zero_point
    low, high = low - zero_point, high - zero_point
    ends = host.ends(op)

    def learn(acc: Tensor, bias: Tensor | None = None) -> Tensor:
        assert ends is not None
        learned = LearnedRescale.apply(acc, bias, factor, low, high, ends.leaf, ends)  # type: ignore[no-untyped-call]
        return cast(Tensor, learned)

    def run(acc: Tensor, bias: Tensor | None = None) -> Tensor:
        watch = (lambda lowest, highest: host.observe(name, lowest, highest)) if host.observing else None
        return cast(Tensor, _Rescale.apply(acc, bias, factor, low, high, watch))  # type: ignore[no-untyped-call]

    return run if ends is None else learn


def _factor(requant: Requant, device: torch.device) -> Tensor:
    """M / 2**n of every channel."""
    return torch.tensor(requant.multipliers, dtype=torch.float64, device=device) * 2.0**-requant.shift


def _largest(name: str, net: Net) -> int:
    """Largest magnitude of an activation minus its zero point."""
    low, high = net.tensors[name].dtype.range
    zero_point = quant(name, net).zero_point
    return max(high - zero_point, zero_point - low)


def _spread(values: Tensor, op: WeightedOp) -> Tensor:
    """One number per output channel, shaped to spread over the output of `op`."""
    return values if isinstance(op, FullyConnected) else values.view(1, -1, 1, 1)


def _constants(op: WeightedOp, host: Host) -> Callable[[], tuple[Tensor, Tensor | None]]:
    """() → whole weights and bias of `op` from the present leaves, with gradients."""
    weight = host.leaf(op, 1)
    scales = torch.tensor(quant(op.inputs[1], host.net).scales, dtype=torch.float64, device=host.device)
    scales = scales.view(-1, *[1] * (weight.dim() - 1))
    most = _largest_weight(op, host.net)
    whole_weight = sign if host.net.tensors[op.inputs[1]].dtype is DType.SIGN else nearest
    shares = host.weight_shares(op)
    biased = len(op.inputs) == 3
    bias = host.leaf(op, 2) if biased else None
    steps = torch.tensor(
        quant(op.inputs[2], host.net).scales if biased else [1.0], dtype=torch.float64, device=host.device
    )

    def run() -> tuple[Tensor, Tensor | None]:
        if shares is None:
            whole = cast(Tensor, _Round.apply(weight, scales, most, whole_weight))  # type: ignore[no-untyped-call]
        else:
            whole = cast(Tensor, LearnedRound.apply(weight, scales, most, shares, whole_weight))  # type: ignore[no-untyped-call]
        if bias is None:
            return whole, None
        return whole, _spread(cast(Tensor, _Round.apply(bias, steps, _LARGEST_BIAS, nearest)), op)  # type: ignore[no-untyped-call]

    return run


def _largest_weight(op: WeightedOp, net: Net) -> int:
    """Largest magnitude of a weight; its negative is the smallest one."""
    return net.tensors[op.inputs[1]].dtype.range[1]


def _weighted(op: WeightedOp, host: Host) -> Layer:
    constants, multiply = _constants(op, host), _multiplication(op, host.net)
    finish = rescale(op, host, _spread(_factor(conv_requant(op, host.net), host.device), op))
    largest = _largest(op.inputs[0], host.net)
    count = host.leaf(op, 1)[0].numel()
    # cuDNN may take a Winograd transform, which is exact for whole numbers in float64 only
    on_cpu = host.device.type == "cpu"
    surely = on_cpu and count * _largest_weight(op, host.net) * largest < _EXACT_FLOAT32

    def run(x: Tensor) -> Tensor:
        weight, bias = constants()
        exact = surely
        if not surely and on_cpu:
            exact = float(weight.detach().abs().flatten(1).sum(1).max()) * largest < _EXACT_FLOAT32
        if not exact:
            x, weight = x.double(), weight.double()
        return finish(multiply(x, weight), bias)

    return run


def _multiplication(op: WeightedOp, net: Net) -> Callable[[Tensor, Tensor], Tensor]:
    """Takes inputs and weights, gives sums of products."""
    if isinstance(op, FullyConnected):
        return F.linear
    border, padding = split_padding(op.padding)
    strides, dilation = torch_strides(op, net), op.dilation
    groups = net.tensors[op.inputs[0]].shape[2] if isinstance(op, DepthwiseConv2D) else 1

    def run(x: Tensor, weight: Tensor) -> Tensor:
        return F.conv2d(pad_image(x, border), weight, None, strides, padding, dilation, groups)

    return run


def _max_pool(op: MaxPool2D, host: Host) -> Layer:
    low, high = activation_range(op, host.net)
    zero_point = quant(op.outputs[0], host.net).zero_point

    def run(x: Tensor) -> Tensor:
        y = F.max_pool2d(pad_image(x, op.padding, float("-inf")), op.pool, op.strides)
        return y.clamp(low - zero_point, high - zero_point)

    return run


def _average(op: AverageOp, host: Host) -> Layer:
    height, width, _ = host.net.tensors[op.inputs[0]].shape
    counts = torch.ones(1, 1, height, width, dtype=torch.float64, device=host.device)
    counts = _window_sums(op, counts)
    factor = torch.zeros_like(counts)
    for count in pool_counts(op, host.net):
        factor[counts == count] = _factor(pool_requant(op, host.net, count), host.device)[0]
    finish = rescale(op, host, factor)
    exact = height * width * _largest(op.inputs[0], host.net) < _EXACT_FLOAT32
    return lambda x: finish(_window_sums(op, x if exact else x.double()), None)


def _window_sums(op: AverageOp, x: Tensor) -> Tensor:
    if isinstance(op, GlobalAveragePool2D):
        return x.sum((2, 3))
    return F.avg_pool2d(pad_image(x, op.padding), op.pool, op.strides, divisor_override=1)


def _add(op: Add | Sub, host: Host) -> Layer:
    found = add_parameters(op, host.net)
    first, second = (float(multiplier) for multiplier in found.multipliers)
    finish = rescale(op, host, _power(found.shift, host))
    rank = len(host.net.tensors[op.outputs[0]].shape)
    # two products of a byte and 15 bits fit float32, those of 16 bits do not
    dtype = torch.float64 if is_wide(op, host.net) else torch.float32
    return lambda x, y: finish(spread(x, rank).to(dtype) * first + spread(y, rank).to(dtype) * second, None)


def _mul(op: Mul, host: Host) -> Layer:
    found = mul_parameters(op, host.net)
    # The product of two bytes and the multiplier exceeds float32, the product alone does not.
    finish = rescale(op, host, found.multiplier * _power(found.shift, host))
    rank = len(host.net.tensors[op.outputs[0]].shape)
    dtype = torch.float64 if is_wide(op, host.net) else torch.float32
    return lambda x, y: finish(spread(x, rank).to(dtype) * spread(y, rank).to(dtype), None)


def _pad(op: Pad, host: Host) -> Layer:
    value = pad_value(op, host.net) - quant(op.inputs[0], host.net).zero_point
    return lambda x: pad_image(x, op.padding, float(value))


def _function(op: Logistic | Tanh | HardSwish | LeakyReLU, host: Host) -> Layer:
    """What the reference gives for each of 256 inputs; the gradient is that of the function of reals."""
    source, target = quant(op.inputs[0], host.net), quant(op.outputs[0], host.net)
    low, high = host.net.tensors[op.inputs[0]].dtype.range
    every = np.arange(low, high + 1).astype(host.net.tensors[op.inputs[0]].dtype.numpy)
    found = INTEGER_OPS[type(op)](op, host.net, [every]).astype(np.float32) - target.zero_point
    table = torch.from_numpy(found).to(host.device)

    def run(x: Tensor) -> Tensor:
        smooth = FUNCTIONS[type(op)](op, x * source.scale) / target.scale
        return table[(x.detach() + source.zero_point - low).long()] + (smooth - smooth.detach())

    return run


def _element_wise(op: Requantize | ReLU | ReLU6, host: Host) -> Layer:
    found = requantize_parameters(op, host.net)
    finish = rescale(op, host, found.multiplier * _power(found.shift, host))
    return lambda x: finish(x, None)


def _power(shift: int, host: Host) -> Tensor:
    return torch.tensor(2.0**-shift, dtype=torch.float64, device=host.device)


def _softmax(op: Softmax, host: Host) -> Layer:
    table = torch.tensor(softmax_table(op, host.net), device=host.device)
    axis = 1 if len(host.net.tensors[op.inputs[0]].shape) == 3 else -1
    step = op.beta * quant(op.inputs[0], host.net).scale
    target = quant(op.outputs[0], host.net)
    low, high = activation_range(op, host.net)

    def run(x: Tensor) -> Tensor:
        powers = table[(x.amax(axis, keepdim=True) - x).long()]
        total = powers.sum(axis, keepdim=True)
        whole = (-128 + (powers * 256 + total // 2) // total).clamp(low, high) - target.zero_point
        shares = F.softmax(x * step, axis) / target.scale
        return whole.float() + (
            shares - shares.detach()
        )  # the value of the first, the gradient of the second

    return run


INTEGER_LAYERS: dict[type[Op], Callable[[Any, Any], Layer]] = {
    Conv2D: _weighted,
    DepthwiseConv2D: _weighted,
    FullyConnected: _weighted,
    MaxPool2D: _max_pool,
    AveragePool2D: _average,
    GlobalAveragePool2D: _average,
    Add: _add,
    Sub: _add,
    Mul: _mul,
    Concat: LAYERS[Concat],
    Pad: _pad,
    Slice: LAYERS[Slice],
    Transpose: LAYERS[Transpose],
    ResizeNearest: LAYERS[ResizeNearest],
    Logistic: _function,
    Tanh: _function,
    HardSwish: _function,
    LeakyReLU: _function,
    ReLU: _element_wise,
    ReLU6: _element_wise,
    Reshape: LAYERS[Reshape],
    Softmax: _softmax,
    Requantize: _element_wise,
}
"""How each op of a quantized network runs in integers."""
