"""Sums, differences and products at the edges of what kernels do with repeated operands."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
from tests.codegen.case_builder import NONE, RELU, RELU6, Case, case_of
from tests.codegen.quantized_builder import Builder

from lilliput.net import Activation, Add, AveragePool2D, GlobalAveragePool2D, Mul, Op, Quant, Sub

KINDS: tuple[type[Op], ...] = (Add, Sub, Mul)
ACTIVATIONS = (NONE, RELU, RELU6, Activation.RELU_N1_TO_1)


def _of_two(kind: type[Op], first: float, second: float, output: float, activation: Activation) -> Case:
    """Of what flows and a constant of its shape, with some scales."""

    def add(builder: Builder) -> str:
        zero_point = int(builder.random.integers(-128, 127, endpoint=True))
        builder.tensors["x"] = replace(builder.tensors["x"], quant=Quant.per_tensor(first, zero_point))
        other = builder.constant(3, 7, 5, scale=second)
        scale = output if kind is not Mul else 2000 * first * second * output
        return builder.add(kind, "x", other, scale=scale, activation=activation)

    return case_of((3, 7, 5), add)


def _pooled(kind: type[Op], axis: int, turn: int) -> Case:
    """Of an image and its means: of rows, of columns, or of all."""

    def add(builder: Builder) -> str:
        pool = ((1, 6), (5, 1))
        mean = (
            builder.add(AveragePool2D, "x", pool=pool[axis], scale=0.05)
            if axis < 2
            else builder.add(GlobalAveragePool2D, "x", scale=0.03)
        )
        return builder.add(kind, *("x", mean)[::turn], scale=0.05)

    return case_of((5, 6, 7), add)


def _with(kind: type[Op], shape: tuple[int, ...], *constant: int, turn: int = 1) -> Case:
    activation = RELU if turn < 0 else NONE
    return case_of(
        shape, lambda b: b.add(kind, *("x", b.constant(*constant))[::turn], scale=0.15, activation=activation)
    )


def _extremes(kind: type[Op], zero_point: int) -> Case:
    """Operands of -128 and 127 alone, against zero points at the other end."""

    def add(builder: Builder) -> str:
        name = builder.constant(9, 7)
        ends = np.where(builder.random.random((9, 7)) < 0.5, -128, 127).astype(np.int8)
        quant = Quant.per_tensor(0.05, -1 - zero_point)
        builder.tensors[name] = replace(builder.tensors[name], quant=quant, data=ends)
        return builder.add(kind, "x", name, scale=1.0 if kind is Mul else 0.2)

    return case_of((9, 7), add, zero_point=zero_point)


def _named(kind: type[Op], what: str) -> str:
    return f"{kind.__name__.lower()}_{what}"


CASES: dict[str, Case] = {
    **{
        _named(kind, f"scales_{index}"): _of_two(kind, *scales, ACTIVATIONS[index % len(ACTIVATIONS)])
        for kind in KINDS
        for index, scales in enumerate(
            (
                (0.05, 0.05, 0.05),
                (0.05, 0.001, 0.08),
                (0.001, 0.05, 0.08),
                (0.05, 0.03, 0.004),
                (0.02, 0.07, 0.9),
                (0.05, 0.04, 0.002),
                (0.05, 0.0500001, 0.1),
            )
        )
    },
    **{
        _named(kind, f"pooled_{axis}_{'swapped' if turn < 0 else 'plain'}"): _pooled(kind, axis, turn)
        for kind, axis, turn in product(KINDS, range(3), (1, -1))
    },
    **{
        _named(kind, f"channels_{channels}"): _with(kind, (9, 3, channels), channels, turn=turn)
        for kind in KINDS
        for channels, turn in ((1, 1), (2, -1), (3, 1), (4, -1), (7, 1), (31, -1), (32, 1), (33, 1))
    },
    **{
        _named(kind, f"pixels_{channels}"): _with(kind, (4, 3, channels), 4, 3, 1, turn=turn)
        for kind in KINDS
        for channels, turn in ((2, 1), (3, -1), (4, 1), (9, -1))
    },
    **{
        _named(kind, f"number_{'swapped' if turn < 0 else 'plain'}"): _with(kind, (5, 6, 3), 1, turn=turn)
        for kind in KINDS
        for turn in (1, -1)
    },
    **{
        _named(kind, f"itself_{index}"): case_of(
            (19,), lambda b, kind=kind, scale=scale: b.add(kind, "x", "x", scale=scale)
        )
        for kind in (Add, Mul)
        for index, scale in enumerate((0.05, 0.3))
    },
    **{
        _named(kind, f"extremes_{index}"): _extremes(kind, zero_point)
        for kind in KINDS
        for index, zero_point in enumerate((-128, 127, 0))
    },
}
