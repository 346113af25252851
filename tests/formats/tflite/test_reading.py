"""A file becomes a valid network, or an error that names everything that is in the way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.formats.tflite.files import FLOAT32, UINT8, File, oracle_outputs, small_file, window

from lilliput.errors import FormatError
from lilliput.formats.flatbuffer_writing import Number
from lilliput.formats.tflite import parse_tflite, read_tflite, schema
from lilliput.formats.tflite.reading import identifier
from lilliput.formats.tflite.schema import Builtin
from lilliput.net import Activation, Conv2D, Padding, Profile, Requantize
from lilliput.net.check import Stage, check
from lilliput.net.reference import run


def test_a_file_becomes_a_network(tmp_path: Path) -> None:
    path = tmp_path / "Key Words-2.tflite"
    path.write_bytes(small_file().data())
    net = read_tflite(path)
    check(net, Stage.QUANTIZED)
    assert net.name == "key_words_2"
    assert [type(op).__name__ for op in net.ops] == ["Conv2D", "Reshape", "FullyConnected", "Softmax"]
    assert {op.profile for op in net.ops} == {Profile.TFLM}
    assert (net.input.shape, net.output.shape) == ((4, 4, 1), (3,))
    first = net.ops[0]
    assert isinstance(first, Conv2D)
    assert (first.strides, first.padding, first.activation) == ((2, 2), Padding(), Activation.RELU)
    assert read_tflite(path, "other").name == "other"


def test_it_computes_what_tensorflow_lite_micro_computes() -> None:
    data = small_file().data()
    x = np.random.default_rng(1).integers(-128, 128, (20, 4, 4, 1)).astype(np.int8)
    expected = oracle_outputs(data, x).reshape(-1, 3)
    np.testing.assert_array_equal(run(parse_tflite(data), x), expected)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Model", "model"),
        ("kws 2-a.int8", "kws_2_a_int8"),
        ("3d", "net_3d"),
        ("lp_x", "net_lp_x"),
        ("LP", "net_lp"),
        ("", "model"),
        ("日本", "model"),
        ("x" * 300, "x" * 40),
    ],
)
def test_a_name_is_made_from_the_file(text: str, name: str) -> None:
    assert identifier(text) == name


def test_all_operators_that_cannot_be_imported_are_listed_at_once() -> None:
    file = small_file()
    for number, code in enumerate((16, 27, 250, Builtin.CONV_2D)):
        file.operator(code, (0,), (file.tensor((1, 4), name=f"layer {number}"),))
    with pytest.raises(FormatError) as told:
        parse_tflite(file.data(), source="big.tflite")
    assert told.value.what == "big.tflite cannot be imported: 4 problems"
    problems = [line.split(" → ") for line in told.value.why.split("\n")]
    assert [problem for problem, _ in problems] == [
        "3 LSTM ('layer 0'): this operator is not supported",
        "4 SVDF ('layer 1'): this operator is not supported",
        "5 operator code 250 ('layer 2'): this operator is not supported",
        "6 CONV_2D ('layer 3'): it has 1 inputs and 1 outputs",
    ]
    assert all(hint for _, hint in problems)


def test_a_list_of_very_many_is_cut() -> None:
    file = small_file()
    for _ in range(150):
        file.operator(16, (0,), (file.tensor((1, 4)),))
    with pytest.raises(FormatError, match="150 problems") as told:
        parse_tflite(file.data())
    assert told.value.why.endswith("\nand 50 more")


def test_a_float_model_is_told_in_a_sentence() -> None:
    file = File()
    tensors = [file.tensor((1, 4), FLOAT32, None) for _ in range(3)]
    file.operator(Builtin.RELU, tensors[:1], tensors[1:2])
    file.operator(Builtin.LOGISTIC, tensors[1:2], tensors[2:])
    file.inputs, file.outputs = tensors[:1], tensors[2:]
    with pytest.raises(FormatError, match="is a float model"):
        parse_tflite(file.data())


def float_ends() -> File:
    """small_file() with float input and output."""
    file = small_file()
    source = file.tensor((1, 4, 4, 1), FLOAT32, None)
    target = file.tensor((1, 3), FLOAT32, None)
    file.operator(Builtin.QUANTIZE, (source,), (0,))
    file.operators.insert(0, file.operators.pop())
    file.operator(Builtin.DEQUANTIZE, (6,), (target,))
    file.inputs, file.outputs = (source,), (target,)
    return file


def test_float_ends_are_cut_off() -> None:
    plain, cut = parse_tflite(small_file().data()), parse_tflite(float_ends().data())
    assert [type(op) for op in cut.ops] == [type(op) for op in plain.ops]
    assert cut.input.quant == plain.input.quant
    assert cut.output.quant == plain.output.quant


def test_a_uint8_input_is_made_int8() -> None:
    file = small_file()
    raw = file.tensor((1, 4, 4, 1), UINT8, 0.05, 131)
    file.operator(Builtin.QUANTIZE, (raw,), (0,))
    file.operators.insert(0, file.operators.pop())
    file.inputs = (raw,)
    net = parse_tflite(file.data())
    assert isinstance(net.ops[0], Requantize)
    x = np.arange(16, dtype=np.uint8).reshape(1, 4, 4, 1) * 17
    expected = oracle_outputs(file.data(), x).reshape(-1, 3)
    np.testing.assert_array_equal(run(net, x), expected)


def test_what_the_output_does_not_need_is_left_out() -> None:
    file = small_file()
    file.operator(Builtin.RELU, (3,), (file.tensor((1, 2, 2, 2)),))
    assert len(parse_tflite(file.data()).ops) == 4


def test_a_convolution_pads_as_the_file_says() -> None:
    file = File()
    image, target = file.tensor((1, 5, 6, 1)), file.tensor((1, 3, 3, 1))
    file.operator(
        Builtin.CONV_2D,
        (image, file.constant(np.ones((1, 3, 3, 1), np.int8))),
        (target,),
        window((2, 2), padding=0, activation=3),
    )
    file.inputs, file.outputs = (image,), (target,)
    (op,) = parse_tflite(file.data()).ops
    assert isinstance(op, Conv2D)
    assert op.padding == Padding(1, 1, 0, 1)
    assert op.activation is Activation.RELU6


def _wrong(change: str) -> File:
    file = small_file()
    match change:
        case "two inputs":
            file.inputs = (0, file.tensor((1, 4)))
        case "two outputs":
            file.outputs = (5, 6)
        case "no output":
            file.outputs = ()
        case "output is the input":
            file.outputs = (0,)
        case "output that nothing writes":
            file.outputs = (file.tensor((1, 4)),)
        case "float inside":
            file.tensors[3][schema.TensorField.TYPE] = Number("b", FLOAT32)
        case "no quantization":
            del file.tensors[3][schema.TensorField.QUANTIZATION]
        case "asymmetric weights":
            file.tensors[1][schema.TensorField.QUANTIZATION] = {
                schema.Quantization.SCALE: np.array([0.1], np.float32),
                schema.Quantization.ZERO_POINT: np.array([5], np.int64),
            }
        case "weights along another axis":
            file.tensors[1][schema.TensorField.QUANTIZATION] = {
                schema.Quantization.SCALE: np.array([0.1, 0.1], np.float32),
                schema.Quantization.ZERO_POINT: np.array([0, 0], np.int64),
                schema.Quantization.DIMENSION: Number("i", 1),
            }
        case "weights that do not fit":
            file.tensors[4][schema.TensorField.SHAPE] = np.array([4, 6], np.int32)
        case "weights that flow":
            file.operators[0][schema.Operator.INPUTS] = np.array([0, 3, 2], np.int32)
        case "strides of zero":
            file.operators[0][schema.Operator.OPTIONS] = window((0, 1))
        case "huge dilation":
            file.operators[0][schema.Operator.OPTIONS] = {
                schema.ConvOptions.DILATION_H: Number("i", 2**31 - 1)
            }
        case "an unknown padding scheme":
            file.operators[0][schema.Operator.OPTIONS] = window(padding=7)
        case "an unknown activation":
            file.operators[0][schema.Operator.OPTIONS] = window(activation=4)
        case "another output shape":
            file.tensors[3][schema.TensorField.SHAPE] = np.array([1, 3, 3, 3], np.int32)
        case "an operator without outputs":
            file.operators[2][schema.Operator.OUTPUTS] = np.array([], np.int32)
        case "a softmax of no slope":
            file.operators[2][schema.Operator.OPTIONS] = {
                schema.SoftmaxOptions.BETA: Number("f", float("nan"))
            }
        case "a softmax of another scale":
            file.tensors[6][schema.TensorField.QUANTIZATION] = {
                schema.Quantization.SCALE: np.array([0.1], np.float32)
            }
        case "an image of a gigabyte":
            file.tensors[0][schema.TensorField.SHAPE] = np.array([1, 1 << 15, 1 << 15, 1], np.int32)
        case "zero elements":
            file.tensors[3][schema.TensorField.SHAPE] = np.array([1, 2, 0, 2], np.int32)
        case "written twice":
            file.operator(Builtin.RELU, (3,), (5,))
        case "a circle":
            file.operators[0][schema.Operator.INPUTS] = np.array([3, 1, 2], np.int32)
        case "read before it is written":
            file.operators.reverse()
        case "no operators":
            file.operators = []
        case _:
            raise AssertionError(change)
    return file


@pytest.mark.parametrize(
    "change",
    [
        *("two inputs", "two outputs", "no output", "output is the input", "output that nothing writes"),
        *("float inside", "no quantization", "asymmetric weights", "weights along another axis"),
        *("weights that do not fit", "weights that flow", "strides of zero", "huge dilation"),
        *("an unknown padding scheme", "an unknown activation", "another output shape"),
        *("an operator without outputs", "a softmax of no slope", "a softmax of another scale"),
        *(
            "an image of a gigabyte",
            "zero elements",
            "written twice",
            "a circle",
            "read before it is written",
            "no operators",
        ),
    ],
)
def test_what_makes_no_network_is_told(change: str) -> None:
    with pytest.raises(FormatError) as told:
        parse_tflite(_wrong(change).data(), source="some.tflite")
    assert "some.tflite" in told.value.what
    assert told.value.why
    assert told.value.hint
