"""The page holds what it promises, needs nothing from outside, and trusts no name."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from tests.report.studies import branched, study

from lilliput.report import FrontNetwork, StudyReport, front_svg, render
from lilliput.report.figures import clock_hz, measured, searched, within_bounds
from lilliput.results import FlashBytes, Measurement, RamBytes, Trial

VOID = {"meta", "br", "hr", "link", "wbr"}


class Elements(HTMLParser):
    """Every element with its attributes and text; refuses tags that do not match."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in {"style", "script"}:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(self.words)

    def all(self, tag: str, class_: str = "") -> list[dict[str, str | None]]:
        wanted = set(class_.split())
        return [a for t, a in self.found if t == tag and wanted <= set((a.get("class") or "").split())]


@pytest.fixture(scope="module")
def report() -> StudyReport:
    return study(trials=60)


@pytest.fixture(scope="module")
def page(report: StudyReport) -> Elements:
    return Elements(render(report))


def test_every_part_is_there(page: Elements) -> None:
    headings = ["Front", "Trade-offs", "Progress", "Networks", "Trials", "Settings"]
    assert [attributes["id"] for attributes in page.all("section")] == [
        "front",
        "plots",
        "progress",
        "networks",
        "trials",
        "settings",
    ]
    for heading in headings:
        assert heading in page.words


def test_nothing_is_loaded_from_outside(report: StudyReport) -> None:
    text = render(report)
    page = Elements(text)
    for tag, attributes in page.found:
        assert tag not in {"link", "img", "iframe", "object", "embed", "base"}
        assert "src" not in attributes
        href = attributes.get("href")
        assert href is None or href.startswith(("#", "./"))
    assert "@import" not in text
    assert "url(" not in text
    assert "fetch(" not in text
    (policy,) = (a for a in page.all("meta") if a.get("http-equiv") == "Content-Security-Policy")
    assert (policy["content"] or "").startswith("default-src 'none'")


def test_links_within_the_page_have_targets(page: Elements) -> None:
    targets = {attributes.get("id") for _, attributes in page.found}
    for attributes in page.all("a"):
        href = attributes["href"] or ""
        assert not href.startswith("#") or href[1:] in targets


def test_the_front_table_shows_what_was_measured(page: Elements, report: StudyReport) -> None:
    found = report.front[3].measurement
    assert found is not None
    assert found.accuracy is not None
    assert f"{found.accuracy * 100:.2f} %" in page.text
    assert "0 of 32" in page.text
    assert "128 inferences, 0 of them with a byte that differs" in page.text


def test_every_trial_is_a_point_in_every_plot_that_knows_its_figures(
    page: Elements, report: StudyReport
) -> None:
    plots, progress = 4, 1
    compiled = [network for network in report.front if network.measurement is not None]
    points = plots * len(report.trials) + progress * (len(report.trials) - len(compiled))
    assert len(page.all("circle", "trial")) == points
    assert len(page.all("path", "chosen")) == (plots + progress) * len(compiled)
    stopped = sum(trial.state == "stopped" for trial in report.trials)
    assert stopped
    assert len(page.all("circle", "stopped")) == (plots + progress) * stopped


def test_networks_that_were_not_compiled_show_what_the_search_saw(
    page: Elements, report: StudyReport
) -> None:
    assert "Not compiled: 2 of the front" in page.text
    trial = report.front[-1].trial
    assert f"{trial.values['error'] * 100:.2f} %" in page.text


def test_the_bound_on_the_error_only_steers() -> None:
    assert within_bounds({"error": 0.5, "macs": 3.0}, {"error": 0.1, "macs": 4.0})
    assert not within_bounds({"error": 0.5, "macs": 5.0}, {"error": 0.1, "macs": 4.0})


def test_measured_figures_are_counted_as_the_budget_counts_them() -> None:
    network = study(trials=2).front[0]
    found = network.measurement
    assert found is not None
    everything = measured(network, {})
    assert everything["ram_bytes"] == found.ram_bytes.arena
    assert everything["flash_bytes"] == found.flash_bytes.total
    less = measured(network, {"budget": {"count_input": False, "count_code": False}})
    assert less["ram_bytes"] == found.ram_bytes.arena_without_input
    assert less["flash_bytes"] == found.flash_bytes.weights


def test_predicted_cycles_become_a_latency_at_the_measured_clock() -> None:
    report = study(trials=2)
    clock = clock_hz(report)
    assert clock == pytest.approx(120e6)
    trial = Trial(0, "complete", {}, {"error": 0.1}, {"cycles": 240_000})
    assert searched(trial, clock)["latency_ms"] == pytest.approx(2.0)
    assert "latency_ms" not in searched(trial)


