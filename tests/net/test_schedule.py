"""Schedules of streams: every row is made once, in time, and no window is larger than it must be."""

from __future__ import annotations

from tests.branching import Builder, random_images
from tests.forced_streams import possible_streams
from tests.playback import window

from lilliput.net.graph import Net
from lilliput.net.ops import Add, AveragePool2D, Conv2D, DepthwiseConv2D, MaxPool2D, Op, Padding, ReLU
from lilliput.net.rows import of_rows, row_window
from lilliput.net.schedule import Schedule, schedule, window_of

ONE = Padding(1, 1, 1, 1)


def schedule_of(ops: tuple[Op, ...], net: Net, rows: int) -> Schedule:
    height = net.tensors[ops[-1].outputs[0]].shape[0]
    return schedule(ops, [window_of(op, net) for op in ops], height, rows)


def rows_read(op: Op, net: Net, source: str, row: int) -> set[int]:
    """The rows of an input that one row of the output is made of."""
    if not isinstance(op, Conv2D | DepthwiseConv2D | MaxPool2D | AveragePool2D):
        return {row}
    _, width, depth = net.tensors[source].shape
    columns = net.tensors[op.outputs[0]].shape[1]
    bytes_read = (byte for column in range(columns) for byte in window(op, net, source, (row, column)))
    return {byte // (width * depth) for byte in bytes_read}


def test_rows_are_there_when_they_are_read() -> None:
    seen = 0
    for seed in range(150):
        net = random_images(seed, 6)
        for ops in possible_streams(net):
            for rows in (1, 2, 3, 50):
                _check(ops, net, schedule_of(ops, net, rows), rows)
                seen += 1
    assert seen > 300


def _check(ops: tuple[Op, ...], net: Net, found: Schedule, rows: int) -> None:
    held: dict[str, range] = {op.outputs[0]: range(0) for op in ops}
    largest = dict.fromkeys(held, 0)
    for turn in found.turns:
        op = ops[turn.op]
        (target,) = op.outputs
        assert turn.begin == held[target].stop < turn.end
        for source in {tensor.name for tensor in net.activations(op)} & set(held):
            for row in range(turn.begin, turn.end):
                assert rows_read(op, net, source, row) <= {*held[source]}
        is_last = turn.op == len(ops) - 1
        assert not is_last or turn.end - turn.begin <= rows
        held[target] = range(0 if is_last else turn.kept, turn.end)
        largest[target] = max(largest[target], len(held[target]))
    *inner, last = (op.outputs[0] for op in ops)
    assert held[last] == range(net.tensors[last].shape[0])
    assert {name: largest[name] for name in inner} == dict(found.heights)


def test_a_window_holds_the_rows_of_a_kernel() -> None:
    builder = Builder((32, 4, 2))
    first = builder.conv("input", 2, (3, 3), padding=ONE)
    second = builder.conv(first, 2, (3, 3), padding=ONE)
    third = builder.conv(second, 2, (3, 3), strides=(2, 2), padding=ONE)
    net = builder.net(third)
    assert schedule_of(net.ops, net, 1).heights == {first: 4, second: 3}
    assert schedule_of(net.ops, net, 2).heights == {first: 6, second: 5}


def test_an_image_that_is_added_later_waits_as_long() -> None:
    """Its rows go when the sum has them, which is when the first convolution no longer needs them either."""
    builder = Builder((32, 4, 2))
    first = builder.conv("input", 2)
    second = builder.conv(first, 2, (3, 3), padding=ONE)
    third = builder.conv(second, 2, (3, 3), padding=ONE)
    net = builder.net(builder.add(Add, first, third))
    assert schedule_of(net.ops, net, 1).heights == {first: 3, second: 3, third: 1}


def test_the_largest_turn_of_an_op() -> None:
    builder = Builder((8, 4, 2))
    first = builder.conv("input", 2)
    net = builder.net(builder.conv(first, 2, (3, 3), strides=(2, 2), padding=ONE))
    found = schedule_of(net.ops, net, 1)
    assert [tuple(turn) for turn in found.turns[:4]] == [
        (0, 0, 2, 0),
        (1, 0, 1, 0),
        (0, 2, 4, 1),
        (1, 1, 2, 0),
    ]
    assert found.most_rows == (2, 1)


def test_a_kernel_sees_low_images() -> None:
    builder = Builder((32, 4, 2))
    net = builder.net(builder.conv("input", 6, (3, 3), strides=(2, 2), padding=ONE))
    part = of_rows(net.ops[0], net, 3)
    assert part.tensors["input"].shape == (7, 4, 2)
    assert part.tensors["t0"].shape == (3, 2, 6)
    assert of_rows(net.ops[0], net, 16).tensors["input"].shape == (32, 4, 2)


def test_what_is_repeated_or_constant_does_not_run_by_rows() -> None:
    builder = Builder((8, 4, 2))
    net = builder.net(builder.add(ReLU, "input"))
    assert row_window(net.ops[0], net) == (1, 1, 0, 8)
    builder = Builder((8,))
    net = builder.net(builder.add(ReLU, "input"))
    assert row_window(net.ops[0], net) is None
