"""What TensorFlow Lite Micro will need is predicted to the byte."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.small_nets import Sketch

from lilliput import cli, flow
from lilliput.errors import FormatError
from lilliput.formats.tflite import memory, tflm_memory, write_tflite
from lilliput.formats.tflite.graph import parse_graph
from lilliput.formats.tflite.memory import ALIGNMENT
from lilliput.formats.tflite.schema import Builtin
from lilliput.net import (
    Add,
    AveragePool2D,
    Concat,
    DepthwiseConv2D,
    GlobalAveragePool2D,
    HardSwish,
    LeakyReLU,
    Logistic,
    MaxPool2D,
    Mul,
    Net,
    Op,
    Pad,
    Padding,
    ReLU,
    ReLU6,
    Reshape,
    ResizeNearest,
    Slice,
    Softmax,
    Sub,
    Tanh,
    Transpose,
)
from lilliput.net.storage import save
from lilliput.passes import fold_batch_norm, fuse_activations, quantize
from lilliput.search.chain import ChainSpace
from lilliput.search.cnn import CnnSpace
from lilliput.search.templates import Mlp, ResNet, build, resnet_v1_6
from lilliput.train.torch_net import TorchNet

PROGRAM = """
import sys
from tflite_micro.python.tflite_micro import runtime
for path in sys.argv[1:]:
    data = open(path, "rb").read()
    runtime.Interpreter.from_bytes(data, arena_size=1 << 22).print_allocations()
