"""Splits are fixed by the seed, stratified, disjoint, and lose nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lilliput.data import Split, load
from lilliput.data.splits import assemble, stratified
from lilliput.errors import DataError
from lilliput.net import DType


def numbered(sizes: list[int]) -> Split:
    """Examples that hold their own number, so that a split can be recognised."""
    y = np.concatenate([np.full(size, label) for label, size in enumerate(sizes)]).astype(np.int64)
    return Split(np.arange(len(y), dtype=np.float32).reshape(-1, 1, 1, 1), y)


@given(st.lists(st.integers(2, 40), min_size=2, max_size=6), st.floats(0.05, 0.95), st.integers(0, 5))
def test_a_stratified_draw_keeps_proportions_and_loses_nothing(
    sizes: list[int], share: float, seed: int
) -> None:
    y = numbered(sizes).y
    count = min(max(round(share * len(y)), len(sizes)), len(y) - len(sizes))
    chosen, rest = stratified(y, count, seed, "test")
    assert len(chosen) == count
    assert np.array_equal(np.sort(np.concatenate([chosen, rest])), np.arange(len(y)))
    for label, size in enumerate(sizes):
        drawn = int((y[chosen] == label).sum())
        assert 1 <= drawn <= size - 1
        assert abs(drawn - size * count / len(y)) <= len(sizes)


def test_three_splits_come_from_one_and_are_disjoint() -> None:
    found = assemble("n", numbered([50, 30, 20]), "abc", source="n")
    parts = [set(split.x.reshape(-1).astype(int)) for split in (found.train, found.validation, found.test)]
    assert set.union(*parts) == set(range(100))
    assert sum(map(len, parts)) == 100
    assert [len(part) for part in parts] == [72, 8, 20]


def test_the_seed_fixes_the_split_and_another_seed_moves_it() -> None:
    first, again, other = (load("digits", seed=seed) for seed in (0, 0, 1))
    assert np.array_equal(first.validation.x, again.validation.x)
    assert not np.array_equal(first.validation.x, other.validation.x)


def test_a_given_test_split_is_left_as_it_is_by_subset() -> None:
    given_test = numbered([5, 5])
    found = assemble("n", numbered([50, 50]), "ab", source="n", test=given_test, subset=20)
    assert len(found.train) == 20
    assert len(found.validation) == 2
    assert np.array_equal(found.test.x, given_test.x)


def test_normalization_is_computed_on_training_data_alone() -> None:
    found = load("digits")
    assert found.normalization.raw is DType.UINT8
    assert found.normalization.mean == (float(np.rint(found.train.x.mean())),)
    assert found.normalization.std[0] == pytest.approx(float(found.train.x.std()), rel=1e-3)


def test_without_test_hides_the_test_split_from_a_search() -> None:
    found = load("digits").without_test()
    assert len(found.test) == 0
    assert found.test.x.shape[1:] == found.train.x.shape[1:]


def test_digits_are_sensor_bytes() -> None:
    found = load("digits")
    assert found.train.x.dtype == np.uint8
    assert (found.train.x.min(), found.train.x.max()) == (0, 255)
    assert found.input_shape == (8, 8, 1)
    assert len(found.train) + len(found.validation) + len(found.test) == 1797


def test_a_class_too_small_for_every_split_is_named() -> None:
    with pytest.raises(DataError, match="class 'b' has 2 training examples") as caught:
        assemble("n", numbered([9, 2]), "ab", source="n")
    assert "at least 3" in caught.value.why


def test_one_class_is_not_a_classification() -> None:
    with pytest.raises(DataError, match="only one class"):
        assemble("n", numbered([9]), "a", source="n")


def test_splits_of_different_shape_are_refused() -> None:
    other = Split(np.zeros((4, 2, 1, 1), np.float32), np.array([0, 1, 0, 1]))
    with pytest.raises(DataError, match="test split does not look like"):
        assemble("n", numbered([9, 9]), "ab", source="n", test=other)


def test_an_unknown_name_gets_the_nearest_known_one() -> None:
    with pytest.raises(DataError, match="'fashion_mnist'") as caught:
        load("fashion_mnist")
    assert "fashion-mnist" in caught.value.hint


def test_an_unknown_split_is_refused() -> None:
    with pytest.raises(DataError, match="no split 'dev'"):
        load("digits").split("dev")
