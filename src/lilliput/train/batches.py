"""The training data in one tensor, and batches of it: shuffled, changed at random, normalized, all as
tensor ops."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from lilliput.errors import DataError
from lilliput.net import DType, Net, Normalization
from lilliput.net.tensor import same_but_for_ones
from lilliput.train.settings import AugmentSettings

_CHUNK_ELEMENTS = 1 << 20
"""Several batches are made at once, about this many elements: fewer calls, and still within the cache."""


class Normalizer:
    """Raw data → what the network sees: float32, real = (raw - mean) / std.

    Args:
        normalization: None leaves the values as they are.
    """

    def __init__(self, normalization: Normalization | None, device: torch.device) -> None:
        self._mean: Tensor | None = None
        self._rate: Tensor | None = None
        if normalization is not None:
            self._mean = torch.tensor(normalization.mean, dtype=torch.float32, device=device)
            self._rate = 1.0 / torch.tensor(normalization.std, dtype=torch.float32, device=device)

    def __call__(self, raw: Tensor) -> Tensor:
        """(batch, *shape) of any type → float32; channels are the last axis."""
        if self._mean is None or self._rate is None:
            return raw.to(torch.float32)
        return raw.to(torch.float32, copy=True).sub_(self._mean).mul_(self._rate)


def to_tensor(x: NDArray[np.generic], net: Net, device: torch.device, what: str) -> Tensor:
    """Raw examples as one tensor on `device`, uint8 kept as it is; axes of length 1 may come or go.

    Raises:
        DataError: the examples do not have the shape of the network's input, or are not finite.
    """
    shape = net.input.shape
    if not same_but_for_ones(x.shape[1:], shape):
        raise DataError(
            f"the {what} does not fit net '{net.name}'",
            f"an example has shape {x.shape[1:]}, the network takes {shape}",
            "give the data's shape to whatever made the network",
        )
    x = x.reshape(len(x), *shape)
    if x.dtype != np.uint8:
        x = np.asarray(x, np.float32)
        if not np.isfinite(x).all():
            place = tuple(int(i) for i in np.argwhere(~np.isfinite(x))[0])
            raise DataError(
                f"the {what} holds values that are not finite", f"first at {place}", "clean the data"
            )
    return torch.from_numpy(np.require(x, requirements=("C", "W"))).to(device)


def labels_for(y: NDArray[np.int64], net: Net, device: torch.device) -> Tensor:
    """Class numbers on `device`.

    Raises:
        DataError: the network has no output for one of them.
    """
    classes = math.prod(net.output.shape)
    if len(y) and (y.min() < 0 or y.max() >= classes):
        raise DataError(
            f"labels do not fit net '{net.name}'",
            f"they reach from {y.min()} to {y.max()}, the network has {classes} outputs",
            "number the classes from 0 and give the network an output for each",
        )
    return torch.from_numpy(np.array(y, np.int64)).to(device)


def normalization_of(net: Net, data: Normalization | None) -> Normalization | None:
    """The network's own normalization, else the data set's."""
    return net.normalization if net.normalization is not None else data


def fill_value(normalization: Normalization | None) -> float:
    """What stands outside an image: raw 0 for bytes, else the first channel's mean, which becomes zero."""
    if normalization is None or normalization.raw is DType.UINT8:
        return 0.0
    return normalization.mean[0]


@dataclass(frozen=True)
class Batch:
    """One step's examples.

    Attributes:
        x: normalized, (batch, *shape).
        labels: class numbers, int64.
        examples: their numbers in the training data.
        mixed: (labels, examples, share) of the images that were blended in; the share is theirs.
    """

    x: Tensor
    labels: Tensor
    examples: Tensor
    mixed: tuple[Tensor, Tensor, float] | None = None


