"""What benchmarks measure is what they say it is."""

from __future__ import annotations

import pytest
from benchmarks.networks import MLPERF_TINY, quantized

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
