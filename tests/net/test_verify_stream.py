"""The checker of streams: right ones pass, every way of being wrong is named."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from tests.branching import Builder, random_images
from tests.forced_streams import planned_in_streams
from tests.playback import survives

from lilliput.errors import NetError
from lilliput.net.access import Access, AccessOf
from lilliput.net.graph import Net, Stream
from lilliput.net.ops import Add, Concat, GlobalAveragePool2D, MaxPool2D, Op, Padding, ReLU
from lilliput.net.verify_plan import verify_plan
from lilliput.passes.liveness import no_scratch
from lilliput.passes.lower import access_of, scratch_of
from lilliput.passes.place import place
from lilliput.targets.cores import CORES

ONE = Padding(1, 1, 1, 1)


def pixels(op: Op, net: Net) -> Access:
    return Access.PIXELS


def chain() -> Net:
    """input 8x4x2 → 3x3 (t0) → 3x3 (t1) → 2x2 pool (t2); the first two take turns, 64 + 24 + 64 bytes."""
    builder = Builder((8, 4, 2))
    first = builder.conv("input", 2, (3, 3), padding=ONE)
    second = builder.conv(first, 2, (3, 3), padding=ONE)
    net = place(builder.net(builder.add(MaxPool2D, second, strides=(2, 2))))
    assert net.plan
    addresses = {"input": 0, "t0": 64, "t1": 88, "t2": 0}
    stream = Stream(("conv2d_0", "conv2d_1"), 1, {"t0": 3})
    return replace(net, plan=replace(net.plan, addresses=addresses, arena_bytes=152, streams=(stream,)))


def changed(net: Net, **attributes: object) -> Net:
    assert net.plan
    stream = replace(net.plan.streams[0], **attributes)  # type: ignore[arg-type]
    return replace(net, plan=replace(net.plan, streams=(stream,)))


def moved(net: Net, **addresses: int) -> Net:
    assert net.plan
    return replace(net, plan=replace(net.plan, addresses={**net.plan.addresses, **addresses}))


def test_a_right_stream_passes() -> None:
    verify_plan(chain())
    verify_plan(changed(chain(), rows=1))
    assert survives(chain(), pixels)


@pytest.mark.parametrize(
    ("attributes", "text"),
    [
        ({"rows": 0}, "makes 0 rows"),
        ({"rows": 2}, "holds 3 rows"),
        ({"heights": {"t0": 2}}, "holds 2 rows"),
        ({"heights": {}}, "windows of"),
        ({"heights": {"t0": 3, "t1": 3}}, "windows of"),
        ({"ops": ("conv2d_1", "conv2d_0")}, "not two or more ops"),
        ({"ops": ("conv2d_0",)}, "not two or more ops"),
        ({"ops": ("conv2d_0", "maxpool2d_2")}, "not two or more ops"),
        ({"ops": ()}, "not two or more ops"),
    ],
)
def test_a_stream_that_is_described_wrongly_is_refused(attributes: dict[str, object], text: str) -> None:
    with pytest.raises(NetError, match=text):
        verify_plan(changed(chain(), **attributes))


def test_an_image_that_others_use_has_no_window() -> None:
    builder = Builder((8, 4, 2))
    first = builder.conv("input", 2)
    second = builder.conv(first, 2)
    net = place(builder.net(builder.add(Add, first, second)))
    assert net.plan
    streams = (Stream(("conv2d_0", "conv2d_1"), 1, {"t0": 1}),)
    with pytest.raises(NetError, match="used outside"):
        verify_plan(replace(net, plan=replace(net.plan, streams=streams)))


def test_what_does_not_run_by_rows_is_in_no_stream() -> None:
    builder = Builder((8, 4, 2))
    net = place(builder.net(builder.add(GlobalAveragePool2D, builder.conv("input", 2))))
    assert net.plan
    streams = (Stream(("conv2d_0", "globalaveragepool2d_1"), 1, {"t0": 1}),)
    with pytest.raises(NetError, match="does not run row by row"):
        verify_plan(replace(net, plan=replace(net.plan, streams=streams)))


def test_windows_lie_inside_the_arena() -> None:
    with pytest.raises(NetError, match="outside the arena"):
        verify_plan(moved(chain(), t0=132))


def test_a_window_over_an_input_that_is_still_read_is_refused() -> None:
    with pytest.raises(NetError, match="not intact"):
        verify_plan(moved(chain(), t0=40))


def test_an_output_that_runs_ahead_of_the_inputs_rows_is_refused() -> None:
    """Both images have rows of 8 bytes; the first op has read two rows more than the last one writes."""
    verify_plan(moved(chain(), input=88, t1=88, t0=64))
    verify_plan(moved(chain(), input=88, t1=80, t0=0))
    with pytest.raises(NetError, match="not intact"):
        verify_plan(moved(chain(), input=80, t1=88, t0=0))


def test_scratch_memory_is_apart_and_large_enough() -> None:
    net = chain()
    assert net.plan

    def with_scratch(start: int) -> Net:
        assert net.plan
        plan = replace(net.plan, scratch={"conv2d_0": (start, 8)}, arena_bytes=160)
        return replace(net, plan=plan)

    verify_plan(with_scratch(152))
    verify_plan(with_scratch(152), lambda op, part: 8 if op.name == "conv2d_0" else 0)
    with pytest.raises(NetError, match="has 8 bytes of scratch memory"):
        verify_plan(with_scratch(152), lambda op, part: 9 if op.name == "conv2d_0" else 0)
    for start in (0, 64):
        with pytest.raises(NetError, match="scratch memory"):
            verify_plan(with_scratch(start))


def test_a_kernel_is_asked_for_the_scratch_memory_of_its_largest_turn() -> None:
    asked: dict[str, tuple[int, ...]] = {}

    def scratch(op: Op, part: Net) -> int:
        asked[op.name] = part.tensors[op.outputs[0]].shape
        return 0

    verify_plan(chain(), scratch)
    assert asked["conv2d_0"] == (2, 4, 2)
    assert asked["conv2d_1"] == (1, 4, 2)


def _promises(seed: int) -> AccessOf:
    def access(op: Op, net: Net) -> Access:
        if isinstance(op, Add | ReLU | Concat):
            return Access.SEPARATE if isinstance(op, Concat) else Access.ELEMENTS
        return (Access.PIXELS, Access.WINDOWS, Access.SEPARATE)[(seed + int(op.outputs[0][1:])) % 3]

    return access


def test_changed_streams_pass_only_if_the_bytes_say_so() -> None:
    """The verdict agrees with kernels that are played byte by byte."""
    rng = random.Random(5)
    refused = passed = 0
    for seed in range(60):
        access = _promises(seed)
        net = planned_in_streams(random_images(seed, 5), seed, no_scratch, access)
        assert net.plan
        if not net.plan.streams:
            continue
        verify_plan(net, access=access)
        assert survives(net, access), seed
        for _ in range(12):
            name = rng.choice(sorted(net.plan.addresses))
            start = net.plan.addresses[name] + rng.choice([-8, -4, 4, 8])
            other = moved(net, **{name: max(start, 0)})
            try:
                verify_plan(other, access=access)
                fine = True
            except NetError:
                fine = False
            # The checker does not look into a turn of kernels that promise nothing.
            assert fine <= survives(other, access), (seed, name, start)
            refused += not fine
            passed += fine
    assert refused > 100
    assert passed > 50


def test_random_streams_of_real_kernels_pass() -> None:
    streams = 0
    for seed in range(120):
        core = CORES[2 * (seed % 2)]
        scratch, access = scratch_of(core), access_of(core)
        net = planned_in_streams(random_images(seed, 4 + seed % 8), seed, scratch, access)
        verify_plan(net, scratch, access)
        if len(net.ops) <= 5:
            assert survives(net, access)
        assert net.plan
        streams += len(net.plan.streams)
    assert streams > 60