class Batches:
    """Endless epochs over examples that stay in one tensor.

    Args:
        x: raw examples, (examples, *shape), on the device that trains.
        y: class numbers.
        chosen: numbers of the examples to use, on the CPU.
        augment: what to change at random; shifts and rotations need images.
        generator: a CPU generator, the only source of randomness.
    """

    def __init__(
        self,
        x: Tensor,
        y: Tensor,
        chosen: Tensor,
        batch_size: int,
        normalizer: Normalizer,
        augment: AugmentSettings,
        fill: float,
        generator: torch.Generator,
    ) -> None:
        self.batch_size = min(batch_size, len(chosen))
        self.per_epoch = len(chosen) // self.batch_size
        self._x, self._y, self._chosen = x, y, chosen
        self._normalize, self._augment = normalizer, augment
        self._fill, self._generator = fill, generator
        self._outside = normalizer(torch.full(x.shape[-1:], fill, device=x.device))
        self._image = x.dim() == 4
        self._windows = self._cut_windows() if self._image and any(augment.shift) else None

    def epoch(self) -> Iterator[Batch]:
        """The examples once, in a new order."""
        order = self._chosen[torch.randperm(len(self._chosen), generator=self._generator)]
        order = order[: self.per_epoch * self.batch_size]
        together = max(1, _CHUNK_ELEMENTS // (self.batch_size * math.prod(self._x.shape[1:])))
        for indices in torch.split(order, together * self.batch_size):
            examples = indices.to(self._x.device)
            x = self._normalize(self._draw(examples))
            x = self._change(x)
            labels = self._y[examples]
            parts = zip(*(torch.split(t, self.batch_size) for t in (x, labels, examples)), strict=True)
            for part, part_labels, part_examples in parts:
                yield self._mix(Batch(part, part_labels, part_examples))

    # Inside

    def _cut_windows(self) -> Tensor:
        """Every shift of every image as a view: (examples, up-down, left-right, height, width, channels)."""
        rows, columns = self._augment.shift
        _, height, width, channels = self._x.shape
        padded = torch.full(
            (len(self._x), height + 2 * rows, width + 2 * columns, channels),
            self._fill,
            dtype=self._x.dtype,
            device=self._x.device,
        )
        padded[:, rows : rows + height, columns : columns + width] = self._x
        return padded.unfold(1, height, 1).unfold(2, width, 1).permute(0, 1, 2, 4, 5, 3)

    def _draw(self, examples: Tensor) -> Tensor:
        """Raw examples, shifted if asked."""
        if self._windows is None:
            return self._x[examples]
        down, right = (self._integers(2 * most + 1, len(examples)) for most in self._augment.shift)
        return self._windows[examples, down, right].contiguous()

    def _change(self, x: Tensor) -> Tensor:
        augment = self._augment
        if self._image and augment.rotate_radians > 0.0 and augment.rotate_probability > 0.0:
            x = self._rotate(x)
        if self._image and augment.flip:
            flipped = self._uniform(len(x)) < 0.5
            x = torch.where(flipped.view(-1, 1, 1, 1), x.flip(2), x)
        if self._image and augment.erase:
            x = self._erase(x)
        if augment.noise > 0.0:
            noise = torch.empty(x.shape, dtype=torch.float32).normal_(
                0.0, augment.noise, generator=self._generator
            )
            x = x + noise.to(x.device)
        return x

    def _rotate(self, x: Tensor) -> Tensor:
        """Some images turned about their centre by bilinear interpolation."""
        chosen = (self._uniform(len(x)) < self._augment.rotate_probability).nonzero()[:, 0]
        angles = (self._uniform(len(x))[: len(chosen)] * 2.0 - 1.0) * self._augment.rotate_radians
        _, height, width, _ = x.shape
        aspect = height / width
        cosine, sine, zero = angles.cos(), angles.sin(), torch.zeros_like(angles)
        # affine_grid speaks of coordinates that reach from -1 to 1 on both axes, hence the aspect ratio
        matrices = torch.stack(
            (torch.stack((cosine, -sine * aspect, zero), 1), torch.stack((sine / aspect, cosine, zero), 1)), 1
        )
        images = (x[chosen] - self._outside).permute(0, 3, 1, 2).contiguous()
        grid = F.affine_grid(matrices, list(images.shape), align_corners=False)
        turned = F.grid_sample(images, grid, align_corners=False).permute(0, 2, 3, 1) + self._outside
        return x.index_copy(0, chosen, turned.contiguous())

    def _erase(self, x: Tensor) -> Tensor:
        """A square of zeros, the mean value, somewhere in every image; it may reach over the edge."""
        side = self._augment.erase
        _, height, width, _ = x.shape

        def inside(length: int) -> Tensor:
            start = self._integers(length, len(x)).view(-1, 1) - side // 2
            places = torch.arange(length, device=x.device)
            return (places >= start) & (places < start + side)

        hit = inside(height)[:, :, None, None] & inside(width)[:, None, :, None]
        return x.masked_fill(hit, 0.0)

    def _mix(self, batch: Batch) -> Batch:
        """Mixup (Zhang et al. 2018) or CutMix (Yun et al. 2019) with the batch in another order."""
        augment = self._augment
        ways = [
            name
            for name, alpha in (("blend", augment.mixup_alpha), ("paste", augment.cutmix_alpha))
            if alpha > 0
        ]
        if not ways or float(torch.rand((), generator=self._generator)) >= augment.mix_probability:
            return batch
        way = ways[int(torch.randint(len(ways), (), generator=self._generator))]
        alpha = augment.mixup_alpha if way == "blend" else augment.cutmix_alpha
        share = self._beta(alpha)
        order = torch.randperm(len(batch.x), generator=self._generator).to(batch.x.device)
        if way == "blend":
            x = torch.lerp(batch.x, batch.x[order], share)
        else:
            x, share = self._paste(batch.x, batch.x[order], share)
        return Batch(x, batch.labels, batch.examples, (batch.labels[order], batch.examples[order], share))

    def _paste(self, x: Tensor, other: Tensor, share: float) -> tuple[Tensor, float]:
        if x.dim() != 4:
            return torch.lerp(x, other, share), share
        _, height, width, _ = x.shape
        side = math.sqrt(share)
        half = (int(height * side) // 2, int(width * side) // 2)
        row = int(torch.randint(height, (), generator=self._generator))
        column = int(torch.randint(width, (), generator=self._generator))
        rows = slice(max(row - half[0], 0), min(row + half[0], height))
        columns = slice(max(column - half[1], 0), min(column + half[1], width))
        x = x.clone()
        x[:, rows, columns] = other[:, rows, columns]
        return x, (rows.stop - rows.start) * (columns.stop - columns.start) / (height * width)

    def _beta(self, alpha: float) -> float:
        """A draw from Beta(alpha, alpha), at most one half: the other image is never the main one."""
        seed = int(torch.randint(2**31, (), generator=self._generator))
        draw = float(np.random.default_rng(seed).beta(alpha, alpha))
        return min(draw, 1.0 - draw)

    def _uniform(self, count: int) -> Tensor:
        return torch.rand(count, generator=self._generator).to(self._x.device)

    def _integers(self, below: int, count: int) -> Tensor:
        return torch.randint(below, (count,), generator=self._generator).to(self._x.device)
