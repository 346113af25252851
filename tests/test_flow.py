"""The whole chain on digits with tiny settings: search, resume, final stage, compile, measure, report."""

from __future__ import annotations

import json
import shutil
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lilliput
from lilliput import cli, config
from lilliput.errors import BudgetError, ConfigError, DataError, FormatError, StudyError
from lilliput.flow.final import chosen, require_one
from lilliput.flow.run_directory import RunDirectory
from lilliput.results import Trial

CONFIG = """\
board = "generic-m4"
[data]
name = "digits"
subset = 400
[budget]
error = 0.1
ram_bytes = 4000
flash_bytes = 30000
macs = 100_000
[search]
trials = 5
population = 3
sample = 2
counts = "log-uniform"
prior = "shallow"
[fidelity]
rungs = [1]
after = 2
[pruning]
sparsity = [0.1, 0.4]
[training]
epochs = 10
batch_size = 32
threads = 1
[final]
networks = 2
vectors = 3
[final.training]
epochs = 20
[final.qat]
epochs = 1
threads = 1
"""


class Recorder:
    """A watcher that keeps what it is told, and may interrupt after some steps of the search."""

    def __init__(self, interrupt_after: int | None = None) -> None:
        self.steps: list[str] = []
        self.stages: list[tuple[str, int, int]] = []
        self._left = interrupt_after

    def stage(self, title: str, total: int, done: int = 0) -> None:
        self.stages.append((title, total, done))

    def step(self, detail: str) -> None:
        self.steps.append(detail)
        if self._left is not None:
            self._left -= 1
            if self._left == 0:
                raise KeyboardInterrupt

    def front(self, trials: Sequence[Trial]) -> None:
        assert all(trial.state == "complete" for trial in trials)

    def note(self, text: str) -> None:
        pass


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a search that was interrupted twice and resumed."""
    folder = tmp_path_factory.mktemp("search")
    (folder / "tiny.toml").write_text(CONFIG)
    run = folder / "run"
    with pytest.raises(KeyboardInterrupt):
        lilliput.search(folder / "tiny.toml", run, watcher=Recorder(interrupt_after=2))
    with pytest.raises(KeyboardInterrupt):  # in the final stage, after the first of its two networks
        lilliput.search(folder / "tiny.toml", run, resume=True, watcher=Recorder(interrupt_after=4))
    lilliput.search(folder / "tiny.toml", run, resume=True, watcher=Recorder())
    return run


def study(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "study.json").read_text())
    return found


def without_clock(trials: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for trial in trials:
        trial["info"].pop("seconds", None)
    return trials


def test_an_interrupted_search_ends_as_one_that_was_not(finished: Path, tmp_path: Path) -> None:
    raw = config.read(finished.parent / "tiny.toml")
    whole = lilliput.search(
        raw.model_copy(update={"final": raw.final.model_copy(update={"networks": 0})}), tmp_path / "run"
    )
    assert len(whole.trials) == 5
    assert without_clock(study(tmp_path / "run")["trials"]) == without_clock(study(finished)["trials"])


def test_every_network_of_the_front_was_measured_without_a_mismatch(finished: Path) -> None:
    rows = lilliput.front(finished)
    measured = [row for row in rows if row["measurement"]]
    assert len(measured) == 2
    for row in measured:
        found = row["measurement"]
        assert found["mismatches"] == 0
        assert found["vectors"] == 3
        assert found["examples"] == 359
        assert row["accuracy_of"] == "test"
        assert row["accuracy"] == found["accuracy"] > 0.15  # chance is 0.1
        assert found["ram_bytes"]["arena"] == row["ram_bytes"] <= 4000
        assert found["cycles"] > 0
        folder = Path(row["directory"])
        assert row["within_budget"]
        assert {"firmware.elf", "digits.h", "digits.c", "lilliput.json"} <= {p.name for p in folder.iterdir()}


def test_the_arena_of_the_header_is_the_one_of_the_prediction(finished: Path) -> None:
    for row in lilliput.front(finished):
        if row["measurement"]:
            header = (Path(row["directory"]) / "digits.h").read_text()
            assert f"DIGITS_ARENA_BYTES {row['ram_bytes']}" in " ".join(header.split())


def test_nothing_half_written_is_left(finished: Path) -> None:
    left = [path for path in finished.rglob("*") if ".part" in path.name]
    assert left == []
    assert not list((finished / "final").glob("*"))
    assert (finished / "config.toml").read_text() == CONFIG


def test_resuming_a_finished_search_trains_nothing(finished: Path) -> None:
    watcher = Recorder()
    result = lilliput.search(finished.parent / "tiny.toml", finished, resume=True, watcher=watcher)
    assert watcher.steps == []
    assert watcher.stages == [("search", 5, 5), ("final training", 2, 2)]
    assert len(result.front) >= 2


def test_a_folder_with_a_study_is_not_searched_again_without_resume(finished: Path) -> None:
    with pytest.raises(StudyError, match="holds a study already"):
        lilliput.search(finished.parent / "tiny.toml", finished)


def test_other_settings_do_not_resume(finished: Path, tmp_path: Path) -> None:
    before = (finished / "settings.json").read_text()
    other = config.read(finished.parent / "tiny.toml")
    changed = other.model_copy(
        update={
            "training": config.parse(
                {
                    "board": "generic-m4",
                    "data": {"name": "digits"},
                    "budget": {"error": 0.1},
                    "training": {"epochs": 9},
                },
                "x",
            ).training
        }
    )
    with pytest.raises(StudyError, match="other settings") as caught:
        lilliput.search(changed, finished, resume=True)
    assert "training.epochs was 10, is 9" in caught.value.why
    assert (finished / "settings.json").read_text() == before


def test_resume_without_a_study_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tiny.toml").write_text(CONFIG)
    with pytest.raises(StudyError, match="no study"):
        lilliput.search(tmp_path / "tiny.toml", tmp_path / "run", resume=True)


def test_a_folder_with_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "tiny.toml").write_text(CONFIG)
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.tex").write_text("years")
    with pytest.raises(ConfigError, match="not a search"):
        lilliput.search(tmp_path / "tiny.toml", tmp_path / "home")
    with pytest.raises(ConfigError, match="is a file"):
        lilliput.search(tmp_path / "tiny.toml", tmp_path / "home" / "thesis.tex")
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["thesis.tex"]


def test_a_damaged_study_is_named_and_left_as_it_is(finished: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    (run / "study.json").write_text('{"trials": [{"number": "x"}]}')
    with pytest.raises(StudyError, match=r"study\.json is damaged"):
        lilliput.front(run)
    (run / "study.db").write_bytes(b"rubbish" * 100)
    with pytest.raises(StudyError):
        lilliput.search(finished.parent / "tiny.toml", run, resume=True)
    assert (run / "study.db").read_bytes() == b"rubbish" * 100


def test_a_study_that_lost_its_trials_is_not_begun_again(finished: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    (run / "study.db").write_bytes(b"")
    for _ in range(2):
        with pytest.raises(StudyError, match=r"holds no trial, study\.json beside it 5"):
            lilliput.search(finished.parent / "tiny.toml", run, resume=True)
    assert (run / "study.json").read_bytes() == (finished / "study.json").read_bytes()


def test_a_search_that_was_killed_before_its_study_began_goes_on(finished: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    for name in ("config.toml", "settings.json"):
        shutil.copy(finished / name, run)
    lilliput.search(finished.parent / "tiny.toml", run, resume=True)
    assert without_clock(study(run)["trials"]) == without_clock(study(finished)["trials"])


def test_a_budget_that_nothing_fits_names_bound_and_smallest_value(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(
        CONFIG.replace("ram_bytes = 4000", "ram_bytes = 40").replace(
            "trials = 5", "trials = 5\nmax_draws = 300"
        )
    )
    with pytest.raises(BudgetError, match="ram_bytes") as caught:
        lilliput.search(tmp_path / "c.toml", tmp_path / "run")
    assert "ram_bytes = " in caught.value.hint
    assert not (tmp_path / "run").exists()


def test_a_bound_on_what_is_not_predicted_is_refused(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(CONFIG.replace("macs = 100_000", "macs = 100_000\nenergy_uj = 9.0"))
    with pytest.raises(ConfigError, match=r"budget\.energy_uj"):
        lilliput.search(tmp_path / "c.toml", tmp_path / "run")


def test_bad_data_ends_a_search_before_it_begins(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", x=np.full((50, 8), np.nan, np.float32), y=np.arange(50) % 2)
    (tmp_path / "c.toml").write_text(
        CONFIG.replace('name = "digits"\nsubset = 400', 'name = "npz"\npath = "d.npz"')
    )
    with pytest.raises(DataError, match="NaN"):
        lilliput.search(tmp_path / "c.toml", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_trial_compiles_measures_and_informs(finished: Path, tmp_path: Path) -> None:
    number = lilliput.front(finished)[0]["trial"]
    library = lilliput.compile(f"{finished}#{number}", "generic-m4", tmp_path / "out")
    assert library.cost.arena_bytes == lilliput.front(finished)[0]["ram_bytes"]
    found = lilliput.measure(tmp_path / "out", "host", data=f"{finished}:test")
    assert found.mismatches == 0
    assert found.examples == 359
    assert found.accuracy == lilliput.front(finished)[0]["accuracy"]
    told = lilliput.info(f"{finished}#{number}")
    assert told["ram_bytes"]["arena"] == library.cost.arena_bytes
    assert max(layer["live_bytes"] for layer in told["layers"]) <= library.cost.arena_bytes
    assert lilliput.info(tmp_path / "out")["layers"] == told["layers"]


def test_a_float_network_compiles_with_data_for_its_ranges(finished: Path, tmp_path: Path) -> None:
    number = lilliput.front(finished)[0]["trial"]
    model = finished / "weights" / f"{number}.float.safetensors"
    with pytest.raises(ConfigError, match="is float"):
        lilliput.compile(model, "rp2040", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    lilliput.compile(model, "rp2040", tmp_path / "out", data=str(finished.parent / "tiny.toml"))
    assert lilliput.measure(tmp_path / "out", "host").mismatches == 0


def test_a_trial_is_exported_and_read_back(finished: Path, tmp_path: Path) -> None:
    number = lilliput.front(finished)[0]["trial"]
    target = tmp_path / "found.tflite"
    found = lilliput.export(f"{finished}#{number}", "tflite", target)
    assert (found.path, found.size_bytes, found.exact) == (target, target.stat().st_size, False)
    assert lilliput.info(target)["macs"] == lilliput.info(f"{finished}#{number}")["macs"]
    assert lilliput.export(target, "tflite", tmp_path / "again.tflite").exact
    with pytest.raises(ConfigError, match="no format"):
        lilliput.export(target, "onnx", tmp_path / "x")
    with pytest.raises(ConfigError, match="is a folder"):
        lilliput.export(target, "tflite", tmp_path)
    with pytest.raises(ConfigError, match="is float"):
        lilliput.export(finished / "weights" / f"{number}.float.safetensors", "tflite", tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_a_trial_that_is_not_kept_is_named(finished: Path, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="no network of trial 99"):
        lilliput.compile(f"{finished}#99", "generic-m4", tmp_path / "out")


@pytest.mark.parametrize("memory", ["ram", "flash"])
def test_a_network_that_cannot_fit_the_board_is_refused(finished: Path, tmp_path: Path, memory: str) -> None:
    model = f"{finished}#{lilliput.front(finished)[0]['trial']}"
    cost = lilliput.compile(model, "generic-m4", tmp_path / "whole").cost
    needed = {"ram": cost.arena_bytes, "flash": cost.weights_bytes}[memory]
    sizes = {"ram": 65_536, "flash": 1_048_576, memory: needed - 1}
    small = tmp_path / "small.toml"
    small.write_text(
        'name = "small"\ntitle = "Small"\ncore = "cortex-m4"\nclock_hz = 1_000_000\nsources = ["none"]\n'
        f"flash_bytes = {sizes['flash']}\nram_bytes = {sizes['ram']}\n"
    )
    with pytest.raises(BudgetError, match=f"(?i)does not fit the {memory} of small") as caught:
        lilliput.compile(model, str(small), tmp_path / "out")
    assert f"need {needed} bytes" in (caught.value.why or "").replace("needs", "need")
    assert not (tmp_path / "out").exists()


def test_compile_replaces_only_what_lilliput_wrote(finished: Path, tmp_path: Path) -> None:
    model = f"{finished}#{lilliput.front(finished)[0]['trial']}"
    out = tmp_path / "out"
    out.mkdir()
    lilliput.compile(model, "generic-m4", out)
    (out / "old.c").write_text("")
    lilliput.compile(model, "generic-m4", out)
    assert not (out / "old.c").exists()
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "main.c").write_text("int main(void) { return 0; }")
    with pytest.raises(ConfigError, match="did not write"):
        lilliput.compile(model, "generic-m4", mine)
    assert [path.name for path in mine.iterdir()] == ["main.c"]


def test_vectors_go_in_and_out(finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = lilliput.front(finished)[0]["directory"]
    x = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 1), dtype=np.uint8)
    np.save(tmp_path / "in.npy", x)
    arguments = ["measure", folder, "--on", "host", "--json", "--vectors", str(tmp_path / "in.npy")]
    assert cli.main([*arguments, str(tmp_path / "out.npy")]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["vectors"] == 4
    assert "accuracy" not in found
    y = np.load(tmp_path / "out.npy")
    assert (y.shape, y.dtype) == ((4, 10), np.int8)
    for wrong in (x.astype(np.int8), x[:, :4], x[:0]):
        np.save(tmp_path / "in.npy", wrong)
        assert cli.main([*arguments, str(tmp_path / "out2.npy")]) == 2
        assert "does not fit network" in capsys.readouterr().err
    (tmp_path / "in.npy").write_bytes(b"rubbish")
    assert cli.main([*arguments, str(tmp_path / "out2.npy")]) == 2
    assert not (tmp_path / "out2.npy").exists()


def test_front_and_report_are_printed(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["front", str(finished), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert rows == lilliput.front(finished)
    assert cli.main(["front", str(finished)]) == 0
    assert "mis-" in capsys.readouterr().out
    assert cli.main(["report", str(finished)]) == 0
    path = Path(capsys.readouterr().out.strip())
    assert path == finished / "report.html"
    assert path.read_text().startswith("<!doctype html>")


def trial(number: int, error: float, ram: float) -> Trial:
    values = {"error": error, "ram_bytes": ram, "flash_bytes": 100.0, "macs": 10.0}
    return Trial(number, "complete", {}, values)


def test_the_final_stage_takes_the_best_within_the_budget_or_a_spread_of_it() -> None:
    front = [
        trial(0, 0.01, 9000),
        trial(1, 0.02, 3900),
        trial(2, 0.03, 3800),
        trial(3, 0.05, 400),
        trial(4, 0.4, 90),
    ]
    settings = config.parse(tomllib.loads(CONFIG), "x")
    assert [one.number for one in chosen(front, settings)] == [1, 2]
    spread_out = settings.final.model_copy(update={"pick": "spread"})
    found = chosen(front, settings.model_copy(update={"final": spread_out}))
    assert [one.number for one in found] == [1, 3]
    small = settings.final.model_copy(update={"budget": config.BudgetSettings(ram_bytes=500)})
    assert [one.number for one in chosen(front, settings.model_copy(update={"final": small}))] == [3, 4]
    assert chosen([], settings) == ()


@pytest.mark.parametrize(
    ("bounds", "words"),
    [
        ({"ram_bytes": 89}, ["final.budget.ram_bytes at most 89", "set final.budget.ram_bytes = 90 or more"]),
        (
            {"ram_bytes": 3000, "error": 0.045},
            ["budget.error at most 0.045", "the nearest of the 3", "set final.budget.error = 0.05 or more"],
        ),
        (
            {"flash_bytes": 99, "macs": 3},
            ["set final.budget.flash_bytes = 100 and final.budget.macs = 10 or more"],
        ),
    ],
)
def test_a_final_budget_that_nothing_keeps_is_told(
    tmp_path: Path, bounds: dict[str, float], words: list[str]
) -> None:
    front = [trial(2, 0.03, 3800), trial(3, 0.05, 400), trial(4, 0.4, 90)]
    settings = config.parse(tomllib.loads(CONFIG), "x")
    final = settings.final.model_copy(update={"budget": config.BudgetSettings(**bounds)})
    run = RunDirectory(tmp_path)
    with pytest.raises(BudgetError) as caught:
        require_one(front, settings.model_copy(update={"final": final}), run)
    assert all(word in str(caught.value) for word in words), str(caught.value)
    require_one(front, settings, run)
    require_one([], settings.model_copy(update={"final": final}), run)
    none = final.model_copy(update={"networks": 0})
    require_one(front, settings.model_copy(update={"final": none}), run)


def test_a_search_whose_final_budget_nothing_keeps_fails_and_keeps_its_results(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, file = tmp_path / "run", tmp_path / "c.toml"
    shutil.copytree(finished, run)
    shutil.rmtree(run / "front")
    (run / "report.html").unlink()
    small = "[final.budget]\nflash_bytes = 500\n[final.training]"
    file.write_text(CONFIG.replace("[final.training]", small))
    assert cli.main(["search", str(file), "-o", str(run), "--resume"]) == 2
    told = capsys.readouterr().err
    assert "final.budget.flash_bytes at most 500" in told
    assert "go on with --resume" in told
    assert study(run)["trials"] == study(finished)["trials"]
    assert (run / "report.html").exists()
    assert not list((run / "front").glob("*"))
