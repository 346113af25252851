"""Streams in plans: the least memory, the least distances, and as chosen as by trying everything."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.branching import Builder, random_images
from tests.forced_streams import planned_in_streams, possible_streams

from lilliput.errors import NetError
from lilliput.net.access import Access
from lilliput.net.graph import Net, Optimize
from lilliput.net.ops import Add, AveragePool2D, Concat, Conv2D, DepthwiseConv2D, MaxPool2D, Op, Padding
from lilliput.net.verify_plan import verify_plan
from lilliput.passes.choose_streams import TERMS, choose_streams
from lilliput.passes.grouped import hidden
from lilliput.passes.liveness import Liveness, no_scratch
from lilliput.passes.lower import access_of, arena_bytes_without_input, plan_for, scratch_of
from lilliput.passes.order import Orders
from lilliput.passes.place import plan
from lilliput.passes.show import shown
from lilliput.passes.stream import Streamer, Tail
from lilliput.targets.cores import core

ONE = Padding(1, 1, 1, 1)
M4 = core("cortex-m4")


def pixels(op: Op, net: Net) -> Access:
    if isinstance(op, Conv2D | DepthwiseConv2D | MaxPool2D | AveragePool2D):
        return Access.PIXELS
    return Access.SEPARATE if isinstance(op, Concat) else Access.ELEMENTS


def residual(height: int = 16) -> Net:
    """A residual block whose images are as large as its input, then a pool."""
    builder = Builder((height, 16, 8))
    second = builder.conv(builder.conv("input", 8, (3, 3), padding=ONE), 8, (3, 3), padding=ONE)
    total = builder.add(Add, "input", second)
    return builder.net(builder.add(MaxPool2D, total, strides=(2, 2)))


def test_a_stream_is_one_op_that_holds_windows() -> None:
    net = residual()
    stream = Streamer(net, lambda op, part: 10 if op.name == "conv2d_0" else 0, pixels).stream(net.ops[:3], 1)
    assert stream.inputs == ("input",)
    assert stream.outputs == ("t2",)
    assert stream.scratch == {"conv2d_0": 10}
    assert stream.offsets == {"t0": 12, "t1": 12 + 3 * 128}
    assert stream.memory_bytes == 12 + 3 * 128 + 128
    # The sum is written over the rows of the input that it is made of.
    assert stream.overlaps["input"].lead_bytes == 0
    assert [op.name for op in hidden(net, [stream]).ops] == ["add_2", "maxpool2d_3"]


def test_a_plan_shows_the_ops_of_its_streams() -> None:
    net = residual()
    stream = Streamer(net, no_scratch, pixels).stream(net.ops[:3], 2)
    found = shown(plan(hidden(net, [stream]), no_scratch, pixels))
    verify_plan(found, access=pixels)
    assert found.ops == net.ops
    assert found.plan
    assert [(s.ops, s.rows) for s in found.plan.streams] == [(("conv2d_0", "conv2d_1", "add_2"), 2)]
    assert found.plan.arena_bytes == 16 * 128 + 4 * 128 + 2 * 128
    assert found.plan.addresses["t2"] == found.plan.addresses["input"]


def test_the_output_of_a_stream_keeps_the_least_distance() -> None:
    """One step of 4 bytes nearer, and the checker refuses."""
    nearer = 0
    for seed in range(300):
        net = random_images(seed, 4)
        for ops in possible_streams(net):
            stream = Streamer(net, no_scratch, pixels).stream(ops, 1 + seed % 3)
            for source, how in stream.overlaps.items():
                apart = -(-net.tensors[ops[-1].outputs[0]].storage_bytes // 4) * 4
                if len(net.inputs) == 1 and source == "input" and 4 <= how.lead_bytes < apart:
                    nearer += _is_least(net, ops, stream.rows, how.lead_bytes)
    assert nearer > 20


def _is_least(net: Net, ops: tuple[Op, ...], rows: int, lead: int) -> bool:
    """Whether a stream with one input is right at the distance `lead`, and wrong at 4 bytes less."""
    names = {name for op in ops for name in (*op.inputs, *op.outputs)}
    tensors = {name: tensor for name, tensor in net.tensors.items() if name in names}
    outside = {
        name for op in ops for name in op.inputs if not tensors[name].constant and not net.producer(name)
    }
    inside = {op.outputs[0] for op in ops}
    read = {tensor.name for op in ops for tensor in net.activations(op)} - inside
    if read != outside or len(read) != 1:
        return False
    alone = Net(net.name, ops, tensors, tuple(read), ops[-1].outputs)
    stream = Streamer(alone, no_scratch, pixels).stream(ops, rows)
    found = shown(plan(hidden(alone, [stream]), no_scratch, pixels))
    assert found.plan
    (source,), target = read, ops[-1].outputs[0]
    top = found.plan.arena_bytes
    windows = {name: top + offset for name, offset in stream.offsets.items()}

    def at(distance: int) -> Net:
        addresses = {**windows, target: 0, source: distance}
        arena = top + stream.memory_bytes + distance + 4096
        assert found.plan
        return replace(found, plan=replace(found.plan, addresses=addresses, arena_bytes=arena))

    verify_plan(at(lead), access=pixels)
    with pytest.raises(NetError):
        verify_plan(at(lead - 4), access=pixels)
    return True


def _least_peak(net: Net, order: list[int]) -> int:
    """The least peak of all choices of streams in one order, each with the fewest rows."""
    ordered = replace(net, ops=tuple(net.ops[index] for index in order))
    streamer = Streamer(ordered, no_scratch, pixels)
    possible = possible_streams(ordered)

    def peak(streams: list[tuple[Op, ...]]) -> int:
        made = []
        for ops in streams:
            height, width, _ = net.tensors[ops[-1].outputs[0]].shape
            made.append(streamer.stream(ops, min(height, -(-TERMS[Optimize.RAM].least_pixels // width))))
        liveness = Liveness(hidden(ordered, made), access=pixels)
        return max([liveness.input_bytes, *liveness.walk(list(range(liveness.count)))])

    def least(streams: list[tuple[Op, ...]], rest: list[tuple[Op, ...]]) -> int:
        best = peak(streams)
        for index, ops in enumerate(rest):
            if all(not {op.name for op in ops} & {op.name for op in other} for other in streams):
                best = min(best, least([*streams, ops], rest[index + 1 :]))
        return best

    return least([], possible)


def test_streams_are_chosen_as_by_trying_all() -> None:
    helped = 0
    for seed in range(120):
        net = replace(random_images(seed, 3 + seed % 5, side=18), optimize=Optimize.RAM)
        liveness = Liveness(net, access=pixels)
        order = Orders(liveness).best().indices
        streams = choose_streams(liveness, order, no_scratch, pixels)
        ordered = replace(net, ops=tuple(net.ops[index] for index in order))
        with_streams = Liveness(hidden(ordered, streams), access=pixels)
        peak = max([liveness.input_bytes, *with_streams.walk(list(range(with_streams.count)))])
        assert peak == _least_peak(net, order), seed
        helped += bool(streams)
    assert helped > 10


def test_streams_are_made_for_speed_only_if_they_save_enough() -> None:
    net = residual()
    fast, small, short = (plan_for(_quantized(net, how), M4).plan for how in Optimize)
    assert fast
    assert small
    assert short
    assert fast.streams
    assert small.streams
    assert not short.streams
    assert small.arena_bytes <= fast.arena_bytes < short.arena_bytes
    whole = _quantized(net, Optimize.SPEED)
    unstreamed = plan(whole, scratch_of(M4), access_of(M4)).plan
    assert unstreamed
    assert fast.arena_bytes < 0.8 * unstreamed.arena_bytes
    narrow = plan_for(_quantized(residual(3), Optimize.SPEED), M4).plan
    assert narrow
    assert not narrow.streams


def _quantized(net: Net, optimize: Optimize) -> Net:
    return replace(net, optimize=optimize)


def test_random_networks_are_planned_in_streams() -> None:
    scratch, access = scratch_of(M4), access_of(M4)
    for seed in range(60):
        net = planned_in_streams(random_images(seed, 8), seed, scratch, access)
        verify_plan(net, scratch, access)
        assert net.plan
        assert 0 < arena_bytes_without_input(net, M4) <= net.plan.arena_bytes


def test_a_stream_that_grows_backwards_takes_what_it_takes_as_a_whole() -> None:
    def scratch_bytes(op: Op, net: Net) -> int:
        return 12 * net.tensors[op.outputs[0]].shape[0]

    compared = 0
    for seed in range(60):
        net = random_images(seed, 3 + seed % 6, side=18)
        streamer = Streamer(net, scratch_bytes, pixels)
        for ops in possible_streams(net):
            for rows in (1, 2, 5):
                tail = Tail(streamer, ops[-1], rows)
                for op in reversed(ops[:-1]):
                    tail.put_before(op)
                taken = streamer.stream(ops, rows).memory_bytes
                assert tail.fits(taken)
                assert not tail.fits(taken - 4)
                compared += 1
    assert compared > 100
