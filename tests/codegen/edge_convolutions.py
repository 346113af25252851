"""Convolutions at the edges of what kernels do: odd sizes, borders, extremes, activations."""

from __future__ import annotations

from tests.codegen.case_builder import EVEN, NONE, ONE, RELU, RELU6, Case, case_of, extreme, with_scales

from lilliput.net import Padding

DEPTH_AND_CHANNELS = ((1, 1), (1, 4), (2, 3), (3, 5), (4, 2), (5, 7), (6, 1), (7, 8), (8, 3), (19, 2))
STRETCHED = {"strides": (1, 2), "padding": ONE}

CASES: dict[str, Case] = {
    # One pixel, one channel, one of everything.
    "conv_1x1_image": case_of((1, 1, 1), lambda b: b.conv("x", 1, (1, 1))),
    "conv_1x1_image_padded": case_of((1, 1, 3), lambda b: b.conv("x", 2, padding=ONE)),
    # Rows that are expanded once: channels in fours, three columns, four pixels and more.
    **{
        f"conv_rows_{height}x{width}x{depth}_to_{channels}": case_of(
            (height, width, depth),
            lambda b, channels=channels: b.conv("x", channels, padding=ONE),
            seed=width,
        )
        for height, width, depth, channels in ((1, 4, 4, 1), (5, 4, 8, 2), (9, 7, 4, 5), (4, 11, 12, 4))
    },
    **{
        f"conv_rows_stride_{y}_{x}": case_of(
            (13, 23, 8),
            lambda b, strides=(y, x): b.conv("x", 6, strides=strides, padding=Padding(0, 1, 0, 1)),
        )
        for y, x in ((1, 2), (2, 1), (2, 2), (4, 1))
    },
    "conv_rows_1x3": case_of((3, 20, 4), lambda b: b.conv("x", 5, (1, 3), padding=Padding(0, 0, 2, 1))),
    "conv_rows_5x3": case_of(
        (8, 9, 4),
        lambda b: b.conv("x", 3, (5, 3), padding=Padding(4, 3, 1, 2), activation=RELU6),
        zero_point=-128,
    ),
    "conv_rows_valid": case_of((6, 10, 16), lambda b: b.conv("x", 4, activation=RELU)),
    "conv_rows_shift_31": with_scales(case_of((5, 8, 4), lambda b: b.conv("x", 3, padding=ONE)), 50.0),
    "conv_rows_largest_sums": extreme(case_of((4, 6, 40), lambda b: b.conv("x", 3)), 127, 2**20),
    "conv_rows_least_sums": extreme(case_of((4, 6, 40), lambda b: b.conv("x", 3)), -127, -(2**20)),
    # Images of three channels: windows four at a time, one by one, and across borders.
    **{
        f"conv_colour_{height}x{width}_to_{channels}_by_{y}_{x}": case_of(
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
        f"conv_strip_{height}x{width}x{depth}_to_{channels}_{y}x{x}": case_of(
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
    "conv_no_bias": case_of((4, 4, 3), lambda b: b.conv("x", 4, bias=False)),
    "conv_per_tensor": case_of((4, 4, 3), lambda b: b.conv("x", 5, per_tensor=True)),
    # Channels and windows that are no multiple of two or four, in every combination of remainders.
    **{
        f"conv_{depth}_to_{channels}": case_of(
            (5, 4, depth), lambda b, channels=channels: b.conv("x", channels, padding=ONE), seed=depth
        )
        for depth, channels in DEPTH_AND_CHANNELS
    },
    **{
        f"pointwise_{depth}_to_{channels}": case_of(
            (3, 3, depth), lambda b, channels=channels: b.conv("x", channels, (1, 1)), seed=depth
        )
        for depth, channels in ((1, 2), (2, 1), (3, 4), (4, 5), (5, 2), (8, 8), (13, 3), (16, 6), (33, 2))
    },
    # Numbers of pixels that leave a part of a block.
    **{
        f"pointwise_{pixels}_pixels": case_of((1, pixels, 6), lambda b: b.conv("x", 4, (1, 1)))
        for pixels in (1, 2, 3, 4, 5, 7)
    },
    **{
        f"pointwise_{pixels}_pixels_of_{depth}": case_of(
            (pixels, 1, depth), lambda b, kind=kind: b.conv("x", 7, (1, 1), activation=kind), seed=depth
        )
        for pixels, depth, kind in ((1, 4, RELU), (2, 12, NONE), (5, 16, RELU6), (6, 28, RELU), (9, 40, NONE))
    },
    # Every place where the loop over fours of inputs is entered; three blocks of pixels in one call.
    **{
        f"pointwise_run_of_{depth}": case_of(
            (3, 5, depth), lambda b, kind=kind: b.conv("x", 6, (1, 1), activation=kind), seed=depth
        )
        for depth, kind in zip((*range(4, 40, 4), 68), [RELU, RELU6] * 5, strict=True)
    },
    "pointwise_relu": case_of((6, 3, 8), lambda b: b.conv("x", 9, (1, 1), activation=RELU), seed=1),
    "pointwise_relu6": case_of((3, 5, 20), lambda b: b.conv("x", 4, (1, 1), activation=RELU6), seed=2),
    "pointwise_stride_2": case_of((5, 7, 6), lambda b: b.conv("x", 4, (1, 1), strides=(2, 2))),
    "pointwise_stride_3_2": case_of((7, 6, 8), lambda b: b.conv("x", 5, (1, 1), strides=(3, 2))),
    "conv_grey_stride_2": case_of((9, 9, 1), lambda b: b.conv("x", 5, **EVEN)),
    "conv_grey_stride_3": case_of((9, 9, 1), lambda b: b.conv("x", 5, strides=(3, 3))),
    "conv_grey_tall": case_of((29, 7, 1), lambda b: b.conv("x", 3, padding=ONE, activation=RELU6)),
    "conv_grey_shift_31": with_scales(case_of((5, 5, 1), lambda b: b.conv("x", 3, padding=ONE)), 50.0),
    "conv_grey_many": case_of((3, 3, 1), lambda b: b.conv("x", 40)),
    "conv_stride_beyond_kernel": case_of((9, 8, 3), lambda b: b.conv("x", 3, (2, 2), strides=(3, 4))),
    "conv_stride_rectangular": case_of((9, 8, 2), lambda b: b.conv("x", 3, (3, 2), **STRETCHED)),
    "conv_dilated": case_of(
        (9, 9, 5), lambda b: b.conv("x", 3, dilation=(2, 3), padding=Padding(2, 2, 3, 3))
    ),
    "conv_dilated_rows": case_of((9, 9, 5), lambda b: b.conv("x", 4, dilation=(3, 1), padding=ONE)),
    "conv_all_padding": case_of((2, 2, 4), lambda b: b.conv("x", 3, padding=Padding(2, 2, 2, 2))),
    "conv_wide_padding": case_of((3, 3, 6), lambda b: b.conv("x", 3, (5, 5), padding=Padding(2, 2, 2, 2))),
    "conv_height_1": case_of((1, 20, 3), lambda b: b.conv("x", 4, (1, 5), padding=Padding(0, 0, 2, 2))),
    "conv_relu": case_of((5, 5, 3), lambda b: b.conv("x", 5, activation=RELU), seed=2),
    "conv_relu6": case_of((5, 5, 3), lambda b: b.conv("x", 5, activation=RELU6), seed=3),
    "conv_zero_point_low": case_of((5, 5, 3), lambda b: b.conv("x", 5, padding=ONE), zero_point=-128),
    "conv_zero_point_high": case_of((5, 5, 3), lambda b: b.conv("x", 5, padding=ONE), zero_point=127),
    "conv_shift_31": with_scales(case_of((4, 4, 1), lambda b: b.conv("x", 5, (1, 1))), 20.0),
    "conv_shift_24": with_scales(case_of((4, 4, 5), lambda b: b.conv("x", 5, (1, 2))), 20000.0),
    "conv_shift_19": with_scales(case_of((4, 4, 5), lambda b: b.conv("x", 5, (1, 2))), 5e5),
    "conv_largest_sums": extreme(case_of((2, 3, 64), lambda b: b.conv("x", 5, (2, 2))), 127, 2**20),
    "conv_least_sums": extreme(case_of((2, 3, 64), lambda b: b.conv("x", 5, (2, 2))), -127, -(2**20)),
    # Sums that may leave 32 bits once multiplied by 256: another kernel takes them.
    "conv_largest_sums_of_many": extreme(case_of((3, 4, 64), lambda b: b.conv("x", 3)), 127),
    "pointwise_largest_sums_of_many": extreme(case_of((2, 3, 516), lambda b: b.conv("x", 3, (1, 1))), -127),
}
