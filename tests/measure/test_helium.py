"""Convolutions take a quarter of the instructions on a core with Helium, or less."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.codegen.host_program import random_input
from tests.codegen.quantized_builder import Builder
from tests.measure.small import needs_gcc, toolchain

from lilliput.codegen import generate
from lilliput.measure import qemu
from lilliput.measure.emulator import Emulator
from lilliput.measure.firmware import FIRMWARE, build_firmware
from lilliput.measure.qemu import QemuEmulator
from lilliput.net import Activation, Padding
from lilliput.targets import board

ONE, RELU = Padding(1, 1, 1, 1), Activation.RELU

LAYERS: dict[str, tuple[tuple[int, ...], Callable[[Builder], str], float]] = {
    "3x3": ((16, 16, 16), lambda b: b.conv("x", 16, padding=ONE, activation=RELU), 4.0),
    "3x3_of_64": ((8, 8, 64), lambda b: b.conv("x", 64, padding=ONE, activation=RELU), 4.0),
    "3x3_stride_2": ((16, 16, 16), lambda b: b.conv("x", 32, strides=(2, 2), padding=ONE), 4.0),
    "1x1": ((12, 10, 64), lambda b: b.conv("x", 64, (1, 1), activation=RELU), 4.0),
    "1x1_stride_2": ((16, 16, 32), lambda b: b.conv("x", 64, (1, 1), strides=(2, 2)), 4.0),
    "depthwise": ((24, 24, 16), lambda b: b.depthwise("x", padding=ONE, activation=RELU), 3.0),
    "depthwise_small": ((6, 6, 16), lambda b: b.depthwise("x", padding=ONE, activation=RELU), 2.0),
}
"""Shape of the input, the layer, and how many times less it takes."""


def _instructions(case: str, target: str, kind: type[Emulator | QemuEmulator], folder: Path) -> int:
    shape, add, _ = LAYERS[case]
    chip = board(target)
    builder = Builder(shape, seed=1)
    net = builder.net(add(builder), chip.core.name, name="layer")
    image = build_firmware(generate(net, chip), "layer", chip, toolchain(chip), folder / FIRMWARE).image
    return kind(image, "layer", chip).profile(random_input(net, 1)[0].tobytes()).instructions


@needs_gcc
@pytest.mark.skipif(shutil.which(qemu.PROGRAM) is None, reason=f"{qemu.PROGRAM} is not installed")
@pytest.mark.parametrize("case", LAYERS)
def test_convolutions_take_fewer_instructions(case: str, tmp_path: Path) -> None:
    plain = _instructions(case, "generic-m4", Emulator, tmp_path)
    assert LAYERS[case][2] * _instructions(case, "generic-m55", QemuEmulator, tmp_path) <= plain


def test_instructions_of_two_halfwords_count_once() -> None:
    log = (
        "IN: layer\n",
        "0x00000978:  eef0       .byte    0xf0, 0xee\n",
        "0x0000097a:  0f24       lsrs     r4, r4, #0x1c\n",
        "0x0000097c:  ef26 42bb  vqsub.s32 d4, d22, d27\n",
        "0x00000980:  d1e1       bne      #0x968\n",
        "Trace 0: 0x7f40 [00800442/00000978/00000050/ff020200] layer\n",
    )
    entries = np.full(0x1000, qemu.FIRST_LAYER, dtype=np.uint16)
    assert qemu.count_logged(log, entries) == {0: 3}
