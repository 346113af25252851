"""The FlatBuffers reader gives what the writer wrote, and believes nothing."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lilliput.errors import FormatError
from lilliput.formats.flatbuffer import Table
from lilliput.formats.flatbuffer_writing import Number, to_flatbuffer


def read(data: bytes) -> Table:
    return Table.root(data, b"TEST", "the file")


def written(fields: dict[int, Any]) -> Table:
    return read(to_flatbuffer(fields, b"TEST"))


def test_what_is_written_is_read() -> None:
    table = written(
        {
            0: Number("b", -3),
            1: Number("q", -(2**40)),
            2: Number("f", 0.1),
            3: "größer",
            4: np.array([1, -2, 3], np.int32),
            6: {0: Number("I", 7), 2: "inner"},
            7: [{0: Number("i", 1)}, {}, {1: "third"}],
            8: Number("?", True),
        }
    )
    assert table.number(0, "b") == -3
    assert table.number(1, "q") == -(2**40)
    assert table.real(2) == np.float32(0.1)
    assert table.text(3) == "größer"
    assert table.array(4, "i4").tolist() == [1, -2, 3]
    inner = table.table(6)
    assert inner is not None
    assert (inner.number(0, "I"), inner.text(2)) == (7, "inner")
    first, second, third = table.tables(7)
    assert (first.number(0, "i"), second.number(0, "i", 9), third.text(1)) == (1, 9, "third")
    assert table.flag(8)


def test_absent_fields_give_the_default() -> None:
    table = written({3: Number("i", 1)})
    for index in (0, 1, 2, 4, 400):
        assert not table.has(index)
        assert table.number(index, "i", 5) == 5
        assert table.real(index, 0.5) == 0.5
        assert table.text(index) == ""
        assert table.array(index, "i4").size == 0
        assert table.table(index) is None
        assert table.tables(index) == ()
        assert not table.flag(index)
    assert table.has(3)


def test_vectors_of_bytes_are_aligned_to_sixteen() -> None:
    content = np.frombuffer(b"sixteen bytes!!!", np.uint8)
    for length in range(20):
        data = to_flatbuffer({0: "x" * length, 1: content}, b"TEST")
        assert data.index(content.tobytes()) % 16 == 0


@given(
    st.recursive(
        st.one_of(
            st.integers(-(2**31), 2**31 - 1).map(lambda value: Number("i", value)),
            st.text(max_size=9),
            st.lists(st.integers(-128, 127), max_size=9).map(lambda values: np.array(values, np.int8)),
        ),
        lambda inner: st.one_of(
            st.dictionaries(st.integers(0, 9), inner, max_size=4),
            st.lists(st.dictionaries(st.integers(0, 9), inner, max_size=3), max_size=3),
        ),
        max_leaves=12,
    )
)
def test_any_nesting_is_read_back(value: Any) -> None:
    compare(written({0: value}), 0, value)


def compare(table: Table, index: int, value: Any) -> None:
    match value:
        case Number():
            assert table.number(index, "i") == value.value
        case str():
            assert table.text(index) == value
        case np.ndarray():
            np.testing.assert_array_equal(table.array(index, "i1"), value)
        case dict():
            inner = table.table(index)
            assert inner is not None
            for key, item in value.items():
                compare(inner, key, item)
        case _:
            inners = table.tables(index)
            assert len(inners) == len(value)
            for inner, fields in zip(inners, value, strict=True):
                for key, item in fields.items():
                    compare(inner, key, item)


def test_another_identifier_is_told() -> None:
    with pytest.raises(FormatError, match="is not a TEST file"):
        read(to_flatbuffer({}, b"TFL3"))
    with pytest.raises(FormatError, match="is not a TEST file"):
        read(b"\0\0\0\0")


@pytest.mark.parametrize("root", [4, 12, 100, 2**31, 2**32 - 1])
def test_a_root_outside_the_data_is_told(root: int) -> None:
    data = struct.pack("<I4sI", root, b"TEST", 0xFFFFFFFF)
    with pytest.raises(FormatError, match="is damaged"):
        read(data).number(0, "i")


@pytest.mark.parametrize("length", [3, 100, 2**20, 2**31, 2**32 - 1])
@pytest.mark.parametrize("form", ["i1", "i4", "f4", "i8"])
def test_a_vector_longer_than_the_data_is_told(length: int, form: str) -> None:
    data = bytearray(to_flatbuffer({0: np.array([77, 77], np.int8)}, b"TEST"))
    start = data.index(b"\x4d\x4d") - 4
    struct.pack_into("<I", data, start, length)
    with pytest.raises(FormatError, match="is damaged"):
        read(bytes(data)).array(0, form)


def test_what_is_referred_to_over_and_over_is_not_read_over_and_over() -> None:
    content = np.zeros(50_000, np.uint8)
    many: list[dict[int, Any]] = [{0: Number("I", 0)} for _ in range(200)]
    data = bytearray(to_flatbuffer({0: content, 1: many}, b"TEST"))
    table = read(bytes(data))
    again = (table.array(0, "u1") for _ in table.tables(1))
    with pytest.raises(FormatError, match="over and over"):
        list(again)


@given(st.data())
def test_damaged_bytes_are_told_or_read(data: st.DataObject) -> None:
    content = bytearray(
        to_flatbuffer({0: "text", 1: np.arange(5, dtype=np.int32), 2: [{0: Number("i", 1)}] * 3}, b"TEST")
    )
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=4)):
        content[place] = data.draw(st.integers(0, 255))
    del content[data.draw(st.integers(0, len(content))) :]
    try:
        table = read(bytes(content))
        for index in range(6):
            table.text(index), table.array(index, "i8"), table.tables(index), table.table(index)
    except FormatError:
        pass
