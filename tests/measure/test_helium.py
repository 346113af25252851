"""Layers with weights take a quarter of the instructions on a core with Helium, or less."""

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

ONE, TWO, END = Padding(1, 1, 1, 1), Padding(2, 2, 2, 2), Padding(0, 1, 0, 1)
RELU = Activation.RELU

LAYERS: dict[str, tuple[tuple[int, ...], Callable[[Builder], str]]] = {
    "colour_stride_2": ((48, 48, 3), lambda b: b.conv("x", 8, strides=(2, 2), padding=END, activation=RELU)),
    "3x3": ((16, 16, 16), lambda b: b.conv("x", 16, padding=ONE, activation=RELU)),
    "3x3_of_64": ((8, 8, 64), lambda b: b.conv("x", 64, padding=ONE, activation=RELU)),
    "3x3_stride_2": ((16, 16, 16), lambda b: b.conv("x", 32, strides=(2, 2), padding=ONE)),
    "1x1": ((12, 10, 64), lambda b: b.conv("x", 64, (1, 1), activation=RELU)),
    "1x1_of_8": ((24, 24, 8), lambda b: b.conv("x", 16, (1, 1), activation=RELU)),
    "1x1_of_16": ((16, 16, 16), lambda b: b.conv("x", 32, (1, 1), activation=RELU)),
    "1x1_stride_2": ((16, 16, 32), lambda b: b.conv("x", 64, (1, 1), strides=(2, 2))),
    "depthwise": ((24, 24, 16), lambda b: b.depthwise("x", padding=ONE, activation=RELU)),
    "depthwise_of_8": ((48, 48, 8), lambda b: b.depthwise("x", padding=ONE, activation=RELU)),
    "depthwise_25x5": ((25, 5, 64), lambda b: b.depthwise("x", padding=ONE, activation=RELU)),
    "depthwise_6x6": ((6, 6, 128), lambda b: b.depthwise("x", padding=ONE, activation=RELU)),
    "depthwise_3x3": ((3, 3, 256), lambda b: b.depthwise("x", padding=ONE, activation=RELU)),
    "depthwise_stride_2": (
        (24, 24, 32),
        lambda b: b.depthwise("x", strides=(2, 2), padding=END, activation=RELU),
    ),
    "depthwise_6x6_stride_2": ((6, 6, 128), lambda b: b.depthwise("x", strides=(2, 2), padding=END)),
    "depthwise_5x5": ((12, 12, 16), lambda b: b.depthwise("x", (5, 5), padding=TWO, activation=RELU)),
    "depthwise_5x5_stride_2": (
        (12, 12, 16),
        lambda b: b.depthwise("x", (5, 5), strides=(2, 2), padding=TWO, activation=RELU),
    ),
    "depthwise_7x7": ((14, 14, 8), lambda b: b.depthwise("x", (7, 7), activation=RELU)),
    "depthwise_apart": (
        (14, 14, 16),
        lambda b: b.depthwise("x", dilation=(2, 2), padding=TWO, activation=RELU),
    ),
    "depthwise_stride_1x2": ((24, 24, 16), lambda b: b.depthwise("x", strides=(1, 2), padding=ONE)),
    "depthwise_twice": ((24, 24, 8), lambda b: b.depthwise("x", multiplier=2, padding=ONE, activation=RELU)),
    "depthwise_1x9": ((1, 98, 16), lambda b: b.depthwise("x", (1, 9), activation=RELU)),
    "depthwise_5x1": ((49, 1, 32), lambda b: b.depthwise("x", (5, 1), activation=RELU)),
    "depthwise_1x9_apart": ((1, 98, 16), lambda b: b.depthwise("x", (1, 9), dilation=(1, 2))),
    "depthwise_10x8_of_1": (
        (49, 40, 1),
        lambda b: b.depthwise("x", (10, 8), 8, strides=(2, 2), padding=Padding(4, 5, 3, 3), activation=RELU),
    ),
    "10x8_of_1": (
        (49, 40, 1),
        lambda b: b.conv("x", 8, (10, 8), strides=(2, 2), padding=Padding(4, 5, 3, 3), activation=RELU),
    ),
    "4x3_of_1": ((64, 3, 1), lambda b: b.conv("x", 8, (4, 3), padding=ONE, activation=RELU)),
    "4x1_of_8": ((42, 1, 8), lambda b: b.conv("x", 16, (4, 1), activation=RELU)),
    "grey_stride_2": ((48, 48, 1), lambda b: b.conv("x", 8, strides=(2, 2), padding=END, activation=RELU)),
    "5x5_of_1": ((16, 16, 1), lambda b: b.conv("x", 8, (5, 5), padding=TWO, activation=RELU)),
    "5x5_of_3": ((16, 16, 3), lambda b: b.conv("x", 16, (5, 5), padding=TWO, activation=RELU)),
    "apart_of_3": ((16, 16, 3), lambda b: b.conv("x", 16, dilation=(2, 2), padding=TWO)),
    "apart_of_16": ((16, 16, 16), lambda b: b.conv("x", 16, dilation=(2, 2), padding=TWO)),
    "1x5_of_40": ((1, 49, 40), lambda b: b.conv("x", 48, (1, 5), strides=(1, 2), activation=RELU)),
    "9x1_of_16_apart": ((49, 1, 16), lambda b: b.conv("x", 32, (9, 1), dilation=(2, 1))),
    "dense_of_256": ((256,), lambda b: b.dense("x", 64, activation=RELU)),
}
"""Shape of the input, and the layer."""
LEAST_RATIO = 4


def _instructions(case: str, target: str, kind: type[Emulator | QemuEmulator], folder: Path) -> int:
    shape, add = LAYERS[case]
    chip = board(target)
    builder = Builder(shape, seed=1)
    net = builder.net(add(builder), chip.core.name, name="layer")
    image = build_firmware(generate(net, chip), "layer", chip, toolchain(chip), folder / FIRMWARE).image
    return kind(image, "layer", chip).profile(random_input(net, 1)[0].tobytes()).instructions


@needs_gcc
@pytest.mark.skipif(shutil.which(qemu.PROGRAM) is None, reason=f"{qemu.PROGRAM} is not installed")
@pytest.mark.parametrize("case", LAYERS)
def test_layers_take_fewer_instructions(case: str, tmp_path: Path) -> None:
    plain = _instructions(case, "generic-m4", Emulator, tmp_path)
    assert LEAST_RATIO * _instructions(case, "generic-m55", QemuEmulator, tmp_path) <= plain


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
