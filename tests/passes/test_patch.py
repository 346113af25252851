"""The first layers in patches: parts of images, memory, distance, and what the checker refuses."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.branching import Builder

from lilliput.errors import NetError
from lilliput.net.access import Access
from lilliput.net.graph import Net, Optimize, Patches, Plan
from lilliput.net.ops import Add, AveragePool2D, Conv2D, DepthwiseConv2D, MaxPool2D, Op, Padding
from lilliput.net.patches import Span, grid, patch_net, regions, runs_in_patches
from lilliput.net.verify_plan import verify_plan
from lilliput.passes.liveness import no_scratch
from lilliput.passes.lower import access_of, arena_bytes_without_input, plan_for, scratch_of
from lilliput.passes.patch import patched, with_patches
from lilliput.targets.cores import core

ONE = Padding(1, 1, 1, 1)
M4 = core("cortex-m4")


def pixels(op: Op, net: Net) -> Access:
    return Access.PIXELS if isinstance(op, Conv2D | DepthwiseConv2D | MaxPool2D) else Access.ELEMENTS


def wide_beginning() -> Net:
    """A first stage whose images are four times as large as the input, then a shortcut."""
    builder = Builder((32, 32, 3))
    x = builder.conv("input", 12, (3, 3), padding=ONE)
    x = builder.depthwise(x, (3, 3), padding=ONE)
    x = builder.add(MaxPool2D, x, pool=(2, 2), strides=(2, 2))
    x = builder.conv(builder.conv(x, 8), 8, (3, 3), padding=ONE, strides=(2, 2))
    return builder.net(builder.add(Add, x, builder.conv(x, 8)))


def test_parts_are_what_a_tile_is_made_of() -> None:
    net = wide_beginning()
    found = regions(net.ops[:3], net, (4, 8))
    assert found["t2"].rows == Span(0, 4, 4)
    assert found["t1"].rows == Span(0, 8, 8)
    assert found["t0"].rows == Span(-1, 8, 10)
    assert found["input"].rows == Span(-2, 8, 12)
    assert found["input"].columns == Span(-2, 16, 20)
    small = patch_net(net.ops[:3], net, (4, 8))
    assert small.tensors["input"].shape == (12, 20, 3)
    for op in small.ops:
        shapes = [small.tensors[name].shape for name in op.inputs]
        assert op.output_shape(shapes) == small.tensors[op.outputs[0]].shape


def test_what_leaves_padding_out_or_reads_two_images_does_not_run_in_patches() -> None:
    builder = Builder((8, 8, 3))
    plain = builder.add(AveragePool2D, "input", pool=(2, 2), strides=(2, 2))
    padded = builder.add(AveragePool2D, "input", pool=(3, 3), padding=ONE)
    total = builder.add(Add, "input", padded)
    net = builder.net(total)
    assert [runs_in_patches(op, net) for op in net.ops] == [True, False, False]
    assert plain == "t0"


def test_patches_save_memory_where_the_beginning_is_wide() -> None:
    net = wide_beginning()
    arenas = []
    for number in (0, 2, 4):
        planned = plan_for(replace(net, optimize=Optimize.FLASH, patches=number), M4)
        plan = planned.plan
        assert plan
        assert (plan.patches is not None) == bool(number)
        if plan.patches:
            assert grid(plan.patches, planned) == (number, number)
            assert len(plan.patches.ops) >= 2
        assert 0 < arena_bytes_without_input(planned, M4) <= plan.arena_bytes
        arenas.append(plan.arena_bytes)
    assert arenas[2] < arenas[1] < arenas[0], arenas


def test_a_network_that_begins_with_a_branch_is_an_error() -> None:
    builder = Builder((8, 8, 3))
    net = builder.net(builder.add(Add, builder.conv("input", 3), "input"))
    with pytest.raises(NetError, match="cannot begin in patches"):
        with_patches(replace(net, patches=2), no_scratch, pixels)


def test_the_output_keeps_its_distance_from_the_input() -> None:
    """The checker agrees; at half that distance it refuses."""
    for height in range(8, 24):
        for number in (2, 3, 5):
            builder = Builder((height, 9, 2))
            x = builder.conv("input", 3, (3, 3), padding=ONE)
            net = builder.net(builder.depthwise(x, (3, 3), padding=ONE, strides=(1, 2)))
            found = with_patches(replace(net, patches=number), no_scratch, pixels)
            lead = found.overlaps["input"].lead_bytes
            assert 0 < lead < net.tensors["t1"].storage_bytes
            verify_plan(plan_for_parts(net, found.tile, lead), access=pixels)
            with pytest.raises(NetError, match="not intact"):
                verify_plan(plan_for_parts(net, found.tile, lead // 8 * 4), access=pixels)


def plan_for_parts(net: Net, tile: tuple[int, int], distance: int) -> Net:
    """A network that is nothing but patches, its output `distance` bytes before its input."""
    group = patched(net.ops, net, tile, no_scratch, pixels)
    top = 4096 + distance
    places, scratch, patches = group.shown(top)
    addresses = {**places, net.inputs[0]: distance, net.outputs[0]: 0}
    return replace(net, plan=Plan(addresses, scratch, top + group.memory_bytes, 0, (), patches))


def small_plan() -> Net:
    net = plan_for(replace(wide_beginning(), patches=4), M4)
    verify_plan(net, scratch_of(M4), access_of(M4))
    return net


def broken(net: Net, **changes: object) -> Net:
    assert net.plan
    assert net.plan.patches
    patches = replace(net.plan.patches, **changes)  # type: ignore[arg-type]
    return replace(net, plan=replace(net.plan, patches=patches))


def test_memory_of_patches_is_apart_from_input_and_output() -> None:
    net = small_plan()
    assert net.plan
    assert net.plan.patches
    for name in (net.inputs[0], net.ops[len(net.plan.patches.ops) - 1].outputs[0]):
        with pytest.raises(NetError, match="memory of patches"):
            verify_plan(broken(net, start=net.plan.addresses[name]))


def test_tensors_in_between_are_where_the_patches_have_them() -> None:
    net = small_plan()
    assert net.plan
    with pytest.raises(NetError, match="not where the patches"):
        verify_plan(replace(net, plan=replace(net.plan, addresses={**net.plan.addresses, "t0": 0})))


def test_patches_are_a_chain_of_ops_that_nobody_else_reads() -> None:
    net = small_plan()
    assert net.plan
    patches = net.plan.patches
    assert isinstance(patches, Patches)
    for ops, why in (
        (patches.ops[::-1], "not ops in execution order"),
        (tuple(op.name for op in net.ops), "is used outside"),
        ((), "not ops in execution order"),
    ):
        with pytest.raises(NetError, match=why):
            verify_plan(broken(net, ops=ops))
    with pytest.raises(NetError):
        verify_plan(broken(net, tile=(0, 4)))


def test_a_plan_of_a_patch_must_be_right_itself() -> None:
    net = small_plan()
    assert net.plan
    assert net.plan.patches
    inner = net.plan.patches.plan
    squeezed = dict.fromkeys(inner.addresses, 0)
    with pytest.raises(NetError):
        verify_plan(broken(net, plan=replace(inner, addresses=squeezed)), scratch_of(M4), access_of(M4))


def test_larger_tiles_do_not_fit_into_the_memory_of_smaller_ones() -> None:
    net = small_plan()
    assert net.plan
    assert net.plan.patches
    rows, columns = net.plan.patches.tile
    with pytest.raises(NetError):
        verify_plan(broken(net, tile=(2 * rows, columns)))
