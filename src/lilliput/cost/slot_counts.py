"""What a convolution with several weights in a word loops over."""

from __future__ import annotations

from lilliput.cost.loops import Counts, is_limited
from lilliput.net.graph import Net
from lilliput.net.ops import Conv2D
from lilliput.targets.slots import assumed_slots, slots_across, slots_lines, slots_rows


def in_slots(op: Conv2D, net: Net) -> Counts:
    """Counts of a kernel that computes lines of accumulators, each of which holds some outputs of a row."""
    height, columns, channels = net.tensors[op.outputs[0]].shape
    _, kernel_height, _, depth = net.tensors[op.inputs[1]].shape
    way = assumed_slots(op, net)
    assert way is not None
    lines = slots_lines(op, net, way)
    rows = slots_rows(op, net, way.form)
    across, _ = slots_across(op, net, way.form)
    bands, taken = -(-height // rows), height + kernel_height - 1
    times, blocks = channels * lines.lines, lines.threes + lines.rests
    return {
        f"lines_of_steps_of_{lines.step_words}_by_3": times * lines.threes * lines.steps,
        f"lines_of_steps_of_{lines.step_words}_by_rest": times * lines.rests * lines.steps,
        "rows": height,
        "line_blocks": times * way.segments * blocks,
        "more_line_blocks": times * (way.segments - 1) * blocks,
        f"sums_of_{way.form.name}": times * way.segments * lines.beside,
        "lines": times * way.segments,
        "segments": bands * channels * way.segments,
        "taken_rows": taken,
        "taken_channels": taken * depth,
        "taken_words": taken * depth * across,
        "kept_words": (bands - 1) * (kernel_height - 1) * depth * across,
        "unpacked_words": bands * channels * lines.steps * lines.step_words,
        "outputs": height * columns * channels,
        "odd_outputs": height * (columns % 4) * channels,
        "limited_outputs": height * columns * channels * is_limited(op),
        "output_rows": height * channels,
    }
