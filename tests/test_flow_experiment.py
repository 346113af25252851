"""`lilliput run` on tiny settings: figures come from the C and the emulator, finished steps stay finished."""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from lilliput import cli, config, flow
from lilliput.cli.tables import boards_tables, bytes_table, whole
from lilliput.errors import ConfigError
from lilliput.flow.datasets import named_data

CONFIG = """
runs = 2
[data]
name = "digits"
subset = 200
[augment]
mixup_alpha = 1.0
[training]
epochs = 2
batch_size = 32
optimizer = "sgdw"
learning_rate = 0.05
schedule = "step"
milestones = [1]
threads = 1
[model_template]
kind = "resnet-v1-6"
[[model]]
name = "resnet_3"
filters = 3
[[model]]
name = "mlp"
kind = "mlp"
units = [8]
[[postprocessing]]
format = "int8"
[[postprocessing]]
format = "int8"
qat = { epochs = 1, batch_size = 32, threads = 1 }
[deploy]
boards = ["nucleo-l452re", "sparkfun-edge"]
vectors = 2
"""

SEARCH = 'board = "rp2040"\n[data]\nname = "digits"\n[budget]\nerror = 0.1\n'


class Recorder:
    """Keeps what it is told, and may interrupt after some steps."""

    def __init__(self, interrupt_after: int = 10**9) -> None:
        self.steps: list[str] = []
        self.total = 0
        self._left = interrupt_after

    def stage(self, title: str, total: int, done: int = 0) -> None:
        self.total = total

    def step(self, detail: str) -> None:
        self.steps.append(detail)
        self._left -= 1
        if self._left == 0:
            raise KeyboardInterrupt

    def front(self, trials: object) -> None:
        pass

    def note(self, text: str) -> None:
        pass


def settings(text: str = CONFIG) -> config.ExperimentSettings:
    return config.parse_experiment(tomllib.loads(text), "x")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Recorder, dict[str, Any]]:
    """An experiment that was interrupted once and then went on."""
    run, recorder = tmp_path_factory.mktemp("experiment") / "run", Recorder()
    with pytest.raises(KeyboardInterrupt):
        flow.run(settings(), run, watcher=Recorder(interrupt_after=6))
    result = flow.run(settings(), run, resume=True, watcher=recorder)
    return run, recorder, result.to_json()


def without_seconds(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: without_seconds(inner)
            for key, inner in value.items()
            if key not in ("seconds", "run", "report")
        }
    return [without_seconds(inner) for inner in value] if isinstance(value, list | tuple) else value


def test_every_model_format_and_board_is_in_the_results(
    finished: tuple[Path, Recorder, dict[str, Any]],
) -> None:
    _, recorder, result = finished
    assert recorder.total == len(recorder.steps) == 2 * 2 * 3 + 2 * 2 * 2
    assert [model["name"] for model in result["models"]] == ["resnet_3", "mlp"]
    for model in result["models"]:
        assert [found["format"] for found in model["formats"]] == ["float", "int8", "int8-qat"]
        for found in model["formats"]:
            assert len(found["accuracies"]) == 2
            assert found["mean"] == pytest.approx(statistics.fmean(found["accuracies"]))
            assert found["deviation"] == pytest.approx(statistics.stdev(found["accuracies"]))
            boards = [on["board"] for on in found["boards"]]
            assert boards == ([] if found["format"] == "float" else ["nucleo-l452re", "sparkfun-edge"])
    float_bytes = result["models"][0]["formats"][0]["weights_bytes"]
    assert float_bytes == 4 * result["models"][0]["parameters"]


def test_figures_are_those_of_the_kept_measurements(
    finished: tuple[Path, Recorder, dict[str, Any]],
) -> None:
    run, _, result = finished
    on = result["models"][0]["formats"][1]["boards"][1]
    kept = json.loads((run / "resnet_3/0/int8/sparkfun-edge/measurement.json").read_text())
    assert kept["mismatches"] == 0
    assert on["rom_bytes"] == kept["flash_bytes"]["total"]
    assert on["ram_bytes"] == kept["ram_bytes"]["total"]
    assert (on["latency_ms"], on["energy_uj"]) == (kept["latency_ms"], kept["energy_uj"])
    # Table 3 of the paper: 0.82 mA at 48 MHz and 3.3 V.
    assert on["energy_uj"] == pytest.approx(3.3 * 0.82 * kept["latency_ms"], rel=1e-4)
    assert (run / "resnet_3/0/int8/sparkfun-edge/firmware.elf").is_file()


def test_what_was_done_before_an_interruption_is_not_done_again(
    finished: tuple[Path, Recorder, dict[str, Any]], tmp_path: Path
) -> None:
    run, _, result = finished
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*.safetensors")}
    again = flow.run(settings(), run, resume=True)
    assert again.to_json() == result
    assert {path: path.stat().st_mtime_ns for path in run.rglob("*.safetensors")} == before
    assert not list(run.rglob("training.safetensors"))


