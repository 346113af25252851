"""Quantization-aware fine-tuning: training goes on with the arithmetic of the chip."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from lilliput.data import Dataset
from lilliput.errors import DataError, NetError, TrainingError
from lilliput.net import Net
from lilliput.train.batches import Batches, Normalizer, fill_value, labels_for, normalization_of, to_tensor
from lilliput.train.device import prepare
from lilliput.train.evaluation import accuracy
from lilliput.train.integer_net import IntegerNet, Quantize, Ranges
from lilliput.train.learning_net import LearningNet
from lilliput.train.objective import Objective, checked_teacher
from lilliput.train.optimizer import make_optimizer, rate_at
from lilliput.train.settings import AugmentSettings, QatSettings, TrainSettings, checked

_NETS: dict[str, type[IntegerNet]] = {"observed": IntegerNet, "learned": LearningNet}


def qat(
    net: Net,
    ranges: Ranges,
    dataset: Dataset,
    settings: QatSettings | None = None,
    *,
    quantize: Quantize,
    augment: AugmentSettings | None = None,
    teacher: NDArray[np.float32] | None = None,
    seed: int = 0,
    device: str = "cpu",
) -> Net:
    """The quantized network after fine-tuning with integers in the forward pass.

    If the validation split has examples and the network does worse on them afterwards, it is returned as it
    was before.

    Args:
        net: float with weights, batch norm folded.
        ranges: of its activations, as `calibrate` gives them.
        quantize: makes the quantized network of a float one and ranges, in any number format.
        augment, teacher, seed, device: as for `fit`.

    Returns:
        `quantize` of the tuned network; its arithmetic is what the training saw, to the bit.

    Raises:
        ConfigError: a setting is out of bounds, or there is no such device.
        DataError: the data do not fit the network.
        NetError: the network cannot be quantized.
        TrainingError: the loss is not finite.
    """
    settings, augment = checked(settings or QatSettings()), checked(augment or AugmentSettings())
    place = prepare(device, settings.threads)
    net = replace(net, normalization=normalization_of(net, dataset.normalization))
    module = _NETS[settings.scales](net, ranges, quantize, place)
    normalize = Normalizer(net.normalization, place)
    x = to_tensor(dataset.train.x, net, place, "training data")
    y = labels_for(dataset.train.y, net, place)
    chosen = torch.from_numpy(np.random.default_rng([seed, 1]).permutation(len(x))[: settings.examples])
    if not len(chosen):
        raise DataError(f"there is nothing to train net '{net.name}' on", "no training examples", "give some")
    generator = torch.Generator().manual_seed(int(np.random.SeedSequence([seed, 2]).generate_state(1)[0]))
    fill = fill_value(net.normalization)
    batches = Batches(x, y, chosen, settings.batch_size, normalize, augment, fill, generator)
    objective = Objective(
        settings.label_smoothing, checked_teacher(teacher, len(x), net, place), settings.distill
    )

    validation = to_tensor(dataset.validation.x, net, place, "validation data")
    truth = labels_for(dataset.validation.y, net, place)
    before = module.net
    start = accuracy(module, validation, truth, normalize) if len(truth) else None
    _tune(module, batches, objective, settings)
    if start is not None and accuracy(module, validation, truth, normalize) < start:
        return before
    return module.net


def _tune(module: IntegerNet, batches: Batches, objective: Objective, settings: QatSettings) -> None:
    schedule = TrainSettings(
        epochs=settings.epochs,
        optimizer=settings.optimizer,
        learning_rate=settings.learning_rate,
        momentum=settings.momentum,
        weight_decay=settings.weight_decay,
        warmup=settings.warmup,
    )
    optimizer = make_optimizer(module.flat, module.decayed, schedule)
    rate = rate_at(schedule, batches.per_epoch)
    step = 0
    for epoch in range(settings.epochs):
        for batch in batches.epoch():
            renew = step % settings.refresh_steps == 0
            follow = renew and epoch < settings.range_epochs
            if follow:
                module.watch()
            loss = objective(module.logits(batch.x), batch)
            optimizer.step(module.gradient(loss), rate(step))
            if follow:
                module.follow(settings.range_momentum)
            if renew:
                _refresh(module, loss, step)
            step += 1
    _refresh(module, loss, step)


def _refresh(module: IntegerNet, loss: torch.Tensor, step: int) -> None:
    """New scales, if there can be any."""
    why = f"loss or weights are not finite at step {step}"
    if math.isfinite(float(loss.detach())) and bool(torch.isfinite(module.flat).all()):
        try:
            module.refresh()
            return
        except NetError as error:
            why = f"the weights of step {step} cannot be quantized: {error.why}"
    raise TrainingError(f"fine-tuning of net '{module.net.name}' diverged", why, "lower the learning rate")
