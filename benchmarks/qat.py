"""Quantization-aware training against brevitas: LeNet-5 on MNIST from the same float weights, on one thread.

Both fine-tune for as many epochs, with batches of one size, the same optimizer and learning rates: weights
with a scale for each channel, activations with scales that learn, the input and the last layer in 8 bits.
Ours is scored as C; brevitas scores its fake quantization in torch.  Where it is not installed nothing is
compared.
"""

from __future__ import annotations

import importlib.util
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from comparison import Comparison
from torch import Tensor, nn

from lilliput import train
from lilliput.data import Dataset, load
from lilliput.flow.building import build, described
from lilliput.flow.quantizing import in_formats
from lilliput.net import Net
from lilliput.net.formats import formats_named
from lilliput.passes import plan_for
from lilliput.search import templates
from lilliput.targets import board
from lilliput.train.optimizer import rate_at
from lilliput.train.settings import QatSettings, TrainSettings

EXAMPLES, EPOCHS = 12_000, 2
FLOAT = TrainSettings(epochs=4, learning_rate=0.05, threads=1)
TUNE = QatSettings(epochs=EPOCHS, learning_rate=0.002, scales="learned", threads=1)
WIDTHS = (8, 4, 2)
STATISTICS_STEPS = 30
"""Steps after which brevitas begins to learn the scales of activations; before, it observes them."""


def run(seed: int) -> Iterator[Comparison]:
    """Seconds of an epoch and accuracy on the test split, for each width of weights and activations."""
    if importlib.util.find_spec("brevitas") is None:
        print("  brevitas is not installed: pip install 'lilliput[bench]'", file=sys.stderr)
        return
    data = load("mnist", subset=EXAMPLES)
    empty = replace(data, validation=data.validation.take(np.arange(0)))
    net = train.fit(lenet5(data), empty, FLOAT, seed=seed).net
    for bits in WIDTHS:
        ours, theirs = fine_tuned_here(net, empty, bits, seed), fine_tuned_by_brevitas(net, empty, bits, seed)
        what = f"LeNet-5 w{bits}a{bits}, {len(data.train):,} images"
        yield Comparison(f"{what}, an epoch", "s", ("lilliput", ours[0]), ("brevitas", theirs[0]))
        yield Comparison(
            f"{what}, accuracy", "%", ("lilliput", ours[1]), ("brevitas", theirs[1]), smaller_is_better=False
        )


def lenet5(data: Dataset) -> Net:
    """The float network without weights."""
    shape = templates.Cnn((6, 16), (5, 5), (2, 2), (120, 84), padded=False)
    return described(templates.build(shape, data.input_shape, data.classes, "lenet5"), data)


def fine_tuned_here(net: Net, data: Dataset, bits: int, seed: int) -> tuple[float, float]:
    """Seconds of an epoch, calibration included, and the C's accuracy in percent."""
    target = board("nucleo-l4r5zi")
    start = time.perf_counter()
    found = in_formats(net, data, formats_named(f"w{bits}a{bits},logits=int8"), qat=TUNE, seed=seed)
    seconds = time.perf_counter() - start
    return seconds / EPOCHS, 100 * build(plan_for(found, target.core), target).accuracy(data.test)


def fine_tuned_by_brevitas(net: Net, data: Dataset, bits: int, seed: int) -> tuple[float, float]:
    """Seconds of an epoch, and the accuracy of fake quantization in percent."""
    torch.manual_seed(seed)
    model = brevitas_lenet5(net, bits)
    assert net.normalization is not None
    mean, deviation = net.normalization.mean[0], net.normalization.std[0]
    x, test_x = (
        (torch.from_numpy(np.array(split.x)).permute(0, 3, 1, 2).float() - mean) / deviation
        for split in (data.train, data.test)
    )
    y, test_y = (torch.from_numpy(np.array(split.y)) for split in (data.train, data.test))
    start = time.perf_counter()
    _train(model, x, y)
    seconds = time.perf_counter() - start
    model.eval()
    with torch.no_grad():
        right = [
            (model(part).argmax(1) == truth).float().sum()
            for part, truth in zip(test_x.split(500), test_y.split(500), strict=True)
        ]
    return seconds / EPOCHS, 100 * float(sum(right)) / len(test_y)


def _train(model: nn.Module, x: Tensor, y: Tensor) -> None:
    steps = len(x) // TUNE.batch_size
    schedule = TrainSettings(epochs=EPOCHS, learning_rate=TUNE.learning_rate, warmup=TUNE.warmup)
    rate = rate_at(schedule, steps)
    optimizer = torch.optim.AdamW(model.parameters(), TUNE.learning_rate, weight_decay=0.0)
    model.train()
    for epoch in range(EPOCHS):
        order = torch.randperm(len(x))
        for step in range(steps):
            chosen = order[step * TUNE.batch_size :][: TUNE.batch_size]
            for group in optimizer.param_groups:
                group["lr"] = rate(epoch * steps + step)
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x[chosen]), y[chosen]).backward()
            optimizer.step()


def brevitas_lenet5(net: Net, bits: int) -> nn.Module:
    """The network with the weights of `net` in brevitas' layers."""
    from brevitas import nn as layers
    from brevitas.quant import Int8ActPerTensorFloat, Int8WeightPerChannelFloat

    def weighted(kind: Any, *sizes: int, width: int = bits) -> nn.Module:
        return kind(*sizes, bias=True, weight_quant=Int8WeightPerChannelFloat, weight_bit_width=width)

    def relu() -> nn.Module:
        return layers.QuantReLU(bit_width=bits, collect_stats_steps=STATISTICS_STEPS)

    conv, dense = layers.QuantConv2d, layers.QuantLinear
    model = nn.Sequential(
        layers.QuantIdentity(act_quant=Int8ActPerTensorFloat, collect_stats_steps=STATISTICS_STEPS),
        *(weighted(conv, 1, 6, 5), relu(), nn.MaxPool2d(2)),
        *(weighted(conv, 6, 16, 5), relu(), nn.MaxPool2d(2)),
        _ChannelsLast(),
        *(weighted(dense, 256, 120), relu(), weighted(dense, 120, 84), relu()),
        weighted(dense, 84, 10, width=8),
    )
    sources = [op for op in net.ops if len(op.inputs) == 3]
    targets = [layer for layer in model if isinstance(layer, conv | dense)]
    for op, layer in zip(sources, targets, strict=True):
        weights, bias = (torch.from_numpy(np.array(net.tensors[name].data)) for name in op.inputs[1:])
        with torch.no_grad():
            layer.weight.copy_(weights.permute(0, 3, 1, 2) if weights.dim() == 4 else weights)
            layer.bias.copy_(bias)
    return model


class _ChannelsLast(nn.Module):
    """Flattens images as a `Net` does: rows, columns, channels."""

    def forward(self, x: Tensor) -> Tensor:
        return x.permute(0, 2, 3, 1).flatten(1)
