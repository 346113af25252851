"""`fit` learns, repeats itself, stops when told, and goes on where it was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from tests.train.sketch import Sketch, branched, stripes

from lilliput import train
from lilliput.data import Split
from lilliput.errors import ConfigError, DataError, StorageError, TrainingError
from lilliput.net import Net, Softmax
from lilliput.net.check import Stage, check
from lilliput.train.settings import AugmentSettings, DistillSettings, PruneSettings, TrainSettings

QUICK = TrainSettings(epochs=3, batch_size=32, learning_rate=0.1)
DATA = stripes()


def small(softmax: bool = False) -> Net:
    sketch = Sketch((8, 8, 1))
    x = sketch.flat(sketch.block(sketch.block("input", 6, strides=(2, 2)), 6))
    x = sketch.dense(x, 3)
    return sketch.net(sketch.add(Softmax, x) if softmax else x)


def weights(net: Net) -> dict[str, np.ndarray]:
    return {name: np.asarray(tensor.data) for name, tensor in net.tensors.items() if tensor.constant}


def same(first: Net, second: Net) -> bool:
    one, two = weights(first), weights(second)
    return one.keys() == two.keys() and all(np.array_equal(one[name], two[name]) for name in one)


@pytest.mark.parametrize(("has_instructions", "precision"), [(True, "bfloat16"), (False, "float32")])
def test_automatic_precision_is_what_the_processor_computes_with(
    monkeypatch: pytest.MonkeyPatch, has_instructions: bool, precision: Literal["bfloat16", "float32"]
) -> None:
    monkeypatch.setattr("lilliput.train.training.computes_bfloat16", lambda _: has_instructions)
    automatic, named, other = (
        train.fit(small(), DATA, replace(QUICK, epochs=1, precision=choice)).net
        for choice in ("auto", precision, "float32" if has_instructions else "bfloat16")
    )
    assert same(automatic, named)
    assert not same(automatic, other)


@pytest.mark.parametrize("softmax", [False, True])
@pytest.mark.parametrize(
    "settings",
    [
        replace(QUICK, epochs=8),
        replace(QUICK, epochs=8, optimizer="adamw", learning_rate=0.01, schedule="constant", average=0.9),
        replace(QUICK, epochs=8, precision="bfloat16", label_smoothing=0.1, gradient_norm=1.0),
    ],
)
def test_it_learns_and_scores_as_evaluate_does(settings: TrainSettings, softmax: bool) -> None:
    fitted = train.fit(small(softmax), DATA, settings)
    check(fitted.net, Stage.FLOAT)
    assert fitted.validation_accuracy is not None
    assert fitted.validation_accuracy > 0.9
    again = train.evaluate(fitted.net, DATA.validation.x, DATA.validation.y)
    assert again == pytest.approx(fitted.validation_accuracy, abs=1e-6)
    assert fitted.net.normalization == DATA.normalization


@pytest.mark.parametrize(
    "augment",
    [
        AugmentSettings(shift=(1, 1), rotate_radians=0.2, flip=True),
        AugmentSettings(mixup_alpha=0.2, cutmix_alpha=0.2, erase=2, noise=0.1),
    ],
)
def test_it_learns_from_changed_images(augment: AugmentSettings) -> None:
    fitted = train.fit(small(), DATA, replace(QUICK, epochs=10, dropout=0.1), augment=augment)
    assert (fitted.validation_accuracy or 0.0) > 0.8


def test_a_seed_decides_everything() -> None:
    settings = replace(QUICK, dropout=0.2)
    augment = AugmentSettings(shift=(1, 1), rotate_radians=0.2, flip=True, noise=0.1, cutmix_alpha=1.0)
    prune = PruneSettings(sparsity=0.3, start_epoch=0, end_epoch=2, every_steps=2)
    runs = [
        train.fit(branched_on_stripes(), DATA, settings, augment=augment, prune=prune, seed=s)
        for s in (4, 4, 5)
    ]
    assert same(runs[0].net, runs[1].net)
    assert not same(runs[0].net, runs[2].net)


def branched_on_stripes() -> Net:
    sketch = Sketch((8, 8, 1))
    trunk = sketch.block("input", 6, strides=(2, 2))
    hidden = sketch.dense(
        sketch.flat(sketch.block(sketch.norm(sketch.depthwise(trunk)), 5, kernel=(1, 1))), 8
    )
    return sketch.net(sketch.dense(hidden, 3))


def test_training_goes_on_from_weights_that_are_there() -> None:
    first = train.fit(small(), DATA, replace(QUICK, epochs=8))
    tiny = replace(QUICK, epochs=1, learning_rate=1e-6)
    again = train.fit(first.net, DATA, tiny)
    assert (again.validation_accuracy or 0.0) == pytest.approx(first.validation_accuracy or 0.0, abs=0.03)


def test_history_tells_of_every_epoch() -> None:
    fitted = train.fit(small(), DATA, replace(QUICK, epochs=4, validate_every=2))
    assert [record["epoch"] for record in fitted.history] == [1, 2, 3, 4]
    assert [record["validation_accuracy"] is None for record in fitted.history] == [True, False, True, False]
    assert fitted.history[-1]["loss"] < fitted.history[0]["loss"]


def test_a_true_answer_stops_and_an_exception_passes() -> None:
    def stop(record: Mapping[str, Any]) -> bool:
        return bool(record["epoch"] == 2)

    assert len(train.fit(small(), DATA, replace(QUICK, epochs=9), on_epoch=stop).history) == 2

    def refuse(record: Mapping[str, Any]) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train.fit(small(), DATA, QUICK, on_epoch=refuse)


def test_a_rate_too_high_is_told() -> None:
    with pytest.raises(TrainingError, match="diverged in epoch 1") as caught:
        train.fit(small(), DATA, replace(QUICK, learning_rate=1e20, optimizer="adamw", schedule="constant"))
    assert "lower the learning rate" in caught.value.hint


def test_only_so_many_examples_are_used() -> None:
    data = replace(DATA, train=DATA.train.take(np.arange(64)))
    few = train.fit(small(), data, replace(QUICK, examples=40, epochs=1))
    assert len(few.history) == 1
    assert not same(few.net, train.fit(small(), data, replace(QUICK, epochs=1)).net)


def test_without_validation_examples_there_is_no_accuracy() -> None:
    data = replace(DATA, validation=Split(DATA.validation.x[:0], DATA.validation.y[:0]))
    fitted = train.fit(small(), data, replace(QUICK, epochs=1, validate_every=1))
    assert fitted.validation_accuracy is None


def test_the_test_split_is_not_looked_at() -> None:
    data = replace(DATA, test=Split(np.zeros((1, 2)), np.array([99])))
    train.fit(small(), data, replace(QUICK, epochs=1))


def test_a_teacher_alone_can_teach() -> None:
    teacher = train.fit(small(), DATA, replace(QUICK, epochs=8)).net
    logits = train.logits(teacher, DATA.train.x)
    wrong = replace(DATA, train=Split(DATA.train.x, (DATA.train.y + 1) % 3))
    settings = replace(QUICK, epochs=10, distill=DistillSettings(weight=1.0, temperature=2.0))
    pupil = train.fit(small(), wrong, settings, teacher=logits)
    assert (pupil.validation_accuracy or 0.0) > 0.9
    with pytest.raises(DataError, match="teacher"):
        train.fit(small(), DATA, settings, teacher=logits[:-1])


def test_data_that_do_not_fit_are_refused() -> None:
    with pytest.raises(DataError, match=r"the network takes \(9, 8, 2\)"):
        train.fit(branched(), DATA, QUICK)
    labels = replace(DATA, train=Split(DATA.train.x, DATA.train.y + 1))
    with pytest.raises(DataError, match="from 1 to 3"):
        train.fit(small(), labels, QUICK)
    with pytest.raises(DataError, match="no training examples"):
        train.fit(small(), replace(DATA, train=DATA.train.take(np.arange(0))), QUICK)


@pytest.mark.parametrize("device", ["tpu", "nonsense", "cuda:97"])
def test_a_device_that_is_not_there_is_told(device: str) -> None:
    with pytest.raises(ConfigError, match=device):
        train.fit(small(), DATA, QUICK, device=device)


class KilledError(Exception):
    """Stands for the end of the process."""


@pytest.mark.parametrize("killed_after", [1, 3, 4])
@pytest.mark.parametrize("optimizer", ["sgdw", "adamw"])
def test_a_killed_training_ends_as_if_it_had_not_been(
    tmp_path: Path, killed_after: int, optimizer: str
) -> None:
    settings = replace(QUICK, epochs=5, average=0.5, dropout=0.2, optimizer=optimizer, learning_rate=0.01)
    arguments: dict[str, Any] = {
        "augment": AugmentSettings(shift=(1, 1), noise=0.1),
        "prune": PruneSettings(sparsity=0.4, start_epoch=1, end_epoch=3, every_steps=2),
        "seed": 3,
    }
    whole = train.fit(branched_on_stripes(), DATA, settings, **arguments)
    path = tmp_path / "training.safetensors"

    def kill(record: Mapping[str, Any]) -> None:
        if record["epoch"] == killed_after + 1:
            raise KilledError

    with pytest.raises(KilledError):
        train.fit(branched_on_stripes(), DATA, settings, **arguments, checkpoint=path, on_epoch=kill)
    resumed = train.fit(branched_on_stripes(), DATA, settings, **arguments, checkpoint=path)
    assert same(whole.net, resumed.net)
    assert whole.validation_accuracy == resumed.validation_accuracy
    assert [r["loss"] for r in whole.history] == [r["loss"] for r in resumed.history]
    assert [item.name for item in tmp_path.iterdir()] == ["training.safetensors"]


def test_a_finished_training_is_not_done_again(tmp_path: Path) -> None:
    path = tmp_path / "training.safetensors"
    first = train.fit(small(), DATA, QUICK, checkpoint=path)

    def refuse(record: Mapping[str, Any]) -> None:
        raise AssertionError

    again = train.fit(small(), DATA, QUICK, checkpoint=path, on_epoch=refuse)
    assert same(first.net, again.net)


def test_checkpoints_of_other_trainings_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "training.safetensors"
    train.fit(small(), DATA, replace(QUICK, epochs=1), checkpoint=path)
    for other in ({"seed": 1}, {"augment": AugmentSettings(flip=True)}):
        with pytest.raises(TrainingError, match="another training"):
            train.fit(small(), DATA, replace(QUICK, epochs=1), checkpoint=path, **other)  # type: ignore[arg-type]
    with pytest.raises(TrainingError, match="another training"):
        train.fit(small(), stripes(seed=1), replace(QUICK, epochs=1), checkpoint=path)


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\xff" * 64])
def test_a_damaged_checkpoint_is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "training.safetensors"
    path.write_bytes(content)
    with pytest.raises(TrainingError, match="damaged"):
        train.fit(small(), DATA, QUICK, checkpoint=path)


def test_a_checkpoint_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "training.safetensors"
    with pytest.raises(StorageError, match="cannot write"):
        train.fit(small(), DATA, replace(QUICK, epochs=1), checkpoint=path)
