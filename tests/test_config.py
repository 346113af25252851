"""Configurations: read whole or refused with the file, the key, and what would be right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lilliput import config
from lilliput.errors import ConfigError

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.toml"))


def minimal(**tables: Any) -> dict[str, Any]:
    """The smallest configuration that is valid, with these tables changed."""
    return {"board": "generic-m4", "data": {"name": "digits"}, "budget": {"error": 0.1}, **tables}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_loads(path: Path) -> None:
    settings = config.read(path)
    assert settings.study().trials == settings.search.trials
    assert settings.budget.bounds


def test_there_are_examples() -> None:
    assert {"digits", "fashion-mnist", "mnist-tiny", "own-images"} <= {path.stem for path in EXAMPLES}


def test_settings_survive_the_way_through_json() -> None:
    settings = config.parse(minimal(final={"training": {"epochs": 9}}, training={"batch_size": 7}), "here")
    assert config.parse(settings.to_json(), "there") == settings


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (minimal(serch={}), ["serch is wrong", "there is no such key", "did you mean 'search'?"]),
        (minimal(data={"name": "digits", "sise": [8, 8]}), ["data.sise", "did you mean 'size'?"]),
        (minimal(budget={"ram_byte": 1}), ["budget.ram_byte", "did you mean 'ram_bytes'?"]),
        (minimal(training={"epoch": 3}), ["training.epoch", "did you mean 'epochs'?"]),
        (minimal(quantization={"qat": {"epochz": 3}}), ["quantization.qat.epochz", "'epochs'"]),
        (minimal(training={"distill": {"temp": 3}}), ["training.distill.temp", "no such key"]),
        (minimal(search={"bits": [8, 2]}), ["bits", "8 to 2 falls"]),
        (minimal(search={"activation_bits": [4, 9]}), ["search.activation_bits"]),
        (minimal(search={"bits": [1, 8]}), ["search.bits"]),
        (minimal(search={"space": "chain", "prior": "shallow"}), ["prior", "'chain'"]),
        (minimal(search={"inherit": True}, output={"weights": "front"}), ["inherit", "weights"]),
        (minimal(search={"strategy": "aging"}), ["search.strategy", "got 'aging'", "aging-evolution"]),
        (minimal(quantization={"format": "int9"}), ["quantization.format", "did you mean 'int8'?"]),
        (minimal(training={"epochs": 0}), ["training.epochs", "got 0"]),
        (minimal(training={"learning_rate": float("nan")}), ["training.learning_rate", "got nan"]),
        (minimal(budget={"error": 1.5}), ["budget.error", "got 1.5"]),
        (minimal(budget={"macs": -1}), ["budget.macs", "got -1"]),
        (minimal(data={}), ["data.name", "missing"]),
        ({"board": "generic-m4", "budget": {"error": 0.1}}, ["data", "missing"]),
        (minimal(budget={}), ["no bounds to steer by"]),
        (minimal(pruning={"start": 0.9, "end": 0.1}), ["start 0.9 comes after end 0.1"]),
        (minimal(pruning={"sparsity": [0.9, 0.1]}), ["sparsity"]),
        (minimal(fidelity={"rungs": [5, 3]}), ["fidelity.rungs", "do not rise", "sort them"]),
        (minimal(training={"schedule": "constant", "steps": [[3, 0.1]]}), ["training", "steps belong"]),
        (minimal(training={"schedule": "step"}), ["training", "give steps or milestones"]),
        (minimal(training={"epochs": "3"}), ["training.epochs", "a number is wanted, got '3'", "write 3"]),
        (minimal(search={"bits": ["2", 8]}), ["search.bits[0]", "a number is wanted, got '2'"]),
        (minimal(seed=True), ["seed", "a number is wanted, got True"]),
        (minimal(augment={"flip": "yes"}), ["augment.flip", "true or false is wanted", "write true"]),
        (minimal(augment={"flip": 1}), ["augment.flip", "true or false is wanted, got 1"]),
        (
            minimal(quantization={"format": "int16x8"}, search={"bits": [2, 8]}),
            ["search.bits", "'int16x8'", "leave one out"],
        ),
        (minimal(quantization={"format": "float32", "qat": {}}), ["no integers to fine-tune with"]),
        (minimal(final={"with_validation": True, "seeds": 2}), ["final", "seeds above 1"]),
        (minimal(name="My Net"), ["not a lower-case C identifier"]),
        (minimal(data="digits"), ["data is wrong", "got 'digits'"]),
    ],
)
def test_a_mistake_names_file_key_value_and_remedy(raw: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        config.parse(raw, "mine.toml")
    text = str(caught.value)
    assert text.startswith("mine.toml")
    for word in words:
        assert word in text, text


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        config.parse(minimal(training={"epochs": 0, "batch_size": 0}), "mine.toml")
    assert "training.epochs" in str(caught.value)
    assert "training.batch_size" in str(caught.value)


def test_files_that_are_missing_or_no_toml_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        config.read(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("board = ")
    with pytest.raises(ConfigError, match=r"bad\.toml is not TOML"):
        config.read(tmp_path / "bad.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="cannot be read"):
        config.read(tmp_path / "binary.toml")
    with pytest.raises(ConfigError, match="cannot be read"):
        config.read(tmp_path)


def test_relative_paths_start_at_the_file(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(
        'board = "boards/own.toml"\n[data]\nname = "csv"\npath = "d.csv"\n[budget]\nerror = 0.1\n'
    )
    settings = config.read(tmp_path / "c.toml")
    assert settings.data.path == tmp_path / "d.csv"
    assert settings.board == str(tmp_path / "boards" / "own.toml")


def test_the_final_stage_inherits_what_it_does_not_change() -> None:
    raw = minimal(
        training={"epochs": 5, "schedule": "step", "steps": [[3, 0.01]], "batch_size": 32},
        final={"training": {"epochs": 50}, "qat": {"epochs": 2}},
        quantization={"qat": {"epochs": 1, "batch_size": 16}},
    )
    final = config.parse(raw, "x").final
    assert final.training is not None
    assert (final.training.epochs, final.training.batch_size, final.training.steps) == (50, 32, ((3, 0.01),))
    assert final.qat is not None
    assert (final.qat.epochs, final.qat.batch_size) == (2, 16)
    assert final.augment is None


def test_another_schedule_drops_the_rates_by_epoch() -> None:
    raw = minimal(
        training={"schedule": "step", "steps": [[3, 0.01]]}, final={"training": {"schedule": "one-cycle"}}
    )
    training = config.parse(raw, "x").final.training
    assert training is not None
    assert training.steps == ()


def test_bounded_objectives_join_the_four_that_always_count() -> None:
    settings = config.parse(minimal(budget={"error": 0.1, "cycles": 1e6}), "x")
    assert settings.objectives == ("error", "ram_bytes", "flash_bytes", "macs", "cycles")
    assert settings.study().bounds == {"error": 0.1, "cycles": 1e6}


def test_pruning_scales_with_the_training() -> None:
    pruning = config.parse(minimal(pruning={"start": 0.1, "end": 0.6}), "x").pruning
    found = pruning.over(30, 0.5)
    assert found is not None
    assert (found.start_epoch, found.end_epoch, found.sparsity) == (3, 18, 0.5)
    short = pruning.over(1, 0.5)
    assert short is not None
    assert short.start_epoch <= short.end_epoch <= 1
    assert pruning.over(30, None) is None


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ({"name": "fashion-mnist"}, "fashion_mnist"),
        ({"name": "csv", "path": "My Data-3.csv"}, "my_data_3"),
        ({"name": "npz", "path": "3d.npz"}, "net_3d"),
        ({"name": "sensor:load"}, "sensor_load"),
    ],
)
def test_the_network_is_called_after_its_data(data: dict[str, str], name: str) -> None:
    assert config.parse(minimal(data=data), "x").net_name == name


def test_rungs_after_the_end_of_the_training_do_not_count() -> None:
    settings = config.parse(minimal(fidelity={"rungs": [2, 5, 9]}, training={"epochs": 5}), "x")
    assert settings.study().rungs == (2,)


def test_workers_of_the_command_line_override_the_file() -> None:
    settings = config.parse(minimal(search={"workers": 2}), "x")
    assert (settings.study().workers, settings.study(3).workers) == (2, 3)


def test_tables_list_every_key_for_the_documentation() -> None:
    tables = config.tables()
    assert "ram_bytes" in tables["budget"]
    assert "epochs" in tables["final.training"]
    assert "board" in tables[""]
