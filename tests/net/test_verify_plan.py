"""The checker of plans: right plans pass, every way of being wrong is named."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

import pytest
from tests.branching import Builder, random_net
from tests.playback import survives

from lilliput.errors import NetError
from lilliput.net.access import Access, AccessOf, in_place_only
from lilliput.net.graph import Net, Plan
from lilliput.net.ops import Add, Conv2D, MaxPool2D, Op, ReLU, Requantize, Reshape
from lilliput.net.verify_plan import verify_plan
from lilliput.passes.place import plan


def chain() -> Net:
    """input (64 bytes) → conv (128) → conv (64), both live in turn, with scratch memory in the first."""
    builder = Builder((4, 4, 4))
    net = builder.net(builder.conv(builder.conv("input", 8), 4))
    return planned(net, {"input": 0, "t0": 64, "t1": 0}, {"conv2d_0": (192, 20)}, 212)


def planned(net: Net, addresses: dict[str, int], scratch: dict[str, tuple[int, int]], arena: int) -> Net:
    return replace(net, plan=Plan(addresses, scratch, arena, 0))


def changed(net: Net, **addresses: int) -> Net:
    assert net.plan
    return replace(net, plan=replace(net.plan, addresses={**net.plan.addresses, **addresses}))


def branches() -> Net:
    builder = Builder((4, 4, 4))
    left = builder.conv("input", 4)
    right = builder.add(ReLU, "input")
    return planned(
        builder.net(builder.add(Add, left, right)), {"input": 0, "t0": 64, "t1": 0, "t2": 64}, {}, 128
    )


def test_a_right_plan_passes() -> None:
    verify_plan(chain())
    verify_plan(branches())


def test_a_network_without_a_plan_is_refused() -> None:
    with pytest.raises(NetError, match="has no plan"):
        verify_plan(replace(chain(), plan=None))


def test_an_output_over_its_own_input_is_refused() -> None:
    with pytest.raises(NetError, match="'t0' of op 'conv2d_0'") as caught:
        verify_plan(changed(chain(), t0=60))
    assert "overlaps its input 'input'" in str(caught.value)


def test_a_tensor_overwritten_before_its_last_reader_is_refused() -> None:
    builder = Builder((4, 4, 4))
    early = builder.conv("input", 4)
    late = builder.conv(builder.conv(early, 4), 4)
    net = builder.net(builder.add(Add, early, late))
    plan = {"input": 0, "t0": 64, "t1": 128, "t2": 64, "t3": 0}
    with pytest.raises(NetError, match="'t0' is not intact when op 'add_3' reads it") as caught:
        verify_plan(planned(net, plan, {}, 256))
    assert "64 bytes belong to 't2'" in str(caught.value)
    verify_plan(planned(net, {**plan, "t2": 0}, {}, 256))


def test_an_order_that_cannot_run_is_refused() -> None:
    net = chain()
    with pytest.raises(NetError, match="not intact when op 'conv2d_1' reads it") as caught:
        verify_plan(replace(net, ops=tuple(reversed(net.ops))))
    assert "128 bytes belong to nobody" in str(caught.value)


@pytest.mark.parametrize("arena", [208, 100, 0])
def test_a_shrunk_arena_is_refused(arena: int) -> None:
    net = chain()
    assert net.plan
    with pytest.raises(NetError, match="outside the arena"):
        verify_plan(replace(net, plan=replace(net.plan, arena_bytes=arena)))


@pytest.mark.parametrize(("arena", "text"), [(210, "not a multiple of 4"), (-4, "not a multiple")])
def test_an_arena_of_an_odd_size_is_refused(arena: int, text: str) -> None:
    net = chain()
    assert net.plan
    with pytest.raises(NetError, match=text):
        verify_plan(replace(net, plan=replace(net.plan, arena_bytes=arena)))


def test_an_unaligned_address_is_refused() -> None:
    with pytest.raises(NetError, match="address 66"):
        verify_plan(changed(chain(), t0=66))


def test_a_negative_address_is_refused() -> None:
    with pytest.raises(NetError, match="outside the arena"):
        verify_plan(changed(chain(), t1=-4))


@pytest.mark.parametrize(
    ("scratch", "text"),
    [
        ((0, 20), "overlaps its input 'input'"),
        ((188, 20), "overlaps its 't0'"),
        ((196, 20), "outside the arena"),
        ((193, 19), "not a multiple of 4"),
        ((192, -4), "has -4 bytes"),
    ],
)
def test_misplaced_scratch_memory_is_refused(scratch: tuple[int, int], text: str) -> None:
    net = chain()
    assert net.plan
    with pytest.raises(NetError, match=text):
        verify_plan(replace(net, plan=replace(net.plan, scratch={"conv2d_0": scratch})))


def test_scratch_memory_over_a_waiting_tensor_is_refused() -> None:
    net = branches()
    assert net.plan
    scratch = replace(net.plan, scratch={"relu_1": (100, 8)})
    with pytest.raises(NetError, match="'t0' is not intact") as caught:
        verify_plan(replace(net, plan=scratch))
    assert "8 bytes belong to nobody" in str(caught.value)


def test_too_little_scratch_memory_is_refused() -> None:
    net = chain()
    verify_plan(net, lambda op, _: 20 if op.name == "conv2d_0" else 0)
    with pytest.raises(NetError, match="has 20 bytes of scratch memory"):
        verify_plan(net, lambda op, _: 21 if op.name == "conv2d_0" else 0)


def test_in_place_by_half_is_refused() -> None:
    with pytest.raises(NetError, match="overlaps its input"):
        verify_plan(changed(branches(), t2=32))


def test_an_op_that_cannot_work_in_place_is_refused() -> None:
    builder = Builder((4, 4, 4))
    net = builder.net(builder.add(MaxPool2D, "input", pool=(1, 1)))
    with pytest.raises(NetError, match="overlaps its input"):
        verify_plan(planned(net, {"input": 0, "t0": 0}, {}, 64), access=in_place_only)


def test_an_output_that_follows_its_input_keeps_its_distance() -> None:
    """1x1 windows, 8 bytes of output for 4 of input: pixel 14 reaches to byte 120, pixel 15 begins at 120."""
    builder = Builder((4, 4, 4))
    net = planned(builder.net(builder.conv("input", 8)), {"input": 60, "t0": 0}, {}, 128)
    verify_plan(net)
    verify_plan(net, access=lambda op, net: Access.PIXELS)
    verify_plan(changed(net, input=56), access=lambda op, net: Access.ROWS)
    for access in (Access.WINDOWS, Access.ELEMENTS, Access.SEPARATE, Access.CHANNELS):
        with pytest.raises(NetError, match="overlaps its input"):
            verify_plan(net, access=lambda op, net, access=access: access)
    with pytest.raises(NetError, match="overlaps its input"):
        verify_plan(changed(net, input=56), access=lambda op, net: Access.PIXELS)
    with pytest.raises(NetError, match="overlaps its input"):
        verify_plan(changed(net, input=24))


def test_an_input_that_is_needed_later_is_not_followed() -> None:
    builder = Builder((4, 4, 4))
    left = builder.conv("input", 4)
    net = builder.net(builder.add(Add, left, "input"))
    with pytest.raises(NetError, match="overlaps its input"):
        verify_plan(planned(net, {"input": 0, "t0": 0, "t1": 64}, {}, 128))


def test_in_place_over_an_output_is_refused() -> None:
    builder = Builder((4, 4, 4))
    first = builder.conv("input", 4)
    net = builder.net(first, builder.add(ReLU, first))
    with pytest.raises(NetError, match="overlaps its input"):
        verify_plan(planned(net, {"input": 0, "t0": 64, "t1": 64}, {}, 128))


def test_an_overwritten_output_is_refused() -> None:
    builder = Builder((4, 4, 4))
    first = builder.conv("input", 4)
    net = builder.net(first, builder.conv(builder.conv(first, 2), 4))
    with pytest.raises(NetError, match="the caller reads the outputs"):
        verify_plan(planned(net, {"input": 0, "t0": 64, "t1": 0, "t2": 64}, {}, 128))


@pytest.mark.parametrize(
    ("addresses", "text"),
    [
        ({"input": 0, "t0": 64}, "have no address"),
        ({"input": 0, "t0": 64, "t1": 0, "w0": 0}, "no activations"),
    ],
)
def test_missing_and_foreign_addresses_are_refused(addresses: dict[str, int], text: str) -> None:
    with pytest.raises(NetError, match=text):
        verify_plan(planned(chain(), addresses, {}, 212))


def test_scratch_memory_of_an_unknown_op_is_refused() -> None:
    with pytest.raises(NetError, match="no such ops"):
        verify_plan(planned(chain(), {"input": 0, "t0": 64, "t1": 0}, {"x": (0, 4)}, 212))


def test_inputs_that_overlap_are_refused() -> None:
    net = branches()
    two = replace(net, ops=net.ops[:2], inputs=("input", "t2"), outputs=("t0",))
    with pytest.raises(NetError, match="overlaps another input"):
        verify_plan(planned(two, {"input": 0, "t2": 60, "t0": 128, "t1": 0}, {}, 256))


def test_a_lower_bound_above_the_arena_is_refused() -> None:
    net = chain()
    assert net.plan
    with pytest.raises(NetError, match="lower bound"):
        verify_plan(replace(net, plan=replace(net.plan, lower_bound_bytes=216)))


def _moves(net: Net, rng: random.Random) -> Iterator[Net]:
    assert net.plan
    for _ in range(30):
        name = rng.choice(sorted(net.plan.addresses))
        yield changed(net, **{name: rng.randrange(0, net.plan.arena_bytes, 4)})
        start = net.plan.addresses[name] + rng.choice([-8, -4, 4, 8])
        if start >= 0:
            yield changed(net, **{name: start})


PROMISES = {
    Conv2D: (Access.PIXELS, Access.WINDOWS),
    MaxPool2D: (Access.PIXELS, Access.WINDOWS),
    Add: (Access.ELEMENTS,),
    ReLU: (Access.ELEMENTS, Access.INPUTS_FIRST),
    Requantize: (Access.ELEMENTS,),
    Reshape: (Access.ELEMENTS,),
}


def _promised(seed: int) -> AccessOf:
    def access(op: Op, net: Net) -> Access:
        choices = (Access.SEPARATE, *PROMISES.get(type(op), ()))
        return choices[(seed + int(op.outputs[0][1:])) % len(choices)]

    return access


def test_moved_tensors_pass_only_if_the_bytes_say_so() -> None:
    """The verdict agrees with kernels that are played byte by byte."""
    rng = random.Random(7)
    refused = passed = overlapping = 0
    for seed in range(25):
        access = _promised(seed)
        found = plan(random_net(seed, 8, 5), access=access)
        verify_plan(found, access=access)
        assert survives(found, access)
        overlapping += plan(random_net(seed, 8, 5)).plan != found.plan
        for net in _moves(found, rng):
            try:
                verify_plan(net, access=access)
                fine = True
            except NetError:
                fine = False
            assert fine == survives(net, access), seed
            refused += not fine
            passed += fine
    assert refused > 400
    assert passed > 40
    assert overlapping > 10
