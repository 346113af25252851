"""`--mixed BUDGET`: a float network compiled within a budget, with bits that its data chose."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.measure.small import needs_gcc

from lilliput import cli
from lilliput.config import DataSettings
from lilliput.cost.mixing import WIDTHS, Limits
from lilliput.data import load
from lilliput.errors import ConfigError
from lilliput.flow import mixing
from lilliput.flow.evaluation import load_data
from lilliput.flow.mixing import calibrated, limits_named, sensitivities, sizes
from lilliput.flow.quantizing import prepared
from lilliput.net import Net
from lilliput.net.formats import Formats, formats_named
from lilliput.net.storage import load as load_net
from lilliput.net.storage import save
from lilliput.search.chain import ChainSpace
from lilliput.search.chain_architecture import ChainArchitecture, Convolution, Dense, Pooling
from lilliput.targets import Board, board
from lilliput.train import fit
from lilliput.train.settings import TrainSettings


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network of digits, trained a little."""
    architecture = ChainArchitecture((Convolution(3, 8), Pooling(), Convolution(3, 12)), (Dense(24),))
    data = load("digits")
    net = ChainSpace().to_net(architecture, data.input_shape, data.classes, "digits")
    trained = fit(net, data, TrainSettings(epochs=4, batch_size=32, threads=1)).net
    path = tmp_path_factory.mktemp("model") / "float.safetensors"
    save(trained, path)
    return path


def compiled(model: Path, out: Path, budget: str, *more: str) -> int:
    return cli.main(
        ["compile", str(model), "--board", "generic-m4", "-o", str(out), "--mixed", budget, "--json", *more]
    )


def weights_of(net: Net) -> dict[str, int]:
    return {op.name: net.tensors[op.inputs[1]].dtype.bits for op in net.ops if len(op.inputs) == 3}


