"""What a convolution with several weights in a word loops over."""

from __future__ import annotations

from lilliput.cost.few_bit_counts import is_shifted
from lilliput.cost.loops import Counts, is_cut
from lilliput.net.graph import Net
from lilliput.net.ops import Conv2D
from lilliput.targets.slots import assumed_slots, slots_across, slots_lines, slots_of, slots_rows

WRITTEN_BITS = frozenset({2, 4, 8})
"""Bits of outputs that come by fours, with a shift of 32."""


def in_slots(op: Conv2D, net: Net) -> Counts:
    """Counts of a kernel that computes lines of accumulators, each of which holds some outputs of a row.

    How many segments sums come in follows from the weights, where they are known.
    """
    weights, output = net.tensors[op.inputs[1]], net.tensors[op.outputs[0]]
    height, columns, channels = output.shape
    _, kernel_height, _, depth = weights.shape
    way = slots_of(op, net) or assumed_slots(op, net)
    assert way is not None
    lines = slots_lines(op, net, way)
    rows = slots_rows(op, net, way.form)
    across, _ = slots_across(op, net, way.form)
    bands, taken = -(-height // rows), height + kernel_height - 1
    times, blocks = channels * lines.lines, lines.threes + lines.rests
    words = bands * channels * lines.steps * lines.step_words
    by_fours = not (is_shifted(op, net) or is_cut(op, net)) and output.dtype.bits in WRITTEN_BITS
    fours = columns // 4 * by_fours
    line = f"{'columns' if way.by_columns else 'rows'}_of_{lines.step_words}"
    return {
        f"steps_of_{line}_by_3": times * lines.threes * lines.steps,
        f"steps_of_{line}_by_rest": times * lines.rests * lines.steps,
        "rows": height,
        f"line_blocks_of_{line}": times * way.segments * blocks,
        f"sums_of_{way.form.name}": times * way.segments * lines.beside,
        f"more_sums_of_{way.form.name}": times * (way.segments - 1) * lines.beside,
        "lines": times * way.segments,
        "segments": bands * channels * way.segments,
        "taken_rows": taken,
        "taken_channels": taken * depth,
        f"taken_words_of_{way.form.slots}": taken * depth * across,
        "taken_bytes": taken * depth * across * way.form.slots,
        "kept_words": (bands - 1) * (kernel_height - 1) * depth * across,
        f"unpacked_words_of_{_together(weights.dtype.bits)}": words,
        f"unpacked_words_to_{way.form.taps}": words,
        "outputs": height * columns * channels,
        "output_fours": height * fours * channels,
        "single_outputs": height * (columns - 4 * fours) * channels,
        "shifted_outputs": height * columns * channels * is_shifted(op, net),
        "output_rows": height * channels,
    }


def _together(bits: int) -> int:
    """Words that are unpacked of what was read at once."""
    return {2: 3, 4: 2}.get(bits, 1)
