"""A file's records are read as they are, and indices that lead nowhere are told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.formats.tflite.files import FLOAT32, INT64, UINT8, File, small_file

from lilliput.errors import FormatError
from lilliput.formats.flatbuffer_writing import Number
from lilliput.formats.tflite import schema
from lilliput.formats.tflite.graph import parse_graph, read_graph
from lilliput.formats.tflite.schema import Builtin
from lilliput.net import DType, Quant


def test_tensors_and_operators_are_read() -> None:
    graph = parse_graph(small_file().data(), "file")
    assert [operator.title for operator in graph.operators] == ["CONV_2D", "FULLY_CONNECTED", "SOFTMAX"]
    assert graph.operators[1].inputs == (3, 4, -1)
    image, weights = graph.tensors[:2]
    assert (image.name, image.shape, image.dtype) == ("image", (1, 4, 4, 1), DType.INT8)
    assert image.quant == Quant.per_tensor(float(np.float32(0.05)), 3)
    assert image.data is None
    assert weights.data is not None
    assert weights.data.shape == (2, 2, 2, 1)
    assert weights.quant is not None
    assert (weights.quant.axis, weights.quant.zero_points) == (0, (0, 0))
    assert (graph.inputs, graph.outputs) == ((0,), (6,))


def test_constants_share_the_memory_of_the_file() -> None:
    data = small_file().data()
    found = parse_graph(data, "file").tensors[1].data
    assert found is not None
    assert np.shares_memory(found, np.frombuffer(data, np.uint8))


def test_types_that_a_network_has_not_are_none() -> None:
    file = small_file()
    file.tensor((1, 2), kind=INT64)
    assert parse_graph(file.data(), "file").tensors[-1].dtype is None


@pytest.mark.parametrize(
    ("scale", "axis"), [(0.0, 0), (-1.0, 0), (float("nan"), 0), (float("inf"), 0), ((0.1, 0.2, 0.3), 0)]
)
def test_a_quantization_that_makes_no_sense_is_none(scale: float | tuple[float, ...], axis: int) -> None:
    file = small_file()
    file.tensor((1, 2), scale=scale, axis=axis)
    assert parse_graph(file.data(), "file").tensors[-1].quant is None


def test_a_code_that_nobody_knows_has_a_title() -> None:
    file = small_file()
    file.operator(16, (0,), (6,))
    file.operator(250, (0,), (6,))
    file.operator(32, (0,), (6,))
    file.codes[-1] = {**file.codes[-1], schema.OperatorCode.CUSTOM: "TFLite_Detection"}
    titles = [operator.title for operator in parse_graph(file.data(), "file").operators[-3:]]
    assert titles == ["LSTM", "operator code 250", "custom operator 'TFLite_Detection'"]


def _beyond(field: int, value: object) -> Callable[[File], None]:
    def change(file: File) -> None:
        file.operators[0][field] = value

    return change


def _tensor(field: int, value: object) -> Callable[[File], None]:
    def change(file: File) -> None:
        file.tensors[1][field] = value

    return change


def _outputs(file: File) -> None:
    file.outputs = (99,)


def _inputs(file: File) -> None:
    file.inputs = (-1,)


DAMAGE: dict[str, tuple[Callable[[File], None], str]] = {
    "input": (_beyond(schema.Operator.INPUTS, np.array([99], np.int32)), "tensor that is not there"),
    "negative input": (_beyond(schema.Operator.INPUTS, np.array([-2], np.int32)), "tensor that is not there"),
    "output": (_beyond(schema.Operator.OUTPUTS, np.array([-1], np.int32)), "tensor that is not there"),
    "code": (_beyond(schema.Operator.CODE_INDEX, Number("I", 99)), "operator code 99 of 3"),
    "buffer": (_tensor(schema.TensorField.BUFFER, Number("I", 2**31)), "names buffer 2147483648"),
    "shape": (_tensor(schema.TensorField.SHAPE, np.array([1, -1], np.int32)), "fixed shapes"),
    "rank": (_tensor(schema.TensorField.SHAPE, np.full(1000, 2**31 - 1, np.int32)), "at most 8 axes"),
    "size": (_tensor(schema.TensorField.SHAPE, np.array([2, 2], np.int32)), "8 bytes of data"),
    "huge": (_tensor(schema.TensorField.SHAPE, np.full(8, 2**31 - 1, np.int32)), "8 bytes of data"),
    "type": (_tensor(schema.TensorField.TYPE, Number("b", FLOAT32)), "8 bytes of data"),
    "outputs of the graph": (_outputs, "tensor that is not there"),
    "inputs of the graph": (_inputs, "tensor that is not there"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_told(name: str) -> None:
    change, words = DAMAGE[name]
    file = small_file()
    change(file)
    with pytest.raises(FormatError, match=words):
        parse_graph(file.data(), "file")


@pytest.mark.parametrize("count", [0, 2])
def test_other_than_one_subgraph_is_told(count: int) -> None:
    file = small_file()
    file.subgraphs = count
    with pytest.raises(FormatError, match=f"it has {count} subgraphs"):
        parse_graph(file.data(), "file")


def test_a_missing_file_and_a_folder_are_told(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="cannot read"):
        read_graph(tmp_path / "none.tflite")
    with pytest.raises(FormatError, match="cannot read"):
        read_graph(tmp_path)


def test_a_file_larger_than_any_flash_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.tflite"
    with path.open("wb") as stream:
        stream.truncate(1 << 40)  # sparse: takes no room
    with pytest.raises(FormatError, match="too large"):
        read_graph(path)


def test_uint8_constants_are_read() -> None:
    file = File()
    file.tensor((3,), kind=UINT8, data=np.array([1, 2, 255], np.uint8))
    file.operator(Builtin.RELU, (0,), (0,))
    found = parse_graph(file.data(), "file").tensors[0].data
    assert found is not None
    assert found.tolist() == [1, 2, 255]
