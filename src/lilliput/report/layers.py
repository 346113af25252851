"""Cycles by layer as bars, paler for what the flash adds, and as a table; MACs where no cycles are known."""

from __future__ import annotations

from collections.abc import Sequence

from lilliput.report.arena import LABEL_WIDTH, ROW, WIDTH, clip
from lilliput.report.frame import CHARACTER, line, svg, text
from lilliput.report.markup import Markup, element, join
from lilliput.report.scale import Scale
from lilliput.report.units import MISSING, count
from lilliput.results import LayerCost


def layer_bars(layers: Sequence[LayerCost], titles: Sequence[str]) -> Markup | None:
    """One bar a layer in execution order; None without layers.

    Args:
        layers: what each takes.
        titles: what to call each, in their order.
    """
    if not layers:
        return None
    cycles = [layer.cycles for layer in layers]
    known = [value for value in cycles if value is not None]
    measured = len(known) == len(layers)
    values = known if measured else [layer.macs for layer in layers]
    waited = [max(value, layer.cycles_with_flash or 0) for value, layer in zip(values, layers, strict=True)]
    total = sum(values) or 1
    x = Scale(0.0, max(*waited, 1), LABEL_WIDTH, WIDTH - 4)
    pieces = []
    for index, (layer, title, value) in enumerate(zip(layers, titles, values, strict=True)):
        y = ROW * index
        end = max(x(value), x.start + 1)
        last = max(x(waited[index]), end)
        words = f"{count(value)} · {value / total * 100:.0f} %"
        if measured and layer.macs:
            longer = f"{words} · {value / layer.macs:.2f} per MAC"
            if max(end - x.start, WIDTH - last) > len(longer) * CHARACTER + 14:
                words = longer
        inside = WIDTH - last < len(words) * CHARACTER + 14
        tip = f"{layer.name} ({layer.op})\n{count(layer.macs)} MACs, {count(layer.cycles)} cycles"
        if layer.cycles_with_flash is not None:
            tip += f", {count(layer.cycles_with_flash)} with the flash"
        pieces.append(line(0, y + ROW, WIDTH, y + ROW, "row"))
        pieces.append(text(0, y + 16, clip(title, LABEL_WIDTH - 4), "row-title"))
        pieces.append(
            element(
                "g",
                element("title", tip),
                element(
                    "rect", x=x.start, y=y + 3, width=last - x.start, height=ROW - 6, rx=3, class_="wait"
                ),
                element("rect", x=x.start, y=y + 3, width=end - x.start, height=ROW - 6, rx=3, class_="bar"),
                text(x.start + 7, y + 16, words, "bar-text")
                if inside
                else text(last + 7, y + 16, words, "row-value"),
            )
        )
    what = "Cycles by layer" if measured else "MACs by layer"
    return svg(WIDTH, ROW * len(layers) + 2, what, join(*pieces))


def layer_table(layers: Sequence[LayerCost], titles: Sequence[str]) -> Markup | None:
    """What each layer takes, its share, and cycles for each MAC; None where no cycles were measured.

    Args:
        layers: what each takes.
        titles: what to call each, in their order.
    """
    total = sum(layer.cycles or 0 for layer in layers)
    if not total:
        return None
    waits = any(layer.cycles_with_flash is not None for layer in layers)
    heads = ["Layer", "MACs", "Cycles", "Share", "Cycles a MAC", *(["With the flash"] if waits else [])]
    rows = []
    for layer, title in zip(layers, titles, strict=True):
        share = MISSING if layer.cycles is None else f"{layer.cycles / total * 100:.1f} %"
        each = MISSING if layer.cycles is None or not layer.macs else f"{layer.cycles / layer.macs:.2f}"
        cells = [_whole(layer.macs), _whole(layer.cycles), share, each]
        cells += [_whole(layer.cycles_with_flash)] if waits else []
        name = element("th", title, scope="row", title=f"{layer.name} ({layer.op})")
        rows.append(element("tr", name, *(element("td", cell) for cell in cells)))
    head = element("tr", *(element("th", title, scope="col") for title in heads))
    return element("table", element("thead", head), element("tbody", *rows), class_="layers")


def _whole(value: int | None) -> str:
    return MISSING if value is None else f"{value:,}"
