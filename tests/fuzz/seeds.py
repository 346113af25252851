"""Inputs that fuzzing begins with: a few of each kind, all valid."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from tests.formats.tflite.files import small_file
from tests.formats.tflite.random_operators import random_file
from tests.fuzz.targets import constants, data_places
from tests.net.test_tflm import CASES, tflm
from tests.strategies import random_net

import lilliput.targets
from lilliput.formats.tflite import write_tflite
from lilliput.net import Conv2D, DType, FullyConnected, Net, Quant, Reshape, Softmax, Tensor
from lilliput.net.json_form import to_json
from lilliput.net.storage import save
from lilliput.passes import plan_for
from lilliput.targets import core

RANDOM_FILES = 30
EXAMPLES = Path(__file__).parents[2] / "examples"


def described() -> Net:
    """The network whose description is fuzzed; `targets.constants` are its data."""
    shapes = {"x": (6, 6, 1), "y": (2, 2, 2), "flat": (8,), "scores": (2,)}
    flowing = {
        name: Tensor(name, shape, DType.INT8, Quant.per_tensor(0.1, 3)) for name, shape in shapes.items()
    }
    flowing["shares"] = Tensor("shares", (2,), DType.INT8, Quant.per_tensor(1 / 256, -128))
    fixed = {
        "w": Quant((0.01, 0.02), (0, 0), 0),
        "b": Quant((0.001, 0.002), (0, 0), 0),
        "m": Quant.per_tensor(0.01),
    }
    for name, data in constants().items():
        dtype = DType(data.dtype.name)
        flowing[name] = Tensor(name, data.shape, dtype, fixed[name], constant=True, data=data)
    return Net(
        "seed",
        (
            Conv2D(name="conv", inputs=("x", "w", "b"), outputs=("y",), strides=(2, 2)),
            Reshape(name="flatten", inputs=("y",), outputs=("flat",), shape=(8,)),
            FullyConnected(name="dense", inputs=("flat", "m"), outputs=("scores",)),
            Softmax(name="softmax", inputs=("scores",), outputs=("shares",)),
        ),
        flowing,
        ("x",),
        ("shares",),
        labels=("yes", "no"),
    )


def tflite_files() -> list[bytes]:
    """.tflite files with every operator, alone and among others."""
    rows = (random_file([1, seed]) for seed in range(RANDOM_FILES))
    return [small_file().data(), *(write_tflite(tflm(*make(1))) for make in CASES.values()), *rows]


def network_files() -> list[bytes]:
    """Saved networks at every stage, and a description."""
    nets = [random_net(np.random.default_rng(seed), quantized=seed % 2 == 0, most_ops=3) for seed in range(4)]
    nets.append(plan_for(described(), core("cortex-m4")))
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for net in nets:
            save(net, Path(folder) / "net")
            found.append(b"\0" + (Path(folder) / "net").read_bytes())
    for net in (described(), nets[-1]):
        found.append(b"\1" + json.dumps({"version": 1, "net": to_json(net)}).encode())
    return found


def configuration_files() -> list[bytes]:
    """The examples."""
    return [path.read_bytes() for path in sorted(EXAMPLES.glob("*.toml"))]


def board_files() -> list[bytes]:
    """The boards that ship with the package."""
    folder = Path(lilliput.targets.__file__).parent / "boards"
    return [path.read_bytes() for path in sorted(folder.glob("*.toml"))]


def data_files() -> list[bytes]:
    """Every file of the small data sets."""
    return [bytes((index,)) + place.content for index, place in enumerate(data_places())]


SEEDS: Mapping[str, Callable[[], list[bytes]]] = {
    "tflite": tflite_files,
    "network": network_files,
    "configuration": configuration_files,
    "board": board_files,
    "data": data_files,
}
"""Target → its seeds."""
