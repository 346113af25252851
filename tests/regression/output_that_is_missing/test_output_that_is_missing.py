"""A saved network with an op that writes a tensor which the file does not have is told.

Whether a network works on integers was asked of its outputs before anything had checked that they are there,
which ended in a KeyError.  Found by fuzzing.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from safetensors.numpy import save_file
from tests.fuzz.seeds import described
from tests.fuzz.targets import constants

from lilliput.errors import FormatError
from lilliput.net.json_form import to_json
from lilliput.net.storage import load


def test_a_missing_output_is_told(tmp_path: Path) -> None:
    network = to_json(described())
    network["ops"][0]["outputs"] = ["nowhere"]
    text = json.dumps({"version": 1, "net": network})
    save_file(constants(), tmp_path / "net", {"lilliput": text})
    with pytest.raises(FormatError, match="does not hold a valid network"):
        load(tmp_path / "net")
