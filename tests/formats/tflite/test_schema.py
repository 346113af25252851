"""The numbers of the schema are those of TensorFlow Lite."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import pytest

from lilliput.formats.tflite import schema

OPTIONS = {
    schema.ConvOptions: "Conv2DOptions",
    schema.DepthwiseOptions: "DepthwiseConv2DOptions",
    schema.PoolOptions: "Pool2DOptions",
    schema.FullyConnectedOptions: "FullyConnectedOptions",
    schema.ElementWiseOptions: "AddOptions",
    schema.ConcatenationOptions: "ConcatenationOptions",
    schema.ReshapeOptions: "ReshapeOptions",
    schema.SoftmaxOptions: "SoftmaxOptions",
    schema.ReducerOptions: "ReducerOptions",
    schema.Model: "Model",
    schema.SubGraph: "SubGraph",
    schema.TensorField: "Tensor",
    schema.Quantization: "QuantizationParameters",
    schema.Operator: "Operator",
    schema.OperatorCode: "OperatorCode",
    schema.BufferField: "Buffer",
}
NAMES = {
    "STRIDE_W": "StrideW",
    "STRIDE_H": "StrideH",
    "FILTER_W": "FilterWidth",
    "FILTER_H": "FilterHeight",
    "DILATION_W": "DilationWFactor",
    "DILATION_H": "DilationHFactor",
    "ACTIVATION": "FusedActivationFunction",
    "MULTIPLIER": "DepthMultiplier",
    "DIMENSION": "QuantizedDimension",
    "OLD_CODE": "DeprecatedBuiltinCode",
    "CUSTOM": "CustomCode",
    "CODE": "BuiltinCode",
    "CODE_INDEX": "OpcodeIndex",
    "OPTIONS_TYPE": "BuiltinOptionsType",
    "OPTIONS": "BuiltinOptions",
}


class Recorder:
    """Stands in for the builder and notes which slots are filled."""

    def __init__(self) -> None:
        self.slots: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return lambda slot, *rest: self.slots.append(slot)


@pytest.fixture(scope="module")
def official() -> Any:
    return pytest.importorskip("tflite_micro.tensorflow.lite.micro.python.schema_py_generated")


def test_operator_codes(official: Any) -> None:
    for code in schema.Builtin:
        assert getattr(official.BuiltinOperator, code.name) == code
    for number, name in schema.OTHER_OPERATORS.items():
        assert getattr(official.BuiltinOperator, name) == number
    assert not set(schema.OTHER_OPERATORS) & set(schema.Builtin)


def test_types_of_tensors_and_options_and_fused_activations(official: Any) -> None:
    for number, dtype in schema.TYPES.items():
        assert getattr(official.TensorType, dtype.name) == number
    for kind in schema.OptionsType:
        if kind is not schema.OptionsType.NONE:
            name = kind.name.replace("PADV2", "PAD_V2").replace("_2D", "2D_")
            words = "".join(word.capitalize() for word in name.split("_"))
            found = {key.lower(): value for key, value in vars(official.BuiltinOptions).items()}
            assert found[f"{words}Options".lower()] == kind
    for number, activation in schema.ACTIVATIONS.items():
        assert getattr(official.ActivationFunctionType, activation.name) == number
    assert official.Padding.SAME == schema.PaddingScheme.SAME


@pytest.mark.parametrize("fields", OPTIONS)
def test_fields_of_tables(fields: type[IntEnum], official: Any) -> None:
    """The generated writer of a field fills the slot that we name."""
    for field in fields:
        words = NAMES.get(field.name) or "".join(word.capitalize() for word in field.name.split("_"))
        recorder = Recorder()
        getattr(official, f"{OPTIONS[fields]}Add{words}")(recorder, 0)
        assert recorder.slots == [field], f"{OPTIONS[fields]}.{words}"
