"""What benchmarks measure is what they say it is."""

from __future__ import annotations

import json
from dataclasses import replace

import microai
import numpy as np
import peers
import pytest
import torch
from comparison import Comparison
from fit_cost import with_those
from networks import MLPERF_TINY, layers, mobilenet_v2, quantized
from peers import emx_figures, lilliput_figures, single_precision, subjects, tflm_arena_bytes
from qat import STATISTICS_STEPS, brevitas_lenet5, lenet5
from run import main
from side_by_side import COLUMNS, table

from lilliput import train
from lilliput.data import load
from lilliput.errors import ToolchainError
from lilliput.formats.tflite import parse_tflite, write_tflite
from lilliput.measure.measuring import random_vectors
from lilliput.measure.toolchain import find_toolchain
from lilliput.net import Profile
from lilliput.net.check import Stage, check, stage_of
from lilliput.net.macs import net_macs
from lilliput.net.reference import run_all
from lilliput.passes import plan_for
from lilliput.targets import board
from lilliput.train.settings import TrainSettings

# Banbury et al., arXiv:2106.07597, and the benchmark's own models.
MACS = {"ad": 264_192, "kws": 2_656_768, "ic": 12_501_632, "vww": 7_489_664}


@pytest.mark.parametrize("task", MLPERF_TINY)
def test_a_network_has_the_macs_of_the_one_it_stands_for(task) -> None:
    net = MLPERF_TINY[task](0)
    check(net, Stage.FLOAT)
    assert (net.name, net_macs(net)) == (task, MACS[task])


@pytest.mark.parametrize("profile", Profile)
def test_a_network_comes_in_both_profiles(profile) -> None:
    net = quantized(MLPERF_TINY["kws"](0), profile)
    assert stage_of(net) is Stage.QUANTIZED
    assert {op.profile for op in net.ops} == {profile}


def test_other_programs_get_the_same_network() -> None:
    net = parse_tflite(write_tflite(quantized(MLPERF_TINY["ad"](0), Profile.TFLM)), "ad")
    assert net_macs(net) == MACS["ad"]


@pytest.mark.parametrize("task", MLPERF_TINY)
def test_peers_get_a_valid_onnx_model(task) -> None:
    onnx = pytest.importorskip("onnx", reason="the extra 'bench' is not installed")
    from onnx_model import to_onnx

    net = quantized(MLPERF_TINY[task](0))
    model = to_onnx(net)
    onnx.checker.check_model(model)
    assert len(model.graph.node) == len(net.ops)


def test_inverted_residuals_have_sums() -> None:
    net = mobilenet_v2()
    check(net, Stage.FLOAT)
    assert [type(op).__name__ for op in net.ops].count("Add") == 3


def test_a_table_has_a_block_for_each_subject_and_tells_ratios() -> None:
    text = table(
        [
            Comparison("board, net, cycles", "cycles", ("lilliput", 2000), ("other", 5000)),
            Comparison("board, net, code_bytes", "bytes", ("lilliput", 300), ("other", 150)),
            Comparison("board, net, cycles", "cycles", ("lilliput", 2000), ("third", 1000)),
            Comparison("board, more, cycles_a_mac", "cycles/MAC", ("lilliput", 1.5), ("other", 3.0)),
        ]
    )
    first, second = text.split("\n\n")
    heading, ours, other, third = (line.split() for line in first.splitlines())
    assert heading[:2] == ["board,", "net"]
    assert set(" ".join(COLUMNS.values()).split()) <= set(heading)
    assert ours == ["lilliput", "2,000", "300"]
    assert other == ["other", "5,000", "(2.50×)", "150", "(0.50×)"]
    assert third == ["third", "1,000", "(0.50×)"]
    assert second.splitlines()[1].split() == ["lilliput", "1.5"]


def test_networks_of_a_comparison_have_names_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LILLIPUT_SHARED", raising=False)
    titles = [subject.title for subject in subjects(0)]
    assert len(titles) == len(set(titles)) > len(MLPERF_TINY)


def test_a_peer_that_is_not_installed_is_left_out_and_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("peers.MEASURED", {})
    monkeypatch.delenv("LILLIPUT_SHARED", raising=False)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert list(peers.run(0)) == []
    told = capsys.readouterr().err
    assert "emx_onnx_cgen is not installed: pip install 'lilliput[bench]'" in told
    assert "tflite_micro is not installed: pip install 'lilliput[dev]'" in told


def test_tensorflow_lite_micro_tells_its_arena() -> None:
    pytest.importorskip("tflite_micro", reason="the pip package tflite-micro is what is measured")
    found = tflm_arena_bytes(write_tflite(quantized(MLPERF_TINY["ad"](0))))
    # The largest layer's input and output.
    assert 640 + 128 <= found["head"] < found["total"]