"""


def file_of(net: Net, seed: int) -> bytes:
    """The .tflite file of an untrained network, every activation within the same range."""
    module = TorchNet(net, generator=torch.Generator().manual_seed(seed))
    folded = fuse_activations(fold_batch_norm(module.to_net()))
    ranges = {name: (-1.0, 1.0) for name, tensor in folded.tensors.items() if not tensor.constant}
    return write_tflite(quantize(folded, ranges))


@cache
def files() -> tuple[bytes, ...]:
    """Files of random networks that the prediction was not fitted on."""
    rng = np.random.default_rng(20_221)
    shapes = [(20, 20, 1), (1, 50, 3), (16, 12, 3)]
    nets = []
    for index in range(9):
        shape = shapes[index % 3]
        chain, cnn = ChainSpace((8, 8)), CnnSpace("log-uniform", "shallow")
        nets.append(chain.to_net(chain.sample(rng), shape, 6, "chain"))
        nets.append(cnn.to_net(cnn.sample(rng), shape, 6, "cnn"))
    nets.append(build(resnet_v1_6(7), (1, 60, 4), 5, "resnet"))
    nets.append(build(ResNet((4, 5), (3, 3), (2,), (2,), "max", True), (14, 14, 1), 5, "resnet"))
    nets.append(build(Mlp((30, 9)), (1, 1, 40), 5, "mlp"))
    return tuple(file_of(net, index) for index, net in enumerate(nets))


def reported(paths: list[Path]) -> list[tuple[int, int]]:
    """Head and tail of each arena, as the package itself tells; it prints from C++, hence the process."""
    pytest.importorskip(
        "tflite_micro.python.tflite_micro.runtime", reason="the pip package tflite-micro is the oracle"
    )
    command = [sys.executable, "-c", PROGRAM, *map(str, paths)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    parts = [
        [int(size) for size in re.findall(rf"Arena allocation {part} (\d+) bytes", done.stdout + done.stderr)]
        for part in ("head", "tail")
    ]
    return list(zip(*parts, strict=True))


def predicted(data: bytes) -> tuple[int, int]:
    found = tflm_memory(data)
    return found.head, found.tail


def every_operator() -> dict[str, bytes]:
    """Each operator that is written, once and three times in a row."""
    twice = {"pool": (2, 2), "strides": (2, 2)}
    chains: list[tuple[type[Op], dict[str, Any]]] = [
        *((kind, {}) for kind in (HardSwish, LeakyReLU, Logistic, ReLU, ReLU6, Tanh)),
        *((kind, twice) for kind in (AveragePool2D, MaxPool2D)),
        (MaxPool2D, {"pool": (3, 3), "padding": Padding(1, 2, 1, 0)}),
        (Pad, {"padding": Padding(1, 0, 2, 1)}),
        (ResizeNearest, {"size": (5, 6)}),
        (Slice, {"begin": (0, 0, 0), "end": (2, 3, 3), "steps": (1, 1, 1)}),
        (Transpose, {"permutation": (1, 0, 2)}),
    ]
    found = {}
    for length in (1, 3):
        for index, (kind, attributes) in enumerate(chains):
            sketch = Sketch((16, 16, 3))
            x = "x"
            for _ in range(length):
                x = sketch.add(kind, x, **attributes)
            found[f"{kind.__name__}{index}_{length}"] = written(sketch.net(x))
        for kind in (Add, Mul, Sub):
            sketch = Sketch((5, 4, 3))
            x = sketch.add(Tanh, "x")
            for _ in range(length):
                x = sketch.add(kind, x, "x")
            found[f"{kind.__name__}_{length}"] = written(sketch.net(x))
        for channels in (1, 5):
            sketch = Sketch((6, 7, channels))
            x = "x"
            for _ in range(length):
                weights = sketch.constant(sketch.rng.normal(size=(3, 3, 2 * channels)))
                x = sketch.conv(x, channels + 2)
                x = sketch.conv(sketch.add(Concat, x, x, axis=2), channels, 1)
                x = sketch.add(DepthwiseConv2D, x, weights, padding=Padding(1, 1, 1, 1))
                x = sketch.conv(x, channels)
                mean = sketch.add(GlobalAveragePool2D, x)
                x = sketch.add(Mul, x, sketch.add(Reshape, mean, shape=(1, 1, channels)))
            x = sketch.add(GlobalAveragePool2D, x)
            found[f"mixed{channels}_{length}"] = written(sketch.net(sketch.add(Softmax, x)))
        for bias in (True, False):
            sketch = Sketch((1, 1, 101))
            x = sketch.add(Reshape, "x", shape=(101,))
            for units in (33, 17, 3)[:length]:
                x = sketch.dense(x, units, bias=bias)
            found[f"dense{bias}_{length}"] = written(sketch.net(sketch.add(Softmax, x)))
    return found


def written(net: Net) -> bytes:
    """The file of a network whose tensors have ranges of their own, so that some are rescaled."""
    net = fuse_activations(net)
    names = [name for name, tensor in net.tensors.items() if not tensor.constant]
    return write_tflite(quantize(net, {name: (-1.0, 8.0 + k / 8) for k, name in enumerate(names)}))


def test_arenas_with_every_operator_are_predicted(tmp_path: Path) -> None:
    files = every_operator()
    used = {operator.title for data in files.values() for operator in parse_graph(data, "model").operators}
    assert used == {builtin.name for builtin in memory._STRUCTURES}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    told = reported([tmp_path / name for name in files])
    assert dict(zip(files, told, strict=True)) == {name: predicted(data) for name, data in files.items()}


def test_arenas_of_random_networks_are_predicted(tmp_path: Path) -> None:
    paths = [tmp_path / f"{index}.tflite" for index in range(len(files()))]
    for path, data in zip(paths, files(), strict=True):
        path.write_bytes(data)
    told = reported(paths)
    assert len(told) == len(paths)
    for data, (head, tail) in zip(files(), told, strict=True):
        found = tflm_memory(data)
        assert (found.head, found.tail) == (head, tail)
        assert found.storage == len(data)
        assert found.arena == found.head + found.tail


@pytest.mark.skipif(
    "LILLIPUT_SHARED" not in os.environ, reason="LILLIPUT_SHARED, a folder with published models, is not set"
)
def test_arenas_of_published_networks_are_predicted() -> None:
    paths = [
        Path(os.environ["LILLIPUT_SHARED"]) / "models" / f"{name}.tflite" for name in ("ad", "kws", "ic")
    ]
    assert [predicted(path.read_bytes()) for path in paths] == reported(paths)


def test_the_head_holds_what_lives_at_once() -> None:
    # Input of 40, hidden layers of 30 and 9, output of 5: the first two live together.
    assert tflm_memory(files()[-1]).head == sum(-(-size // ALIGNMENT) * ALIGNMENT for size in (40, 30)) + 16


def test_operators_that_were_not_measured_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(memory._STRUCTURES, Builtin.FULLY_CONNECTED)
    with pytest.raises(FormatError, match="cannot be predicted") as caught:
        tflm_memory(files()[-1], "model.tflite")
    assert "FULLY_CONNECTED" in str(caught.value)


def test_info_tells_it_of_networks_without_weights_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    net = build(resnet_v1_6(4), (1, 30, 3), 5, "resnet")
    trained = TorchNet(net, generator=torch.Generator().manual_seed(0)).to_net()
    found = {}
    for name, one in (("bare", net), ("trained", trained)):
        save(one, tmp_path / f"{name}.safetensors")
        told = flow.info(tmp_path / f"{name}.safetensors", tflm=True)["tflm_bytes"]
        found[name] = {key: told[key] for key in ("arena", "head", "tail")}
    assert found["bare"] == found["trained"]
    assert found["bare"]["arena"] == found["bare"]["head"] + found["bare"]["tail"]
    assert "tflm_bytes" not in flow.info(tmp_path / "bare.safetensors")
    assert cli.main(["info", str(tmp_path / "bare.safetensors"), "--tflm"]) == 0
    assert f"arena {found['bare']['arena']} B" in capsys.readouterr().out
