"""Single ops and short chains at the edges of what kernels do: odd sizes, borders, extremes, activations."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

from tests.codegen import edge_convolutions, edge_depthwise_and_dense, edge_pairs
from tests.codegen.case_builder import (
    NONE,
    ONE,
    RELU,
    RELU6,
    Case,
    case_of,
    to_uint8,
)
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
    Pad,
    Padding,
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


CASES: dict[str, Case] = {
    **edge_convolutions.CASES,
    **edge_depthwise_and_dense.CASES,
    **edge_pairs.CASES,
    "max_pool": case_of((6, 6, 5), lambda b: b.add(MaxPool2D, "x", pool=(2, 2), strides=(2, 2))),
    "max_pool_padded": case_of(
        (5, 7, 4), lambda b: b.add(MaxPool2D, "x", pool=(3, 3), strides=(2, 2), padding=ONE, activation=RELU6)
    ),
    "max_pool_relu": case_of(
        (5, 7, 9), lambda b: b.add(MaxPool2D, "x", pool=(2, 3), activation=RELU), zero_point=10
    ),
    "max_pool_1x1": case_of((1, 1, 1), lambda b: b.add(MaxPool2D, "x", pool=(1, 1))),
    "average_pool": case_of((6, 6, 5), lambda b: b.add(AveragePool2D, "x", pool=(2, 2), strides=(2, 2))),
    "average_pool_padded": case_of(
        (5, 7, 18), lambda b: b.add(AveragePool2D, "x", pool=(3, 3), strides=(2, 2), padding=ONE)
    ),
    "average_pool_relu6": case_of(
        (5, 7, 3), lambda b: b.add(AveragePool2D, "x", pool=(2, 2), strides=(1, 1), activation=RELU6)
    ),
    "global_average": case_of((7, 5, 11), lambda b: b.add(GlobalAveragePool2D, "x")),
    "global_average_1x1": case_of((1, 1, 3), lambda b: b.add(GlobalAveragePool2D, "x", scale=0.01)),
    "global_average_beyond_int16": case_of(
        (17, 17, 5), lambda b: b.add(GlobalAveragePool2D, "x", scale=0.05)
    ),
    "add_itself": case_of((3, 3, 3), lambda b: b.add(Add, "x", "x")),
    "add_relu6": case_of((3, 5, 3), lambda b: b.add(Add, "x", b.add(Requantize, "x"), activation=RELU6)),
    **{
        f"{kind.__name__.lower()}_of_two": case_of(
            (3, 5, 3),
            lambda b, kind=kind: b.add(kind, b.conv("x", 3, (1, 1)), "x", activation=RELU, scale=0.1),
        )
        for kind in (Sub, Mul)
    },
    **{
        f"{kind.__name__.lower()}_with_{'x'.join(map(str, shape))}": case_of(
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
    "mul_with_2x1x3x1x2": case_of(
        (2, 4, 3, 2, 2), lambda b: b.add(Mul, "x", b.constant(2, 1, 3, 1, 2), scale=0.2)
    ),
    "add_strips": case_of(
        (4, 5, 6), lambda b: b.add(Add, b.add(AveragePool2D, "x", pool=(1, 5)), "x", scale=0.05)
    ),
    "mul_gate": case_of((4, 5, 6), lambda b: b.add(Mul, b.add(GlobalAveragePool2D, "x"), "x", scale=0.05)),
    "mul_small_factor": case_of((20,), lambda b: b.add(Mul, "x", "x", scale=10.0)),
    "mul_large_factor": case_of((20,), lambda b: b.add(Mul, "x", b.constant(20, scale=4.0), scale=0.06)),
    "mul_relu_n1_to_1": case_of(
        (20,), lambda b: b.add(Mul, "x", "x", scale=0.01, activation=Activation.RELU_N1_TO_1)
    ),
    "slice_rows": case_of(
        (5, 4, 3), lambda b: b.add(Slice, "x", begin=(1, 0, 0), end=(4, 4, 3), steps=(1, 1, 1))
    ),
    "slice_columns": case_of(
        (5, 4, 3), lambda b: b.add(Slice, "x", begin=(0, 1, 0), end=(5, 3, 3), steps=(1, 1, 1))
    ),
    "slice_channels": case_of(
        (5, 4, 7), lambda b: b.add(Slice, "x", begin=(0, 0, 2), end=(5, 4, 5), steps=(1, 1, 1))
    ),
    "slice_steps": case_of(
        (7, 6, 5), lambda b: b.add(Slice, "x", begin=(1, 0, 0), end=(6, 6, 5), steps=(2, 3, 2))
    ),
    "slice_vector": case_of((17,), lambda b: b.add(Slice, "x", begin=(3,), end=(16,), steps=(4,))),
    "slice_everything": case_of(
        (3, 4, 2), lambda b: b.add(Slice, "x", begin=(0,) * 3, end=(3, 4, 2), steps=(1,) * 3)
    ),
    **{
        f"transpose_{''.join(map(str, order))}": case_of(
            (3, 4, 5), lambda b, order=order: b.add(Transpose, "x", permutation=order)
        )
        for order in permutations(range(3))
    },
    "transpose_five_axes": case_of(
        (2, 3, 2, 3, 2), lambda b: b.add(Transpose, "x", permutation=(4, 2, 0, 3, 1))
    ),
    "slice_four_axes": case_of(
        (3, 4, 3, 5), lambda b: b.add(Slice, "x", begin=(0, 1, 0, 1), end=(3, 4, 3, 5), steps=(2, 2, 2, 3))
    ),
    "shuffle_channels": case_of((3, 4, 6), _shuffled),
    "resize_up": case_of((3, 4, 5), lambda b: b.add(ResizeNearest, "x", size=(6, 8))),
    "resize_odd": case_of(
        (3, 4, 5), lambda b: b.add(ResizeNearest, "x", size=(5, 3), half_pixel_centers=True)
    ),
    "resize_corners": case_of(
        (3, 4, 1), lambda b: b.add(ResizeNearest, "x", size=(7, 9), align_corners=True)
    ),
    "resize_to_one": case_of((3, 4, 9), lambda b: b.add(ResizeNearest, "x", size=(1, 1), align_corners=True)),
    "logistic": case_of((256,), lambda b: b.add(Logistic, "x")),
    "tanh": case_of((256,), lambda b: b.add(Tanh, "x")),
    "hard_swish": case_of((256,), lambda b: b.add(HardSwish, "x", scale=0.03)),
    "leaky_relu": case_of((256,), lambda b: b.add(LeakyReLU, "x", alpha=0.1)),
    "leaky_relu_beside_its_scale": case_of((3, 5, 7), lambda b: b.add(LeakyReLU, "x", alpha=0.3, scale=0.02)),
    "pad_with_a_value": case_of((2, 3, 3), lambda b: b.add(Pad, "x", padding=Padding(1, 0, 2, 3), value=1.5)),
    "conv_relu_n1_to_1": case_of(
        (5, 5, 3), lambda b: b.conv("x", 5, activation=Activation.RELU_N1_TO_1), seed=2
    ),
    "concat_axes": case_of(
        (3, 4, 5), lambda b: b.add(Concat, *[b.add(Concat, "x", "x", "x", axis=0)] * 2, axis=1)
    ),
    "concat_channels": case_of((3, 4, 5), lambda b: b.add(Concat, "x", "x", axis=2)),
    **{
        f"concat_with_constants_{axis}": case_of(
            (3, 4, 5), lambda b, axis=axis: _joined_with_constants(b, axis)
        )
        for axis in range(3)
    },
    "concat_vectors": case_of((7,), lambda b: b.add(Concat, "x", "x", axis=0)),
    "pad": case_of((2, 3, 3), lambda b: b.add(Pad, "x", padding=Padding(1, 0, 2, 3))),
    "pad_nothing": case_of((2, 3, 3), lambda b: b.add(Pad, "x", padding=Padding())),
    "relu": case_of((3, 3, 3), lambda b: b.add(ReLU, "x")),
    "relu6": case_of((3, 3, 3), lambda b: b.add(ReLU6, "x"), seed=4),
    "requantize": case_of((3, 3, 3), lambda b: b.add(Requantize, "x")),
    "requantize_to_uint8": to_uint8(case_of((3, 3, 3), lambda b: b.add(Requantize, "x"))),
    "requantize_from_uint8": case_of((3, 3, 3), lambda b: b.add(Requantize, "x"), dtype=DType.UINT8),
    "reshape": case_of((3, 2, 3), lambda b: b.add(Reshape, "x", shape=(18,))),
    "softmax": case_of((10,), lambda b: b.add(Softmax, "x")),
    "softmax_1": case_of((1,), lambda b: b.add(Softmax, "x")),
    "softmax_rows": case_of((2, 3, 7), lambda b: b.add(Softmax, "x", beta=0.3)),
    "residual": case_of((6, 6, 3), _residual),
}
