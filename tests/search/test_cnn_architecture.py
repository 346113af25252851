"""Damaged or hostile JSON is refused with the place named, never with a traceback."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lilliput.errors import StudyError
from lilliput.search.cnn_architecture import decode, encode, formats

GOOD: dict[str, Any] = {
    "blocks": [
        {
            "connection": "serial",
            "layers": [
                {
                    "type": "full",
                    "kernel": 3,
                    "channels": 8,
                    "stride": 2,
                    "pre_pool": False,
                    "batch_norm": True,
                    "relu": True,
                }
            ],
        },
        {
            "connection": "parallel",
            "layers": [
                {
                    "type": "depthwise",
                    "kernel": 1,
                    "channels": None,
                    "stride": 1,
                    "pre_pool": True,
                    "batch_norm": False,
                    "relu": False,
                }
            ],
        },
    ],
    "pooling": {"type": "avg", "size": 2},
    "units": [10, 256],
}


def test_the_encoding_is_stable() -> None:
    assert encode(decode(GOOD)) == GOOD


def test_bits_are_written_where_they_are_not_8() -> None:
    narrow = copy.deepcopy(GOOD)
    narrow["blocks"][0]["layers"][0] |= {"bits": 4, "activation_bits": 6}
    narrow |= {"unit_bits": [[8, 8], [2, 4]], "bits": 3}
    assert encode(decode(narrow)) == narrow
    assert {op: found.name for op, found in formats(decode(narrow)).ops.items()} == {
        "block1_layer1_conv": "w4a6",
        "dense2": "w2a4",
        "logits": "w3a8",
    }


@pytest.mark.parametrize(
    "change", [{"bits": 1}, {"bits": True}, {"unit_bits": [[8, 8]]}, {"unit_bits": [[8, 8], [8, 9]]}]
)
def test_bits_that_do_not_exist_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(StudyError):
        decode({**GOOD, **change})


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("blocks", []),
        ("blocks", "abc"),
        ("blocks", GOOD["blocks"] * 6),
        ("blocks.0.connection", "parallel"),
        ("blocks.0.connection", ["serial"]),
        ("blocks.0.layers", []),
        ("blocks.0.layers.0", None),
        ("blocks.0.layers.0.type", "transposed"),
        ("blocks.0.layers.0.kernel", 2),
        ("blocks.0.layers.0.kernel", 3.0),
        ("blocks.0.layers.0.kernel", 1),  # its stride is 2
        ("blocks.0.layers.0.kernel", "3"),
        ("blocks.0.layers.0.channels", 0),
        ("blocks.0.layers.0.channels", 129),
        ("blocks.0.layers.0.channels", None),
        ("blocks.0.layers.0.channels", True),
        ("blocks.0.layers.0.channels", float("nan")),
        ("blocks.0.layers.0.channels", 10**4000),
        ("blocks.0.layers.0.stride", 3),
        ("blocks.0.layers.0.relu", 1),
        ("blocks.1.layers.0.channels", 8),
        ("pooling", None),
        ("pooling.type", "median"),
        ("pooling.size", 3),
        ("units", []),
        ("units", [10, 10, 10, 10]),
        ("units", [9]),
        ("units", [257]),
        ("units", {"0": 10}),
        ("extra", 1),
    ],
)
def test_a_wrong_value_is_refused(path: str, value: object) -> None:
    encoded = copy.deepcopy(GOOD)
    place: Any = encoded
    *way, last = path.split(".")
    for step in way:
        place = place[int(step) if step.isdigit() else step]
    place[int(last) if last.isdigit() else last] = value
    with pytest.raises(StudyError, match="not an architecture of the space 'cnn'"):
        decode(encoded)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(json_values, st.sampled_from(["blocks", "pooling", "units", None]))
def test_arbitrary_json_is_refused(value: Any, key: str | None) -> None:
    with pytest.raises(StudyError):
        decode(value if key is None else {**GOOD, key: value})
