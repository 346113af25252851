"""Constants of the layers: weights as their kernel reads them, biases with the zero point folded in."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lilliput.codegen.lanes import packed_lanes, packed_nibbles, packed_row_pairs
from lilliput.codegen.layouts import (
    filled_rows,
    in_order,
    laid_out,
    packed_bits,
    packed_signs,
    split_corrections,
)
from lilliput.codegen.planes import planes_of
from lilliput.codegen.text import array_lines, braces, float_literal
from lilliput.errors import NetError
from lilliput.net.fixedpoint import (
    AverageOp,
    WeightedOp,
    conv_requant,
    is_wide,
    pool_counts,
    pool_requant,
    quant,
    softmax_table,
)
from lilliput.net.fixedpoint_tflm import Factor, conv_factors, mean_factor
from lilliput.net.graph import Net
from lilliput.net.ops import (
    Conv2D,
    DepthwiseConv2D,
    GlobalAveragePool2D,
    Op,
    Profile,
    ResizeNearest,
    Softmax,
)
from lilliput.net.reference.integer import INTEGER_OPS
from lilliput.net.reference.tflm import TFLM_OPS, softmax_powers
from lilliput.net.reference.windows import nearest
from lilliput.net.tensor import DType
from lilliput.targets.band import by_planes
from lilliput.targets.binary import zero_point_of_bits
from lilliput.targets.dense import PRODUCT_LAYOUTS, begins_with_factor, passes
from lilliput.targets.kernel import (
    BIT_LAYOUTS,
    DSP_LAYOUTS,
    LANE_LAYOUTS,
    NIBBLE_LAYOUTS,
    ROWS_LAYOUTS,
    SPLIT_CONV_LAYOUTS,
    Kernel,
    Layout,
)
from lilliput.targets.kernels import BIAS_BYTES, CHANNEL_BYTES, TFLM_CHANNEL_BYTES
from lilliput.targets.planes import doublings_of
from lilliput.targets.slots import in_flash, slots_of, slots_weights_bytes
from lilliput.targets.strip import by_columns
from lilliput.targets.wide import wide_multipliers

_INT32_LIMIT = 1 << 31


@dataclass(frozen=True)
class Constant:
    """An array in flash.

    Attributes:
        name: C identifier.
        ctype: type of an element.
        elements: C text of the elements.
        size_bytes: bytes that the array takes, before it is filled to a multiple of four.
        alignment: its address is a multiple of so many bytes, 4 or 8.
    """

    name: str
    ctype: str
    elements: tuple[str, ...]
    size_bytes: int
    alignment: int = 4

    @property
    def declaration(self) -> str:
        """What other files see."""
        return f"extern const {self.ctype} {self.name}[{len(self.elements)}];"

    @property
    def definition(self) -> str:
        """The array itself."""
        return (
            f"const {self.ctype} {self.name}[{len(self.elements)}] LP_ALIGNED_{self.alignment} = {{\n"
            f"{array_lines(self.elements)}\n}};"
        )


def weights_constant(name: str, op: WeightedOp, net: Net, kernel: Kernel) -> Constant:
    """The weights in the layout of `kernel`."""
    dtype = net.tensors[op.inputs[1]].dtype
    if dtype is DType.FLOAT32:
        return real_constant(name, op.inputs[1], 0, net)
    if kernel.in_planes:
        words = planes_of(_data(op.inputs[1], net), op, net, kernel.layout)
        return Constant(name, "uint32_t", tuple(f"{word}u" for word in words.tolist()), words.nbytes)
    if kernel.layout in LANE_LAYOUTS | NIBBLE_LAYOUTS:
        data = _data(op.inputs[1], net)
        if kernel.layout in ROWS_LAYOUTS:
            rows = by_planes(data).astype(np.int64)
        elif kernel.layout is Layout.LANES_STRIP and isinstance(op, Conv2D):
            rows = by_columns(data, op.strides[1] * data.shape[3]).astype(np.int64)
        else:
            rows = _rows(op, net)
        words = packed_nibbles(rows) if kernel.layout in NIBBLE_LAYOUTS else packed_lanes(rows, dtype.bits)
        return Constant(name, "uint32_t", tuple(f"{word}u" for word in words.tolist()), words.nbytes)
    if kernel.layout is Layout.BIT_PAIRS:
        words = packed_row_pairs(_rows(op, net), dtype.bits)
        return Constant(name, "uint32_t", tuple(f"{word}u" for word in words.tolist()), words.nbytes)
    if kernel.layout is Layout.SIGNS:
        signs = packed_signs(_rows(op, net))
        return Constant(name, "uint32_t", tuple(f"{word}u" for word in signs.tolist()), signs.nbytes)
    if kernel.layout is Layout.SLOTS and isinstance(op, Conv2D):
        found = slots_of(op, net)
        assert found is not None
        ordered = in_flash(_data(op.inputs[1], net), found.form, found.by_columns)
        packed = packed_bits(ordered + (1 << (dtype.bits - 1)), dtype.bits)
        filled = np.pad(packed, (0, slots_weights_bytes(op, net) - len(packed)))
        return Constant(name, "uint8_t", tuple(map(str, filled.tolist())), filled.nbytes)
    weights = _data(op.inputs[1], net) * (1 << doublings_of(op, net, kernel.layout))
    flat = laid_out(weights, op, kernel.layout)
    ctype = "int8_t" if dtype.narrow else f"{dtype.value}_t"
    if dtype.narrow and kernel.layout in (Layout.PLAIN, Layout.BIT_EIGHTS):
        # The sign of -1 and 1 is their second bit.
        flat = flat.astype(np.int8) >> 1 if dtype is DType.SIGN else flat
        flat, ctype = packed_bits(flat, dtype.bits), "uint8_t"
    # What lies side by side in eights shall be in one line of the flash.
    alignment = 8 if kernel.layout is Layout.SPARSE else 4
    return Constant(name, ctype, tuple(str(value) for value in flat.tolist()), flat.nbytes, alignment)


def real_constant(name: str, tensor: str | None, zeros: int, net: Net) -> Constant:
    """Floats in the order in which they stand in the network, or zeros where there is no tensor."""
    values = [0.0] * zeros if tensor is None else _data(tensor, net).reshape(-1).tolist()
    return Constant(name, "float", tuple(map(float_literal, values)), 4 * len(values))


def channels_constant(name: str, op: WeightedOp, net: Net, kernel: Kernel) -> Constant:
    """Bias and factor of every output channel.

    Raises:
        NetError: a sum could leave 32 bits.
    """
    biases = folded_biases(op, net, kernel)
    if kernel.layout in PRODUCT_LAYOUTS:
        return _product_channels(name, op, net, biases)
    if shared_factor_bytes(op, net, kernel):
        factor = (
            packed_factor(conv_factors(op, net)[0])
            if op.profile is Profile.TFLM
            else conv_requant(op, net).multipliers
        )
        words = (*factor, *biases)
        return Constant(name, "int32_t", tuple(map(str, words)), 4 * len(words))
    if op.profile is Profile.TFLM:
        return _tflm_channels(name, biases, conv_factors(op, net), kernel)
    if kernel.layout is Layout.CHANNEL_FOURS:
        factors = wide_multipliers(op, net)
        parts = (biases, factors if len(factors) > 1 else ())
        filled = [value for part in parts for value in (*part, *(0,) * (-len(part) % 4))]
        values = (*filled, *(factors if len(factors) == 1 else ()))
        return Constant(name, "int32_t", tuple(map(str, values)), 4 * len(values))
    requant = conv_requant(op, net)
    multipliers = wide_multipliers(op, net) if kernel.layout is Layout.WIDE_CHANNELS else requant.multipliers
    if len(multipliers) == 1:
        multipliers *= len(biases)
    if kernel.layout in SPLIT_CONV_LAYOUTS:
        _require_exact_doubling(op, net, biases, multipliers, requant.shift)
    rows = tuple(braces(pair) for pair in zip(biases, multipliers, strict=True))
    return Constant(name, "lp_channel", rows, 8 * len(rows))


def shared_factor_bytes(op: WeightedOp, net: Net, kernel: Kernel) -> int:
    """Bytes of the one factor that stands before the biases, where the kernel reads it so; else 0."""
    if not begins_with_factor(op, net, kernel):
        return 0
    return (TFLM_CHANNEL_BYTES if op.profile is Profile.TFLM else CHANNEL_BYTES) - BIAS_BYTES


def _tflm_channels(name: str, biases: list[int], factors: tuple[Factor, ...], kernel: Kernel) -> Constant:
    """The same as `lp_tflm_channel` has it."""
    if len(factors) == 1:
        factors *= len(biases)
    rows = []
    if kernel.begins_at_bias:
        rows = [
            braces((bias, factor.multiplier, 1 << (25 + factor.shift)))
            for bias, factor in zip(biases, factors, strict=True)
        ]
        return Constant(name, "lp_tflm_channel", tuple(rows), TFLM_CHANNEL_BYTES * len(rows))
    for bias, factor in zip(biases, factors, strict=True):
        if kernel.layout in DSP_LAYOUTS:
            rows.append(braces((bias, *packed_factor(factor))))
        else:
            rows.append(braces((bias, factor.multiplier, factor.shift)))
    return Constant(name, "lp_tflm_channel", tuple(rows), TFLM_CHANNEL_BYTES * len(rows))


def _product_channels(name: str, op: WeightedOp, net: Net, biases: list[int]) -> Constant:
    """The same as `lp_fully_connected_outputs.h` has it."""
    if op.profile is Profile.TFLM:
        factors: list[tuple[int, ...]] = [packed_factor(factor) for factor in conv_factors(op, net)]
    else:
        requant = conv_requant(op, net)
        factors = [(multiplier,) for multiplier in requant.multipliers]
        multipliers = requant.multipliers * (len(biases) if len(factors) == 1 else 1)
        _require_exact_doubling(op, net, biases, multipliers, requant.shift)
    if len(factors) > 1:
        factors += factors[-1:] * (-len(factors) % 4)
    fours = np.array(factors).reshape(-1, min(len(factors), 4), len(factors[0])).transpose(0, 2, 1)
    values = (*biases, *fours.reshape(-1).tolist())
    return Constant(name, "int32_t", tuple(map(str, values)), 4 * len(values))


def packed_factor(factor: Factor) -> tuple[int, int]:
    """The same as kernels for cores with DSP instructions want it, which need no shift."""
    return 2 * factor.multiplier - (1 << 32), -(1 << (32 + factor.shift))


def folded_biases(op: WeightedOp, net: Net, kernel: Kernel) -> list[int]:
    """bias - zero_point * sum(weights) of every output channel, or the bias alone for kernels that subtract.

    For kernels whose sums begin at the bias, 256 times that, less what inputs have too much, as
    `split_corrections` explains.

    Raises:
        NetError: a sum could leave 32 bits.
    """
    weights = _data(op.inputs[1], net)
    rows = _rows(op, net)
    bias = _data(op.inputs[2], net).astype(np.int64) if len(op.inputs) == 3 else np.zeros(len(rows), np.int64)
    if kernel.layout is Layout.SIGNS:
        bias = bias - zero_point_of_bits(op, net) * rows.sum(axis=1)
    elif kernel.folds_zero_point:
        bias = bias - quant(op.inputs[0], net).zero_point * rows.sum(axis=1)
    if kernel.layout in BIT_LAYOUTS:  # inputs are counted from the least
        bias = bias + net.tensors[op.inputs[0]].dtype.range[0] * rows.sum(axis=1)
    bound = np.abs(bias) + np.abs(rows).sum(axis=1) * (128 if kernel.folds_zero_point else 255)
    if not is_wide(op, net) and np.any(bound >= _INT32_LIMIT):
        channel = int(np.argmax(bound))
        raise NetError(
            f"op '{op.name}': the sum of output channel {channel} can leave 32 bits",
            f"it may reach {int(bound[channel])}",
            "use a smaller bias or fewer inputs",
        )
    if kernel.layout is Layout.SPLIT:
        bias = bias - split_corrections(filled_rows(weights), passes(weights.shape[1]))
    elif kernel.layout in SPLIT_CONV_LAYOUTS and isinstance(op, Conv2D):
        filled = in_order(weights, op, kernel.layout)
        if kernel.begins_at_bias:
            return [int(value) for value in 256 * bias - 127 * filled[:, 1::2].sum(axis=1, dtype=np.int64)]
        bias = bias - split_corrections(filled, (filled.shape[1],))
    elif kernel.layout is Layout.SLOTS:
        found = slots_of(op, net)
        assert found is not None
        bias = bias - found.segments * found.offset
    bias = bias << doublings_of(op, net, kernel.layout)
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
        if op.profile is Profile.TFLM:
            assert isinstance(op, GlobalAveragePool2D)
            factor = mean_factor(op, net)
            rows.append(braces((factor.multiplier, count, factor.shift)))
        else:
            requant = pool_requant(op, net, count)
            rows.append(braces((requant.multipliers[0], count, requant.shift)))
    return Constant(name, "lp_pool_scale", tuple(rows), 8 * len(rows))


def softmax_constant(name: str, op: Softmax, net: Net) -> Constant:
    """The table of powers."""
    if op.profile is Profile.TFLM:
        powers = softmax_powers(op, net).tolist()
        return Constant(name, "int32_t", tuple(map(str, powers)), 4 * len(powers))
    table = softmax_table(op, net)
    return Constant(name, "uint16_t", tuple(str(value) for value in table), 2 * len(table))


def lookup_constant(name: str, op: Op, net: Net) -> Constant:
    """What an op makes of each element by itself: the output's bytes for the input's bytes 0 to 255."""
    names = (*op.inputs, *op.outputs)
    alone = {name: replace(net.tensors[name], shape=(1,), data=None) for name in names}
    (source,) = {alone[name] for name in op.inputs if not alone[name].constant}
    every = np.arange(256, dtype=np.uint8).view(source.dtype.numpy).reshape(256, 1)
    values = [every if name == source.name else _data(name, net) for name in op.inputs]
    meaning = TFLM_OPS if op.profile is Profile.TFLM else INTEGER_OPS
    one = Net(net.name, (op,), alone, (source.name,), op.outputs)
    table = meaning[type(op)](op, one, values).reshape(-1).view(np.uint8)
    return Constant(name, "uint8_t", tuple(map(str, table.tolist())), len(table))


def operand_constant(name: str, tensor: str, net: Net) -> Constant:
    """A constant that is added to what flows, multiplies it, or is joined with it."""
    values = _data(tensor, net).reshape(-1).tolist()
    return Constant(name, "int8_t", tuple(map(str, values)), len(values))


def indices_constant(name: str, op: ResizeNearest, axis: int, net: Net) -> Constant:
    """Which row (axis 0) or column (axis 1) of the input each one of the output is."""
    length = net.tensors[op.inputs[0]].shape[axis]
    found = nearest(length, op.size[axis], op.align_corners, op.half_pixel_centers)
    return Constant(name, "uint16_t", tuple(map(str, found)), 2 * len(found))


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