def test_models_can_be_added_and_changed_settings_are_refused(
    finished: tuple[Path, Recorder, dict[str, Any]], tmp_path: Path
) -> None:
    run = tmp_path / "copy"
    subprocess.run(["cp", "-r", str(finished[0]), str(run)], check=True)
    more = CONFIG + '[[model]]\nname = "mlp_4"\nkind = "mlp"\nunits = [4]\n'
    result = flow.run(
        settings(more.replace('boards = ["nucleo-l452re", "sparkfun-edge"]', "")), run, resume=True
    )
    assert [model.name for model in result.models] == ["resnet_3", "mlp", "mlp_4"]
    before = contents(run)
    for change, told in (
        (("epochs = 2", "epochs = 3"), "model.training.epochs was 2 and is now 3"),
        (("{ epochs = 1", "{ epochs = 2"), "postprocessing.qat.epochs was 1 and is now 2"),
        (("vectors = 2", "vectors = 3"), "deploy.vectors was 2 and is now 3"),
    ):
        file = tmp_path / "changed.toml"
        file.write_text(CONFIG.replace(*change))
        with pytest.raises(ConfigError, match="made with other settings") as caught:
            flow.run(file, run, resume=True)
        assert caught.value.why == told
        assert contents(run) == before


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
@pytest.mark.parametrize("work", [flow.run, flow.search])
def test_a_device_that_is_not_there_is_told_before_anything_is_written(
    work: Callable[[Path, Path], object], tmp_path: Path
) -> None:
    file = tmp_path / "e.toml"
    file.write_text('device = "cuda"\n' + (SEARCH if work is flow.search else CONFIG))
    with pytest.raises(ConfigError, match="device 'cuda' is not there"):
        work(file, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_the_report_is_one_page_with_all_plots(finished: tuple[Path, Recorder, dict[str, Any]]) -> None:
    page = (finished[0] / "report.html").read_text()
    for words in (
        "Accuracy against filters",
        "Accuracy against the memory of parameters",
        "ROM by filters",
        "Time by filters",
        "Energy by filters",
        "int8-qat",
        "sparkfun-edge",
        "µWh",
    ):
        assert words in page
    assert "http://" not in page.replace("http://www.w3.org/2000/svg", "")


def test_tables_for_people_have_a_row_a_format_and_board(
    finished: tuple[Path, Recorder, dict[str, Any]],
) -> None:
    run, _, result = finished
    again = flow.run(settings(), run, resume=True)
    tables = {str(table.title): table for table in boards_tables(again)}
    assert list(tables) == ["ROM, bytes", "RAM, bytes", "cycles", "time, ms", "energy, µJ"]
    cycles = result["models"][1]["formats"][2]["boards"][1]["cycles"]
    columns = [list(column.cells) for column in tables["cycles"].columns]
    assert columns[0] == ["int8", "int8", "int8-qat", "int8-qat"]
    assert columns[1] == ["nucleo-l452re", "sparkfun-edge"] * 2
    assert columns[3][3] == whole(cycles)
    sizes = [list(column.cells) for column in bytes_table(again).columns]
    assert sizes[2] == [whole(4 * model["parameters"]) for model in result["models"]]


def test_folders_that_are_no_experiment_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "diary.txt").write_text("mine")
    with pytest.raises(ConfigError, match="not an experiment"):
        flow.run(settings(), tmp_path)
    with pytest.raises(ConfigError, match="there is no experiment"):
        flow.run(settings(), tmp_path / "new", resume=True)
    assert (tmp_path / "diary.txt").read_text() == "mine"