def test_the_library_keeps_the_budget_and_says_what_was_chosen(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def bytes_of(library: dict[str, Any]) -> float:
        return float(library["cost"]["weights_bytes"] + library["cost"]["code_bytes"])

    assert compiled(model, tmp_path / "whole", "flash=1MB", "--data", "digits") == 0
    whole = json.loads(capsys.readouterr().out)
    assert (whole["format"], whole["optimize"]) == ("int8", "speed")
    # Smaller kernels are enough for this.
    limit = 0.8 * bytes_of(whole)
    assert compiled(model, tmp_path / "small", f"flash={limit / 1000:.3f}kB", "--data", "digits") == 0
    small = json.loads(capsys.readouterr().out)
    assert bytes_of(small) <= limit
    assert (small["format"], small["optimize"]) == ("int8", "ram")
    # Below what int8 takes at the least, bits have to go.
    smallest = ("--data", "digits", "--optimize", "flash")
    assert compiled(model, tmp_path / "smallest", "flash=1MB", *smallest) == 0
    limit = 0.95 * bytes_of(json.loads(capsys.readouterr().out))
    assert compiled(model, tmp_path / "mixed", f"flash={limit / 1000:.3f}kB", "--data", "digits") == 0
    found = json.loads(capsys.readouterr().out)
    assert bytes_of(found) <= limit
    bits = weights_of(load_net(tmp_path / "mixed" / "model.safetensors"))
    stated = dict(part.split("=") for part in found["format"].split(",")[1:])
    assert {name: f"w{width}a8" for name, width in bits.items() if width < 8} == stated
    assert stated
    assert found["optimize"] == "flash"


def test_what_was_chosen_is_fine_tuned_if_asked(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compiled(model, tmp_path / "none", "flash=100", "--data", "digits") == 2
    smallest = re.search(r"flash=(\d+B)", capsys.readouterr().err)
    assert smallest
    nets = []
    for name, more in (("plain", ()), ("tuned", ("--qat", "20"))):
        assert compiled(model, tmp_path / name, f"flash={smallest[1]}", "--data", "digits", *more) == 0
        nets.append(load_net(tmp_path / name / "model.safetensors"))
    plain, tuned = nets
    assert weights_of(plain) == weights_of(tuned)
    assert any(
        not np.array_equal(plain.tensors[op.inputs[1]].data, tuned.tensors[op.inputs[1]].data)
        for op in plain.ops
        if len(op.inputs) == 3
    )


def test_a_budget_that_nothing_fits_ends_with_status_2_and_the_smallest_that_would_do(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compiled(model, tmp_path / "none", "flash=100", "--data", "digits") == 2
    assert "give flash=" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_of_two_limits_that_exclude_each_other_a_pair_is_told_that_does_not(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = []
    for limits in ("ram=1", "flash=1"):
        assert compiled(model, tmp_path / "none", limits, "--data", "digits") == 2
        told.append(re.search(r"give (\w+)=(\d+)B", capsys.readouterr().err))
    ram, flash = (int(one[2]) for one in told if one)
    assert compiled(model, tmp_path / "none", f"ram={ram},flash={flash}", "--data", "digits") == 2
    pair = re.search(r"give flash=(\d+)B", capsys.readouterr().err)
    assert pair
    assert int(pair[1]) > flash
    assert compiled(model, tmp_path / "fits", f"ram={ram},flash={pair[1]}", "--data", "digits") == 0


@needs_gcc
def test_what_is_built_keeps_the_budget_where_more_was_predicted_to_fit(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Sizes of code are predicted to some bytes only: int8 takes one more than the 3,135 it should."""
    target = board("generic-m4")
    told = []
    for flash in range(3_135, 2_850, -20):
        out = tmp_path / str(flash)
        assert compiled(model, out, f"flash={flash}", "--data", "digits", "--optimize", "flash") == 0
        cost = json.loads(capsys.readouterr().out)["cost"]
        told.append(cost["weights_bytes"] + cost["code_bytes"])
        assert sizes(load_net(out / "model.safetensors"), target).flash_bytes <= flash
    assert len(set(told)) > 3


def larger_code(monkeypatch: pytest.MonkeyPatch, more_bytes: int) -> None:
    """Builds take so much more than is predicted."""
    real = mixing.sizes

    def found(net: Net, target: Board) -> mixing.Sizes:
        taken = real(net, target)
        return replace(taken, flash_bytes=taken.flash_bytes + more_bytes)

    monkeypatch.setattr(mixing, "sizes", found)


def test_the_smallest_budget_that_is_told_is_that_of_what_is_built(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    larger_code(monkeypatch, 500)
    assert compiled(model, tmp_path / "none", "flash=100", "--data", "digits") == 2
    smallest = re.search(r"flash=(\d+)B", capsys.readouterr().err)
    assert smallest
    flash = int(smallest[1])
    assert compiled(model, tmp_path / "less", f"flash={flash - 1}", "--data", "digits") == 2
    assert f"give flash={flash}B" in capsys.readouterr().err
    assert compiled(model, tmp_path / "fits", f"flash={flash}", "--data", "digits") == 0
    cost = json.loads(capsys.readouterr().out)["cost"]
    assert cost["weights_bytes"] + cost["code_bytes"] <= flash - 400


def test_a_fine_tuning_that_needs_more_than_the_budget_is_told(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sized = mixing.Sizes(20_000, 5_000)
    monkeypatch.setattr(mixing, "_kept", lambda *_: formats_named("w4a8"))
    monkeypatch.setattr(mixing, "sizes", lambda *_: sized)
    budget = ("flash=19999", "--data", "digits", "--qat", "1")
    assert compiled(model, tmp_path / "none", *budget) == 2
    assert "give flash=20000B or more, or leave --qat out" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("more", "word"),
    [((), "--data NAME"), (("--data", "digits", "--format", "w4a8"), "leave one of the two options out")],
)
def test_what_is_missing_or_too_much_is_told(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], more: tuple[str, ...], word: str
) -> None:
    assert compiled(model, tmp_path / "none", "flash=20kB", *more) == 2
    assert word in capsys.readouterr().err


def test_two_bits_lose_more_than_seven_and_eight_lose_nothing(model: Path) -> None:
    data, net = load_data(DataSettings(name="digits")), prepared(load_net(model), Formats())
    found = sensitivities(net, data, calibrated(net, data))
    assert set(found) == {"conv1", "conv3", "dense1", "logits"}
    for by_width in found.values():
        assert tuple(by_width) == WIDTHS
        assert by_width[8] == 0.0
        assert by_width[2] > by_width[7] >= 0.0


def test_budgets_are_read() -> None:
    assert limits_named("flash=20kB") == Limits(flash_bytes=20_000)
    assert limits_named("ram = 8.5 KiB, flash=900") == Limits(flash_bytes=900, ram_bytes=8_704)
    for wrong in ("", "20kB", "flash=", "flash=-1", "flash=1TB", "rom=3", "ram=1,ram=2"):
        with pytest.raises(ConfigError):
            limits_named(wrong)
