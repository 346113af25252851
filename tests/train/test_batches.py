"""Batches: each example once an epoch, changed only in the ways that were asked for."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.train.sketch import branched

from lilliput.errors import DataError
from lilliput.net import DType, Normalization
from lilliput.train.batches import Batch, Batches, Normalizer, fill_value, to_tensor
from lilliput.train.settings import AugmentSettings

CPU = torch.device("cpu")


def batches(
    x: torch.Tensor,
    augment: AugmentSettings | None = None,
    batch_size: int = 8,
    normalization: Normalization | None = None,
    seed: int = 0,
) -> Batches:
    return Batches(
        x,
        torch.arange(len(x)) % 3,
        torch.arange(len(x)),
        batch_size,
        Normalizer(normalization, CPU),
        augment or AugmentSettings(),
        fill_value(normalization),
        torch.Generator().manual_seed(seed),
    )


def images(count: int = 40, size: int = 6) -> torch.Tensor:
    return torch.randint(
        1, 256, (count, size, size, 2), generator=torch.Generator().manual_seed(3), dtype=torch.uint8
    )


def all_of(found: list[Batch]) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.cat([batch.x for batch in found]), torch.cat([batch.examples for batch in found])


def test_an_epoch_holds_every_example_once_with_its_label() -> None:
    x = images()
    found = list(batches(x).epoch())
    values, examples = all_of(found)
    assert [len(batch.x) for batch in found] == [8] * 5
    assert sorted(examples.tolist()) == list(range(40))
    assert torch.equal(values, x[examples].float())
    assert all(torch.equal(batch.labels, batch.examples % 3) for batch in found)


def test_an_incomplete_last_batch_is_left_out_unless_it_is_the_only_one() -> None:
    assert batches(images(43)).per_epoch == 5
    assert [len(batch.x) for batch in batches(images(5)).epoch()] == [5]


def test_values_are_normalized_channel_by_channel() -> None:
    x = images().float()
    normalization = Normalization(DType.FLOAT32, (10.0, 20.0), (2.0, 4.0))
    values, examples = all_of(list(batches(x, normalization=normalization).epoch()))
    expected = (x[examples] - torch.tensor([10.0, 20.0])) / torch.tensor([2.0, 4.0])
    assert torch.allclose(values, expected, atol=1e-5)


def test_epochs_differ_and_seeds_repeat() -> None:
    augment = AugmentSettings(
        shift=(1, 2), flip=True, rotate_radians=0.3, erase=2, noise=0.1, mixup_alpha=0.3
    )
    first, again = batches(images(), augment), batches(images(), augment)
    one, two = all_of(list(first.epoch()))[0], all_of(list(first.epoch()))[0]
    assert not torch.equal(one, two)
    assert torch.equal(one, all_of(list(again.epoch()))[0])
    assert torch.equal(two, all_of(list(again.epoch()))[0])


def test_shifts_move_whole_pixels_and_fill_with_raw_zero() -> None:
    x = images()
    normalization = Normalization(DType.UINT8, (100.0,), (50.0,))
    values, examples = all_of(
        list(batches(x, AugmentSettings(shift=(1, 2)), normalization=normalization).epoch())
    )
    raw = (values * 50 + 100).round()
    seen = set()
    for image, original in zip(raw, x[examples].float(), strict=True):
        padded = torch.nn.functional.pad(original, (0, 0, 2, 2, 1, 1))
        places = [
            (down, right)
            for down in range(3)
            for right in range(5)
            if torch.equal(image, padded[down : down + 6, right : right + 6])
        ]
        assert len(places) == 1
        seen.add(places[0])
    assert len(seen) > 8


def test_flipping_mirrors_about_half_of_the_images_left_to_right() -> None:
    x = images(200)
    values, examples = all_of(list(batches(x, AugmentSettings(flip=True)).epoch()))
    original = x[examples].float()
    same = (values == original).flatten(1).all(1)
    mirrored = (values == original.flip(2)).flatten(1).all(1)
    assert bool((same ^ mirrored).all())
    assert 60 < int(mirrored.sum()) < 140


def test_rotation_turns_by_the_angle_on_images_that_are_not_square() -> None:
    line = torch.zeros(64, 9, 15, 1)
    line[:, 4, 4:11] = 1.0  # seven pixels to the right of the left end, through the centre
    augment = AugmentSettings(rotate_radians=np.pi / 2, rotate_probability=1.0)
    values, _ = all_of(list(batches(line, augment).epoch()))
    rows, columns = torch.meshgrid(torch.arange(9) - 4.0, torch.arange(15) - 7.0, indexing="ij")
    weights = values[..., 0]
    lengths = (weights * rows**2).sum((1, 2)) + (weights * columns**2).sum((1, 2))
    assert torch.allclose(lengths, lengths.mean(), rtol=0.25)  # the line keeps its length as it turns
    steep = (weights * rows**2).sum((1, 2)) / lengths
    assert float(steep.max()) > 0.9
    assert float(steep.min()) < 0.1


def test_no_more_images_are_rotated_than_asked_for() -> None:
    x = images(400)
    augment = AugmentSettings(rotate_radians=0.2, rotate_probability=0.25)
    values, examples = all_of(list(batches(x, augment).epoch()))
    changed = (values != x[examples].float()).flatten(1).any(1)
    assert 60 < int(changed.sum()) < 140


def test_erasing_blanks_at_most_one_square() -> None:
    values, examples = all_of(list(batches(images(), AugmentSettings(erase=2)).epoch()))
    blank = (values == 0).all(3)
    assert int(blank.flatten(1).sum(1).max()) == 4
    assert torch.equal(values[~blank], images()[examples].float()[~blank])


@pytest.mark.parametrize("alpha", [{"mixup_alpha": 0.5}, {"cutmix_alpha": 0.5}])
def test_mixing_tells_what_was_mixed_in(alpha: dict[str, float]) -> None:
    x = torch.arange(24).float().view(24, 1, 1, 1).expand(24, 8, 8, 1).contiguous()
    for batch in batches(x, AugmentSettings(**alpha)).epoch():
        assert batch.mixed is not None
        labels, examples, share = batch.mixed
        assert torch.equal(labels, examples % 3)
        mean = (1 - share) * batch.examples + share * examples
        assert torch.allclose(batch.x.mean((1, 2, 3)), mean, atol=1e-4)


def test_flat_data_are_mixed_but_not_moved() -> None:
    x = torch.randn(16, 5)
    augment = AugmentSettings(shift=(1, 1), flip=True, rotate_radians=1.0, erase=2)
    values, examples = all_of(list(batches(x, augment).epoch()))
    assert torch.equal(values, x[examples])


def test_examples_that_do_not_fit_are_refused() -> None:
    net = branched()
    with pytest.raises(DataError, match=r"shape \(5, 5, 1\), the network takes \(9, 8, 2\)"):
        to_tensor(np.zeros((3, 5, 5, 1), np.uint8), net, CPU, "training data")
    broken = np.zeros((3, 9, 8, 2), np.float32)
    broken[1, 2, 3, 1] = np.nan
    with pytest.raises(DataError, match=r"\(1, 2, 3, 1\)"):
        to_tensor(broken, net, CPU, "training data")
