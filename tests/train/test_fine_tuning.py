"""Fine-tuning with integers makes up for what rounding cost."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from tests.train.sketch import branched, stripes
from tests.train.test_integer_net import fused

from lilliput import train
from lilliput.data import Split
from lilliput.errors import TrainingError
from lilliput.net import Net
from lilliput.net.check import Stage, check
from lilliput.net.formats import format_named
from lilliput.net.reference import run
from lilliput.passes.fold_batch_norm import fold_batch_norm
from lilliput.passes.fuse_activations import fuse_activations
from lilliput.passes.quantize import quantize
from lilliput.train.integer_net import Ranges, WeightScales
from lilliput.train.settings import AugmentSettings, QatSettings, TrainSettings

DATA = stripes(400, (9, 8, 2))
TUNE = QatSettings(epochs=4, batch_size=32, learning_rate=0.003, refresh_steps=2)


@pytest.fixture(scope="module")
def trained() -> tuple[Net, Ranges]:
    fitted = train.fit(branched(), DATA, TrainSettings(epochs=6, batch_size=32, learning_rate=0.05))
    net = fold_batch_norm(fitted.net)
    return net, train.calibrate(net, DATA.train.x)


def accuracy(net: Net, split: Split) -> float:
    return float(np.mean(run(net, split.x).reshape(len(split), -1).argmax(1) == split.y))


def loss(net: Net, split: Split) -> float:
    found = net.output.quant
    assert found is not None
    logits = (run(net, split.x).astype(np.float64) - found.zero_point) * found.scale
    shifted = logits - logits.max(1, keepdims=True)
    return float(np.mean(np.log(np.exp(shifted).sum(1)) - shifted[np.arange(len(split)), split.y]))


def test_it_recovers_from_ranges_that_are_too_narrow(trained: tuple[Net, Ranges]) -> None:
    net, ranges = trained
    narrow = {name: (low / 3, high / 3) for name, (low, high) in ranges.items()}
    before = fused(net, narrow)
    after = train.qat(net, narrow, DATA, TUNE, quantize=fused)
    check(after, Stage.QUANTIZED)
    assert loss(after, DATA.train) < 0.8 * loss(before, DATA.train)
    assert accuracy(after, DATA.validation) >= accuracy(before, DATA.validation)


def test_a_worse_result_is_not_returned(trained: tuple[Net, Ranges]) -> None:
    net, ranges = trained
    wrong = replace(DATA, train=Split(DATA.train.x, (DATA.train.y + 1) % 3))
    assert train.qat(net, ranges, wrong, TUNE, quantize=fused) == fused(
        replace(net, normalization=DATA.normalization), ranges
    )


def test_a_seed_decides_everything(trained: tuple[Net, Ranges]) -> None:
    net, ranges = trained
    data = replace(DATA, validation=Split(DATA.validation.x[:0], DATA.validation.y[:0]))
    augment = AugmentSettings(shift=(1, 1), flip=True)
    settings = replace(TUNE, epochs=1)
    found = [
        train.qat(net, ranges, data, settings, quantize=fused, augment=augment, seed=seed)
        for seed in (0, 0, 1)
    ]
    assert found[0] == found[1]
    assert found[0] != found[2]


def test_a_teacher_can_teach_it(trained: tuple[Net, Ranges]) -> None:
    net, ranges = trained
    teacher = train.logits(net, DATA.train.x)
    found = train.qat(net, ranges, DATA, TUNE, quantize=fused, teacher=teacher)
    assert accuracy(found, DATA.validation) > 0.7


def test_divergence_is_told(trained: tuple[Net, Ranges]) -> None:
    net, ranges = trained
    with pytest.raises(TrainingError, match="diverged"):
        train.qat(net, ranges, DATA, replace(TUNE, learning_rate=1e38, optimizer="sgdw"), quantize=fused)


def two_bits(
    net: Net, ranges: Ranges, *, weight_scales: WeightScales | None = None, name: str = "w2a2"
) -> Net:
    return quantize(fuse_activations(net), ranges, format_named(name), weight_scales=weight_scales)


def test_learned_scales_bring_two_bits_back(trained: tuple[Net, Ranges]) -> None:
    net, ranges = trained
    before = two_bits(net, ranges)
    observed, learned = (
        train.qat(net, ranges, DATA, replace(TUNE, scales=scales), quantize=two_bits)
        for scales in ("observed", "learned")
    )
    check(learned, Stage.QUANTIZED)
    assert loss(learned, DATA.train) < 0.6 * loss(before, DATA.train)
    assert loss(learned, DATA.train) < 0.9 * loss(observed, DATA.train)
    assert accuracy(learned, DATA.test) > accuracy(before, DATA.test)


@pytest.mark.parametrize("name", ["int16x8", "qmn8", "qmn16-network", "w3a5"])
@pytest.mark.parametrize("scales", ["observed", "learned"])
def test_every_format_is_tuned(trained: tuple[Net, Ranges], name: str, scales: str) -> None:
    net, ranges = trained
    settings = replace(TUNE, epochs=1, scales=scales)
    after = train.qat(net, ranges, DATA, settings, quantize=partial(two_bits, name=name))
    check(after, Stage.QUANTIZED)
    assert accuracy(after, DATA.validation) >= accuracy(two_bits(net, ranges, name=name), DATA.validation)
