"""What training makes small: the loss of a batch."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from lilliput.errors import DataError
from lilliput.net import Net
from lilliput.train.batches import Batch
from lilliput.train.settings import DistillSettings


class Objective:
    """The loss of a batch: labels, what was mixed in, and a teacher.

    Args:
        teacher: logits by training example, on the device that trains; None for labels alone.
    """

    def __init__(self, smoothing: float, teacher: Tensor | None, distill: DistillSettings) -> None:
        self._smoothing = smoothing
        self._distill = distill
        self._taught = None if teacher is None else F.softmax(teacher / distill.temperature, 1)

    def __call__(self, logits: Tensor, batch: Batch) -> Tensor:
        """Mean loss over the batch; logits are (batch, classes)."""
        loss = F.cross_entropy(logits, batch.labels, label_smoothing=self._smoothing)
        if batch.mixed is not None:
            labels, _, share = batch.mixed
            other = F.cross_entropy(logits, labels, label_smoothing=self._smoothing)
            loss = (1.0 - share) * loss + share * other
        if self._taught is None:
            return loss
        target = self._taught[batch.examples]
        if batch.mixed is not None:
            _, examples, share = batch.mixed
            target = torch.lerp(target, self._taught[examples], share)
        temperature, weight = self._distill.temperature, self._distill.weight
        # the gradient of softened logits shrinks with the square of the temperature
        learned = F.cross_entropy(logits / temperature, target) * temperature**2
        return (1.0 - weight) * loss + weight * learned


def checked_teacher(
    teacher: NDArray[np.float32] | None, examples: int, net: Net, device: torch.device
) -> Tensor | None:
    """A teacher's logits on `device`.

    Raises:
        DataError: there is not one finite row for every training example.
    """
    if teacher is None:
        return None
    expected = (examples, math.prod(net.output.shape))
    if teacher.shape != expected or not np.isfinite(teacher).all():
        raise DataError(
            "the teacher's logits do not fit the training data",
            f"their shape is {teacher.shape}, expected {expected} finite values",
            "score the training examples with the teacher",
        )
    return torch.from_numpy(np.array(teacher, np.float32)).to(device)
