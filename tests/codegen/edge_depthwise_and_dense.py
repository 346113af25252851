"""Depthwise convolutions and matrix products at the edges of what kernels do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from tests.codegen.case_builder import EVEN, ONE, RELU, RELU6, Case, case_of, extreme, with_scales
from tests.codegen.quantized_builder import Builder

from lilliput.net import Net, Padding, Quant

TALL = Padding(6, 6, 0, 1)


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


CASES: dict[str, Case] = {
    "depthwise": case_of((6, 5, 6), lambda b: b.depthwise("x", padding=ONE)),
    "depthwise_1_channel": case_of((6, 5, 1), lambda b: b.depthwise("x")),
    "depthwise_19_channels": case_of((6, 5, 19), lambda b: b.depthwise("x", padding=ONE, activation=RELU6)),
    "depthwise_stride_2": case_of((7, 8, 5), lambda b: b.depthwise("x", strides=(2, 2), padding=ONE)),
    "depthwise_tall": case_of((27, 5, 3), lambda b: b.depthwise("x", padding=ONE)),
    "depthwise_tall_stride_2": case_of((37, 5, 3), lambda b: b.depthwise("x", **EVEN)),
    "depthwise_tall_stride_3": case_of((40, 7, 2), lambda b: b.depthwise("x", strides=(3, 3), padding=ONE)),
    "depthwise_tall_window": case_of(
        (31, 4, 2), lambda b: b.depthwise("x", (13, 2), padding=Padding(6, 6, 0, 1))
    ),
    "depthwise_7x6": case_of((9, 12, 2), lambda b: b.depthwise("x", (7, 6), padding=Padding(3, 3, 2, 3))),
    "depthwise_same_even": case_of((8, 8, 3), lambda b: b.depthwise("x", **EVEN)),
    "depthwise_5x5": case_of((7, 9, 4), lambda b: b.depthwise("x", (5, 5), padding=Padding(2, 2, 2, 2))),
    "depthwise_3x1": case_of((7, 9, 4), lambda b: b.depthwise("x", (3, 1), activation=RELU)),
    "depthwise_1x4": case_of((1, 19, 3), lambda b: b.depthwise("x", (1, 4), strides=(1, 3))),
    "depthwise_wide_image": case_of((4, 37, 2), lambda b: b.depthwise("x", padding=ONE)),
    "depthwise_1x1_image": case_of((1, 1, 4), lambda b: b.depthwise("x", padding=ONE)),
    # Four channels at a time, two by two outputs: whole and partial blocks, strips, borders, extremes.
    **{
        f"depthwise_fours_{height}x{width}x{depth}_by_{stride}": case_of(
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
    "depthwise_fours_even": case_of((12, 14, 8), lambda b: b.depthwise("x", **EVEN)),
    "depthwise_fours_valid": case_of((8, 9, 4), lambda b: b.depthwise("x", activation=RELU)),
    "depthwise_fours_valid_stride_2": case_of((10, 9, 4), lambda b: b.depthwise("x", strides=(2, 2))),
    "depthwise_fours_all_padding": case_of(
        (2, 2, 4), lambda b: b.depthwise("x", padding=Padding(2, 2, 2, 2)), zero_point=-128
    ),
    "depthwise_fours_wide_padding": case_of(
        (1, 1, 4), lambda b: b.depthwise("x", padding=Padding(2, 1, 2, 2))
    ),
    "depthwise_fours_wide_padding_stride_2": case_of(
        (2, 3, 8), lambda b: b.depthwise("x", strides=(2, 2), padding=Padding(2, 2, 1, 2)), zero_point=127
    ),
    "depthwise_fours_relu6": case_of((7, 7, 8), lambda b: b.depthwise("x", padding=ONE, activation=RELU6)),
    "depthwise_fours_relu_stride_2": case_of(
        (13, 9, 8), lambda b: b.depthwise("x", strides=(2, 2), padding=ONE, activation=RELU)
    ),
    "depthwise_fours_shift_31": with_scales(
        case_of((5, 7, 4), lambda b: b.depthwise("x", padding=ONE)), 50.0
    ),
    "depthwise_fours_shift_31_stride_2": with_scales(
        case_of((7, 9, 4), lambda b: b.depthwise("x", **EVEN, activation=RELU)), 50.0
    ),
    "depthwise_fours_largest_sums": extreme(
        case_of((5, 5, 4), lambda b: b.depthwise("x", padding=ONE)), 127, 2**20
    ),
    "depthwise_fours_least_sums": extreme(
        case_of((5, 5, 4), lambda b: b.depthwise("x", **EVEN)), -127, -(2**20)
    ),
    # Windows as they lie: columns and rows as runs, borders on all sides, channels left of fours, one pixel.
    **{
        f"depthwise_taps_{kernel[0]}x{kernel[1]}_of_{height}x{width}x{depth}": case_of(
            (height, width, depth),
            lambda b, kernel=kernel, more=more: b.depthwise("x", kernel, **more),
            seed=height + width + depth,
        )
        for height, width, depth, kernel, more in (
            (15, 1, 12, (15, 1), {}),
            (30, 1, 7, (4, 1), {}),
            (1, 21, 9, (1, 9), {"padding": Padding(0, 0, 4, 4), "activation": RELU}),
            (1, 21, 8, (1, 9), {"padding": Padding(0, 0, 16, 16), "dilation": (1, 4)}),
            (23, 1, 5, (5, 1), {"padding": Padding(4, 4, 0, 0), "dilation": (2, 1)}),
            (4, 4, 16, (5, 5), {"padding": Padding(2, 2, 2, 2), "activation": RELU6}),
            (2, 2, 6, (5, 5), {"padding": Padding(2, 2, 2, 2)}),
            (8, 7, 11, (5, 5), {"padding": Padding(1, 2, 1, 2), "strides": (2, 2)}),
            (9, 10, 6, (3, 3), {"padding": Padding(2, 2, 2, 2), "dilation": (2, 2)}),
            (9, 10, 7, (3, 4), {"dilation": (2, 3), "strides": (2, 1)}),
            (7, 9, 4, (1, 1), {"strides": (2, 3)}),
            (6, 6, 8, (2, 6), {"padding": Padding(1, 0, 5, 5), "strides": (1, 2)}),
        )
    },
    "depthwise_taps_beside_the_image": case_of(
        (2, 2, 5),
        lambda b: b.depthwise("x", (2, 2), dilation=(4, 4), padding=Padding(3, 3, 3, 3)),
        zero_point=-128,
    ),
    "depthwise_taps_dilated_beyond_the_image": case_of(
        (3, 3, 6), lambda b: b.depthwise("x", dilation=(4, 4), padding=Padding(4, 4, 4, 4)), zero_point=127
    ),
    "depthwise_taps_shift_31": with_scales(
        case_of((5, 7, 7), lambda b: b.depthwise("x", (5, 5), padding=Padding(2, 2, 2, 2))), 50.0
    ),
    "depthwise_taps_largest_sums": extreme(
        case_of((6, 6, 5), lambda b: b.depthwise("x", (5, 5))), 127, 2**20
    ),
    "depthwise_taps_least_sums": extreme(
        case_of((6, 6, 6), lambda b: b.depthwise("x", (2, 5), dilation=(2, 1))), -127, -(2**20)
    ),
    "depthwise_dilated": case_of((9, 9, 4), lambda b: b.depthwise("x", dilation=(2, 3), padding=ONE)),
    "depthwise_stride_beyond_kernel": case_of((9, 11, 4), lambda b: b.depthwise("x", (2, 2), strides=(4, 3))),
    "depthwise_all_padding": case_of((2, 2, 3), lambda b: b.depthwise("x", padding=Padding(2, 2, 2, 2))),
    "depthwise_multiplier_2": case_of((5, 5, 3), lambda b: b.depthwise("x", multiplier=2, padding=ONE)),
    "depthwise_multiplier_3_of_1": case_of((5, 5, 1), lambda b: b.depthwise("x", multiplier=3)),
    "depthwise_shift_31": with_scales(case_of((5, 5, 3), lambda b: b.depthwise("x", padding=ONE)), 50.0),
    "depthwise_no_bias_per_tensor": case_of(
        (5, 5, 3), lambda b: b.depthwise("x", padding=ONE, bias=False, per_tensor=True)
    ),
    **{
        f"dense_{inputs}_to_{units}": case_of(
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
    "dense_rectified_shift_29": with_scales(_rectified(13, 32), 200.0),
    "dense_relu": case_of((20,), lambda b: b.dense("x", 9, activation=RELU)),
    "dense_relu6": case_of((20,), lambda b: b.dense("x", 9, activation=RELU6)),
    "dense_512_to_4_per_tensor": case_of((512,), lambda b: b.dense("x", 4, per_tensor=True)),
    "dense_no_bias_per_tensor": case_of((21,), lambda b: b.dense("x", 9, bias=False, per_tensor=True)),
    "dense_shift_29": with_scales(case_of((13,), lambda b: b.dense("x", 6)), 200.0),
    "dense_largest_sums": extreme(case_of((1030,), lambda b: b.dense("x", 6)), 127, 2**20),
    "dense_least_sums": extreme(case_of((1030,), lambda b: b.dense("x", 6)), -127, -(2**20)),
}
