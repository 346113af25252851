"""One self-contained HTML page that tells a study: what fits, how well, and where time and memory go."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from lilliput.report.arena import arena_map
from lilliput.report.graph import draw, parameters_of, short_title
from lilliput.report.layers import layer_bars, layer_table
from lilliput.report.markup import Markup, element, join
from lilliput.report.memory import memory_profile
from lilliput.report.model import FrontNetwork, StudyReport
from lilliput.report.progress import progress_plot
from lilliput.report.scatter import front_plot
from lilliput.report.shell import document, template
from lilliput.report.tables import front_table, searched_table, settings_table, trials_table
from lilliput.report.units import MISSING, QUANTITIES, bytes_, count, duration, milliseconds, percent

_RESOURCES = ("ram_bytes", "flash_bytes", "macs", "latency_ms")
MOST_DRAWN = 20


def render(report: StudyReport) -> str:
    """The whole page as text; it needs no network, no other file, and works without its script."""
    sections = [
        ("front", "Front", _front(report)),
        ("plots", "Trade-offs", _plots(report)),
        ("progress", "Progress", _progress(report)),
        ("networks", "Networks", _networks(report)),
        ("trials", "Trials", _trials(report)),
        ("settings", "Settings", _settings(report)),
    ]
    return document(report.title, _heading(report), sections)


def front_svg(report: StudyReport, resource: str = "ram_bytes") -> str:
    """One front plot as an SVG file of its own, with the page's colours in light and in dark.

    Args:
        report: the study.
        resource: one of `lilliput.results.OBJECTIVES` beside the error.
    """
    plot = front_plot(report, resource)
    if plot is None:
        plot = element("svg", xmlns="http://www.w3.org/2000/svg")
    style = element("style", template("colours.css"), template("charts.css"))
    opening, rest = plot.split(">", 1)
    return f"{opening}>{style}{rest}\n"


def _heading(report: StudyReport) -> Markup:
    words = [words for words in (report.board, report.dataset) if words]
    measured = [network.measurement for network in report.front if network.measurement is not None]
    accuracies = [found.accuracy for found in measured if found.accuracy is not None]
    latencies = [found.latency_ms for found in measured if found.latency_ms is not None]
    flashes = [found.flash_bytes.total for found in measured if found.flash_bytes.total is not None]
    complete = sum(trial.state == "complete" for trial in report.trials)
    tiles = (
        ("best accuracy of the C", percent(max(accuracies, default=None))),
        ("smallest arena", bytes_(min((found.ram_bytes.arena for found in measured), default=None))),
        ("smallest flash", bytes_(min(flashes, default=None))),
        ("fastest inference", milliseconds(min(latencies, default=None))),
        ("networks trained", count(complete) if report.trials else MISSING),
        ("computing time", duration(report.seconds)),
    )
    return join(
        element("h1", report.title),
        element("p", " · ".join(words), class_="quiet") if words else None,
        element(
            "dl",
            *(
                element("div", element("dt", name), element("dd", value))
                for name, value in tiles
                if value != MISSING
            ),
            class_="tiles",
        ),
    )


def _front(report: StudyReport) -> Markup:
    if not report.front:
        return element("p", "No network keeps all the bounds.", class_="quiet")
    vectors = [network.measurement for network in report.front if network.measurement is not None]
    others = [network for network in report.front if network.measurement is None]
    wrong = sum(found.mismatches or 0 for found in vectors)
    proof = ""
    if vectors and all(found.mismatches is not None for found in vectors):
        total = sum(found.vectors for found in vectors)
        proof = (
            f"Each network was built as firmware and run on an emulated core: {total:,} inferences, "
            f"{wrong:,} of them with a byte that differs from the reference. "
        )
    more = element(
        "details",
        element("summary", f"Not compiled: {len(others)} of the front"),
        element("div", searched_table(others, {n.trial.number for n in _drawn(report)}), class_="wide"),
        open=None if vectors else "",
    )
    note = (
        f"{proof}Accuracy is that of the generated C over the whole test split. Cycles are estimated from "
        "the instructions that ran; latency and energy follow from those with the waits of the board's flash."
    )
    table = join(element("p", note), element("div", front_table(report.front), class_="wide"))
    return join(table if vectors else None, more if others else None)


def _plots(report: StudyReport) -> Markup:
    plots = [(resource, front_plot(report, resource)) for resource in _RESOURCES]
    known = [
        element("figure", plot, element("figcaption", f"Error against {QUANTITIES[name].title}"))
        for name, plot in plots
        if plot is not None
    ]
    if not known:
        return Markup("")
    legend = element(
        "p",
        *(
            element("span", element("span", class_=f"key key-{name}"), words)
            for name, words in (
                ("trial", "trial"),
                ("stopped", "stopped early"),
                ("out", "beyond a bound"),
                ("line", "front of this plot"),
                ("chosen", "compiled and measured"),
            )
            if name != "stopped" or any(trial.state == "stopped" for trial in report.trials)
        ),
        class_="legend",
    )
    note = (
        "Points show what the search saw: errors on the validation split, predicted resources. Diamonds show "
        "what the compiled networks did: the test error of the generated C, trained to the end."
    )
    return join(element("p", note), legend, element("div", *known, class_="plots"))


def _progress(report: StudyReport) -> Markup:
    plot = progress_plot(report)
    if plot is None:
        return Markup("")
    failed = sum(trial.state == "failed" for trial in report.trials)
    infeasible = max(report.infeasible, sum(trial.state == "infeasible" for trial in report.trials))
    complete = sum(trial.state == "complete" for trial in report.trials)
    stopped = sum(trial.state == "stopped" for trial in report.trials)
    words = ["1 network was trained" if complete == 1 else f"{complete:,} networks were trained"]
    if stopped:
        words.append(f"{stopped:,} stopped early")
    if infeasible:
        dropped = "1 proposal was" if infeasible == 1 else f"{infeasible:,} proposals were"
        words.append(f"{dropped} dropped before training for breaking a bound")
    if failed:
        words.append(f"{failed:,} failed")
    note = "; ".join(words) + ". The line is the smallest error so far that keeps every bound."
    return element("div", element("figure", plot), element("p", note), class_="aside")


def _networks(report: StudyReport) -> Markup:
    drawn = _drawn(report)
    left = len(report.front) - len(drawn)
    note = f"{left} more networks of the front are not drawn." if left else ""
    return join(
        *(_network(network, index == 0) for index, network in enumerate(drawn)),
        element("p", note, class_="quiet") if note else None,
    )


def _drawn(report: StudyReport) -> list[FrontNetwork]:
    """The compiled networks, and of the others as many as a page can hold."""
    others = [network for network in report.front if network.measurement is None]
    compiled = [network for network in report.front if network.measurement is not None]
    return compiled + others[:MOST_DRAWN]


def _network(network: FrontNetwork, first: bool) -> Markup:
    net, found = network.net, network.measurement
    layers = found.layers if found else ()
    by_name = {layer.name: layer for layer in layers}
    ops = {op.name: op for op in net.ops}
    profile = network.memory or memory_profile(net)
    layer_titles = [
        f"{index:02d} {short_title(ops[layer.name], net) if layer.name in ops else layer.op}"
        for index, layer in enumerate(layers)
    ]
    step_titles = [
        f"{index:02d} {short_title(ops[step.op], net) if step.op in ops else step.op}"
        for index, step in enumerate(profile.steps)
    ]
    bars, table = layer_bars(layers, layer_titles), layer_table(layers, layer_titles)
    parameters = sum(parameters_of(op, net) for op in net.ops)
    summary = [f"{len(net.ops)} ops", f"{parameters:,} parameters", f"arena {bytes_(profile.arena_bytes)}"]
    if found is not None and found.accuracy is not None:
        summary.insert(0, f"{percent(found.accuracy)} accurate")
    return element(
        "details",
        element(
            "summary",
            element("strong", f"Trial {network.trial.number}"),
            element("span", " · ".join(summary), class_="quiet"),
        ),
        _origin(network),
        element(
            "div",
            element(
                "figure",
                element("figcaption", "Network"),
                element("div", draw(net, by_name), class_="scroll"),
            ),
            element(
                "div",
                element(
                    "figure",
                    element("figcaption", "RAM over time"),
                    element(
                        "p", _memory_note(profile.lower_bound_bytes, profile.arena_bytes), class_="quiet"
                    ),
                    arena_map(profile, step_titles),
                ),
                element("figure", element("figcaption", _bars_caption(layers)), bars, _folded(table))
                if bars
                else None,
                class_="column",
            ),
            class_="network",
        ),
        id=f"trial-{network.trial.number}",
        open="" if first else None,
    )


def _folded(table: Markup | None) -> Markup | None:
    """A table that a click unfolds."""
    if table is None:
        return None
    return element(
        "details",
        element("summary", "The same as a table"),
        element("div", table, class_="wide"),
        class_="more",
    )


def _origin(network: FrontNetwork) -> Markup:
    """How the search found it, and where its C lies."""
    info = network.trial.info
    words: list[Markup | str] = []
    if info.get("parent") is not None:
        morphism = info.get("morphism")
        words.append(f"Made from trial {info['parent']}" + (f" by “{morphism}”. " if morphism else ". "))
    if info.get("sparsity"):
        words.append(f"Pruned to a sparsity of {info['sparsity']}. ")
    if network.directory:
        # "./" keeps a name with a colon from being read as a scheme.
        link = element("a", f"{network.directory}/", href=f"./{quote(network.directory)}/")
        words.append(join("Generated C and measurement: ", link))
    return element("p", *words) if words else Markup("")


def _memory_note(lower_bound_bytes: int, arena_bytes: int) -> str:
    note = "Across: the arena, byte by byte. Down: the ops in the order they run. The peak is in bold."
    if lower_bound_bytes == arena_bytes:
        return f"{note} No placement of these buffers needs less."
    return (
        f"{note} No placement can need less than {bytes_(lower_bound_bytes)}." if lower_bound_bytes else note
    )


def _bars_caption(layers: Sequence[object]) -> str:
    known = all(getattr(layer, "cycles", None) is not None for layer in layers)
    waits = any(getattr(layer, "cycles_with_flash", None) is not None for layer in layers)
    if not known:
        return "MACs by layer"
    return f"Cycles by layer (estimated{'; paler: waiting for the flash' if waits else ''})"


def _trials(report: StudyReport) -> Markup:
    if not report.trials:
        return Markup("")
    note = "What the search saw; a click on a head sorts. Rows in bold are in the front."
    return join(element("p", note), element("div", trials_table(report), class_="wide tall"))


def _settings(report: StudyReport) -> Markup:
    bounds = {f"bounds.{name}": QUANTITIES[name].text(value) for name, value in report.bounds.items()}
    facts = dict(report.facts)
    if not (bounds or facts or report.settings or report.command):
        return Markup("")
    return join(
        join(element("p", "The same study again:"), element("pre", report.command))
        if report.command
        else None,
        element("div", settings_table({**facts, **bounds, **report.settings}), class_="wide"),
    )
