"""Single ops and short chains at the edges of what kernels do: odd sizes, borders, extremes, activations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import permutations

import numpy as np
from tests.codegen.quantized_builder import Builder

from lilliput.net import (
    Activation,
    Add,
    AveragePool2D,
    Concat,
    DType,
    GlobalAveragePool2D,
    HardSwish,
    LeakyReLU,
    Logistic,
    MaxPool2D,
    Mul,
    Net,
    Pad,
    Padding,
    Quant,
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

Case = Callable[[str, str], Net]
"""Target core and name → planned network."""

ONE = Padding(1, 1, 1, 1)
NONE, RELU, RELU6 = Activation.NONE, Activation.RELU, Activation.RELU6


def _case(
    shape: tuple[int, ...],
    add: Callable[[Builder], str],
    *,
    seed: int = 0,
    dtype: DType = DType.INT8,
    zero_point: int | None = None,
) -> Case:
    def make(target: str, name: str) -> Net:
        builder = Builder(shape, seed, dtype, zero_point)
        return builder.net(add(builder), target, name)

    return make


def _extreme(case: Case, weight: int, bias: int = 0) -> Case:
    """The same network with every weight the same, and an output that holds the largest sums."""

    def make(target: str, name: str) -> Net:
        net = case(target, name)
        tensors = dict(net.tensors)
        for tensor in net.tensors.values():
            if tensor.constant and tensor.data is not None:
                value = weight if tensor.dtype is DType.INT8 else bias
                tensors[tensor.name] = replace(tensor, data=np.full_like(tensor.data, value))
        weights = next(t for t in tensors.values() if t.dtype is DType.INT8 and t.constant)
        assert weights.quant is not None
        largest_sum = weights.elements // weights.shape[0] * 127 * 255 + abs(bias)
        step = 0.05 * max(weights.quant.scales) * largest_sum / 200
        tensors[net.outputs[0]] = replace(net.output, quant=Quant.per_tensor(step, 3))
        return replace(net, tensors=tensors)

    return make


def _scales(case: Case, factor: float) -> Case:
    """The same network with an output scale that makes requantization factors `factor` times as large."""

    def make(target: str, name: str) -> Net:
        net = case(target, name)
        quant = net.output.quant
        assert quant is not None
        output = replace(net.output, quant=Quant.per_tensor(quant.scale / factor, quant.zero_point))
        return replace(net, tensors={**net.tensors, output.name: output})

    return make


def _joined_with_constants(builder: Builder, axis: int) -> str:
    shape = tuple(2 if place == axis else size for place, size in enumerate((3, 4, 5)))
    part = builder.constant(*shape)
    builder.tensors[part] = replace(builder.tensors[part], quant=builder.tensors["x"].quant)
    return builder.add(Concat, *((part, "x", part) if axis == 1 else ("x", part, "x")), axis=axis)


def _residual(builder: Builder) -> str:
    left = builder.conv("x", 6, padding=ONE, activation=RELU)
    right = builder.conv("x", 6, (1, 1))
    total = builder.add(Add, left, right, activation=RELU)
    joined = builder.add(Concat, total, builder.add(Pad, total, padding=Padding(0, 0, 0, 0)), axis=2)
    dense = builder.dense(builder.flat(builder.add(MaxPool2D, joined, pool=(2, 2), strides=(2, 2))), 5)
    return builder.add(Softmax, dense)


def _shuffled(builder: Builder) -> str:
    """Channels of two groups in turn."""
    grouped = builder.add(Reshape, "x", shape=(3, 4, 2, 3))
    return builder.add(Reshape, builder.add(Transpose, grouped, permutation=(0, 1, 3, 2)), shape=(3, 4, 6))


def _rectified(inputs: int, units: int, *, drift: float = 0.0, weight: int = 0, **attributes: object) -> Case:
    """A matrix product of what a ReLU leaves, zeros if `drift` is low; all weights are `weight` but for 0."""

    def make(target: str, name: str) -> Net:
        builder = Builder((9,), inputs + units)
        hidden = builder.dense("x", inputs, activation=RELU)
        scale = 0.05
        builder.tensors[hidden] = replace(builder.tensors[hidden], quant=Quant.per_tensor(scale, -128))
        bias = builder.tensors["b0"]
        assert bias.quant is not None
        assert bias.data is not None
        steps = drift * 255 * scale / np.array(bias.quant.scales)
        builder.tensors["b0"] = replace(bias, data=(bias.data + steps).astype(np.int32))
        output = builder.dense(hidden, units, **attributes)
        if weight:
            weights = builder.tensors["w1"]
            assert weights.data is not None
            assert weights.quant is not None
            builder.tensors["w1"] = replace(weights, data=np.full_like(weights.data, weight))
            step = scale * max(weights.quant.scales) * inputs * 255 * 127 / 120
            builder.tensors[output] = replace(builder.tensors[output], quant=Quant.per_tensor(step, 0))
        return builder.net(output, target, name)

    return make


def _to_uint8(case: Case) -> Case:
    """The same network with an output of uint8."""

    def make(target: str, name: str) -> Net:
        net = case(target, name)
        assert net.output.quant is not None
        quant = Quant.per_tensor(net.output.quant.scale, net.output.quant.zero_point + 128)
        output = replace(net.output, dtype=DType.UINT8, quant=quant)
        return replace(net, tensors={**net.tensors, output.name: output})

    return make


DEPTH_AND_CHANNELS = ((1, 1), (1, 4), (2, 3), (3, 5), (4, 2), (5, 7), (6, 1), (7, 8), (8, 3), (19, 2))
STRETCHED = {"strides": (1, 2), "padding": ONE}
TALL = Padding(6, 6, 0, 1)
EVEN = {"strides": (2, 2), "padding": Padding(0, 1, 0, 1)}

CASES: dict[str, Case] = {
    # One pixel, one channel, one of everything.
    "conv_1x1_image": _case((1, 1, 1), lambda b: b.conv("x", 1, (1, 1))),
    "conv_1x1_image_padded": _case((1, 1, 3), lambda b: b.conv("x", 2, padding=ONE)),
    # Rows that are expanded once: channels in fours, three columns, four pixels and more.
    **{
        f"conv_rows_{height}x{width}x{depth}_to_{channels}": _case(
            (height, width, depth),
            lambda b, channels=channels: b.conv("x", channels, padding=ONE),
            seed=width,
        )
        for height, width, depth, channels in ((1, 4, 4, 1), (5, 4, 8, 2), (9, 7, 4, 5), (4, 11, 12, 4))
    },
    **{
        f"conv_rows_stride_{y}_{x}": _case(
            (13, 23, 8),
            lambda b, strides=(y, x): b.conv("x", 6, strides=strides, padding=Padding(0, 1, 0, 1)),
        )
        for y, x in ((1, 2), (2, 1), (2, 2), (4, 1))
    },
    "conv_rows_1x3": _case((3, 20, 4), lambda b: b.conv("x", 5, (1, 3), padding=Padding(0, 0, 2, 1))),
    "conv_rows_5x3": _case(
        (8, 9, 4),
        lambda b: b.conv("x", 3, (5, 3), padding=Padding(4, 3, 1, 2), activation=RELU6),
        zero_point=-128,
    ),
    "conv_rows_valid": _case((6, 10, 16), lambda b: b.conv("x", 4, activation=RELU)),
    "conv_rows_shift_31": _scales(_case((5, 8, 4), lambda b: b.conv("x", 3, padding=ONE)), 50.0),
    "conv_rows_largest_sums": _extreme(_case((4, 6, 40), lambda b: b.conv("x", 3)), 127, 2**20),
    "conv_rows_least_sums": _extreme(_case((4, 6, 40), lambda b: b.conv("x", 3)), -127, -(2**20)),
    # Images of three channels: windows four at a time, one by one, and across borders.
    **{
        f"conv_colour_{height}x{width}_to_{channels}_by_{y}_{x}": _case(
            (height, width, 3),
            lambda b, channels=channels, strides=(y, x), padding=padding, kind=kind: b.conv(
                "x", channels, strides=strides, padding=padding, activation=kind
            ),
            seed=width,
        )
        for height, width, channels, (y, x), padding, kind in (
            (3, 3, 2, (1, 1), Padding(0, 0, 0, 0), NONE),
            (4, 11, 5, (1, 1), ONE, RELU),
            (9, 17, 4, (2, 2), Padding(0, 1, 0, 1), RELU6),
            (8, 19, 1, (1, 2), Padding(1, 0, 2, 1), RELU),
            (11, 16, 6, (3, 1), Padding(2, 0, 0, 0), NONE),
        )
    },
    # Windows of a row of outputs expanded once: depths that are no multiple of four, overlapping windows.
    **{
        f"conv_strip_{height}x{width}x{depth}_to_{channels}_{y}x{x}": _case(
            (height, width, depth),
            lambda b, channels=channels, kernel=(y, x), strides=strides, padding=padding, kind=kind: b.conv(
                "x", channels, kernel, strides=strides, padding=padding, activation=kind
            ),
            seed=width,
        )
        for (height, width, depth), channels, (y, x), strides, padding, kind in (
            ((5, 8, 1), 1, (5, 5), (1, 1), Padding(0, 0, 0, 4), NONE),
            ((7, 16, 1), 6, (5, 5), (1, 1), Padding(2, 2, 2, 2), RELU),
            ((6, 15, 1), 3, (4, 5), (1, 1), Padding(0, 0, 0, 0), RELU),
            ((6, 16, 1), 3, (4, 5), (1, 1), Padding(0, 0, 0, 0), RELU),
            ((9, 11, 1), 5, (3, 5), (2, 2), Padding(0, 1, 1, 0), RELU6),
            ((9, 13, 1), 5, (3, 5), (1, 1), Padding(0, 0, 0, 1), RELU6),
            ((4, 10, 1), 4, (1, 7), (1, 1), Padding(0, 0, 3, 3), NONE),
            ((5, 19, 2), 5, (3, 3), (1, 2), Padding(1, 1, 1, 0), RELU),
            ((6, 12, 6), 7, (5, 5), (3, 1), Padding(2, 0, 0, 0), NONE),
            ((4, 12, 17), 2, (2, 2), (1, 1), Padding(1, 0, 0, 1), RELU),
        )
    },
    "conv_no_bias": _case((4, 4, 3), lambda b: b.conv("x", 4, bias=False)),
    "conv_per_tensor": _case((4, 4, 3), lambda b: b.conv("x", 5, per_tensor=True)),
    # Channels and windows that are no multiple of two or four, in every combination of remainders.
    **{
        f"conv_{depth}_to_{channels}": _case(
            (5, 4, depth), lambda b, channels=channels: b.conv("x", channels, padding=ONE), seed=depth
        )
        for depth, channels in DEPTH_AND_CHANNELS
    },
    **{
        f"pointwise_{depth}_to_{channels}": _case(
            (3, 3, depth), lambda b, channels=channels: b.conv("x", channels, (1, 1)), seed=depth
        )
        for depth, channels in ((1, 2), (2, 1), (3, 4), (4, 5), (5, 2), (8, 8), (13, 3), (16, 6), (33, 2))
    },
    # Numbers of pixels that leave a part of a block.
    **{
        f"pointwise_{pixels}_pixels": _case((1, pixels, 6), lambda b: b.conv("x", 4, (1, 1)))
        for pixels in (1, 2, 3, 4, 5, 7)
    },
    **{
        f"pointwise_{pixels}_pixels_of_{depth}": _case(
            (pixels, 1, depth), lambda b, kind=kind: b.conv("x", 7, (1, 1), activation=kind), seed=depth
        )
        for pixels, depth, kind in ((1, 4, RELU), (2, 12, NONE), (5, 16, RELU6), (6, 28, RELU), (9, 40, NONE))
    },
    # Every place where the loop over fours of inputs is entered; three blocks of pixels in one call.
    **{
        f"pointwise_run_of_{depth}": _case(
            (3, 5, depth), lambda b, kind=kind: b.conv("x", 6, (1, 1), activation=kind), seed=depth
        )
        for depth, kind in zip((*range(4, 40, 4), 68), [RELU, RELU6] * 5, strict=True)
    },
    "pointwise_relu": _case((6, 3, 8), lambda b: b.conv("x", 9, (1, 1), activation=RELU), seed=1),
    "pointwise_relu6": _case((3, 5, 20), lambda b: b.conv("x", 4, (1, 1), activation=RELU6), seed=2),
    "pointwise_stride_2": _case((5, 7, 6), lambda b: b.conv("x", 4, (1, 1), strides=(2, 2))),
    "pointwise_stride_3_2": _case((7, 6, 8), lambda b: b.conv("x", 5, (1, 1), strides=(3, 2))),
    "conv_grey_stride_2": _case((9, 9, 1), lambda b: b.conv("x", 5, **EVEN)),
    "conv_grey_stride_3": _case((9, 9, 1), lambda b: b.conv("x", 5, strides=(3, 3))),
    "conv_grey_tall": _case((29, 7, 1), lambda b: b.conv("x", 3, padding=ONE, activation=RELU6)),
    "conv_grey_shift_31": _scales(_case((5, 5, 1), lambda b: b.conv("x", 3, padding=ONE)), 50.0),
    "conv_grey_many": _case((3, 3, 1), lambda b: b.conv("x", 40)),
    "conv_stride_beyond_kernel": _case((9, 8, 3), lambda b: b.conv("x", 3, (2, 2), strides=(3, 4))),
    "conv_stride_rectangular": _case((9, 8, 2), lambda b: b.conv("x", 3, (3, 2), **STRETCHED)),
    "conv_dilated": _case((9, 9, 5), lambda b: b.conv("x", 3, dilation=(2, 3), padding=Padding(2, 2, 3, 3))),
    "conv_dilated_rows": _case((9, 9, 5), lambda b: b.conv("x", 4, dilation=(3, 1), padding=ONE)),
    "conv_all_padding": _case((2, 2, 4), lambda b: b.conv("x", 3, padding=Padding(2, 2, 2, 2))),
    "conv_wide_padding": _case((3, 3, 6), lambda b: b.conv("x", 3, (5, 5), padding=Padding(2, 2, 2, 2))),
    "conv_height_1": _case((1, 20, 3), lambda b: b.conv("x", 4, (1, 5), padding=Padding(0, 0, 2, 2))),
    "conv_relu": _case((5, 5, 3), lambda b: b.conv("x", 5, activation=RELU), seed=2),
    "conv_relu6": _case((5, 5, 3), lambda b: b.conv("x", 5, activation=RELU6), seed=3),
    "conv_zero_point_low": _case((5, 5, 3), lambda b: b.conv("x", 5, padding=ONE), zero_point=-128),
    "conv_zero_point_high": _case((5, 5, 3), lambda b: b.conv("x", 5, padding=ONE), zero_point=127),
    "conv_shift_31": _scales(_case((4, 4, 1), lambda b: b.conv("x", 5, (1, 1))), 20.0),
    "conv_shift_24": _scales(_case((4, 4, 5), lambda b: b.conv("x", 5, (1, 2))), 20000.0),
    "conv_shift_19": _scales(_case((4, 4, 5), lambda b: b.conv("x", 5, (1, 2))), 5e5),
    "conv_largest_sums": _extreme(_case((2, 3, 64), lambda b: b.conv("x", 5, (2, 2))), 127, 2**20),
    "conv_least_sums": _extreme(_case((2, 3, 64), lambda b: b.conv("x", 5, (2, 2))), -127, -(2**20)),
    # Sums that may leave 32 bits once multiplied by 256: another kernel takes them.
    "conv_largest_sums_of_many": _extreme(_case((3, 4, 64), lambda b: b.conv("x", 3)), 127),
    "pointwise_largest_sums_of_many": _extreme(_case((2, 3, 516), lambda b: b.conv("x", 3, (1, 1))), -127),
    "depthwise": _case((6, 5, 6), lambda b: b.depthwise("x", padding=ONE)),
    "depthwise_1_channel": _case((6, 5, 1), lambda b: b.depthwise("x")),
    "depthwise_19_channels": _case((6, 5, 19), lambda b: b.depthwise("x", padding=ONE, activation=RELU6)),
    "depthwise_stride_2": _case((7, 8, 5), lambda b: b.depthwise("x", strides=(2, 2), padding=ONE)),
    "depthwise_tall": _case((27, 5, 3), lambda b: b.depthwise("x", padding=ONE)),
    "depthwise_tall_stride_2": _case((37, 5, 3), lambda b: b.depthwise("x", **EVEN)),
    "depthwise_tall_stride_3": _case((40, 7, 2), lambda b: b.depthwise("x", strides=(3, 3), padding=ONE)),
    "depthwise_tall_window": _case(
        (31, 4, 2), lambda b: b.depthwise("x", (13, 2), padding=Padding(6, 6, 0, 1))
    ),
    "depthwise_7x6": _case((9, 12, 2), lambda b: b.depthwise("x", (7, 6), padding=Padding(3, 3, 2, 3))),
    "depthwise_same_even": _case((8, 8, 3), lambda b: b.depthwise("x", **EVEN)),
    "depthwise_5x5": _case((7, 9, 4), lambda b: b.depthwise("x", (5, 5), padding=Padding(2, 2, 2, 2))),
    "depthwise_3x1": _case((7, 9, 4), lambda b: b.depthwise("x", (3, 1), activation=RELU)),
    "depthwise_1x4": _case((1, 19, 3), lambda b: b.depthwise("x", (1, 4), strides=(1, 3))),
    "depthwise_wide_image": _case((4, 37, 2), lambda b: b.depthwise("x", padding=ONE)),
    "depthwise_1x1_image": _case((1, 1, 4), lambda b: b.depthwise("x", padding=ONE)),
    # Four channels at a time, two by two outputs: whole and partial blocks, strips, borders, extremes.
    **{
        f"depthwise_fours_{height}x{width}x{depth}_by_{stride}": _case(
            (height, width, depth),
            lambda b, stride=stride: b.depthwise("x", strides=(stride, stride), padding=ONE),
            seed=height + width,
        )
        for stride in (1, 2)
        for height, width, depth in (
            (1, 1, 4),
            (3, 3, 8),
            (5, 4, 4),
            (6, 6, 12),
            (13, 5, 8),
            (12, 15, 4),
            (9, 40, 4),
        )
    },
    "depthwise_fours_even": _case((12, 14, 8), lambda b: b.depthwise("x", **EVEN)),
    "depthwise_fours_valid": _case((8, 9, 4), lambda b: b.depthwise("x", activation=RELU)),
    "depthwise_fours_valid_stride_2": _case((10, 9, 4), lambda b: b.depthwise("x", strides=(2, 2))),
    "depthwise_fours_all_padding": _case(
        (2, 2, 4), lambda b: b.depthwise("x", padding=Padding(2, 2, 2, 2)), zero_point=-128
    ),
    "depthwise_fours_wide_padding": _case((1, 1, 4), lambda b: b.depthwise("x", padding=Padding(2, 1, 2, 2))),
    "depthwise_fours_wide_padding_stride_2": _case(
        (2, 3, 8), lambda b: b.depthwise("x", strides=(2, 2), padding=Padding(2, 2, 1, 2)), zero_point=127
    ),
    "depthwise_fours_relu6": _case((7, 7, 8), lambda b: b.depthwise("x", padding=ONE, activation=RELU6)),
    "depthwise_fours_relu_stride_2": _case(
        (13, 9, 8), lambda b: b.depthwise("x", strides=(2, 2), padding=ONE, activation=RELU)
    ),
    "depthwise_fours_shift_31": _scales(_case((5, 7, 4), lambda b: b.depthwise("x", padding=ONE)), 50.0),
    "depthwise_fours_shift_31_stride_2": _scales(
        _case((7, 9, 4), lambda b: b.depthwise("x", **EVEN, activation=RELU)), 50.0
    ),
    "depthwise_fours_largest_sums": _extreme(
        _case((5, 5, 4), lambda b: b.depthwise("x", padding=ONE)), 127, 2**20
    ),
    "depthwise_fours_least_sums": _extreme(
        _case((5, 5, 4), lambda b: b.depthwise("x", **EVEN)), -127, -(2**20)
    ),
    "depthwise_dilated": _case((9, 9, 4), lambda b: b.depthwise("x", dilation=(2, 3), padding=ONE)),
    "depthwise_stride_beyond_kernel": _case((9, 11, 4), lambda b: b.depthwise("x", (2, 2), strides=(4, 3))),
    "depthwise_all_padding": _case((2, 2, 3), lambda b: b.depthwise("x", padding=Padding(2, 2, 2, 2))),
    "depthwise_multiplier_2": _case((5, 5, 3), lambda b: b.depthwise("x", multiplier=2, padding=ONE)),
    "depthwise_multiplier_3_of_1": _case((5, 5, 1), lambda b: b.depthwise("x", multiplier=3)),
    "depthwise_shift_31": _scales(_case((5, 5, 3), lambda b: b.depthwise("x", padding=ONE)), 50.0),
    "depthwise_no_bias_per_tensor": _case(
        (5, 5, 3), lambda b: b.depthwise("x", padding=ONE, bias=False, per_tensor=True)
    ),
    **{
        f"dense_{inputs}_to_{units}": _case(
            (inputs,), lambda b, units=units: b.dense("x", units), seed=inputs + units
        )
        for inputs, units in (
            (1, 1),
            (1, 4),
            (2, 5),
            (3, 8),
            (4, 4),
            (5, 3),
            (7, 9),
            (8, 10),
            (12, 4),
            (17, 6),
            (64, 10),
            (511, 5),
            (512, 4),
            (513, 7),
            (515, 4),
            (1030, 6),
        )
    },
    # Listed inputs: odd and even numbers of them, none, all; the largest sums of one weight.
    **{
        f"dense_of_{inputs}_rectified_to_{units}": _rectified(inputs, units)
        for inputs, units in ((1, 32), (2, 40), (3, 32), (4, 32), (33, 48), (64, 36), (255, 32), (257, 32))
    },
    **{
        f"dense_of_{inputs}_{what}_to_32": _rectified(inputs, 32, drift=drift, per_tensor=True)
        for what, drift in (("zeros", -9.0), ("some", -0.4), ("largest", 9.0))
        for inputs in (7, 256)
    },
    "dense_rectified_relu": _rectified(50, 32, activation=RELU),
    "dense_rectified_relu6": _rectified(50, 32, activation=RELU6, per_tensor=True),
    "dense_rectified_largest_sums": _rectified(256, 32, drift=9.0, weight=127),
    "dense_rectified_least_sums": _rectified(256, 32, drift=9.0, weight=-127),
    "dense_rectified_shift_29": _scales(_rectified(13, 32), 200.0),
    "dense_relu": _case((20,), lambda b: b.dense("x", 9, activation=RELU)),
    "dense_relu6": _case((20,), lambda b: b.dense("x", 9, activation=RELU6)),
    "dense_512_to_4_per_tensor": _case((512,), lambda b: b.dense("x", 4, per_tensor=True)),
    "dense_no_bias_per_tensor": _case((21,), lambda b: b.dense("x", 9, bias=False, per_tensor=True)),
    "dense_shift_29": _scales(_case((13,), lambda b: b.dense("x", 6)), 200.0),
    "dense_largest_sums": _extreme(_case((1030,), lambda b: b.dense("x", 6)), 127, 2**20),
    "dense_least_sums": _extreme(_case((1030,), lambda b: b.dense("x", 6)), -127, -(2**20)),
    "max_pool": _case((6, 6, 5), lambda b: b.add(MaxPool2D, "x", pool=(2, 2), strides=(2, 2))),
    "max_pool_padded": _case(
        (5, 7, 4), lambda b: b.add(MaxPool2D, "x", pool=(3, 3), strides=(2, 2), padding=ONE, activation=RELU6)
    ),
    "max_pool_relu": _case(
        (5, 7, 9), lambda b: b.add(MaxPool2D, "x", pool=(2, 3), activation=RELU), zero_point=10
    ),
    "max_pool_1x1": _case((1, 1, 1), lambda b: b.add(MaxPool2D, "x", pool=(1, 1))),
    "average_pool": _case((6, 6, 5), lambda b: b.add(AveragePool2D, "x", pool=(2, 2), strides=(2, 2))),
    "average_pool_padded": _case(
        (5, 7, 18), lambda b: b.add(AveragePool2D, "x", pool=(3, 3), strides=(2, 2), padding=ONE)
    ),
    "average_pool_relu6": _case(
        (5, 7, 3), lambda b: b.add(AveragePool2D, "x", pool=(2, 2), strides=(1, 1), activation=RELU6)
    ),
    "global_average": _case((7, 5, 11), lambda b: b.add(GlobalAveragePool2D, "x")),
    "global_average_1x1": _case((1, 1, 3), lambda b: b.add(GlobalAveragePool2D, "x", scale=0.01)),
    "global_average_beyond_int16": _case((17, 17, 5), lambda b: b.add(GlobalAveragePool2D, "x", scale=0.05)),
    "add_itself": _case((3, 3, 3), lambda b: b.add(Add, "x", "x")),
    "add_relu6": _case((3, 5, 3), lambda b: b.add(Add, "x", b.add(Requantize, "x"), activation=RELU6)),
    **{
        f"{kind.__name__.lower()}_of_two": _case(
            (3, 5, 3),
            lambda b, kind=kind: b.add(kind, b.conv("x", 3, (1, 1)), "x", activation=RELU, scale=0.1),
        )
        for kind in (Sub, Mul)
    },
    **{
        f"{kind.__name__.lower()}_with_{'x'.join(map(str, shape))}": _case(
            (3, 4, 5),
            lambda b, kind=kind, shape=shape, turn=turn: b.add(
                kind, *("x", b.constant(*shape))[::turn], scale=0.2, activation=RELU6 if turn > 0 else NONE
            ),
        )
        for kind in (Add, Sub, Mul)
        for shape, turn in (
            *(((5,), 1), ((1,), -1), ((1, 1, 5), -1), ((3, 4, 1), 1), ((1, 4, 1), -1), ((3, 4, 5), 1)),
            *(((3, 1, 5), 1),),
        )
    },
    "mul_with_2x1x3x1x2": _case(
        (2, 4, 3, 2, 2), lambda b: b.add(Mul, "x", b.constant(2, 1, 3, 1, 2), scale=0.2)
    ),
    "add_strips": _case(
        (4, 5, 6), lambda b: b.add(Add, b.add(AveragePool2D, "x", pool=(1, 5)), "x", scale=0.05)
    ),
    "mul_gate": _case((4, 5, 6), lambda b: b.add(Mul, b.add(GlobalAveragePool2D, "x"), "x", scale=0.05)),
    "mul_small_factor": _case((20,), lambda b: b.add(Mul, "x", "x", scale=10.0)),
    "mul_large_factor": _case((20,), lambda b: b.add(Mul, "x", b.constant(20, scale=4.0), scale=0.06)),
    "mul_relu_n1_to_1": _case(
        (20,), lambda b: b.add(Mul, "x", "x", scale=0.01, activation=Activation.RELU_N1_TO_1)
    ),
    "slice_rows": _case(
        (5, 4, 3), lambda b: b.add(Slice, "x", begin=(1, 0, 0), end=(4, 4, 3), steps=(1, 1, 1))
    ),
    "slice_columns": _case(
        (5, 4, 3), lambda b: b.add(Slice, "x", begin=(0, 1, 0), end=(5, 3, 3), steps=(1, 1, 1))
    ),
    "slice_channels": _case(
        (5, 4, 7), lambda b: b.add(Slice, "x", begin=(0, 0, 2), end=(5, 4, 5), steps=(1, 1, 1))
    ),
    "slice_steps": _case(
        (7, 6, 5), lambda b: b.add(Slice, "x", begin=(1, 0, 0), end=(6, 6, 5), steps=(2, 3, 2))
    ),
    "slice_vector": _case((17,), lambda b: b.add(Slice, "x", begin=(3,), end=(16,), steps=(4,))),
    "slice_everything": _case(
        (3, 4, 2), lambda b: b.add(Slice, "x", begin=(0,) * 3, end=(3, 4, 2), steps=(1,) * 3)
    ),
    **{
        f"transpose_{''.join(map(str, order))}": _case(
            (3, 4, 5), lambda b, order=order: b.add(Transpose, "x", permutation=order)
        )
        for order in permutations(range(3))
    },
    "transpose_five_axes": _case(
        (2, 3, 2, 3, 2), lambda b: b.add(Transpose, "x", permutation=(4, 2, 0, 3, 1))
    ),
    "slice_four_axes": _case(
        (3, 4, 3, 5), lambda b: b.add(Slice, "x", begin=(0, 1, 0, 1), end=(3, 4, 3, 5), steps=(2, 2, 2, 3))
    ),
    "shuffle_channels": _case((3, 4, 6), _shuffled),
    "resize_up": _case((3, 4, 5), lambda b: b.add(ResizeNearest, "x", size=(6, 8))),
    "resize_odd": _case((3, 4, 5), lambda b: b.add(ResizeNearest, "x", size=(5, 3), half_pixel_centers=True)),
    "resize_corners": _case((3, 4, 1), lambda b: b.add(ResizeNearest, "x", size=(7, 9), align_corners=True)),
    "resize_to_one": _case((3, 4, 9), lambda b: b.add(ResizeNearest, "x", size=(1, 1), align_corners=True)),
    "logistic": _case((256,), lambda b: b.add(Logistic, "x")),
    "tanh": _case((256,), lambda b: b.add(Tanh, "x")),
    "hard_swish": _case((256,), lambda b: b.add(HardSwish, "x", scale=0.03)),
    "leaky_relu": _case((256,), lambda b: b.add(LeakyReLU, "x", alpha=0.1)),
    "leaky_relu_beside_its_scale": _case((3, 5, 7), lambda b: b.add(LeakyReLU, "x", alpha=0.3, scale=0.02)),
    "pad_with_a_value": _case((2, 3, 3), lambda b: b.add(Pad, "x", padding=Padding(1, 0, 2, 3), value=1.5)),
    "conv_relu_n1_to_1": _case(
        (5, 5, 3), lambda b: b.conv("x", 5, activation=Activation.RELU_N1_TO_1), seed=2
    ),
    "concat_axes": _case(
        (3, 4, 5), lambda b: b.add(Concat, *[b.add(Concat, "x", "x", "x", axis=0)] * 2, axis=1)
    ),
    "concat_channels": _case((3, 4, 5), lambda b: b.add(Concat, "x", "x", axis=2)),
    **{
        f"concat_with_constants_{axis}": _case(
            (3, 4, 5), lambda b, axis=axis: _joined_with_constants(b, axis)
        )
        for axis in range(3)
    },
    "concat_vectors": _case((7,), lambda b: b.add(Concat, "x", "x", axis=0)),
    "pad": _case((2, 3, 3), lambda b: b.add(Pad, "x", padding=Padding(1, 0, 2, 3))),
    "pad_nothing": _case((2, 3, 3), lambda b: b.add(Pad, "x", padding=Padding())),
    "relu": _case((3, 3, 3), lambda b: b.add(ReLU, "x")),
    "relu6": _case((3, 3, 3), lambda b: b.add(ReLU6, "x"), seed=4),
    "requantize": _case((3, 3, 3), lambda b: b.add(Requantize, "x")),
    "requantize_to_uint8": _to_uint8(_case((3, 3, 3), lambda b: b.add(Requantize, "x"))),
    "requantize_from_uint8": _case((3, 3, 3), lambda b: b.add(Requantize, "x"), dtype=DType.UINT8),
    "reshape": _case((3, 2, 3), lambda b: b.add(Reshape, "x", shape=(18,))),
    "softmax": _case((10,), lambda b: b.add(Softmax, "x")),
    "softmax_1": _case((1,), lambda b: b.add(Softmax, "x")),
    "softmax_rows": _case((2, 3, 7), lambda b: b.add(Softmax, "x", beta=0.3)),
    "residual": _case((6, 6, 3), _residual),
}
