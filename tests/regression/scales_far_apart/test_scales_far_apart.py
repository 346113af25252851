"""Scales so far apart that no factor holds their ratio are told, by every op and in both numeric profiles.

A hard swish with an input scale of 1e30 and an output scale of 1e-30 ended in an OverflowError, since float32
holds no such ratio.  Found by fuzzing.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.codegen.edge_cases import CASES

from lilliput.errors import NetError
from lilliput.net import Net, Profile, Quant
from lilliput.net.check import Stage, check

NAMES = (
    *("conv_relu", "depthwise", "dense_relu", "global_average", "add_relu6", "sub_of_two", "mul_of_two"),
    *("relu", "requantize", "hard_swish", "average_pool", "softmax"),
)
FAR = ((1e30, 1e-30), (1e30, 5e-324), (3e38, 1.0), (1e308, 1e-308))


def with_scales(net: Net, source: float, target: float) -> Net:
    tensors = dict(net.tensors)
    for name, scale in ((net.inputs[0], source), (net.outputs[0], target)):
        known = tensors[name].quant
        assert known is not None
        tensors[name] = replace(tensors[name], quant=Quant.per_tensor(scale, known.zero_point))
    return replace(net, tensors=tensors, plan=None)


@pytest.mark.parametrize("profile", Profile)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("scales", FAR)
def test_scales_far_apart_are_told(name: str, scales: tuple[float, float], profile: Profile) -> None:
    net = with_scales(CASES[name]("cortex-m4", "net"), *scales)
    net = replace(net, ops=tuple(replace(op, profile=profile) for op in net.ops))
    if name == "hard_swish" and profile is Profile.LILLIPUT and scales[0] <= 1e30:
        check(net, Stage.QUANTIZED)  # a table holds whatever comes out
        return
    with pytest.raises(NetError):
        check(net, Stage.QUANTIZED)
