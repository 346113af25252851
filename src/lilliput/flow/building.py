"""From a trained float network to the C on this machine: what every accuracy is taken from."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from lilliput.codegen import generate
from lilliput.config import QuantizationSettings
from lilliput.cost import cost
from lilliput.data import Dataset, Split
from lilliput.errors import DataError
from lilliput.flow.quantizing import in_formats
from lilliput.measure.host import HostModel
from lilliput.net import DType, Net
from lilliput.net.formats import Formats
from lilliput.net.tensor import same_but_for_ones
from lilliput.passes import plan_floats_for, plan_for
from lilliput.results import Cost
from lilliput.targets import Board
from lilliput.train.settings import AugmentSettings, QatSettings


@dataclass(frozen=True)
class Built:
    """A planned network, its C, and what it costs.

    Attributes:
        net: planned, integer.
        files: the C library, file name → text.
        cost: predicted on the board; the arena is the header's.
    """

    net: Net
    files: dict[str, str]
    cost: Cost

    def accuracy(self, split: Split) -> float:
        """Share of the split that the C, built for this machine, gets right.

        Raises:
            DataError: the split is empty, or its examples do not fit the network.
            ToolchainError: there is no C compiler.
        """
        return c_accuracy(HostModel(self.net, self.files), self.net, split)


@dataclass(frozen=True)
class Quantizer:
    """How a trained float network becomes integers and C.

    Attributes:
        settings: calibration.
        qat: fine-tuning with integers, or None.
        augment: changes to the images of the fine-tuning.
        board: what for.
        device: where torch computes.
        formats: number formats of the layers.
    """

    settings: QuantizationSettings
    qat: QatSettings | None
    augment: AugmentSettings
    board: Board
    device: str = "cpu"
    formats: Formats = field(default_factory=Formats)

    def build(self, net: Net, dataset: Dataset, seed: int) -> Built:
        """Folds, calibrates, fine-tunes if asked, quantizes, plans and generates.

        Args:
            net: trained float network.
            dataset: whose training examples calibrate and fine-tune.
            seed: of the fine-tuning.

        Raises:
            TrainingError: the fine-tuning diverged.
            NetError: the network cannot be expressed in integers.
        """
        plans = plan_floats_for if self.formats.real else plan_for
        return build(plans(self.integers(net, dataset, seed), self.board.core), self.board)

    def integers(self, net: Net, dataset: Dataset, seed: int) -> Net:
        """As `build`, up to the quantized network, which has no plan yet."""
        return in_formats(
            net,
            dataset,
            self.formats,
            quantization=self.settings,
            qat=self.qat,
            augment=self.augment,
            seed=seed,
            device=self.device,
        )


def build(net: Net, board: Board) -> Built:
    """C and cost of a planned network."""
    return Built(net, generate(net, board), cost(net, board))


def c_accuracy(model: HostModel, net: Net, split: Split) -> float:
    """Share of the split that the C gets right; ties go to the first class, as argmax has it.

    Raises:
        DataError: the split is empty, or its examples do not fit the network.
    """
    if not len(split):
        raise DataError(
            f"there is nothing to score '{net.name}' on", "the split is empty", "choose another split"
        )
    y = model.run(network_input(net, split.x))
    return float(np.mean(y.reshape(len(y), -1).argmax(axis=1) == split.y))


def network_input(net: Net, x: NDArray[np.generic]) -> NDArray[np.generic]:
    """Raw examples as what the network on the chip takes.

    A network over bytes takes them as they are; otherwise real = (raw - mean) / std is quantized with the
    input's scale and zero point, round half to even.  A network of floats takes the reals.

    Args:
        net: as it is compiled.
        x: (n, *input shape) raw; axes of length 1 may come or go.

    Raises:
        DataError: another shape or type than the network was trained on.
    """
    tensor = net.input
    if not same_but_for_ones(x.shape[1:], tensor.shape):
        raise DataError(
            f"the data do not fit network '{net.name}'",
            f"{x.shape[1:]} against {tensor.shape}",
            "choose other data",
        )
    x = x.reshape(len(x), *tensor.shape)
    if tensor.dtype is DType.UINT8:
        if x.dtype != np.uint8:
            raise DataError(
                f"network '{net.name}' takes bytes", f"the data are {x.dtype}", "choose other data"
            )
        return x
    real = x.astype(np.float64)
    if net.normalization is not None:
        real = (real - np.array(net.normalization.mean)) / np.array(net.normalization.std)
    if tensor.dtype is DType.FLOAT32:
        return real.astype(np.float32)
    assert tensor.quant is not None
    low, high = tensor.dtype.range
    scaled = np.rint(real / tensor.quant.scale) + tensor.quant.zero_point
    found: NDArray[np.generic] = np.clip(scaled, low, high).astype(tensor.dtype.numpy)
    return found


def described(net: Net, dataset: Dataset) -> Net:
    """The network with the data set's class names and normalization, which the C header tells."""
    return replace(net, labels=dataset.labels, normalization=dataset.normalization)
