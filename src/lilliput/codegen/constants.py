"""Constants of the layers: weights as their kernel reads them, biases with the zero point folded in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lilliput.codegen.layouts import laid_out, split_corrections
from lilliput.codegen.text import array_lines, braces
from lilliput.errors import NetError
from lilliput.net.fixedpoint import (
    AverageOp,
    WeightedOp,
    conv_requant,
    pool_counts,
    pool_requant,
    quant,
    softmax_table,
)
from lilliput.net.graph import Net
from lilliput.net.ops import DepthwiseConv2D, Softmax
from lilliput.targets.kernels import Kernel, Layout

_INT32_LIMIT = 1 << 31


@dataclass(frozen=True)
class Constant:
    """An array in flash.

    Attributes:
        name: C identifier.
        ctype: type of an element.
        elements: C text of the elements.
        size_bytes: bytes that the array takes, before it is filled to a multiple of four.
    """

    name: str
    ctype: str
    elements: tuple[str, ...]
    size_bytes: int

    @property
    def declaration(self) -> str:
        """What other files see."""
        return f"extern const {self.ctype} {self.name}[{len(self.elements)}];"

    @property
    def definition(self) -> str:
        """The array itself."""
        return (
            f"const {self.ctype} {self.name}[{len(self.elements)}] LP_ALIGNED_4 = {{\n"
            f"{array_lines(self.elements)}\n}};"
        )


def weights_constant(name: str, op: WeightedOp, net: Net, kernel: Kernel) -> Constant:
    """The weights in the layout of `kernel`."""
    flat = laid_out(_data(op.inputs[1], net), op, kernel.layout)
    return Constant(name, "int8_t", tuple(str(value) for value in flat.tolist()), flat.size)


def channels_constant(name: str, op: WeightedOp, net: Net, kernel: Kernel) -> Constant:
    """Bias and multiplier of every output channel.

    Raises:
        NetError: a sum could leave 32 bits.
    """
    biases = folded_biases(op, net, kernel)
    requant = conv_requant(op, net)
    multipliers = requant.multipliers
    if len(multipliers) == 1:
        multipliers *= len(biases)
    if kernel.layout in (Layout.PAIRED, Layout.SPLIT):
        _require_exact_doubling(op, net, biases, multipliers, requant.shift)
    rows = tuple(braces(pair) for pair in zip(biases, multipliers, strict=True))
    return Constant(name, "lp_channel", rows, 8 * len(rows))


def folded_biases(op: WeightedOp, net: Net, kernel: Kernel) -> list[int]:
    """bias - zero_point * sum(weights) of every output channel, or the bias alone for kernels that subtract.

    Raises:
        NetError: a sum could leave 32 bits.
    """
    weights = _data(op.inputs[1], net)
    rows = _rows(op, net)
    bias = _data(op.inputs[2], net).astype(np.int64) if len(op.inputs) == 3 else np.zeros(len(rows), np.int64)
    if kernel.folds_zero_point:
        bias = bias - quant(op.inputs[0], net).zero_point * rows.sum(axis=1)
    bound = np.abs(bias) + np.abs(rows).sum(axis=1) * (128 if kernel.folds_zero_point else 255)
    if np.any(bound >= _INT32_LIMIT):
        channel = int(np.argmax(bound))
        raise NetError(
            f"op '{op.name}': the sum of output channel {channel} can leave 32 bits",
            f"it may reach {int(bound[channel])}",
            "use a smaller bias or fewer inputs",
        )
    if kernel.layout is Layout.SPLIT:
        bias = bias - split_corrections(weights)
    return [int(value) for value in bias]


def _require_exact_doubling(
    op: WeightedOp, net: Net, biases: list[int], multipliers: tuple[int, ...], shift: int
) -> None:
    """Refuses what the assembly would get wrong: for shifts below 32 it doubles sums with saturation.

    A saturated sum is right as long as it saturates the output too, which takes a multiplier of 512.

    Raises:
        NetError: a smaller multiplier meets a sum that can saturate.
    """
    sums = np.abs(_rows(op, net)).sum(axis=1) * 128 + np.abs(np.asarray(biases))
    for channel, (largest, multiplier) in enumerate(zip(sums.tolist(), multipliers, strict=True)):
        if multiplier < 512 and largest >= 1 << (shift - 1):
            raise NetError(
                f"op '{op.name}': output channel {channel} has a scale far below that of the others",
                f"its multiplier is {multiplier} / 2^{shift}, its sums reach {largest}",
                "give its weights a scale nearer to that of the others",
            )


def pool_scales_constant(name: str, op: AverageOp, net: Net) -> Constant:
    """The scale of a mean for every count of elements that occurs."""
    rows = []
    for count in pool_counts(op, net):
        requant = pool_requant(op, net, count)
        rows.append(braces((requant.multipliers[0], count, requant.shift)))
    return Constant(name, "lp_pool_scale", tuple(rows), 8 * len(rows))


def softmax_constant(name: str, op: Softmax, net: Net) -> Constant:
    """The table of powers."""
    table = softmax_table(op, net)
    return Constant(name, "uint16_t", tuple(str(value) for value in table), 2 * len(table))


def _rows(op: WeightedOp, net: Net) -> NDArray[np.int64]:
    """Weights, int64, one row for each output channel."""
    weights = _data(op.inputs[1], net).astype(np.int64)
    if isinstance(op, DepthwiseConv2D):
        return weights.reshape(-1, weights.shape[-1]).T
    return weights.reshape(weights.shape[0], -1)


def _data(tensor: str, net: Net) -> NDArray[np.generic]:
    data = net.tensors[tensor].data
    if data is None:
        raise NetError(
            f"network '{net.name}': constant '{tensor}' has no values",
            "only trained networks are compiled",
            "train it or load its weights first",
        )
    return data
