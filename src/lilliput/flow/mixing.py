"""`--mixed BUDGET`: bits for each layer's weights, chosen by what they cost in accuracy and in bytes."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from functools import partial

from lilliput.cost.mixing import WIDTHS, Limits, Losses, choose_bits, formats_with, weighted_ops
from lilliput.data import Dataset
from lilliput.errors import BudgetError, ConfigError, NetError
from lilliput.flow.datasets import named_data
from lilliput.flow.quantizing import calibration_examples, prepared
from lilliput.net import Net, Optimize
from lilliput.net.check import Stage, stage_of
from lilliput.net.formats import Formats
from lilliput.passes import quantize
from lilliput.targets import Board

EXAMPLES = 1000
"""Validation examples on which the loss of each layer and width is measured."""
UNITS = {"": 1, "b": 1, "kb": 1000, "kib": 1024, "mb": 1_000_000, "mib": 1 << 20}


def mixed_format(net: Net, board: Board, data: str | None, budget: str) -> tuple[str, Optimize]:
    """The format of a float network, as `compile` takes it, with which it keeps the budget, and what for.

    Where no bits keep it with the kernels that the network is optimized for, those for RAM are tried, then
    those for flash.

    Args:
        net: float with weights.
        board: what for.
        data: data set whose training examples calibrate and whose validation examples are scored.
        budget: as `limits_named` reads it.

    Raises:
        ConfigError: the budget cannot be read, the network is quantized, or there are no data.
        BudgetError: nothing fits; names the smallest value that would do.
        NetError: the network has no weights.
    """
    limits = limits_named(budget)
    if stage_of(net) is not Stage.FLOAT:
        raise ConfigError(
            f"network '{net.name}' has no bits to choose", "it was quantized before", "give the float network"
        )
    if any(tensor.constant and tensor.data is None for tensor in net.tensors.values()):
        raise NetError(f"network '{net.name}' has no weights", "it was not trained", "train it first")
    if data is None:
        raise ConfigError(
            f"bits for '{net.name}' cannot be chosen without examples",
            "they follow from the loss that each layer causes",
            "name the data set that it was trained on: --data NAME",
        )
    dataset, _ = named_data(data)
    folded = prepared(net, Formats())
    losses, refused = sensitivities(folded, dataset), list[BudgetError]()
    for goal in dict.fromkeys((folded.optimize, Optimize.RAM, Optimize.FLASH)):
        try:
            return written(choose_bits(replace(folded, optimize=goal), board, losses, limits)), goal
        except BudgetError as error:
            refused.append(error)
    # What is told of flash holds within the limit of RAM; what is told of RAM, for any flash.
    raise min(refused, key=lambda error: (error.bound != "flash", error.smallest))


def limits_named(text: str) -> Limits:
    """The limits that users write as flash=20kB, ram=8kB, or both with a comma between.

    kB are 1000 bytes, KiB 1024; a number alone is bytes.

    Raises:
        ConfigError: the text is none of these.
    """
    found: dict[str, float] = {}
    for part in text.split(","):
        match = re.fullmatch(r"\s*(flash|ram)\s*=\s*(\d+(?:\.\d+)?)\s*([a-zA-Z]*)\s*", part)
        if match is None or match[3].lower() not in UNITS or f"{match[1]}_bytes" in found:
            raise ConfigError(f"'{part}' is no budget", "", "write flash=20kB, ram=8kB, or both with a comma")
        found[f"{match[1]}_bytes"] = math.floor(float(match[2]) * UNITS[match[3].lower()])
    return Limits(**found)


def sensitivities(net: Net, dataset: Dataset) -> Losses:
    """How much the loss grows when one layer alone has fewer bits than 8; never less than nothing.

    Args:
        net: float with weights, batch norm folded and activations fused.
        dataset: its training examples calibrate; validation examples are scored, or training examples where
            there are none.
    """
    from lilliput import train

    ranges = train.calibrate(net, calibration_examples(dataset.train, EXAMPLES))
    split = dataset.validation if len(dataset.validation) else dataset.train

    def loss(bits: dict[str, int]) -> float:
        return train.integer_loss(
            net,
            ranges,
            split.x[:EXAMPLES],
            split.y[:EXAMPLES],
            quantize=partial(quantize, formats=formats_with(bits)),
        )

    whole = loss({})
    return {
        name: {
            width: 0.0 if width == WIDTHS[0] else max(0.0, loss({name: width}) - whole) for width in WIDTHS
        }
        for name in weighted_ops(net)
    }


def written(formats: Formats) -> str:
    """The formats as users write them."""
    return ",".join([formats.default.name, *(f"{op}={found.name}" for op, found in formats.ops.items())])
