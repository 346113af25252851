"""What benchmarks measure is what they say it is."""

from __future__ import annotations

import pytest
from networks import MLPERF_TINY, quantized

from lilliput.formats.tflite import parse_tflite, write_tflite
from lilliput.net import Profile
from lilliput.net.check import Stage, check, stage_of
from lilliput.net.macs import net_macs

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
