"""RAM over time: a row an op, across it the arena, and in it the buffers that live while the op runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lilliput.report.frame import CHARACTER, line, svg, text
from lilliput.report.markup import Markup, element, join
from lilliput.report.model import MemoryProfile
from lilliput.report.scale import Scale, label
from lilliput.report.units import bytes_

WIDTH, LABEL_WIDTH, TOTAL_WIDTH, ROW, TOP = 430.0, 124.0, 60.0, 24.0, 26.0
_COLOURS = 6


@dataclass(frozen=True)
class Block:
    """One buffer's rectangle: bytes across, steps down.

    `first` and `last` are steps; a half says that a buffer ends, or begins, where another one takes its place
    while an op works in place.
    """

    name: str
    start_bytes: int
    size_bytes: int
    first: float
    last: float
    colour: int
    scratch: bool


def blocks(profile: MemoryProfile) -> list[Block]:
    """The rectangles of a profile; without addresses, what lives in a step is stacked from the left."""
    spans: dict[tuple[str, bool, int], list[int]] = {}
    sizes: dict[tuple[str, bool, int], int] = {}
    for index, step in enumerate(profile.steps):
        left = 0
        for buffer in step.live:
            address = buffer.address
            if address is None:
                address, left = left, left + buffer.size_bytes
            key = (buffer.name, buffer.scratch, address)
            known = spans.get(key)
            if known and known[1] == index - 1 and not buffer.scratch:
                known[1] = index
            else:
                spans[key] = [index, index]
            sizes[key] = buffer.size_bytes
    colours = _colours(profile)
    found = []
    for key, (first, last) in spans.items():
        name, scratch, address = key
        found.append(
            Block(name, address, sizes[key], float(first), float(last + 1), colours.get(name, 0), scratch)
        )
    return [_give_way(block, found) for block in found]


def _colours(profile: MemoryProfile) -> dict[str, int]:
    names = dict.fromkeys(buffer.name for step in profile.steps for buffer in step.live if not buffer.scratch)
    return {name: index % _COLOURS for index, name in enumerate(names)}


def _give_way(block: Block, others: Sequence[Block]) -> Block:
    """Cuts a block in the middle of the row where another is written over it, or it over another."""
    first, last = block.first, block.last
    for other in others:
        overlap = (
            other.start_bytes < block.start_bytes + block.size_bytes
            and block.start_bytes < other.start_bytes + other.size_bytes
        )
        if other is block or not overlap:
            continue
        if other.first == block.last - 1 and other.last > block.last:
            last = block.last - 0.5
        if other.last == block.first + 1 and other.first < block.first:
            first = block.first + 0.5
    return Block(block.name, block.start_bytes, block.size_bytes, first, last, block.colour, block.scratch)


def arena_map(profile: MemoryProfile, titles: Sequence[str]) -> Markup:
    """The arena over time.

    Args:
        profile: RAM over time.
        titles: what to call each step, in their order.
    """
    steps = profile.steps
    bottom = TOP + ROW * len(steps)
    x = Scale(0.0, max(profile.arena_bytes, 1), LABEL_WIDTH, WIDTH - TOTAL_WIDTH)
    live = [step.live_bytes for step in steps]
    peak = max(live, default=0)
    pieces = [
        text(x.end, 12, f"arena {bytes_(profile.arena_bytes)}", "tick", "end"),
        text(x.start, 12, "0", "tick"),
    ]
    ticks = [value for value in x.ticks(5) if x(value) - x.start > 20 and x.end - x(value) > 100]
    pieces += [text(x(value), 12, label(value), "tick", "middle") for value in ticks]
    pieces += [line(x(value), TOP - 6, x(value), bottom, "grid") for value in (*ticks, 0.0, x.high)]
    for index, (title, bytes_live) in enumerate(zip(titles, live, strict=True)):
        y = TOP + ROW * index
        at_peak = bytes_live == peak
        pieces.append(line(0, y + ROW, WIDTH, y + ROW, "row"))
        pieces.append(text(0, y + 16, clip(title, LABEL_WIDTH - 4), "row-title"))
        pieces.append(
            text(WIDTH, y + 16, bytes_(bytes_live), "row-value peak" if at_peak else "row-value", "end")
        )
    pieces += [_rectangle(block, x) for block in blocks(profile)]
    return svg(WIDTH, bottom + 4, "RAM over time: buffers in the arena while each op runs", join(*pieces))


def _rectangle(block: Block, x: Scale) -> Markup:
    left, right = x(block.start_bytes), x(block.start_bytes + block.size_bytes)
    top, height = TOP + ROW * block.first + 1.5, ROW * (block.last - block.first) - 3
    what = "scratch of " if block.scratch else ""
    tip = f"{what}{block.name}\n{bytes_(block.size_bytes)} at {block.start_bytes:,}"
    room = right - left - 10
    words = "scratch" if block.scratch else block.name
    size = bytes_(block.size_bytes)
    inside = next((w for w in (f"{words} {size}", words, size) if len(w) * CHARACTER <= room), "")
    fits = inside and height > 14
    # Where the block is tall, its name stands in its first row, beside that op.
    return element(
        "g",
        element("title", tip),
        element("rect", x=left + 0.5, y=top, width=max(right - left - 1, 1.0), height=height, rx=3),
        text(left + 6, top + min(height / 2, ROW / 2 - 1.5) + 4, inside, "block-name")
        if fits
        else Markup(""),
        class_="block scratch" if block.scratch else f"block tone{block.colour}",
    )


def clip(words: str, width: float) -> str:
    """`words`, shortened to fit `width` pixels of the charts' text."""
    most = int(width / CHARACTER)
    return words if len(words) <= most else f"{words[: most - 1]}…"
