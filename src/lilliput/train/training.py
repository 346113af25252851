"""`fit`: from a network without weights to one that has learned."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lilliput.data import Dataset
from lilliput.errors import DataError, TrainingError
from lilliput.net import Net
from lilliput.train import checkpoint as checkpoints
from lilliput.train.batches import Batches, Normalizer, fill_value, labels_for, normalization_of, to_tensor
from lilliput.train.device import computes_bfloat16, prepare
from lilliput.train.evaluation import BATCH, accuracy
from lilliput.train.objective import Objective, checked_teacher
from lilliput.train.optimizer import make_optimizer, rate_at
from lilliput.train.prune import Pruner
from lilliput.train.settings import AugmentSettings, PruneSettings, TrainSettings, checked
from lilliput.train.torch_net import Mode, TorchNet

OnEpoch = Callable[[Mapping[str, Any]], object]
"""Gets each epoch's record; a true answer ends the training after this epoch, an exception ends it at
once."""

_LOSS_CHECK_STEPS = 64


@dataclass(frozen=True)
class Fitted:
    """A trained network.

    Attributes:
        net: float with weights, batch norm still in it, channels that were pruned gone, its normalization
            set.
        validation_accuracy: of `net`, float arithmetic; None if the data set has no validation examples.
        history: one record an epoch: epoch (from 1), loss (mean over the epoch), learning_rate, seconds,
            validation_accuracy (None where not asked for) and, while pruning, channels_left.
    """

    net: Net
    validation_accuracy: float | None
    history: tuple[dict[str, Any], ...]


def fit(
    net: Net,
    dataset: Dataset,
    settings: TrainSettings | None = None,
    *,
    augment: AugmentSettings | None = None,
    prune: PruneSettings | None = None,
    teacher: NDArray[np.float32] | None = None,
    seed: int = 0,
    device: str = "cpu",
    on_epoch: OnEpoch | None = None,
    checkpoint: Path | None = None,
) -> Fitted:
    """Trains `net` on the training split; the test split is never looked at.

    The same arguments, number of threads and machine give the same weights.

    Args:
        net: float; constants without data start from fresh values (He et al. 2015).
        settings, augment, prune: how; without `augment` images stay as they are, without `prune` all
            channels stay.
        teacher: logits of the training examples, (examples, classes); see `DistillSettings`.
        device: "cpu", "cuda" or "cuda:N".
        on_epoch: see `OnEpoch`; set `settings.validate_every` for accuracies in the records.
        checkpoint: a file that is replaced after every epoch; if it is there, the training goes on from it.

    Raises:
        ConfigError: a setting is out of bounds, or there is no such device.
        DataError: the data do not fit the network.
        TrainingError: the loss is not finite, or the checkpoint is damaged or another training's.
        StorageError: the checkpoint cannot be written.
    """
    training = _Training(
        net,
        dataset,
        checked(settings or TrainSettings()),
        checked(augment or AugmentSettings()),
        checked(prune) if prune is not None else None,
        teacher,
        seed,
        prepare(device, settings.threads if settings else 0),
    )
    if checkpoint is not None:
        training.resume(checkpoint)
    while training.epoch < training.settings.epochs and not training.stopped:
        record = training.run_epoch()
        if on_epoch is not None and on_epoch(record):
            training.stopped = True
        if checkpoint is not None:
            training.save(checkpoint)
    return training.finish()


class _Training:
    """The state of one training between its epochs."""

    def __init__(
        self,
        net: Net,
        dataset: Dataset,
        settings: TrainSettings,
        augment: AugmentSettings,
        prune: PruneSettings | None,
        teacher: NDArray[np.float32] | None,
        seed: int,
        device: torch.device,
    ) -> None:
        net = replace(net, normalization=normalization_of(net, dataset.normalization))
        self.settings, self.stopped = settings, False
        self.epoch = 0
        self._dataset, self._device = dataset, device
        self._arguments = (settings, augment, prune, seed)
        self._original, self._teacher = net, teacher
        self._history: list[dict[str, Any]] = []
        first, second = (int(s) for s in np.random.SeedSequence([seed, 0]).generate_state(2))
        self._generator = torch.Generator().manual_seed(second)
        self._module = TorchNet(net, device, torch.Generator().manual_seed(first), settings.dropout)
        self._module.generator = self._generator
        self._normalize = Normalizer(net.normalization, device)
        self._x = to_tensor(dataset.train.x, net, device, "training data")
        self._y = labels_for(dataset.train.y, net, device)
        self._validation = (
            to_tensor(dataset.validation.x, net, device, "validation data"),
            labels_for(dataset.validation.y, net, device),
        )
        chosen = np.random.default_rng([seed, 1]).permutation(len(self._x))
        self._chosen = torch.from_numpy(chosen[: settings.examples])
        if not len(self._chosen):
            raise DataError(
                f"there is nothing to train net '{net.name}' on", "no training examples", "give some"
            )
        self._batches = Batches(
            self._x,
            self._y,
            self._chosen,
            settings.batch_size,
            self._normalize,
            augment,
            fill_value(net.normalization),
            self._generator,
        )
        self._objective = Objective(
            settings.label_smoothing, checked_teacher(teacher, len(self._x), net, device), settings.distill
        )
        self._rate = rate_at(settings, self._batches.per_epoch)
        self._pruner = self._make_pruner(prune)
        self._start_optimizer()

    def run_epoch(self) -> Mapping[str, Any]:
        """One pass over the data; gives its record."""
        start = time.perf_counter()
        module, settings = self._module, self.settings
        module.mode = Mode.TRAIN
        total = torch.zeros((), device=self._device)
        step = self.epoch * self._batches.per_epoch
        for index, batch in enumerate(self._batches.epoch()):
            if self._pruner is not None and self._pruner.due(step + index):
                self._pruner.update(module, step + index)
            with self._autocast():
                logits = module.logits(batch.x)
            loss = self._objective(logits, batch)
            gradient = module.gradient(loss)
            if settings.gradient_norm > 0.0:
                gradient.mul_((settings.gradient_norm / (gradient.norm() + 1e-6)).clamp_max(1.0))
            self._optimizer.step(gradient, self._rate(step + index))
            if self._average is not None:
                # young averages forget faster, so that the first weights do not linger
                decay = min(settings.average, (1 + step + index) / (10 + step + index))
                self._average.lerp_(module.flat, 1.0 - decay)
            total += loss.detach()
            if index % _LOSS_CHECK_STEPS == 0:
                self._check_loss(total, step + index)
        self._check_loss(total, step + self._batches.per_epoch)
        self.epoch += 1
        if self._pruner is not None and self.epoch >= self._prune_end:
            self._shrink()
        record: dict[str, Any] = {
            "epoch": self.epoch,
            "loss": float(total) / self._batches.per_epoch,
            "learning_rate": self._rate(step),
            "validation_accuracy": None,
        }
        if self._pruner is not None:
            record["channels_left"] = self._pruner.groups - len(self._pruner.gone)
        if settings.validate_every and self.epoch % settings.validate_every == 0:
            record["validation_accuracy"] = self._score()
        record["seconds"] = time.perf_counter() - start
        self._history.append(record)
        return record

    def finish(self) -> Fitted:
        """The network as it is now."""
        if self._pruner is not None and self._pruner.gone:
            self._shrink()
        found = self._score()
        weights = self._module.flat if self._average is None else self._average
        return Fitted(self._module.to_net(weights), found, tuple(self._history))

    # Checkpoints

    def save(self, path: Path) -> None:
        """Writes everything that the next epoch depends on."""
        tensors = {
            "flat": self._module.flat,
            "generator": self._generator.get_state(),
            "stopped": torch.tensor([int(self.stopped)]),
            **{f"optimizer.{name}": value for name, value in self._optimizer.state().items()},
        }
        if self._average is not None:
            tensors["average"] = self._average
        if self._gone:
            tensors["gone"] = torch.tensor(sorted(self._gone))
        elif self._pruner is not None:
            tensors["masked"] = torch.tensor(sorted(self._pruner.gone), dtype=torch.int64)
        found = checkpoints.Checkpoint(self.epoch, tensors, tuple(self._history))
        checkpoints.write(path, found, self._fingerprint)

    def resume(self, path: Path) -> None:
        """Goes on from `path`, if it is there."""
        if not path.exists():
            return
        found = checkpoints.read(path, self._fingerprint)
        tensors = found.tensors
        if "gone" in tensors and self._pruner is not None:
            self._pruner.set_gone(self._module, frozenset(tensors["gone"].tolist()))
            self._shrink()
        elif "masked" in tensors and self._pruner is not None:
            self._pruner.set_gone(self._module, frozenset(tensors["masked"].tolist()))
        elif self._pruner is not None and found.epoch >= self._prune_end:
            self._pruner = None
        self._module.flat.copy_(tensors["flat"])
        self._optimizer.load(
            {
                name.removeprefix("optimizer."): value
                for name, value in tensors.items()
                if "optimizer." in name
            }
        )
        if self._average is not None:
            self._average.copy_(tensors["average"])
        self._generator.set_state(tensors["generator"])
        self.stopped = bool(tensors["stopped"][0])
        self.epoch = found.epoch
        self._history = list(found.history)

    @functools.cached_property
    def _fingerprint(self) -> str:
        teacher = None if self._teacher is None else float(np.abs(self._teacher).sum())
        return checkpoints.fingerprint(self._original, self._dataset, *self._arguments, teacher)

    # Inside

    def _start_optimizer(self) -> None:
        self._optimizer = make_optimizer(self._module.flat, self._module.decayed, self.settings)
        self._average = self._module.flat.clone() if self.settings.average > 0.0 else None

    def _make_pruner(self, prune: PruneSettings | None) -> Pruner | None:
        self._gone: frozenset[int] = frozenset()
        self._prune_end = 0
        if prune is None or prune.sparsity == 0.0:
            return None
        self._prune_end = max(1, min(prune.end_epoch, self.settings.epochs))
        per_epoch = self._batches.per_epoch
        start = min(prune.start_epoch, self._prune_end) * per_epoch
        return Pruner(self._original, prune, start, self._prune_end * per_epoch)

    def _shrink(self) -> None:
        """Takes masked channels out for good: of the network and of all that is as long as its weights."""
        pruner, old = self._pruner, self._module
        assert pruner is not None
        if not self._gone and self.epoch:
            pruner.update(old, self.epoch * self._batches.per_epoch)
        self._gone = pruner.gone
        self._module = TorchNet(
            pruner.shrink(old.to_net()), self._device, self._generator, self.settings.dropout
        )
        state, average = self._optimizer.state(), self._average

        def cut(vector: Tensor) -> Tensor:
            return self._module.flatten(pruner.shrink(old.to_net(vector)))

        self._start_optimizer()
        self._optimizer.load(
            {name: cut(value) if value.shape == old.flat.shape else value for name, value in state.items()}
        )
        if average is not None:
            self._average = cut(average)
        self._pruner = None

    def _score(self) -> float | None:
        """Accuracy on the validation split; leaves fresh batch norm statistics behind."""
        module = self._module
        trained = module.flat.clone()
        if self._average is not None:
            module.flat.copy_(self._average)
        few = self._x[self._chosen[: self.settings.statistics_examples].to(self._device)]
        module.estimate_statistics(self._normalize(part) for part in torch.split(few, 2 * BATCH))
        module.mode = Mode.SCORE
        x, y = self._validation
        found = accuracy(module, x, y, self._normalize) if len(x) else None
        module.flat.copy_(trained)
        return found

    def _check_loss(self, total: Tensor, step: int) -> None:
        if not math.isfinite(float(total)):
            raise TrainingError(
                f"training of net '{self._original.name}' diverged in epoch {self.epoch + 1}",
                f"the loss is not finite at step {step}, at a learning rate of {self._rate(step):g}; "
                f"its highest is {self.settings.learning_rate:g}",
                "lower the learning rate or set gradient_norm",
            )

    def _autocast(self) -> AbstractContextManager[object]:
        precision = self.settings.precision
        if precision == "bfloat16" or (precision == "auto" and computes_bfloat16(self._device)):
            return torch.autocast(self._device.type, torch.bfloat16)
        return nullcontext()
