"""Blocks of kernels: what is stated belongs to a kernel that ships, in every numeric profile."""

from __future__ import annotations

from pathlib import Path

import pytest

import lilliput.runtime
from lilliput.targets.blocking import _BLOCKING, Blocking, blocking_of

SHIPPED = {path.stem for path in Path(lilliput.runtime.__path__[0]).glob("lp_*.c")}


@pytest.mark.parametrize("stem", _BLOCKING)
def test_a_listed_kernel_ships(stem) -> None:
    assert {stem, f"{stem}_s8", f"{stem}_tflm_s8"} & SHIPPED


def test_a_kernel_has_the_same_blocks_in_both_profiles() -> None:
    assert blocking_of("lp_conv2d_dsp_tflm_s8") == blocking_of("lp_conv2d_dsp_s8") != Blocking()


def test_a_variant_has_its_own_blocks_or_those_of_the_kernel() -> None:
    plain, variant = (blocking_of(f"lp_conv2d_1x1_dsp{part}_tflm_s8") for part in ("", "_relu"))
    assert plain.elements != variant.elements
    depthwise = (blocking_of(f"lp_depthwise_conv2d_fours_dsp{part}_tflm_s8") for part in ("", "_relu"))
    assert len(set(depthwise)) == 1


def test_an_unlisted_kernel_is_cut_like_most() -> None:
    assert blocking_of("lp_new_s8") == Blocking()
