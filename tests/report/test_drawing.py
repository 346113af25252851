"""Scales, layouts and the arena's map put things where they belong."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.report.studies import branched

from lilliput.net import OPS
from lilliput.report import LiveBuffer, MemoryProfile, MemoryStep, memory_profile
from lilliput.report.arena import blocks, clip
from lilliput.report.graph import FAMILIES, short_title, title_of
from lilliput.report.layers import layer_bars, layer_table
from lilliput.report.layout import arrange, closest
from lilliput.report.markup import Markup, element, join
from lilliput.report.pareto import front
from lilliput.report.progress import elapsed_seconds
from lilliput.report.scale import Scale, fit, label
from lilliput.report.units import QUANTITIES, bytes_, count, duration, microjoules, milliseconds, percent
from lilliput.results import OBJECTIVES, LayerCost, Trial

finite = st.floats(min_value=1e-3, max_value=1e9, allow_nan=False)


@given(st.lists(finite, min_size=1, max_size=20))
def test_a_scale_holds_its_values_and_shows_few_round_ticks(values: list[float]) -> None:
    scale = fit(values, 40, 400)
    for value in values:
        assert scale.holds(value)
        assert 40 - 1e-6 <= scale(value) <= 400 + 1e-6
    ticks = scale.ticks()
    assert len(ticks) <= 6
    assert ticks == sorted(ticks)
    for tick in ticks:
        assert 40 - 1e-3 <= scale(tick) <= 400 + 1e-3


def test_a_wide_range_is_logarithmic_and_has_decades() -> None:
    scale = fit([1, 10_000], 0, 100)
    assert scale.log
    assert scale.ticks(5) == [1, 10, 100, 1_000, 10_000]
    assert scale(100) == pytest.approx(50)


def test_ticks_of_a_linear_scale_are_one_two_five() -> None:
    assert Scale(0, 23, 0, 1).ticks(6) == [0, 5, 10, 15, 20]
    assert [label(value) for value in (0, 2_000, 0.5, 1.5, 1e7)] == ["0", "2,000", "0.5", "1.5", "1·10⁷"]


def test_the_front_of_a_plot_is_what_no_point_beats() -> None:
    points = [(3.0, 1.0), (1.0, 5.0), (2.0, 5.0), (2.0, 2.0), (4.0, 1.0), (1.0, 6.0)]
    assert front(points) == [(1.0, 5.0), (2.0, 2.0), (3.0, 1.0)]


@given(st.lists(st.tuples(st.floats(-100, 100), st.floats(0.1, 5)), min_size=1, max_size=8), st.floats(0, 30))
def test_positions_keep_their_distance_and_stay_near(
    pairs: list[tuple[float, float]], distance: float
) -> None:
    wanted, weights = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    distances = [distance] * (len(pairs) - 1)
    found = closest(wanted, weights, distances)
    for one, other in pairwise(found):
        assert other - one >= distance - 1e-6

    def cost(places: list[float]) -> float:
        return sum(w * (p - q) ** 2 for w, p, q in zip(weights, places, wanted, strict=True))

    # The mean may move: shifting everything must not help.
    for shift in (-0.01, 0.01):
        assert cost(found) <= cost([place + shift for place in found]) + 1e-6


def test_branches_stand_side_by_side_and_chains_hang_straight() -> None:
    nodes = ["in", "a", "b", "c", "join", "out"]
    edges = [("in", "a"), ("in", "b"), ("b", "c"), ("a", "join"), ("c", "join"), ("join", "out")]
    layout = arrange(nodes, edges, box_width=100, gap=20)
    rows = {node: layout.places[node][1] for node in nodes}
    assert [rows[node] for node in nodes] == [0, 1, 1, 2, 3, 4]
    assert abs(layout.places["a"][0] - layout.places["b"][0]) >= 120
    assert layout.places["join"][0] == pytest.approx(layout.places["out"][0])
    assert len(layout.routes["a", "join"]) == 1
    for centre, _ in layout.places.values():
        assert 50 - 1e-6 <= centre <= layout.width - 50 + 1e-6


def test_boxes_and_passing_edges_of_a_row_never_overlap() -> None:
    net = branched("net", 8, modules=3)
    writer = {"input": "input", **{op.outputs[0]: op.name for op in net.ops}}
    edges = [(writer[name], op.name) for op in net.ops for name in op.inputs if name in writer]
    layout = arrange(["input", *(op.name for op in net.ops)], edges, 100, 20)
    spans: dict[int, list[tuple[float, float]]] = {}
    for centre, row in layout.places.values():
        spans.setdefault(row, []).append((centre - 50, centre + 50))
    for route in layout.routes.values():
        for centre, row in route:
            spans.setdefault(row, []).append((centre, centre))
    for row in spans.values():
        for one, other in pairwise(sorted(row)):
            assert one[1] <= other[0]


def test_every_op_has_a_colour() -> None:
    assert set(FAMILIES) == set(OPS)


def test_ops_are_named_by_what_they_do() -> None:
    net = branched("net", 8)
    assert title_of(net.ops[1], net) == "Conv 3×3 /2 + ReLU"
    assert short_title(net.ops[1], net) == "Conv 3×3 /2"
    assert {title_of(op, net) for op in net.ops} >= {"Max pool 2×2", "Global average", "Fully connected"}


def test_the_profile_of_a_plan_covers_the_peak_and_no_more_than_the_arena() -> None:
    net = branched("net", 12, modules=2)
    profile = memory_profile(net)
    assert [step.op for step in profile.steps] == [op.name for op in net.ops]
    assert net.plan is not None
    peak = max(step.live_bytes for step in profile.steps)
    assert 0 < peak <= profile.arena_bytes == net.plan.arena_bytes
    for step, op in zip(profile.steps, net.ops, strict=True):
        names = {buffer.name for buffer in step.live if not buffer.scratch}
        assert {name for name in (*op.inputs, *op.outputs) if not net.tensors[name].constant} <= names
    assert any(buffer.scratch for step in profile.steps for buffer in step.live)


def test_memory_that_two_buffers_share_counts_once() -> None:
    step = MemoryStep("add", (LiveBuffer("a", 10, 0), LiveBuffer("b", 10, 0), LiveBuffer("c", 5, 8)))
    assert step.live_bytes == 13
    assert MemoryStep("add", (LiveBuffer("a", 10), LiveBuffer("b", 10))).live_bytes == 20


def test_a_buffer_written_over_another_takes_half_the_row_from_it() -> None:
    old, new = LiveBuffer("old", 8, 0), LiveBuffer("new", 8, 0)
    profile = MemoryProfile(
        (MemoryStep("0", (old,)), MemoryStep("1", (old, new)), MemoryStep("2", (new,))), 8
    )
    found = {block.name: (block.first, block.last) for block in blocks(profile)}
    assert found == {"old": (0.0, 1.5), "new": (1.5, 3.0)}


def test_a_profile_without_addresses_is_stacked() -> None:
    profile = MemoryProfile((MemoryStep("0", (LiveBuffer("a", 3), LiveBuffer("b", 4))),), 7)
    assert [(block.name, block.start_bytes) for block in blocks(profile)] == [("a", 0), ("b", 3)]


def test_times_come_from_the_study_or_add_up() -> None:
    trials = [Trial(0, "complete", {}, {}, {"seconds": 5}), Trial(1, "complete", {}, {}, {"seconds": 7})]
    assert elapsed_seconds(trials) == {0: 5.0, 1: 12.0}
    timed = [Trial(4, "complete", {}, {}, {"seconds": 5, "elapsed_seconds": 9.5})]
    assert elapsed_seconds(timed) == {4: 9.5}
    assert elapsed_seconds([Trial(0, "complete", {})]) is None


def test_figures_read_as_people_write_them() -> None:
    assert [count(v) for v in (7, 9_999, 12_345, 4.4e6, None)] == ["7", "9,999", "12.3 k", "4.40 M", "–"]
    assert [bytes_(v) for v in (488, 12_600, 1.5e6)] == ["488 B", "12.6 kB", "1.50 MB"]
    assert [milliseconds(v) for v in (0.1234, 12.345, 12_345)] == ["0.123 ms", "12.3 ms", "12.3 s"]
    assert [microjoules(v) for v in (115, 1_360)] == ["115 µJ", "1.36 mJ"]
    assert [duration(v) for v in (4.2, 42, 59.7 * 60, 5_025)] == [
        "4.20 s",
        "42 s",
        "1 h 00 min",
        "1 h 24 min",
    ]
    assert percent(0.9322) == "93.22 %"
    assert not math.isnan(float(label(0.1)))


def test_an_axis_takes_the_unit_that_suits_its_values() -> None:
    assert QUANTITIES["macs"].unit(8_000) == ("k", 1e3)
    assert QUANTITIES["macs"].unit(4.4e6) == ("M", 1e6)
    assert QUANTITIES["ram_bytes"].unit(1_100) == ("B", 1.0)
    assert QUANTITIES["latency_ms"].unit(0.5) == ("µs", 1e-3)
    assert set(QUANTITIES) == set(OBJECTIVES)


def test_markup_escapes_text_and_attributes() -> None:
    assert element("p", "<b>&", title="\"'>") == '<p title="&quot;&#x27;&gt;">&lt;b&gt;&amp;</p>'
    assert join(Markup("<b>"), "<b>", 1.5, None) == "<b>&lt;b&gt;1.5"
    assert element("details", open="") == "<details open></details>"
    assert element("p", hidden=None) == "<p></p>"


def test_long_titles_are_cut() -> None:
    assert clip("short", 100) == "short"
    assert clip("x" * 40, 67) == "x" * 9 + "…"


def test_a_layers_bar_is_longer_by_what_the_flash_adds() -> None:
    layers = [LayerCost("conv", "Conv2D", 100, 200, 300), LayerCost("dense", "FullyConnected", 50, 100, 120)]
    drawn = str(layer_bars(layers, ["conv", "dense"]))
    widths = [
        [float(part.split('width="')[1].split('"')[0]) for part in drawn.split("<rect")[1:] if kind in part]
        for kind in ('class="bar"', 'class="wait"')
    ]
    assert widths[1][0] == pytest.approx(1.5 * widths[0][0], abs=0.2)
    assert widths[1][1] == pytest.approx(1.2 * widths[0][1], abs=0.2)
    assert "300 with the flash" in drawn


def test_layers_without_cycles_show_their_macs() -> None:
    drawn = str(layer_bars([LayerCost("conv", "Conv2D", 100)], ["conv"]))
    assert "MACs by layer" in drawn
    assert "with the flash" not in drawn


def test_a_table_of_layers_has_shares_and_cycles_a_mac() -> None:
    layers = [LayerCost("conv", "Conv2D", 100, 250, 300), LayerCost("flat", "Reshape", 0, 750, 800)]
    table = str(layer_table(layers, ["00 conv", "01 flat"]))
    assert all(f"<td>{cell}</td>" in table for cell in ("250", "25.0 %", "2.50", "300", "75.0 %", "–", "800"))
    assert "With the flash" in table
    assert layer_table([LayerCost("conv", "Conv2D", 100)], ["conv"]) is None
    without = str(layer_table([LayerCost("conv", "Conv2D", 100, 250)], ["conv"]))
    assert "With the flash" not in without
