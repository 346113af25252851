from __future__ import annotations

import errno
import json
import os
import struct
from copy import copy
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file
from tests.strategies import float_nets, quantized_nets, random_net, without_weights

from lilliput.errors import FormatError, NetError, StorageError
from lilliput.net import Net, Optimize
from lilliput.net.check import check, stage_of
from lilliput.net.json_form import from_json, to_json
from lilliput.net.storage import load, save
from lilliput.passes.place import plan


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("nets")


@cache
def trained() -> Net:
    """A planned network with weights, as `compile` stores one."""
    for seed in range(99):
        net = random_net(np.random.default_rng(seed))
        if sum(tensor.constant for tensor in net.tensors.values()) >= 4:
            return plan(net)
    raise AssertionError("no seed gives weights")


@given(
    net=st.one_of(
        float_nets(), quantized_nets(), quantized_nets().map(plan), float_nets().map(without_weights)
    )
)
def test_what_is_saved_is_loaded(folder: Path, net: Net) -> None:
    save(net, folder / "net.safetensors")
    assert load(folder / "net.safetensors") == net


def test_the_same_network_gives_the_same_bytes(folder: Path) -> None:
    save(trained(), folder / "one")
    save(trained(), folder / "other")
    assert (folder / "one").read_bytes() == (folder / "other").read_bytes()


def test_an_invalid_network_is_not_written(folder: Path) -> None:
    net = trained()
    with pytest.raises(NetError):
        save(Net("Bad Name", net.ops, net.tensors, net.inputs, net.outputs), folder / "bad")
    assert not (folder / "bad").exists()


def test_a_full_disk_leaves_the_old_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / "kept"
    save(trained(), path)
    before = path.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="No space left"):
        save(random_net(np.random.default_rng(1)), path)
    assert path.read_bytes() == before
    assert not list(folder.glob(".kept*"))


def test_a_directory_that_is_missing_is_told(folder: Path) -> None:
    with pytest.raises(StorageError, match="could not be written"):
        save(trained(), folder / "nowhere" / "net")


def test_a_directory_without_permission_is_told(folder: Path) -> None:
    locked = folder / "locked"
    locked.mkdir(mode=0o500)
    if os.access(locked, os.W_OK):
        pytest.skip("this user may write everywhere")
    with pytest.raises(StorageError, match="Permission denied"):
        save(trained(), locked / "net")


def test_a_missing_file_is_told(folder: Path) -> None:
    with pytest.raises(FormatError, match="cannot be read"):
        load(folder / "absent")


def test_a_directory_is_no_network(folder: Path) -> None:
    with pytest.raises(FormatError):
        load(folder)


def test_safetensors_of_somebody_else_are_told(folder: Path) -> None:
    save_file({"weight": np.zeros(3, np.float32)}, folder / "other.safetensors")
    with pytest.raises(FormatError, match="no Lilliput network"):
        load(folder / "other.safetensors")


def test_a_file_of_another_version_is_told(folder: Path) -> None:
    save_file({}, folder / "future", {"lilliput": '{"version": 2, "net": {}}'})
    with pytest.raises(FormatError, match="format 2"):
        load(folder / "future")


def described(folder: Path, text: str) -> Path:
    """A file whose description is `text`."""
    save_file({"w": np.zeros(3, np.float32)}, folder / "described", {"lilliput": text})
    return folder / "described"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "null",
        "{",
        "NaN",
        '{"version": 1, "net": {}}',
        '{"version": 1, "net": [1]}',
        '{"version": 1, "net": {"name": 3}}',
        "[" * 100_000,
        "1" * 10_000,
        '"\ud800"',
        "{" * 9 + "}" * 9,
    ],
)
def test_descriptions_that_are_none_are_refused(folder: Path, text: str) -> None:
    path = described(folder, text.encode("utf-8", "replace").decode())
    with pytest.raises(FormatError):
        load(path)


def places(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(places(item) for item in inner)


def exchanged(value: Any, index: list[int], other: Any) -> Any:
    """`value` with the index-th place, counted depth first, replaced by `other`."""
    index[0] -= 1
    if index[0] == -1:
        return other
    if isinstance(value, dict):
        return {key: exchanged(item, index, other) for key, item in value.items()}
    return [exchanged(item, index, other) for item in value] if isinstance(value, list) else value


HOSTILE = st.sampled_from(
    [
        None,
        True,
        -1,
        0,
        2**31,
        2**70,
        1.5,
        1e308,
        "",
        "x",
        "op0",
        "../..",
        "\x00",
        [],
        [1],
        [0, 0],
        [[]],
        {},
        {"a": 1},
    ]
)


@given(where=st.floats(0, 1, exclude_max=True), other=HOSTILE)
@settings(max_examples=80)
def test_a_description_with_one_wrong_value_never_gives_a_traceback(
    folder: Path, where: float, other: Any
) -> None:
    net = trained()
    constants = {name: np.array(t.data) for name, t in net.tensors.items() if t.data is not None}
    plain = json.loads(json.dumps({"version": 1, "net": to_json(net)}))
    text = json.dumps(exchanged(plain, [int(where * places(plain))], other))
    save_file(constants, folder / "changed", {"lilliput": text})
    try:
        found = load(folder / "changed")
    except FormatError:
        return
    check(found, stage_of(found))


@given(data=st.data())
@settings(max_examples=60)
def test_damaged_bytes_never_give_a_traceback(folder: Path, data: st.DataObject) -> None:
    if not (folder / "whole").exists():
        save(trained(), folder / "whole")
    content = bytearray((folder / "whole").read_bytes())
    match data.draw(st.sampled_from(["cut", "flip", "grow", "header"])):
        case "cut":
            del content[data.draw(st.integers(0, len(content) - 1)) :]
        case "flip":
            for place in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=8)):
                content[place] ^= data.draw(st.integers(1, 255))
        case "grow":
            content += data.draw(st.binary(min_size=1, max_size=64))
        case _:
            content[:8] = struct.pack("<Q", data.draw(st.integers(0, 2**64 - 1)))
    (folder / "damaged").write_bytes(bytes(content))
    try:
        found = load(folder / "damaged")
    except FormatError:
        return
    check(found, stage_of(found))


@given(content=st.binary(max_size=200))
def test_random_bytes_are_no_network(folder: Path, content: bytes) -> None:
    (folder / "noise").write_bytes(content)
    with pytest.raises(FormatError):
        load(folder / "noise")


def test_constants_that_nothing_reads_are_refused() -> None:
    net = trained()
    constants = {name: np.array(t.data) for name, t in net.tensors.items() if t.data is not None}
    with pytest.raises(ValueError, match="stray"):
        from_json(to_json(net), {**constants, "stray": np.zeros(1, np.int8)})


def test_networks_reach_other_processes_whole() -> None:
    net = replace(trained(), optimize=Optimize.RAM)
    found = copy(net)  # as pickling does
    assert (found.ops, found.plan, found.optimize) == (net.ops, net.plan, net.optimize)
    assert dict(found.tensors) == dict(net.tensors)
