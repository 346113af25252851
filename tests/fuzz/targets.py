"""What is fuzzed: functions that take any bytes and may raise nothing.

Readers tell what is wrong with their input by a `LilliputError`; any other exception is a finding, and so is
a network that was accepted but cannot be run, written or compiled.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import numpy as np
from safetensors.numpy import save
from tests.fuzz.data_sets import Place, places

from lilliput.codegen import generate
from lilliput.config import read
from lilliput.errors import LilliputError
from lilliput.formats.tflite import parse_tflite, write_tflite
from lilliput.net import AveragePool2D, Conv2D, DepthwiseConv2D, MaxPool2D, Net
from lilliput.net.check import Stage, check, stage_of
from lilliput.net.macs import net_macs
from lilliput.net.reference import run
from lilliput.net.storage import load
from lilliput.passes import plan_for
from lilliput.targets import board

MOST_ELEMENTS = 20_000
"""Of all tensors of a network together, for what takes long to be tried on it."""


def tflite(data: bytes) -> None:
    """The content of a .tflite file."""
    try:
        net = parse_tflite(data)
    except LilliputError:
        return
    check(net, Stage.QUANTIZED)
    if is_small(net):
        x = np.zeros((2, *net.input.shape), net.input.dtype.numpy)
        y = run(net, x)
        np.testing.assert_array_equal(run(parse_tflite(write_tflite(net)), x).ravel(), y.ravel())
        compile_if_it_can_be(net)


def compile_if_it_can_be(net: Net) -> None:
    """A network that is valid may still be too large for the kernels, which is told."""
    target = board("generic-m4")
    try:
        generate(plan_for(net, target.core), target)
    except LilliputError:
        return


def network(data: bytes) -> None:
    """A saved network: all of the file after a first byte that is even, else only its description."""
    if not data:
        return
    content = data[1:]
    if data[0] % 2:
        content = save(constants(), metadata={"lilliput": content.decode("utf-8", "replace")})
    path = folder() / "network.safetensors"
    path.write_bytes(content)
    try:
        net = load(path)
    except LilliputError:
        return
    check(net, stage_of(net))
    if net.ops and is_small(net) and all(t.data is not None for t in net.tensors.values() if t.constant):
        run(net, np.zeros((1, *net.input.shape), net.input.dtype.numpy))


def configuration(data: bytes) -> None:
    """A configuration file."""
    path = folder() / "configuration.toml"
    path.write_bytes(data)
    try:
        read(path)
    except LilliputError:
        return


def board_file(data: bytes) -> None:
    """A board of the user's own."""
    path = folder() / "board.toml"
    path.write_bytes(data)
    try:
        board(path)
    except LilliputError:
        return


def data_set(data: bytes) -> None:
    """A file of a data set: the first byte tells which one, the others are its content."""
    if data:
        known = data_places()
        known[data[0] % len(known)].load_with(data[1:])


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    "tflite": tflite,
    "network": network,
    "configuration": configuration,
    "board": board_file,
    "data": data_set,
}
"""Name → what is given bytes."""


def is_small(net: Net) -> bool:
    """Whether running the network takes little time."""
    elements = net_macs(net) + sum(tensor.elements for tensor in net.tensors.values())
    for op in net.ops:
        if isinstance(op, Conv2D | DepthwiseConv2D | MaxPool2D | AveragePool2D):
            pad, (height, width, channels) = op.padding, net.tensors[op.inputs[0]].shape
            elements += (height + pad.top + pad.bottom) * (width + pad.left + pad.right) * channels
    return elements < MOST_ELEMENTS


def constants() -> dict[str, np.ndarray]:
    """Constants of the description that is fuzzed: those of the network in `seeds.described`."""
    return {
        "w": np.arange(-9, 9, dtype=np.int8).reshape(2, 3, 3, 1),
        "b": np.array([100, -100], np.int32),
        "m": np.arange(-8, 8, dtype=np.int8).reshape(2, 8),
    }


@cache
def data_places() -> list[Place]:
    """The files of data sets that `data_set` replaces."""
    return places(folder() / "data")


@cache
def folder() -> Path:
    """Where files are written that are read at once."""
    return Path(tempfile.mkdtemp(prefix="lilliput-fuzz-"))
