"""The steps of an experiment: train a model, bring it into a format and score its C, deploy it on a board."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np

from lilliput.codegen import generate
from lilliput.config import ExperimentSettings, ModelSettings, PostprocessingSettings, QuantizationSettings
from lilliput.cost import cost
from lilliput.data import Dataset
from lilliput.errors import MeasureError
from lilliput.flow.building import Quantizer, c_accuracy, described
from lilliput.flow.compiling import write_library
from lilliput.flow.evaluation import load_data
from lilliput.flow.experiment_directory import ExperimentDirectory, done, finish
from lilliput.flow.files import storing, whole_directory, write_json, write_with
from lilliput.flow.measuring import inputs_and_classes
from lilliput.measure.host import HostModel
from lilliput.measure.measuring import measure
from lilliput.net import Net, Normalization
from lilliput.net.storage import load as load_net
from lilliput.net.storage import save
from lilliput.passes import plan_floats_for, plan_for
from lilliput.search.templates import build
from lilliput.targets import Board, board

FLOAT_NET = "float.safetensors"
CHECKPOINT = "training.safetensors"
CONVERTED = "net.safetensors"
MEASUREMENT = "measurement.json"
TRAINED, SCORED, DEPLOYED = "float.json", "scores.json", "step.json"
"""Records of finished steps."""


@dataclass(frozen=True)
class Steps:
    """Does what is not yet done; every step reads what the one before has left on the disk.

    Attributes:
        settings: of the experiment.
        directory: where everything lies.
        device: where torch computes.
    """

    settings: ExperimentSettings
    directory: ExperimentDirectory
    device: str = "cpu"

    @cached_property
    def dataset(self) -> Dataset:
        """All three splits, normalized as [preprocessing] says."""
        found = load_data(self.settings.data)
        if self.settings.preprocessing.normalize == "z-score":
            return found
        count = len(found.normalization.mean)
        plain = Normalization(found.normalization.raw, (0.0,) * count, (1.0,) * count)
        return replace(found, normalization=plain)

    def depends(
        self, model: ModelSettings, post: PostprocessingSettings | None = None, target: Board | None = None
    ) -> dict[str, Any]:
        """The settings that a step of a model depends on: in a format, or on a board, where one is given."""
        whole = self.settings.to_json()
        found = {key: whole[key] for key in ("seed", "data", "preprocessing", "augment")}
        found["model"] = model.model_dump(mode="json")
        if post is not None:
            found["format"] = post.model_dump(mode="json")
        if target is not None:
            found |= {"board": target.to_dict(), "vectors": self.settings.deploy.vectors}
        return found

    def check(self) -> None:
        """Compares the settings with those of every step that is done.

        Raises:
            ConfigError: a step was done with other settings.
        """
        targets = [board(name) for name in self.settings.deploy.boards]
        for model, run in product(self.settings.model, range(self.settings.runs)):
            done(self.directory.training(model.name, run) / TRAINED, self.depends(model))
            for post in self.settings.postprocessing:
                done(self.directory.format(model.name, run, post.title) / SCORED, self.depends(model, post))
                for target in targets if run < self.settings.deploy.runs else ():
                    folder = self.directory.deployed(model.name, run, post.title, target.name)
                    done(folder / DEPLOYED, self.depends(model, post, target))

    def net(self, model: ModelSettings) -> Net:
        """The float network of a model, without weights."""
        data = self.dataset
        return described(build(model.template(), data.input_shape, data.classes, model.name), data)

    def seed(self, model: ModelSettings, run: int) -> int:
        """The seed of one training; that of a model depends on its name, not on its place."""
        sequence = np.random.SeedSequence([self.settings.seed, run, *model.name.encode()])
        return int(sequence.generate_state(1)[0])

    def train(self, model: ModelSettings, run: int) -> dict[str, Any]:
        """Trains a model; keys: `accuracy` (float arithmetic, test split), `parameters`, `seconds`.

        Raises:
            TrainingError: it diverged.
            ConfigError: it was done with other settings.
        """
        from lilliput import train

        folder = self.directory.training(model.name, run)
        depends = self.depends(model)
        before = done(folder / TRAINED, depends)
        if before is not None:
            return before
        with storing(folder):
            folder.mkdir(parents=True, exist_ok=True)
        start = time.monotonic()
        fitted = train.fit(
            self.net(model),
            self.dataset,
            model.training,
            augment=self.settings.augment,
            seed=self.seed(model, run),
            device=self.device,
            checkpoint=folder / CHECKPOINT,
        )
        write_with(folder / FLOAT_NET, lambda part: save(fitted.net, part))
        test = self.dataset.test
        result = {
            "accuracy": train.evaluate(fitted.net, test.x, test.y, device=self.device),
            "validation_accuracy": fitted.validation_accuracy,
            "parameters": sum(tensor.elements for tensor in fitted.net.tensors.values() if tensor.constant),
            "seconds": round(time.monotonic() - start, 1),
        }
        (folder / CHECKPOINT).unlink(missing_ok=True)
        return finish(folder / TRAINED, depends, result)

    def convert(self, model: ModelSettings, run: int, post: PostprocessingSettings) -> dict[str, Any]:
        """Brings a trained model into a format; keys: `accuracy` (of the C, test split), `weights_bytes`.

        Raises:
            TrainingError: the fine-tuning diverged.
            NetError: the network cannot be expressed in this format.
            ToolchainError: there is no C compiler for this machine.
        """
        folder = self.directory.format(model.name, run, post.title)
        depends = self.depends(model, post)
        before = done(folder / SCORED, depends)
        if before is not None:
            return before
        with storing(folder):
            folder.mkdir(parents=True, exist_ok=True)
        start = time.monotonic()
        target = board(self.settings.deploy.boards[0] if self.settings.deploy.boards else "generic-m4")
        quantizer = Quantizer(
            QuantizationSettings(
                calibration=post.calibration, calibration_examples=post.calibration_examples
            ),
            post.qat,
            self.settings.augment,
            target,
            self.device,
            post.formats,
        )
        float_net = load_net(self.directory.training(model.name, run) / FLOAT_NET)
        converted = quantizer.integers(float_net, self.dataset, self.seed(model, run))
        write_with(folder / CONVERTED, lambda part: save(converted, part))
        planned = _planned(converted, post, target)
        host = HostModel(planned, generate(planned, target))
        result = {
            "accuracy": c_accuracy(host, planned, self.dataset.test),
            "weights_bytes": cost(planned, target).weights_bytes,
            "seconds": round(time.monotonic() - start, 1),
        }
        return finish(folder / SCORED, depends, result)

    def deploy(
        self, model: ModelSettings, run: int, post: PostprocessingSettings, name: str
    ) -> dict[str, Any]:
        """Compiles a network for a board and runs its firmware; the object of `measure --json`.

        Raises:
            MeasureError: the firmware differs from the reference, or does not fit the board.
            ToolchainError: there is no compiler for the board.
        """
        target = board(name)
        folder = self.directory.deployed(model.name, run, post.title, target.name)
        depends = self.depends(model, post, target)
        before = done(folder / DEPLOYED, depends)
        if before is not None:
            return before
        net = load_net(self.directory.format(model.name, run, post.title) / CONVERTED)
        planned = _planned(net, post, target)
        test = self.dataset.test
        count = min(self.settings.deploy.vectors, len(test))
        inputs, _ = inputs_and_classes(
            planned, test.take(np.linspace(0, len(test) - 1, count).astype(np.int64))
        )
        with whole_directory(folder) as part:
            write_library(part, planned, target)
            found = measure(part, "emulator", vectors=inputs)
            if found.mismatches:
                raise MeasureError(
                    f"the firmware of {model.name} in {post.title} does not compute what the reference does",
                    f"{found.mismatches} of {found.vectors} vectors differ on {target.name}",
                    "report this with the folder of the run",
                )
            result = found.to_json()
            write_json(part / MEASUREMENT, result)
            finish(part / DEPLOYED, depends, result)
        return result


def _planned(net: Net, post: PostprocessingSettings, target: Board) -> Net:
    plans = plan_floats_for if post.formats.real else plan_for
    return plans(net, target.core)
