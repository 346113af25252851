"""Scores of a float network, in batches."""

from __future__ import annotations

from typing import Protocol, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lilliput.errors import DataError
from lilliput.net import Net
from lilliput.train.batches import Normalizer, to_tensor
from lilliput.train.device import prepare
from lilliput.train.torch_net import TorchNet

BATCH = 256
"""Small enough that the activations of a small network stay in the cache."""


class Scorer(Protocol):
    """A network in torch."""

    def logits(self, x: Tensor) -> Tensor:
        """(batch, *input shape), normalized → (batch, classes)."""


@torch.inference_mode()
def score(module: Scorer, x: Tensor, normalize: Normalizer, batch: int = BATCH) -> Tensor:
    """Logits of raw examples, (examples, classes) float32, on the module's device."""
    return torch.cat([module.logits(normalize(part)) for part in torch.split(x, batch)])


def accuracy(module: Scorer, x: Tensor, y: Tensor, normalize: Normalizer) -> float:
    """Share of raw examples whose highest logit is their label's."""
    return float((score(module, x, normalize).argmax(1) == y).float().mean())


def logits(net: Net, x: NDArray[np.generic], batch: int = BATCH, device: str = "cpu") -> NDArray[np.float32]:
    """What a trained float network says of raw examples, before a last softmax.

    Args:
        net: float with weights, batch norm folded or not; its normalization is applied.
        x: raw examples, (examples, *input shape).

    Returns:
        (examples, classes), float32; also what `fit` takes as a teacher.

    Raises:
        DataError: the examples do not fit the network.
    """
    place = prepare(device)
    raw = to_tensor(x, net, place, "data")
    if not len(raw):
        raise DataError(f"there is nothing to score net '{net.name}' on", "no examples", "give some")
    found = score(TorchNet(net, place), raw, Normalizer(net.normalization, place), batch)
    return cast(NDArray[np.float32], found.cpu().numpy())


def evaluate(
    net: Net, x: NDArray[np.generic], y: NDArray[np.int64], batch: int = BATCH, device: str = "cpu"
) -> float:
    """Accuracy of a trained float network on raw examples, between 0 and 1.

    Raises:
        DataError: the examples do not fit the network or the labels.
    """
    found = logits(net, x, batch, device)
    if len(found) != len(y):
        raise DataError(
            "examples and labels differ in number", f"{len(found)} and {len(y)}", "give one label each"
        )
    return float(np.mean(found.argmax(1) == y))
