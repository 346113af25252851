"""Whatever keeps a file from becoming a network is told at once, in the file's names, with what to do."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from tests.formats.tflite.files import FLOAT32, UINT8, File, window

from lilliput.errors import FormatError
from lilliput.formats.flatbuffer_writing import Number
from lilliput.formats.tflite import parse_tflite
from lilliput.formats.tflite.schema import Builtin

GELU = 150
OTHER = {"scale": 0.07, "zero_point": -5}
TWO = "'image' has scale 0.05 and zero point 3, 'made' scale 0.07 and zero point -5, and it cannot"


def error_of(file: File) -> FormatError:
    with pytest.raises(FormatError) as told:
        parse_tflite(file.data(), source="some.tflite")
    return told.value


def one(code: int, *options: int, target: tuple[int, ...] = (1, 4, 4, 1), **quant: float) -> File:
    """A file of one operator on 'image', which makes 'made'."""
    file = File()
    file.inputs, file.outputs = (file.tensor((1, 4, 4, 1), name="image"),), (1,)
    file.tensor(target, name="made", **({"scale": 0.05, "zero_point": 3} | quant))  # type: ignore[arg-type]
    file.operator(code, file.inputs, file.outputs, {})
    return file


def pooled(code: int) -> File:
    file = one(code, target=(1, 2, 2, 1), **OTHER)
    file.operators[0][4] = {k: Number("i", 2) for k in (1, 2, 3, 4)}
    return file


def joined() -> File:
    file = one(Builtin.CONCATENATION, target=(1, 4, 4, 2), **OTHER)
    file.operators.clear()
    file.operator(Builtin.CONCATENATION, (0, 0), (1,), {0: Number("i", 3)})
    return file


def of_bytes() -> File:
    file = File()
    source, target = (file.tensor((1, 4, 4, 1), UINT8, name=name) for name in ("image", "made"))
    file.operator(Builtin.ADD, (source, source), (target,), {})
    file.inputs, file.outputs = (source,), (target,)
    return file


def of_huge_sums() -> File:
    file = File()
    source, target = file.tensor((1, 4, 4, 1), name="image"), file.tensor((1, 4, 4, 1), name="made")
    weights = file.constant(np.ones((1, 1, 1, 1), np.int8))
    bias = file.constant(np.full(1, 2**31 - 1, np.int32))
    file.operator(Builtin.CONV_2D, (source, weights, bias), (target,), window(padding=1))
    file.inputs, file.outputs = (source,), (target,)
    return file


@pytest.mark.parametrize(
    ("make", "where", "why"),
    [
        (lambda: pooled(Builtin.MAX_POOL_2D), "0 MAX_POOL_2D ('made')", TWO),
        (lambda: pooled(Builtin.AVERAGE_POOL_2D), "0 AVERAGE_POOL_2D ('made')", TWO),
        (joined, "0 CONCATENATION ('made')", TWO),
        (lambda: one(Builtin.LOGISTIC), "0 LOGISTIC ('made')", "'made' has scale 0.05 and zero point 3, but"),
        (lambda: one(Builtin.SOFTMAX, scale=1 / 255), "0 SOFTMAX ('made')", "'made' has scale 0.00392157"),
        (of_bytes, "0 ADD ('made')", "'image' is uint8"),
        (of_huge_sums, "0 CONV_2D ('made')", "the sums of this operator may reach 21474"),
        (
            lambda: one(Builtin.HARD_SWISH, scale=1e-20),
            "0 HARD_SWISH ('made')",
            "its input's scale is too small or too large",
        ),
        (lambda: one(Builtin.RELU, scale=1e-20), "0 RELU ('made')", "its inputs' scale is 5e+18 times"),
        (lambda: one(GELU), "0 GELU ('made')", "this operator is not supported"),
    ],
)
def test_a_problem_is_told_in_the_files_names(make: Callable[[], File], where: str, why: str) -> None:
    told = error_of(make())
    assert told.what == "some.tflite cannot be imported"
    assert told.why.startswith(f"{where}: {why}")
    assert told.hint
    assert "lilliput." not in str(told)
    assert "t0" not in told.why


@pytest.mark.parametrize(
    ("inputs", "outputs", "why"),
    [
        ((0, 1), (1,), "the model: it has 2 inputs ('image', 'made'), but a network has one"),
        ((0,), (1, 0), "the model: it has 2 outputs ('made', 'image'), but a network has one"),
        ((0,), (), "the model: it has 0 outputs, but a network has one"),
    ],
)
def test_inputs_and_outputs_are_named(inputs: tuple[int, ...], outputs: tuple[int, ...], why: str) -> None:
    file = one(Builtin.RELU)
    file.inputs, file.outputs = inputs, outputs
    told = error_of(file)
    assert told.why == why
    assert told.hint


def test_a_graph_that_hangs_together_nowhere_is_to_be_exported_again() -> None:
    file = one(Builtin.RELU)
    file.outputs = (file.tensor((1, 4), name="nothing"),)
    told = error_of(file)
    assert told.why == "the model: no op writes its output 'nothing'"
    assert told.hint == "export it again, whole"


def test_all_problems_stand_in_one_list() -> None:
    """Those of conversion and those of numbers, in the order of operators."""
    file = pooled(Builtin.MAX_POOL_2D)
    gelu, soft = (file.tensor((1, 2, 2, 1), name=name) for name in ("act", "classes"))
    floats = file.tensor((1, 2, 2, 1), FLOAT32, None, name="real")
    file.operator(GELU, (1,), (gelu,), {})
    file.operator(Builtin.SOFTMAX, (gelu,), (soft,), {0: Number("f", 1.0)})
    file.operator(Builtin.RELU, (floats,), (file.tensor((1, 2, 2, 1), name="last"),), {})
    file.inputs, file.outputs = (0, floats), (soft,)
    told = error_of(file)
    assert told.what == "some.tflite cannot be imported: 5 problems"
    lines = told.why.split("\n")
    assert [line.split(": ")[0] for line in lines] == [
        "0 MAX_POOL_2D ('made')",
        "1 GELU ('act')",
        "2 SOFTMAX ('classes')",
        "3 RELU ('last')",
        "the model",
    ]
    assert all(line.count(" → ") == 1 for line in lines)
    assert str(told).count("\n        ") == 4  # aligned below the first


def test_what_the_output_does_not_need_may_be_wrong() -> None:
    file = one(Builtin.RELU)
    file.operator(Builtin.LOGISTIC, (0,), (file.tensor((1, 4, 4, 1), name="unused"),), {})
    assert len(parse_tflite(file.data()).ops) == 1


def test_names_do_not_reach_the_terminal_as_they_are() -> None:
    file = File()
    file.inputs, file.outputs = (file.tensor((1, 4, 4, 1), name="\x1b[31mred\nline"),), (1,)
    file.tensor((1, 4, 4, 1), name="\x1b[2Jgone")
    file.operator(GELU, file.inputs, file.outputs, {})
    text = str(error_of(file))
    assert "\x1b" not in text
    assert "[31mred" not in text.replace("\N{REPLACEMENT CHARACTER}[31mred\N{REPLACEMENT CHARACTER}line", "")
    assert "\N{REPLACEMENT CHARACTER}[2Jgone" in text
