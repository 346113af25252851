"""From a trained float network to any format, with and without fine-tuning."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.train.sketch import Sketch

import lilliput
from lilliput import cli, train
from lilliput.config import QuantizationSettings
from lilliput.data import Dataset, load
from lilliput.errors import ConfigError
from lilliput.flow.building import Quantizer, described
from lilliput.flow.quantizing import in_formats, tuning
from lilliput.flow.run_directory import RunDirectory
from lilliput.net import DType, Net
from lilliput.net.check import Stage, check
from lilliput.net.formats import formats_named
from lilliput.net.storage import load as load_net
from lilliput.net.storage import save
from lilliput.search.templates import Cnn, build
from lilliput.targets import board
from lilliput.train.settings import AugmentSettings, QatSettings, TrainSettings

SETTINGS = TrainSettings(epochs=6, batch_size=32, threads=1)


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load("digits")


@pytest.fixture(scope="module")
def trained(digits: Dataset) -> Net:
    shape = Cnn((6, 8), (3, 3), (2, 2), (16,), batch_norm=True)
    net = build(shape, digits.input_shape, digits.classes, "digits")
    return train.fit(described(net, digits), digits, SETTINGS).net


@pytest.fixture(scope="module")
def model(trained: Net, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "float.safetensors"
    save(trained, path)
    return path


def test_two_bits_learn_what_rounding_took(trained: Net, digits: Dataset) -> None:
    formats = formats_named("w2a2,logits=int8")
    tune = QatSettings(epochs=8, batch_size=32, learning_rate=0.01, scales="learned", refresh_steps=4)
    before, after = (
        Quantizer(QuantizationSettings(), qat, AugmentSettings(), board("generic-m4"), formats=formats)
        .build(trained, digits, seed=0)
        .accuracy(digits.test)
        for qat in (None, tune)
    )
    assert after > max(0.8, before + 0.2)


def test_single_bits_learn_what_rounding_took(trained: Net, digits: Dataset) -> None:
    formats = formats_named("w1a1,conv1=w8a1,logits=int8")
    tune = QatSettings(epochs=12, batch_size=32, learning_rate=0.01, scales="learned", refresh_steps=4)
    before, after = (
        Quantizer(QuantizationSettings(), qat, AugmentSettings(), board("generic-m4"), formats=formats)
        .build(trained, digits, seed=0)
        .accuracy(digits.test)
        for qat in (None, tune)
    )
    assert after > max(0.65, before + 0.2)


def test_each_layer_has_its_format(trained: Net, digits: Dataset) -> None:
    net = in_formats(trained, digits, formats_named("w4a6,conv2=w2a4,logits=int8"), qat=QatSettings(epochs=1))
    check(net, Stage.QUANTIZED)
    weights = {
        op.name: net.tensors[op.inputs[1]].dtype
        for op in net.ops
        if len(op.inputs) > 1 and net.tensors[op.inputs[1]].constant
    }
    assert weights == {
        "conv1": DType.INT4,
        "conv2": DType.INT2,
        "dense1": DType.INT4,
        "logits": DType.INT8,
    }


def test_float32_is_folded_and_not_rounded(trained: Net, digits: Dataset) -> None:
    net = in_formats(trained, digits, formats_named("float32"))
    check(net, Stage.FLOAT)
    assert len(net.ops) < len(trained.ops)


def test_an_op_that_is_not_there_is_named(trained: Net, digits: Dataset) -> None:
    with pytest.raises(ConfigError, match="has no op 'conv9'"):
        in_formats(trained, digits, formats_named("int8,conv9=w4a4"))


def test_scales_learn_where_bits_are_few() -> None:
    assert tuning(formats_named("int8"), 2).scales == "observed"
    assert tuning(formats_named("qmn16"), 2).scales == "observed"
    assert tuning(formats_named("int8,a=w4a8"), 2).scales == "learned"
    assert tuning(formats_named("w8a3"), 2) == QatSettings(epochs=2, scales="learned", learning_rate=0.001)


def test_compile_fine_tunes(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["compile", str(model), "--board", "generic-m4", "--format", "w3a3", "--data", "digits"]
    assert cli.main([*arguments, "-o", str(tmp_path / "plain")]) == 0
    assert cli.main([*arguments, "--qat", "6", "-o", str(tmp_path / "tuned")]) == 0
    capsys.readouterr()
    scores = [
        lilliput.measure(tmp_path / name, "host", data="digits:test").accuracy for name in ("plain", "tuned")
    ]
    assert scores[1] > scores[0]


def test_what_has_no_rounding_to_learn_is_not_fine_tuned(model: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nothing is rounded"):
        lilliput.compile(model, "generic-m4", tmp_path / "x", format="float32", qat=1)
    lilliput.compile(model, "generic-m4", tmp_path / "int8", data="digits")
    with pytest.raises(ConfigError, match="cannot be fine-tuned"):
        lilliput.compile(tmp_path / "int8", "generic-m4", tmp_path / "x", qat=1)
    with pytest.raises(ConfigError, match="is float"):
        lilliput.compile(model, "generic-m4", tmp_path / "x", qat=1)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "there is no number format ''"),
        ("w4a4,conv1=w2a2,conv1=w8a8", "op 'conv1' has two formats"),
        ("w4a4,conv1", "'conv1' does not say which op"),
        ("int8,conv1=float32", "cannot be in one network"),
    ],
)
def test_formats_that_mean_nothing_are_refused(model: Path, tmp_path: Path, text: str, what: str) -> None:
    with pytest.raises(ConfigError, match=what):
        lilliput.compile(model, "generic-m4", tmp_path / "out", data="digits", format=text)
    assert not (tmp_path / "out").exists()


def test_data_of_a_network_over_vectors_may_have_axes_of_length_one(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 13)).astype(np.float32)
    y = (x.sum(axis=1) > 0).astype(np.int64)
    sketch = Sketch((13,), rng)
    save(sketch.net(sketch.dense("input", 2)), tmp_path / "vector.safetensors")
    np.savez(tmp_path / "vector.npz", x=x, y=y)
    arguments = [
        "compile",
        str(tmp_path / "vector.safetensors"),
        "--board",
        "rp2040",
        "-o",
        str(tmp_path / "c"),
    ]
    assert cli.main([*arguments, "--data", str(tmp_path / "vector.npz")]) == 0
    assert cli.main(["measure", str(tmp_path / "c"), "--data", f"{tmp_path / 'vector.npz'}:test"]) == 0


def test_a_search_finds_networks_of_another_format(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(
        """
board = "rp2040"
[data]
name = "digits"
subset = 200
[budget]
error = 0.1
ram_bytes = 8000
[search]
trials = 1
[training]
epochs = 1
[quantization]
format = "int16x8"
[final]
networks = 0
"""
    )
    found = lilliput.search(tmp_path / "c.toml", tmp_path / "run")
    net = load_net(RunDirectory(found.directory).integer_net(0))
    assert {net.tensors[op.outputs[0]].dtype for op in net.ops} == {DType.INT16}
    assert found.trials[0].values["ram_bytes"] == found.trials[0].info["predicted"]["ram_bytes"]
