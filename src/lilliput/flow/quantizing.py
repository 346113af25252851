"""A trained float network in any number format, fine-tuned if asked: where passes and training meet."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from lilliput.config import QuantizationSettings
from lilliput.data import Dataset, Split
from lilliput.errors import ConfigError
from lilliput.net import Net
from lilliput.net.formats import FEW_BITS, Formats
from lilliput.passes import fold_batch_norm, fuse_activations, quantize
from lilliput.passes.choose_types import few_steps
from lilliput.train.settings import AugmentSettings, QatSettings


def in_formats(
    net: Net,
    dataset: Dataset,
    formats: Formats | None = None,
    *,
    quantization: QuantizationSettings | None = None,
    qat: QatSettings | None = None,
    augment: AugmentSettings | None = None,
    seed: int = 0,
    device: str = "cpu",
) -> Net:
    """Folds, calibrates, quantizes, and fine-tunes if asked.

    Args:
        net: float with weights.
        dataset: whose training examples calibrate and fine-tune.
        formats: of its layers; int8 if None.
        quantization: how to calibrate; the defaults if None.
        qat: fine-tuning with the integers of these formats; None for none.
        augment: changes to the images of the fine-tuning.
        seed: of the fine-tuning.
        device: where torch computes.

    Returns:
        The quantized network, without a plan; the folded one where the format is float32.

    Raises:
        ConfigError: `formats` name an op that the network lacks.
        DataError: the data do not fit the network.
        NetError: the network cannot be expressed in these formats.
        TrainingError: the fine-tuning diverged.
    """
    from lilliput import train

    formats, settings = formats or Formats(), quantization or QuantizationSettings()
    folded = prepared(net, formats)
    if formats.real:
        return folded
    examples = calibration_examples(dataset.train, settings.calibration_examples)
    few = few_steps(folded, formats)
    ranges = train.calibrate(folded, examples, settings.calibration, device=device, few=few)
    if qat is None:
        return quantize(folded, ranges, formats)
    return train.qat(
        folded,
        ranges,
        dataset,
        qat,
        quantize=partial(quantize, formats=formats),
        augment=augment,
        seed=seed,
        device=device,
    )


def tuning(formats: Formats, epochs: int) -> QatSettings:
    """Settings of a fine-tuning of which nothing but its length is known: scales of few bits learn."""
    types = [
        dtype
        for chosen in (formats.default, *formats.ops.values())
        for dtype in (chosen.weights, chosen.activations)
    ]
    if min(dtype.bits for dtype in types) > FEW_BITS:
        return QatSettings(epochs=epochs)
    return QatSettings(epochs=epochs, scales="learned", learning_rate=0.001)


def prepared(net: Net, formats: Formats) -> Net:
    """The float network as it is calibrated: batch norm folded, activations fused.

    Raises:
        ConfigError: `formats` name an op that it lacks.
    """
    folded = fuse_activations(fold_batch_norm(net))
    if strange := set(formats.ops) - {op.name for op in folded.ops}:
        raise ConfigError(
            f"network '{net.name}' has no op '{min(strange)}'",
            f"its ops: {', '.join(op.name for op in folded.ops)}",
            "name one of them",
        )
    return folded


def calibration_examples(split: Split, count: int) -> NDArray[np.generic]:
    """At most `count` examples, spread evenly over the split."""
    chosen = np.unique(np.linspace(0, len(split) - 1, min(count, len(split))).astype(np.int64))
    return split.x[chosen]
