"""`--mixed BUDGET`: bits for each layer's weights, chosen by what they cost in accuracy and in bytes.

The choice is made by predictions, but a budget is a promise.  So what was chosen is built, and where that
takes more than was predicted, the choice is made again with so much less.
"""

from __future__ import annotations

import math
import re
import shutil
import tempfile
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from lilliput.codegen import generate
from lilliput.config import QuantizationSettings
from lilliput.cost import cost
from lilliput.cost.mixing import (
    WIDTHS,
    Limits,
    Losses,
    Ranges,
    choose_bits,
    formats_with,
    refusal,
    weighted_ops,
)
from lilliput.data import Dataset
from lilliput.errors import BudgetError, ConfigError, MeasureError, NetError
from lilliput.flow.datasets import named_data
from lilliput.flow.quantizing import calibration_examples, prepared
from lilliput.measure.firmware import FIRMWARE, build_firmware
from lilliput.measure.toolchain import find_toolchain
from lilliput.net import Net, Optimize
from lilliput.net.check import Stage, stage_of
from lilliput.net.formats import Formats
from lilliput.passes import plan_for, quantize
from lilliput.targets import Board

EXAMPLES = 1000
"""Validation examples on which the loss of each layer and width is measured."""
SPEED_LOSS = 0.01
"""What other kernels must save of the loss, a mean cross entropy, to be taken."""
UNITS = {"": 1, "b": 1, "kb": 1000, "kib": 1024, "mb": 1_000_000, "mib": 1 << 20}


def mixed_format(net: Net, board: Board, data: str | None, budget: str) -> tuple[str, Optimize]:
    """The format of a float network, as `compile` takes it, with which it keeps the budget, and what for.

    Kernels for RAM and for flash leave more bits, but take more cycles: they are taken where no bits keep the
    budget with the kernels that the network is optimized for, or where those cost more than `SPEED_LOSS`.

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
    ranges = calibrated(folded, dataset)
    losses = sensitivities(folded, dataset, ranges)
    found, refused = list[tuple[float, Formats, Optimize]](), list[BudgetError]()
    for goal in dict.fromkeys((folded.optimize, Optimize.RAM, Optimize.FLASH)):
        try:
            formats = _kept(replace(folded, optimize=goal), board, ranges, losses, limits)
        except BudgetError as error:
            refused.append(error)
            continue
        found.append((loss_of(formats, losses), formats, goal))
        if found[0][0] <= SPEED_LOSS:
            break
    if found:
        least = min(loss for loss, _, _ in found)
        formats, goal = next((formats, goal) for loss, formats, goal in found if loss <= least + SPEED_LOSS)
        return written(formats), goal
    # What is told of flash holds within the limit of RAM; what is told of RAM, for any flash.
    raise min(refused, key=lambda error: (error.bound != "flash", error.smallest))


def _kept(net: Net, board: Board, ranges: Ranges, losses: Losses, limits: Limits) -> Formats:
    """As `choose_bits`, but what is chosen keeps the limits as it is built, too."""

    def choose(asked: Limits) -> tuple[Formats, Sizes]:
        chosen = choose_bits(net, board, losses, asked, ranges)
        return chosen, sizes(plan_for(quantize(net, ranges, chosen), board.core), board)

    asked = limits
    while True:
        try:
            chosen, found = choose(asked)
        except BudgetError as error:
            # The least flash is that within the limit of RAM; the least RAM, for any flash.
            least = Limits(ram_bytes=asked.ram_bytes) if error.bound == "flash" else Limits()
            asked = _with(least, error.bound, error.smallest)
            break
        bound = found.exceeds(limits)
        if not bound:
            return chosen
        asked = _with(asked, bound, _limit(asked, bound) - (found.of(bound) - _limit(limits, bound)))
    chosen, found = choose(asked)
    bound = found.exceeds(limits)
    while bound:  # what takes the least was estimated, too
        try:
            fewer = choose(_with(asked, bound, found.of(bound) - 1))
        except BudgetError:
            break
        if fewer[1].of(bound) >= found.of(bound):
            break
        chosen, found = fewer
        bound = found.exceeds(limits)
    if bound:
        raise refusal(net, limits, bound, found.of(bound))
    return chosen


def check_kept(net: Net, board: Board, budget: str) -> None:
    """Whether a planned network keeps the budget; a fine-tuning may have changed what its kernels need.

    Raises:
        BudgetError: it does not; says what would do.
    """
    limits, found = limits_named(budget), sizes(net, board)
    if bound := found.exceeds(limits):
        needed = found.of(bound)
        raise BudgetError(
            f"network '{net.name}' no longer fits: {bound} at most {_limit(limits, bound):.0f} B",
            f"it takes {needed} B of {bound} after its fine-tuning",
            f"give {bound}={needed}B or more, or leave --qat out",
            bound,
            needed,
        )


@dataclass(frozen=True)
class Sizes:
    """What a planned network takes, in bytes."""

    flash_bytes: int
    ram_bytes: int

    def of(self, bound: str) -> int:
        """The bytes of "flash" or of "ram"."""
        return self.flash_bytes if bound == "flash" else self.ram_bytes

    def exceeds(self, limits: Limits) -> str:
        """The first limit that is not kept, "ram" or "flash"; empty if both are."""
        return next((bound for bound in ("ram", "flash") if self.of(bound) > _limit(limits, bound)), "")


def sizes(net: Net, board: Board) -> Sizes:
    """The arena to the byte, and the flash as the core's gcc builds it; as predicted where there is none.

    Args:
        net: planned.
    """
    predicted = cost(net, board)
    if shutil.which(board.core.gcc) is None:
        return Sizes(predicted.flash_bytes, predicted.arena_bytes)
    with tempfile.TemporaryDirectory(prefix="lilliput-") as folder:
        output = Path(folder) / FIRMWARE
        try:
            built = build_firmware(generate(net, board), net.name, board, find_toolchain(board), output)
        except MeasureError:
            # The board is too small, which is told once the budget is kept.
            return Sizes(predicted.flash_bytes, predicted.arena_bytes)
    assert built.flash_bytes.total is not None
    return Sizes(built.flash_bytes.total, predicted.arena_bytes)


def _limit(limits: Limits, bound: str) -> float:
    found = limits.flash_bytes if bound == "flash" else limits.ram_bytes
    return math.inf if found is None else found


def _with(limits: Limits, bound: str, limit_bytes: float) -> Limits:
    return replace(limits, **{f"{bound}_bytes": limit_bytes})


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


def calibrated(net: Net, dataset: Dataset) -> Ranges:
    """What flows in a float network, as `in_formats` has it where nothing that flows has few bits."""
    from lilliput import train

    settings = QuantizationSettings()
    examples = calibration_examples(dataset.train, settings.calibration_examples)
    return train.calibrate(net, examples, settings.calibration)


def loss_of(formats: Formats, losses: Losses) -> float:
    """What the layers lose together."""
    return sum(by_width[formats.of(name).weights.bits] for name, by_width in losses.items())


def sensitivities(net: Net, dataset: Dataset, ranges: Ranges) -> Losses:
    """How much the loss grows when one layer alone has fewer bits than 8; never less than nothing.

    Args:
        net: float with weights, batch norm folded and activations fused.
        dataset: its validation examples are scored, or training examples where there are none.
        ranges: of what flows, by tensor.
    """
    from lilliput import train

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
