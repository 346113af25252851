"""When floats of the C count as those of the reference."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from lilliput.measure.agreement import ulps


def test_units_are_those_of_the_largest_output_of_a_row() -> None:
    wanted = np.array([[1.0, 0.25], [-3.0, 0.0]], np.float32)
    found = wanted + np.array([[0.0, np.spacing(np.float32(1.0))], [np.spacing(np.float32(3.0)) * 2, 0.0]])
    np.testing.assert_array_equal(ulps(found, wanted), [[0.0, 1.0], [2.0, 0.0]])


@pytest.fixture
def flushed() -> Iterator[None]:
    """Numbers too small for float32's exponent count as 0, as they do once a training has run."""
    torch.set_flush_denormal(True)
    yield
    torch.set_flush_denormal(False)


@pytest.mark.usefixtures("flushed")
def test_zeros_agree_after_a_training() -> None:
    zeros = np.zeros((2, 3), np.float32)
    np.testing.assert_array_equal(ulps(zeros, zeros), np.zeros((2, 3)))
    assert (ulps(zeros + np.float32(1e-30), zeros) > 1e6).all()
