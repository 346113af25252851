"""Where memory counts most, no arena is larger than where something else does, and few kernels are slower."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import MLPERF_TINY, quantized
from tests.codegen.quantized_builder import Builder
from tests.codegen.random_chains import random_chain
from tests.codegen.tflm_form import in_tflm
from tests.strategies import random_net

from lilliput.cost import cost
from lilliput.net import Activation, GlobalAveragePool2D, Net, Optimize, Padding, Profile
from lilliput.passes import plan_for
from lilliput.passes.choose_kernels import MOST_SLOWNESS
from lilliput.passes.lower import arena_bytes_without_input
from lilliput.targets import CORES, Core, board, core
from lilliput.targets.kernels import kernel_for

M4 = core("cortex-m4")
RELU = Activation.RELU


def speech_depthwise() -> Net:
    """49 frames of 40 features, eight filters of 10x8 over them, depthwise."""
    builder = Builder((49, 40, 1))
    x = builder.depthwise("x", (10, 8), 8, strides=(2, 2), padding=Padding(4, 5, 3, 3), activation=RELU)
    return builder.net(builder.dense(builder.flat(x), 4), name="speech_depthwise")


def speech_conv() -> Net:
    """The same as a convolution."""
    builder = Builder((49, 40, 1))
    x = builder.conv("x", 8, (10, 8), strides=(2, 2), padding=Padding(4, 5, 3, 3), activation=RELU)
    return builder.net(builder.dense(builder.flat(x), 4), name="speech_conv")


def wake_word(along_rows: bool = False) -> Net:
    """98 frames of 40 features, separable convolutions along time."""

    def sides(frames: int, other: int = 1) -> tuple[int, int]:
        return (other, frames) if along_rows else (frames, other)

    builder = Builder((*sides(98), 40))
    x = builder.conv("x", 32, sides(5), strides=sides(2), activation=RELU)
    for _ in range(3):
        x = builder.depthwise(x, sides(9 if along_rows else 3), activation=RELU)
        x = builder.conv(x, 32, (1, 1), activation=RELU)
    x = builder.flat(builder.add(GlobalAveragePool2D, x))
    return builder.net(builder.dense(x, 3), name="wake_word")


NETWORKS: dict[str, Callable[[], Net]] = {
    "speech_depthwise": speech_depthwise,
    "speech_conv": speech_conv,
    "wake_word": wake_word,
    "wake_word_along_rows": lambda: wake_word(along_rows=True),
}


def arenas(net: Net, target: Core) -> dict[Optimize, int]:
    """What `net` takes in each way; plans are proven."""
    plans = {way: plan_for(replace(net, optimize=way, plan=None), target).plan for way in Optimize}
    return {way: plan.arena_bytes for way, plan in plans.items() if plan}


@pytest.mark.parametrize("profile", Profile, ids=str)
@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("target", CORES, ids=lambda target: target.name)
def test_no_way_takes_less_memory(target: Core, name: str, profile: Profile) -> None:
    net = NETWORKS[name]()
    found = arenas(net if profile is Profile.LILLIPUT else in_tflm(net), target)
    assert min(found.values()) == found[Optimize.RAM]


@settings(max_examples=40)
@given(seed=st.integers(0, 1 << 20), target=st.sampled_from(CORES), is_chain=st.booleans())
def test_nor_does_it_for_other_networks(seed: int, target: Core, is_chain: bool) -> None:
    chain = replace(random_chain(seed, 3 + seed % 6, side=14), plan=None)
    found = arenas(chain if is_chain else random_net(np.random.default_rng(seed)), target)
    assert min(found.values()) == found[Optimize.RAM]


@pytest.mark.parametrize("name", ["cortex-m0plus", "cortex-m3", "rv32imc"])
@pytest.mark.parametrize("way", [Optimize.RAM, Optimize.FLASH], ids=str)
def test_a_small_core_takes_no_scratch_memory_for_many_filters(name: str, way: Optimize) -> None:
    # 1,960 bytes of input and 4,000 of output, which overlap.
    assert arenas(speech_depthwise(), core(name))[way] < 4_300


@pytest.mark.parametrize("target", CORES, ids=lambda target: target.name)
def test_each_kernel_gets_the_scratch_memory_that_it_takes(target: Core) -> None:
    for network in NETWORKS.values():
        net = plan_for(replace(network(), optimize=Optimize.RAM, plan=None), target)
        assert net.plan
        for op in net.ops:
            _, size = net.plan.scratch.get(op.name, (0, 0))
            assert size == kernel_for(op, net, target).scratch_bytes


def test_one_without_its_input_has_the_same_kernels() -> None:
    net = plan_for(replace(wake_word(), optimize=Optimize.RAM, plan=None), M4)
    fast = plan_for(replace(net, optimize=Optimize.SPEED, plan=None), M4)
    assert net.plan
    assert arena_bytes_without_input(net, M4) <= net.plan.arena_bytes
    assert arena_bytes_without_input(net, M4) <= arena_bytes_without_input(fast, M4)


@pytest.mark.parametrize("name", MLPERF_TINY)
@pytest.mark.parametrize("board_name", ["nucleo-l4r5zi", "rp2040"])
def test_published_networks_stay_nearly_as_fast(name: str, board_name: str) -> None:
    net, target = replace(quantized(MLPERF_TINY[name](0), Profile.TFLM), plan=None), board(board_name)
    ram, speed = (cost(replace(net, optimize=way), target).cycles for way in (Optimize.RAM, Optimize.SPEED))
    assert ram
    assert speed
    assert ram <= MOST_SLOWNESS * speed


def test_what_needs_no_memory_keeps_the_fastest_kernel() -> None:
    net = replace(wake_word(), optimize=Optimize.RAM, plan=None)
    small, fast = plan_for(net, M4), plan_for(replace(net, optimize=Optimize.SPEED), M4)
    last = small.ops[-3:]
    assert [kernel_for(op, small, M4) for op in last] == [kernel_for(op, fast, M4) for op in last]
    assert any(kernel_for(op, small, M4) != kernel_for(op, fast, M4) for op in small.ops)
