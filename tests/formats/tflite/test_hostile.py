"""Whatever bytes a file holds: a valid network or a FormatError, in little time and little memory."""

from __future__ import annotations

import struct
import tracemalloc
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.formats.tflite.files import File, small_file, window

from lilliput.errors import FormatError
from lilliput.formats.flatbuffer_writing import Number, to_flatbuffer
from lilliput.formats.tflite import parse_tflite, schema
from lilliput.formats.tflite.schema import Builtin
from lilliput.net import Net
from lilliput.net.check import Stage, check

WHOLE = small_file().data()


def attempt(data: bytes) -> Net | None:
    """The network, if the bytes hold one."""
    try:
        net = parse_tflite(data)
    except FormatError:
        return None
    check(net, Stage.QUANTIZED)
    return net


def test_the_whole_file_is_a_network() -> None:
    assert attempt(WHOLE) is not None


def test_a_file_cut_at_any_length_is_told() -> None:
    read = [length for length in range(len(WHOLE)) if attempt(WHOLE[:length]) is not None]
    # Only the zero that ends the last text may be missing.
    assert all(length >= len(WHOLE) - 4 for length in read)


def test_any_byte_may_be_anything() -> None:
    for place in range(len(WHOLE)):
        for value in (0, 0x7F, 0xFF):
            attempt(WHOLE[:place] + bytes([value]) + WHOLE[place + 1 :])


@given(st.data())
@settings(max_examples=300)
def test_random_flips_of_bytes(data: st.DataObject) -> None:
    content = bytearray(WHOLE)
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=12)):
        content[place] = data.draw(st.integers(0, 255))
    attempt(bytes(content))


@given(st.data())
@settings(max_examples=300)
def test_random_words(data: st.DataObject) -> None:
    """Offsets and lengths are words: small ones, huge ones and those that point back."""
    content = bytearray(WHOLE)
    for place in data.draw(st.lists(st.integers(0, len(content) // 4 - 1), min_size=1, max_size=4)):
        word = data.draw(st.one_of(st.integers(0, 64), st.integers(0, 2**32 - 1), st.just(2**32 - 4)))
        struct.pack_into("<I", content, 4 * place, word)
    attempt(bytes(content))


def limited(data: bytes) -> None:
    """Reads and demands that memory stays within a small multiple of the file."""
    tracemalloc.start()
    try:
        attempt(data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 100 * len(data) + 8_000_000


def many_operators_of_one_list() -> bytes:
    """20,000 operators that all refer to one list of 20,000 inputs."""
    shared: dict[int, Any] = {
        schema.Operator.INPUTS: np.zeros(20_000, np.int32),
        schema.Operator.OUTPUTS: np.array([6], np.int32),
    }
    return with_shared(schema.SubGraph.OPERATORS, shared)


def many_tensors_of_one_quantization() -> bytes:
    """20,000 tensors that all refer to one list of 20,000 scales."""
    shared: dict[int, Any] = {
        schema.TensorField.SHAPE: np.array([20_000], np.int32),
        schema.TensorField.QUANTIZATION: {
            schema.Quantization.SCALE: np.ones(20_000, np.float32),
            schema.Quantization.ZERO_POINT: np.zeros(20_000, np.int64),
        },
    }
    return with_shared(schema.SubGraph.TENSORS, shared)


def many_tensors_of_one_name() -> bytes:
    """20,000 tensors that all refer to one name of a million letters."""
    return with_shared(schema.SubGraph.TENSORS, {schema.TensorField.NAME: "x" * 1_000_000})


def with_shared(field: int, shared: dict[int, Any]) -> bytes:
    """small_file() whose vector `field` refers 20,000 times to one and the same table."""
    file = small_file()
    graph = {**file.graph(), field: [*file.graph()[field], shared, *[{}] * 20_000]}
    model = {
        schema.Model.OPERATOR_CODES: file.codes,
        schema.Model.SUBGRAPHS: [graph],
        schema.Model.BUFFERS: file.buffers,
    }
    data = bytearray(to_flatbuffer(model, b"TFL3"))
    length = struct.pack("<I", len(graph[field]))
    (start,) = [
        place
        for place in range(0, len(data) - 80_000, 4)
        if data[place : place + 4] == length and data[place + 4 : place + 8] != bytes(4)
    ][:1]
    entries = start + 4
    place = entries + 4 * (len(file.graph()[field]))
    target = place + struct.unpack_from("<I", data, place)[0]
    for entry in range(place, entries + 4 * len(graph[field]), 4):
        struct.pack_into("<I", data, entry, target - entry)
    return bytes(data)


def many_layers_of_one_matrix() -> bytes:
    """500 fully connected layers of 1,000 x 1,000 weights that the file holds once."""
    file = File()
    matrix = file.constant(np.ones((1000, 1000), np.int8))
    flowing = [file.tensor((1, 1000)) for _ in range(501)]
    for before, after in pairwise(flowing):
        file.operator(Builtin.FULLY_CONNECTED, (before, matrix), (after,), {})
    file.inputs, file.outputs = (flowing[0],), (flowing[-1],)
    return file.data()


def huge_images() -> bytes:
    """A convolution over an image of 2**60 elements."""
    file = File()
    image = file.tensor((1, 2**30, 2**30, 1))
    target = file.tensor((1, 2**30, 2**30, 1))
    file.operator(
        Builtin.CONV_2D, (image, file.constant(np.ones((1, 1, 1, 1), np.int8))), (target,), window()
    )
    file.inputs, file.outputs = (image,), (target,)
    return file.data()


def huge_padding() -> bytes:
    """A border of 2**31 - 1 on every side."""
    file = File()
    image, target = file.tensor((1, 4, 4, 1)), file.tensor((1, 4, 4, 1))
    amounts = file.integers([0, 0], [2**31 - 1] * 2, [2**31 - 1] * 2, [0, 0])
    file.operator(Builtin.PAD, (image, amounts), (target,))
    file.inputs, file.outputs = (image,), (target,)
    return file.data()


def huge_strides() -> bytes:
    """Options of 2**31 - 1."""
    file = small_file()
    file.operators[0][schema.Operator.OPTIONS] = {
        field: Number("i", 2**31 - 1) for field in schema.ConvOptions if field not in (0, 3)
    }
    return file.data()


@pytest.mark.parametrize(
    "make",
    [
        many_operators_of_one_list,
        many_tensors_of_one_quantization,
        many_tensors_of_one_name,
        many_layers_of_one_matrix,
        huge_images,
        huge_padding,
        huge_strides,
    ],
)
def test_files_that_claim_more_than_they_hold(make: Callable[[], bytes]) -> None:
    limited(make())
