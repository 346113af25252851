"""Settings refuse what cannot work, and name it."""

from __future__ import annotations

import subprocess
import sys

import pytest
from pydantic import TypeAdapter, ValidationError

from lilliput.errors import ConfigError
from lilliput.train.settings import AugmentSettings, PruneSettings, QatSettings, TrainSettings, checked


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        (TrainSettings(epochs=0), "epochs"),
        (TrainSettings(batch_size=0), "batch_size"),
        (TrainSettings(learning_rate=float("nan")), "learning_rate"),
        (TrainSettings(optimizer="adam"), "optimizer"),  # type: ignore[arg-type]
        (TrainSettings(dropout=1.0), "dropout"),
        (AugmentSettings(shift=(1, -2)), "shift.1"),
        (AugmentSettings(rotate_radians=4.0), "rotate_radians"),
        (PruneSettings(sparsity=1.0), "sparsity"),
        (QatSettings(refresh_steps=0), "refresh_steps"),
    ],
)
def test_values_out_of_bounds_are_named(settings: TrainSettings, named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        checked(settings)


@pytest.mark.parametrize("kind", [TrainSettings, AugmentSettings, PruneSettings, QatSettings])
def test_defaults_are_within_their_bounds_and_unknown_keys_are_not(kind: type[TrainSettings]) -> None:
    assert checked(kind()) == kind()
    with pytest.raises(ValidationError, match="learning_rat\n"):
        TypeAdapter(kind).validate_python({"learning_rat": 0.1})


def test_pruning_cannot_end_before_it_starts() -> None:
    with pytest.raises(ValidationError, match="end_epoch 2 comes before start_epoch 5"):
        TypeAdapter(PruneSettings).validate_python({"start_epoch": 5, "end_epoch": 2})


def test_steps_need_the_step_schedule_and_growing_epochs() -> None:
    with pytest.raises(ValueError, match="belong to the schedule 'step'"):
        TrainSettings(steps=((3, 0.1),))
    with pytest.raises(ValueError, match="growing epochs"):
        TrainSettings(schedule="step", steps=((5, 0.1), (3, 0.01)))


def test_reading_settings_needs_no_torch() -> None:
    code = "import sys, lilliput.train.settings; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