@pytest.mark.parametrize(
    "verb",
    [
        ["report", "RUN"],
        ["front", "RUN"],
        ["info", "RUN#3"],
        ["compile", "RUN#3", "--board", "rp2040", "-o", "RUN/../c"],
        ["search", "SEARCH", "-o", "RUN"],
        ["search", "SEARCH", "-o", "RUN", "--resume"],
    ],
)
def test_an_experiment_is_not_taken_for_a_search(
    verb: list[str],
    finished: tuple[Path, Recorder, dict[str, Any]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run, before = finished[0], contents(finished[0])
    (tmp_path / "s.toml").write_text(SEARCH)
    words = [word.replace("RUN", str(run)).replace("SEARCH", str(tmp_path / "s.toml")) for word in verb]
    assert cli.main(words) == 2
    assert "holds an experiment, not a search" in capsys.readouterr().err
    assert contents(run) == before


def test_a_search_is_not_taken_for_an_experiment(tmp_path: Path) -> None:
    parsed = config.parse(tomllib.loads(SEARCH), "x")
    (tmp_path / "settings.json").write_text(json.dumps(parsed.to_json()))
    before = contents(tmp_path)
    with pytest.raises(ConfigError, match="holds a search, not an experiment"):
        flow.run(settings(), tmp_path, resume=True)
    assert contents(tmp_path) == before


def test_a_second_run_needs_resume(finished: tuple[Path, Recorder, dict[str, Any]]) -> None:
    with pytest.raises(ConfigError, match="already"):
        flow.run(settings(), finished[0])
    assert len(named_data(str(finished[0]))[0].train) == 200  # the folder stands for its data


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("filters = 3", ["model[0]", "needs filters"]),
        ("units = [8]", []),
        ('format = "int8"', ["qmn9", "known: float32, int8"]),
        ('format = "int8"\nqat', ["no integers to fine-tune with"]),
        ('kind = "mlp"', ["model[1].kind", "resnet-v1-6"]),
        ("runs = 2", ["runs", "greater than or equal to 1"]),
        ("milestones = [1]", ["milestones"]),
        ("[[postprocessing]]", ["'float' is what results", "next: choose another"]),
        ("[[postprocessing]]\n", ["'float.json' is what results"]),
    ],
)
def test_mistakes_end_with_status_2_and_name_the_key(
    change: str, words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = {
        "filters = 3": "",
        "units = [8]": "unitz = [8]",
        'format = "int8"': 'format = "qmn9"',
        'format = "int8"\nqat': 'format = "float32"\nqat',
        'kind = "mlp"': 'kind = "mpl"',
        "runs = 2": "runs = 0",
        "milestones = [1]": "milestones = [2, 1]",
        "[[postprocessing]]": '[[postprocessing]]\nname = "float"',
        "[[postprocessing]]\n": '[[postprocessing]]\nname = "float.json"\n',
    }[change]
    file = tmp_path / "e.toml"
    file.write_text(CONFIG.replace(change, wrong, 1))
    assert cli.main(["run", str(file), "-o", str(tmp_path / "run")]) == 2
    told = capsys.readouterr().err
    for word in (str(file), *(words or ["did you mean 'units'?"])):
        assert word in told
    assert not (tmp_path / "run").exists()


EVERY_KIND = """
runs = 1
[data]
name = "digits"
subset = 400
[training]
epochs = 4
batch_size = 16
learning_rate = 0.01
threads = 1
[[model]]
name = "net"
kind = "cnn"
filters = [4]
kernels = 3
pools = 2
[[postprocessing]]
format = "float32"
[[postprocessing]]
format = "int16x8"
[[postprocessing]]
format = "qmn16"
[[postprocessing]]
format = "qmn8-network"
qat = { epochs = 1, batch_size = 32, threads = 1 }
[[postprocessing]]
format = "w4a4,conv1=w4a8"
qat = { epochs = 1, batch_size = 32, threads = 1 }
[deploy]
boards = ["sparkfun-edge", "rp2040"]
vectors = 2
"""


def test_every_kind_of_format_is_scored_and_deployed_as_c(tmp_path: Path) -> None:
    result = flow.run(settings(EVERY_KIND), tmp_path / "run").models[0]
    by_title = {found.format: found for found in result.formats}
    assert list(by_title) == [
        "float",
        "float32",
        "int16x8",
        "qmn16",
        "qmn8-network-qat",
        "w4a4-conv1-w4a8-qat",
    ]
    # A float C may decide otherwise where two classes are within a rounding of each other.
    assert by_title["float32"].mean == pytest.approx(by_title["float"].mean, abs=0.005)
    assert by_title["qmn16"].mean == pytest.approx(by_title["float"].mean, abs=0.01)
    assert by_title["float"].mean > 0.5
    order = ["float32", "qmn16", "qmn8-network-qat", "w4a4-conv1-w4a8-qat"]
    sizes = [by_title[title].weights_bytes for title in order]
    assert sizes == sorted(sizes, reverse=True)
    assert len(set(sizes)) == len(sizes)
    for found in result.formats[1:]:
        assert [on.board for on in found.boards] == ["sparkfun-edge", "rp2040"]
        for on in found.boards:
            assert on.cycles
            assert on.rom_bytes
            assert on.ram_bytes
            assert on.latency_ms


def test_an_op_that_no_model_has_is_told_before_anything_is_trained(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no op 'conv7'"):
        flow.run(settings(EVERY_KIND.replace("conv1=", "conv7=")), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_killed_process_keeps_its_steps_and_another_goes_on(tmp_path: Path) -> None:
    text = CONFIG.replace('boards = ["nucleo-l452re", "sparkfun-edge"]', "").replace("runs = 2", "runs = 3")
    file = tmp_path / "e.toml"
    file.write_text(text)
    command = [sys.executable, "-m", "lilliput", "run", str(file), "-o", str(tmp_path / "run")]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    ends = time.monotonic() + 120
    while len(list(tmp_path.rglob("float.json"))) < 2 and time.monotonic() < ends:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    done = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("float.json")}
    assert len(done) >= 2
    subprocess.run([*command, "--resume", "--json"], env=environment, capture_output=True, check=True)
    assert {path: path.stat().st_mtime_ns for path in done} == done
    killed = json.loads((tmp_path / "run" / "results.json").read_text())
    whole = flow.run(settings(text), tmp_path / "whole").to_json()
    assert without_seconds(killed) == without_seconds(json.loads(json.dumps(whole)))