def test_a_core_without_doubles_keeps_its_other_instructions() -> None:
    for name in ("nucleo-h743zi", "nucleo-l4r5zi"):
        target = single_precision(board(name))
        assert not target.core.fpu_double
        assert "-mfpu=fpv5-d16" not in target.core.gcc_flags
        try:
            find_toolchain(target)
        except ToolchainError as error:
            pytest.skip(str(error))


@pytest.mark.parametrize("name", ["nucleo-l4r5zi", "nucleo-h743zi"])
def test_both_sides_are_measured_on_the_same_network(name: str) -> None:
    pytest.importorskip("emx_onnx_cgen", reason="the extra 'bench' is not installed")
    pytest.importorskip("onnx", reason="the extra 'bench' is not installed")
    net, target = quantized(replace(layers(0)["fully connected, 256 → 64"], normalization=None)), board(name)
    x = random_vectors(net, 3)[2]
    ours, theirs = lilliput_figures(net, target, x), emx_figures(net, target, x)
    assert np.abs(ours.output.astype(int) - theirs.output.astype(int)).max() <= 1
    plan = plan_for(net, target.core).plan
    assert plan is not None
    assert plan.arena_bytes <= ours.ram_bytes
    assert net_macs(net) / 2 < ours.cycles < theirs.cycles


def test_a_run_says_what_it_ran_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["run.py", "--seed", "7", "--json", "host"])
    monkeypatch.setattr("host.run", lambda seed: [Comparison(f"of {seed}", "s", ("a", 1.0), ("b", 2.0))])
    assert main() == 0
    found = json.loads(capsys.readouterr().out)
    assert found["about"]["seed"] == "7"
    assert {"machine", "lilliput", "Python", "command", "tflite-micro", "emx-onnx-cgen"} <= set(
        found["about"]
    )
    assert [(line["what"], line["ratio"]) for line in found["results"]["host"]] == [("of 7", 2.0)]


def test_a_fit_of_some_kernels_leaves_what_is_known_of_others() -> None:
    known = {"cycles": {"call": 2.0, "functions": {"lp_add": {"once": 1.0}, "lp_pad": {"once": 2.0}}}}
    fitted = {"cycles": {"call": 3.0, "functions": {"lp_pad": {"once": 4.0}, "lp_mul": {"once": 5.0}}}}
    found = with_those(known, fitted, ["lp_pad", "lp_mul", "lp_sub"])
    functions = {"lp_add": {"once": 1.0}, "lp_mul": {"once": 5.0}, "lp_pad": {"once": 4.0}}
    assert found == {"cycles": {"call": 2.0, "functions": functions}}


def test_brevitas_gets_the_same_network() -> None:
    pytest.importorskip("brevitas", reason="the extra 'bench' is not installed")
    data = load("digits", size=(28, 28))
    net = train.fit(lenet5(data), data, TrainSettings(epochs=2, batch_size=32, threads=1)).net
    assert net.normalization is not None
    raw = data.test.x[:64]
    images = torch.from_numpy(raw.copy()).permute(0, 3, 1, 2).float()
    images = (images - net.normalization.mean[0]) / net.normalization.std[0]
    model = brevitas_lenet5(net, 8)
    for _ in range(STATISTICS_STEPS + 1):
        model(images)
    with torch.no_grad():
        found = model.eval()(images).numpy()
    expected = train.logits(net, raw)
    assert np.abs(found - expected).max() < 0.05 * np.abs(expected).max()


@pytest.mark.parametrize(("name", "bound"), [("float32", 1e-6), ("int16", 0.1), ("int8", 0.3)])
def test_microai_gets_the_same_network(name, bound) -> None:
    pytest.importorskip("qualia_codegen_core", reason="it is there to compare with, and under the AGPL")
    rng = np.random.default_rng(0)
    net = microai.float_net(4, rng)
    flows = run_all(net, rng.normal(0, 1, (4, *microai.SHAPE)).astype(np.float32))
    exact = flows[net.output.name][0].ravel()
    for figures in (microai.lilliput_figures, microai.qualia_figures):
        found = figures(net, flows, microai.WIDTHS[name])
        assert np.abs(found.output - exact).max() < bound * np.abs(exact).max()
        assert found.cycles > net_macs(net)


def test_a_peer_that_is_not_installed_is_named(monkeypatch, capsys) -> None:
    monkeypatch.setattr(microai, "PACKAGE", "there_is_none")
    assert list(microai.run(0)) == []
    assert "qualia-codegen-core is not installed" in capsys.readouterr().err


def test_binary_digits_follow_the_papers_equations() -> None:
    # m = 1 + floor(log2 max|x|), n = w - m - 1.
    assert microai.digits(microai.WIDTHS["int8"], np.array([0.9, -0.3])) == 7
    assert microai.digits(microai.WIDTHS["int8"], np.array([1.0])) == 6
    assert microai.digits(microai.WIDTHS["int8"], np.array([0.2]), np.array([-5.0])) == 4
    assert microai.digits(microai.WIDTHS["int16"], np.array([5.0])) == 9
    assert microai.digits(microai.WIDTHS["float32"], np.array([5.0])) == 0
