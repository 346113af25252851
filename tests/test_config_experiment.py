"""Experiments from TOML: what models take from the template, where mistakes stand, and data sets alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lilliput import config
from lilliput.errors import ConfigError, DataError
from lilliput.flow.datasets import named_data

TEMPLATE = {"kind": "cnn", "filters": [4], "kernels": 3, "batch_norm": True}

MANY_FORMATS = "int8," + ",".join(f"stage{index}_block1_conv1=w4a8" for index in range(12))
"""As --mixed prints them: more letters than the name of a folder holds."""


def experiment(*models: dict[str, Any], **tables: Any) -> dict[str, Any]:
    return {"data": {"name": "digits"}, "model_template": TEMPLATE, "model": list(models), **tables}


def test_a_model_takes_from_the_template_what_its_kind_has() -> None:
    one, two = config.parse_experiment(
        experiment({"name": "one"}, {"name": "two", "kind": "mlp", "units": [4]}), "e.toml"
    ).model
    assert (one.kind, one.filters, one.batch_norm) == ("cnn", (4,), True)
    assert (two.kind, two.units, two.filters, two.batch_norm) == ("mlp", (4,), (), False)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (experiment({"name": "a"}, {"name": "b"}, training={"epochs": 0}), ["e.toml: training.epochs is"]),
        (
            experiment({"name": "a"}, model_template={**TEMPLATE, "training": {"epochs": 0}}),
            ["e.toml: model_template.training.epochs is"],
        ),
        (
            experiment({"name": "a"}, {"name": "b", "training": {"epochs": 0}}),
            ["e.toml: model[1].training.epochs is"],
        ),
        (
            experiment({"name": "a"}, model_template={**TEMPLATE, "filters": 0}),
            ["e.toml: model_template.filters is", "greater than or equal to 1, got 0"],
        ),
        (experiment({"name": "a", "filters": 0}), ["e.toml: model[0].filters is"]),
        (experiment({"name": "a", "kind": "mlp", "batch_norm": False}), ["'mlp' has no batch_norm"]),
        (experiment({"name": "a"}, model_template={**TEMPLATE, "filtres": 3}), ["model_template.filtres is"]),
        (
            experiment({"name": "a"}, postprocessing=[{"format": "int8"}, {"format": MANY_FORMATS}]),
            ["postprocessing[1] is wrong", "letters, more than 255", "give this step a short name"],
        ),
        (
            experiment({"name": "a"}, postprocessing=[{"name": "b" * 256}]),
            ["postprocessing[0] is wrong", "256 letters", "give this step a short name"],
        ),
        (experiment({"name": "a" * 129}), ["model[0] is wrong", "has 129 letters, more than 128"]),
    ],
)
def test_a_mistake_is_told_once_and_where_it_stands(raw: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        config.parse_experiment(raw, "e.toml")
    text = str(caught.value)
    assert all(word in text for word in words), text
    assert "; also" not in text
    assert "constrained" not in text


def test_a_format_for_many_layers_is_taken_with_a_name() -> None:
    found = config.parse_experiment(
        experiment({"name": "a"}, postprocessing=[{"format": MANY_FORMATS, "name": "mixed"}]), "e.toml"
    )
    assert [post.title for post in found.postprocessing] == ["mixed"]


@pytest.mark.parametrize("more", ["", '[budget]\nerror = 0.1\n[[model]]\nname = "a"\n'])
def test_the_data_of_any_configuration_can_be_named(tmp_path: Path, more: str) -> None:
    (tmp_path / "numbers.csv").write_text("".join(f"{i % 7},{i % 5},{i % 2}\n" for i in range(60)))
    (tmp_path / "any.toml").write_text(f'[data]\nname = "csv"\npath = "numbers.csv"\n{more}')
    dataset, split = named_data(f"{tmp_path / 'any.toml'}:train")
    assert split == "train"
    assert dataset.train.x.shape[-1] == 2


def test_a_split_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "any.toml").write_text('[data]\nname = "digits"\n')
    with pytest.raises(DataError, match="has no split 'foo'"):
        named_data(f"{tmp_path / 'any.toml'}:foo")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["data is wrong", "missing"]),
        ('[data]\nname = "digits"\nsubst = 3\n', ["data.subst", "did you mean 'subset'?"]),
        ('[data]\nname = "digits"\nsubset = "3"\n', ["data.subset", "a number is wanted"]),
    ],
)
def test_mistakes_in_data_are_told(tmp_path: Path, text: str, words: list[str]) -> None:
    (tmp_path / "any.toml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        named_data(str(tmp_path / "any.toml"))
    assert all(word in str(caught.value) for word in words), caught.value