def test_every_op_of_every_front_network_is_drawn(page: Elements, report: StudyReport) -> None:
    ops = sum(len(network.net.ops) + 1 for network in report.front)
    assert len(page.all("g", "op")) == ops


def test_a_name_is_text_and_never_markup() -> None:
    evil = "</title><script>alert('x')</script>\"'&<img src=x onerror=y>"
    trial = Trial(
        7, "complete", {"a": evil}, {"error": 0.1, "ram_bytes": 9.0}, {"morphism": evil, "parent": 1}
    )
    net = replace(branched("front", 4), name=evil)
    net = replace(net, ops=tuple(replace(op, name=f"{op.name}{evil}") for op in net.ops), plan=None)
    report = StudyReport(
        title=evil,
        trials=[trial],
        front=[FrontNetwork(trial, net, directory=f"javascript:{evil}")],
        settings={evil: {evil: evil}},
        bounds={"ram_bytes": 10},
        board=evil,
        dataset=evil,
        command=evil,
        facts={evil: evil},
    )
    page = Elements(render(report))
    assert len(page.all("script")) == 1
    assert not page.all("img")
    assert evil in page.text
    for _, attributes in page.found:
        assert not any(name.startswith("on") for name in attributes)
        assert not (attributes.get("href") or "").startswith("javascript:")


def test_a_study_without_a_front_says_so() -> None:
    page = Elements(render(replace(study(trials=5), front=[])))
    assert "No network keeps all the bounds." in page.text
    assert "networks" not in [attributes["id"] for attributes in page.all("section")]


def test_an_empty_study_still_makes_a_page() -> None:
    page = Elements(render(StudyReport("nothing yet", [], [])))
    assert [attributes["id"] for attributes in page.all("section")] == ["front"]


def test_a_figure_that_was_not_measured_is_a_dash() -> None:
    net = branched("front", 4)
    unknown = Measurement("generic-m4", "cortex-m4", "cc", 100, RamBytes(10, 9), FlashBytes())
    trial = Trial(0, "complete", {}, {"error": 0.5})
    page = Elements(render(StudyReport("one", [trial], [FrontNetwork(trial, net, unknown)])))
    row = page.text.split("Mismatches", 1)[1]
    assert row.count("–") >= 6
    assert "None" not in page.text
    assert "byte that differs" not in page.text


def test_failed_and_infeasible_trials_are_listed_but_not_plotted() -> None:
    trials = [
        Trial(0, "complete", {}, {"error": 0.2, "ram_bytes": 100.0}),
        Trial(1, "failed", {}, {}),
        Trial(2, "infeasible", {}, {"ram_bytes": 9e9}),
        Trial(3, "complete", {}, {"error": float("nan"), "ram_bytes": 5.0}),
    ]
    page = Elements(render(StudyReport("states", trials, [])))
    assert len(page.all("circle", "trial")) == 2  # one in the plot against RAM, one in the progress
    assert "1 proposal was dropped before training" in page.text
    assert "infeasible" in page.text
    assert "nan" not in page.text.lower()


def test_the_front_as_a_drawing_of_its_own_has_its_colours(report: StudyReport) -> None:
    drawing = front_svg(report, "flash_bytes")
    assert drawing.startswith("<svg ")
    assert "--front" in drawing
    assert "prefers-color-scheme: dark" in drawing
    Elements(drawing)


def test_the_page_fits_a_phone_and_a_desk_in_a_real_browser(tmp_path: Path, report: StudyReport) -> None:
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no chromium on the PATH")
    probe = "<script>document.title = `scroll ${document.documentElement.scrollWidth} ${innerWidth}`</script>"
    (tmp_path / "report.html").write_text(
        render(report).replace("</body>", f"{probe}</body>"), encoding="utf-8"
    )
    frame = "<iframe src='report.html' style='border:0;width:{0}px;height:900px'></iframe>"
    for width in (390, 1280):
        holder = tmp_path / f"{width}.html"
        holder.write_text(frame.format(width) + _ECHO, encoding="utf-8")
        command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files"]
        command += ["--virtual-time-budget=4000", "--window-size=1400,1000", "--dump-dom", holder.as_uri()]
        dom = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
        found = re.search(r"scroll (\d+) (\d+)", dom)
        assert found, dom[-500:]
        assert int(found[1]) <= int(found[2]) == width


_ECHO = """<p id="echo"></p><script>onload = () => {
  const page = document.querySelector("iframe").contentDocument;
  document.getElementById("echo").textContent = page.title; };</script>"""
