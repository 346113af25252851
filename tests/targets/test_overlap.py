"""How far outputs may lie over inputs: against kernels' loops played byte by byte."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

import pytest
from tests.playback import Event, events

from lilliput.net.access import Access
from lilliput.net.graph import Net
from lilliput.net.ops import (
    Add,
    AveragePool2D,
    Conv2D,
    DepthwiseConv2D,
    GlobalAveragePool2D,
    MaxPool2D,
    Op,
    Padding,
    ReLU,
)
from lilliput.net.tensor import DType, Quant, Tensor
from lilliput.net.timing import written_in_time
from lilliput.targets.overlap import Overlap, overlap

QUANT = Quant.per_tensor(0.1)


def net_of(op: Op, shape: tuple[int, ...], weights: tuple[int, ...] | None = None) -> Net:
    tensors = {"x": Tensor("x", shape, DType.INT8, QUANT)}
    if weights:
        tensors["w"] = Tensor("w", weights, DType.INT8, QUANT, constant=True)
    shapes = [tensors[name].shape for name in op.inputs]
    tensors["y"] = Tensor("y", op.output_shape(shapes), DType.INT8, QUANT)
    return Net("one", (op,), tensors, ("x",), ("y",))


def conv(
    shape: tuple[int, int, int],
    channels: int,
    kernel: tuple[int, int],
    strides: tuple[int, int] = (1, 1),
    padding: Padding = Padding(),
    dilation: tuple[int, int] = (1, 1),
) -> Net:
    op = Conv2D(
        name="conv",
        inputs=("x", "w"),
        outputs=("y",),
        strides=strides,
        padding=padding,
        dilation=dilation,
    )
    return net_of(op, shape, (channels, *kernel, shape[2]))


def convolutions() -> Iterator[Net]:
    """Small shapes, every combination of strides, paddings and windows that fits."""
    for height, width, depth, channels in itertools.product((1, 3, 5), (1, 2, 5), (1, 2), (1, 2, 3)):
        for kernel, strides in itertools.product(((1, 1), (2, 3), (3, 3)), ((1, 1), (2, 1), (1, 2), (3, 3))):
            for top, left in ((0, 0), (1, 1), (2, 0)):
                if top >= kernel[0] or left >= kernel[1]:
                    continue
                padding = Padding(top, kernel[0] - 1, left, kernel[1] - 1)
                yield conv((height, width, depth), channels, kernel, strides, padding)


def played(net: Net, block: int) -> list[Event]:
    """A convolution that reads the windows of `block` pixels, then writes them; 0: writes while it reads."""
    (op,) = net.ops
    return list(events(op, net, Access.PIXELS if block else Access.WINDOWS, max(block, 1)))


def is_harmless(played_events: list[Event], lead: int) -> bool:
    """Whether nothing is read that was overwritten, the output beginning `lead` bytes before the input."""
    overwritten: set[int] = set()
    for kind, _, byte in played_events:
        if kind == "write":
            overwritten.add(byte - lead)
        elif byte in overwritten:
            return False
    return True


def least_lead(played_events: list[Event], output_bytes: int) -> int:
    """The least harmless lead from which on every larger one is harmless too."""
    lead = output_bytes
    while lead and is_harmless(played_events, lead - 1):
        lead -= 1
    return lead


def test_the_distance_of_pixels_is_the_least() -> None:
    nets = list(convolutions())
    assert len(nets) > 500
    for net in nets:
        output_bytes = net.tensors["y"].elements
        least = least_lead(played(net, 1), output_bytes)
        found = overlap(net.ops[0], net, Access.PIXELS, "x")
        assert found.lead_bytes == -(-least // 4) * 4, net
        assert found.lag_bytes == -(-net.tensors["x"].elements // 4) * 4
        assert found.in_place == (found.lead_bytes == 0)


@pytest.mark.parametrize("block", [2, 4, 7])
def test_the_distance_of_pixels_does_for_blocks_of_pixels(block: int) -> None:
    for net in convolutions():
        found = overlap(net.ops[0], net, Access.PIXELS, "x")
        found_events = played(net, block)
        assert is_harmless(found_events, found.lead_bytes), net
        assert is_harmless(found_events, found.lead_bytes + 4), net


def test_the_distance_of_windows_is_the_least() -> None:
    for net in convolutions():
        least = least_lead(played(net, 0), net.tensors["y"].elements)
        found = overlap(net.ops[0], net, Access.WINDOWS, "x")
        # The last byte of the last pixel is written when nothing is read any more, which is not counted on.
        assert least <= found.lead_bytes <= -(-(least + 1) // 4) * 4, net


def test_the_distance_of_rows_is_the_least() -> None:
    for net in convolutions():
        (op,) = net.ops
        found_events = list(events(op, net, Access.ROWS))
        least = least_lead(found_events, net.tensors["y"].elements)
        found = overlap(op, net, Access.ROWS, "x")
        # Rows that no window holds are not told apart from those that are read later.
        assert least <= found.lead_bytes, net
        if op.strides[0] == 1:
            assert found.lead_bytes == -(-least // 4) * 4, net
        assert is_harmless(found_events, found.lead_bytes), net


@pytest.mark.parametrize("access", [Access.PIXELS, Access.WINDOWS])
def test_the_byte_by_byte_judgement_is_of_the_same_opinion(access: Access) -> None:
    for net in convolutions():
        (op,) = net.ops
        found = overlap(op, net, access, "x")
        assert written_in_time(op, net, access, "x", -found.lead_bytes), net
        assert written_in_time(op, net, access, "x", -found.lead_bytes - 4), net
        assert written_in_time(op, net, access, "x", found.lag_bytes), net
        if found.lead_bytes >= 4:
            assert not written_in_time(op, net, access, "x", 4 - found.lead_bytes), net


def test_dilated_windows_are_judged_by_what_they_touch() -> None:
    net = conv((9, 9, 2), 3, (3, 3), padding=Padding(2, 2, 3, 3), dilation=(2, 3))
    found = overlap(net.ops[0], net, Access.PIXELS, "x")
    found_events = played(net, 1)
    assert is_harmless(found_events, found.lead_bytes)
    assert written_in_time(net.ops[0], net, Access.PIXELS, "x", -found.lead_bytes)


@pytest.mark.parametrize("kind", [MaxPool2D, AveragePool2D])
def test_pools_follow_their_input(kind: type[MaxPool2D | AveragePool2D]) -> None:
    net = net_of(kind(name="pool", inputs=("x",), outputs=("y",), strides=(2, 2)), (8, 8, 5))
    assert overlap(net.ops[0], net, Access.PIXELS, "x") == Overlap(0, 320, in_place=True)
    # A pixel is written while its window is read: it lies before it.
    assert overlap(net.ops[0], net, Access.WINDOWS, "x") == Overlap(8, 320)


def test_a_global_pool_writes_one_pixel() -> None:
    net = net_of(GlobalAveragePool2D(name="pool", inputs=("x",), outputs=("y",)), (4, 4, 6))
    assert overlap(net.ops[0], net, Access.WINDOWS, "x").lead_bytes == 8
    assert overlap(net.ops[0], net, Access.PIXELS, "x").lead_bytes == 0


def test_a_convolution_of_equal_rows_lags_a_row_and_a_pixel() -> None:
    net = conv((32, 32, 16), 16, (3, 3), padding=Padding(1, 1, 1, 1))
    found = overlap(net.ops[0], net, Access.PIXELS, "x")
    assert found.lead_bytes == 33 * 16
    assert found.union_bytes(16384, 16384) == 16384 + 33 * 16


def test_rows_that_are_read_once_let_a_convolution_work_in_place() -> None:
    net = conv((32, 32, 16), 16, (3, 3), padding=Padding(1, 1, 1, 1))
    assert overlap(net.ops[0], net, Access.ROWS, "x") == Overlap(0, 16384, in_place=True)
    assert written_in_time(net.ops[0], net, Access.ROWS, "x", 0)
    assert not written_in_time(net.ops[0], net, Access.ROWS, "x", 1024)


def test_a_pointwise_convolution_that_does_not_grow_works_in_place() -> None:
    for channels in (5, 8):
        net = conv((6, 6, 8), channels, (1, 1))
        assert overlap(net.ops[0], net, Access.PIXELS, "x").in_place
    net = conv((6, 6, 8), 16, (1, 1))
    found = overlap(net.ops[0], net, Access.PIXELS, "x")
    assert found.lead_bytes == 35 * 8
    assert found.union_bytes(288, 576) == 576


def test_channel_by_channel_is_in_place_or_not_at_all() -> None:
    op = DepthwiseConv2D(name="conv", inputs=("x", "w"), outputs=("y",), padding=Padding(1, 1, 1, 1))
    same, twice = net_of(op, (6, 6, 4), (3, 3, 4)), net_of(op, (6, 6, 4), (3, 3, 8))
    assert overlap(op, same, Access.CHANNELS, "x") == Overlap(144, 144, in_place=True)
    assert overlap(op, twice, Access.CHANNELS, "x") == Overlap(288, 144)
    assert written_in_time(op, same, Access.CHANNELS, "x", 0)
    assert not written_in_time(op, same, Access.CHANNELS, "x", -4)
    assert not written_in_time(op, twice, Access.CHANNELS, "x", 0)


def test_element_by_element_an_output_does_not_run_ahead() -> None:
    net = net_of(ReLU(name="relu", inputs=("x",), outputs=("y",)), (3, 3, 3))
    found = overlap(net.ops[0], net, Access.ELEMENTS, "x")
    assert found == Overlap(0, 28, in_place=True)
    assert written_in_time(net.ops[0], net, Access.ELEMENTS, "x", 0)
    assert written_in_time(net.ops[0], net, Access.ELEMENTS, "x", -8)
    assert not written_in_time(net.ops[0], net, Access.ELEMENTS, "x", 4)


def test_inputs_first_lets_the_output_lie_anywhere() -> None:
    net = net_of(ReLU(name="relu", inputs=("x",), outputs=("y",)), (40,))
    assert overlap(net.ops[0], net, Access.INPUTS_FIRST, "x").union_bytes(40, 100) == 100
    assert written_in_time(net.ops[0], net, Access.INPUTS_FIRST, "x", 4)


def test_without_a_promise_both_lie_apart() -> None:
    net = net_of(Add(name="add", inputs=("x", "x"), outputs=("y",)), (40,))
    assert overlap(net.ops[0], net, Access.SEPARATE, "x").union_bytes(40, 40) == 80
    assert not written_in_time(net.ops[0], net, Access.SEPARATE, "x", 0)


@pytest.mark.parametrize("access", [Access.PIXELS, Access.WINDOWS])
def test_larger_elements_keep_a_larger_distance(access: Access) -> None:
    net = conv((6, 6, 8), 12, (3, 3))
    wide = {name: replace(t, dtype=DType.INT16) for name, t in net.tensors.items()}
    lead = overlap(net.ops[0], net, access, "x").lead_bytes
    doubled = replace(net, tensors=wide)
    assert overlap(net.ops[0], doubled, access, "x").lead_bytes == 2 * lead > 0
    assert written_in_time(net.ops[0], doubled, access, "x", -2 * lead)
    assert not written_in_time(net.ops[0], doubled, access, "x", 4 - 2 * lead)


def test_elements_of_different_sizes_lie_apart() -> None:
    net = conv((6, 6, 8), 8, (1, 1))
    output = replace(net.tensors["y"], dtype=DType.INT16)
    net = replace(net, tensors={**net.tensors, "y": output})
    assert overlap(net.ops[0], net, Access.PIXELS, "x").union_bytes(288, 576) == 864
    assert not written_in_time(net.ops[0], net, Access.PIXELS, "x", 0)
