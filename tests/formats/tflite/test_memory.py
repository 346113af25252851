"""What TensorFlow Lite Micro will need is predicted: activations to the byte, its structures nearly so."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from lilliput import cli, flow
from lilliput.errors import FormatError
from lilliput.formats.tflite import TflmMemory, tflm_memory, write_tflite
from lilliput.formats.tflite.memory import ALIGNMENT
from lilliput.net import Net
from lilliput.net.storage import save
from lilliput.passes import fold_batch_norm, fuse_activations, quantize
from lilliput.search.chain import ChainSpace
from lilliput.search.cnn import CnnSpace
from lilliput.search.templates import Mlp, ResNet, build, resnet_v1_6
from lilliput.train.torch_net import TorchNet

STRUCTURES_WITHIN_BYTES = 32
"""How far the predicted tail may be from the true one."""

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


def within(found: TflmMemory, head: int, tail: int) -> bool:
    return found.head == head and abs(found.tail - tail) <= STRUCTURES_WITHIN_BYTES


def test_arenas_of_random_networks_are_predicted(tmp_path: Path) -> None:
    paths = [tmp_path / f"{index}.tflite" for index in range(len(files()))]
    for path, data in zip(paths, files(), strict=True):
        path.write_bytes(data)
    told = reported(paths)
    assert len(told) == len(paths)
    for data, (head, tail) in zip(files(), told, strict=True):
        found = tflm_memory(data)
        assert within(found, head, tail), (found, head, tail)
        assert found.storage == len(data)
        assert found.arena == found.head + found.tail


@pytest.mark.skipif(
    "LILLIPUT_SHARED" not in os.environ, reason="LILLIPUT_SHARED, a folder with published models, is not set"
)
def test_arenas_of_published_networks_are_predicted() -> None:
    paths = [
        Path(os.environ["LILLIPUT_SHARED"]) / "models" / f"{name}.tflite" for name in ("ad", "kws", "ic")
    ]
    for path, (head, tail) in zip(paths, reported(paths), strict=True):
        assert within(tflm_memory(path.read_bytes()), head, tail)


def test_the_head_holds_what_lives_at_once() -> None:
    # Input of 40, hidden layers of 30 and 9, output of 5: the first two live together.
    assert tflm_memory(files()[-1]).head == sum(-(-size // ALIGNMENT) * ALIGNMENT for size in (40, 30)) + 16


def test_operators_that_were_not_measured_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from lilliput.formats.tflite import memory
    from lilliput.formats.tflite.schema import Builtin

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
