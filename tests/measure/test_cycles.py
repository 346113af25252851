"""Instruction timings, against what Arm's reference manuals say of single instructions and pairs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lilliput.errors import MeasureError
from lilliput.measure.cycles import CycleModel
from lilliput.targets import core

CODE = {
    "movs r0, #1; movs r1, #2; movs r2, #3": "012002210322",
    "ldr r0, [r1]": "0868",
    "ldr r0, [r1]; ldr r2, [r3]": "08681a68",
    "ldr r0, [r1]; ldr r2, [r0]": "08680268",
    "ldr r0, [r1], #4; ldr r2, [r3]": "51f8040b1a68",
    "ldr r2, [r3]; ldr r0, [r1], #4": "1a6851f8040b",
    "str r0, [r1]": "0860",
    "str r0, [r1, r2]": "8850",
    "ldr r0, [r1]; str r3, [r1, r2]": "08688b50",
    "str r0, [r1]; ldr r2, [r1]": "08600a68",
    "adds r1, #4; ldr r0, [r1]": "04310868",
    "push {r4, r5, lr}": "30b5",
    "pop {r4, r5, pc}": "30bd",
    "ldrd r0, r1, [r2]": "d2e90001",
    "ldm r0!, {r1, r2, r3, r4}": "1ec8",
    "smlad; smlad": "21fb020021fb0233",
    "smmlar": "51fb1230",
    "udiv": "b1fbf2f0",
    "cmp r0, #0; it ne; movne": "002818bf0121",
    "cmp.w r0, #256; it ne; movne": "b0f5807f18bf0121",
    "vfma": "a0ee810a",
    "vldr; vldr": "90ed000ad0ed010a",
    "vdiv": "80ee810a",
    "mla": "01fb0230",
    "muls": "4843",
    "smull": "82fb0301",
    "bx lr": "7047",
    "b": "fee7",
    "bl": "fff7feff",
    "dsb": "bff34f8f",
    "four adds to four registers": "0130013101320133",
    "four adds to one register": "0130013001300130",
}

M4 = {
    "movs r0, #1; movs r1, #2; movs r2, #3": 3,
    "ldr r0, [r1]": 2,
    "ldr r0, [r1]; ldr r2, [r3]": 3,
    "ldr r0, [r1]; ldr r2, [r0]": 4,
    "ldr r0, [r1], #4; ldr r2, [r3]": 4,
    "ldr r2, [r3]; ldr r0, [r1], #4": 3,
    "str r0, [r1]": 1,
    "str r0, [r1, r2]": 2,
    "ldr r0, [r1]; str r3, [r1, r2]": 3,
    "str r0, [r1]; ldr r2, [r1]": 3,
    "adds r1, #4; ldr r0, [r1]": 4,
    "push {r4, r5, lr}": 4,
    "pop {r4, r5, pc}": 4,
    "ldrd r0, r1, [r2]": 3,
    "ldm r0!, {r1, r2, r3, r4}": 5,
    "smlad; smlad": 2,
    "smmlar": 1,
    "udiv": 7,
    "cmp r0, #0; it ne; movne": 2,
    "cmp.w r0, #256; it ne; movne": 3,
    "vfma": 3,
    "vldr; vldr": 3,
    "vdiv": 14,
    "mla": 1,
    "muls": 1,
    "smull": 1,
    "dsb": 3,
}
M3 = {"mla": 2, "muls": 1, "smull": 5, "ldr r0, [r1]; ldr r2, [r3]": 3}
M0PLUS = {
    "ldr r0, [r1]": 2,
    "ldr r0, [r1]; ldr r2, [r3]": 4,
    "str r0, [r1]": 2,
    "str r0, [r1, r2]": 2,
    "push {r4, r5, lr}": 4,
    "ldm r0!, {r1, r2, r3, r4}": 5,
    "muls": 1,
    "adds r1, #4; ldr r0, [r1]": 3,
    "dsb": 3,
}
M7 = {
    "four adds to four registers": 2,
    "four adds to one register": 4,
    "ldr r0, [r1]; ldr r2, [r0]": 3,
}


def model(name: str) -> CycleModel:
    return CycleModel(core(name), reader())


def reader():
    """Code with a narrow instruction everywhere but a wide one at 0x102."""
    memory = bytearray(bytes.fromhex("00bf") * 0x100)
    memory[0x102:0x106] = bytes.fromhex("21fb0200")
    return lambda address, size: bytes(memory[address : address + size])


def priced(name: str, text: str, start: int = 0) -> tuple[CycleModel, object]:
    """The block that holds the code `text`, at address `start`."""
    raw = bytes.fromhex(CODE[text])
    found = CycleModel(
        core(name), lambda address, size: reader()(address, size) if address else (raw + bytes(4))[:size]
    )
    return found, found.block(start, len(raw))


@pytest.mark.parametrize(
    ("name", "text", "cycles"),
    [
        (name, text, cycles)
        for name, table in (
            ("cortex-m4", M4),
            ("cortex-m33", M4),
            ("cortex-m3", M3),
            ("cortex-m0plus", M0PLUS),
        )
        for text, cycles in table.items()
    ]
    + [("cortex-m7", text, cycles) for text, cycles in M7.items()],
)
def test_instructions_take_what_the_manual_says(name, text, cycles) -> None:
    assert priced(name, text)[1].cycles == cycles


@pytest.mark.parametrize(
    ("name", "text", "cycles"),
    [
        ("cortex-m4", "b", 2),
        ("cortex-m4", "bl", 2),
        ("cortex-m4", "bx lr", 3),
        ("cortex-m4", "pop {r4, r5, pc}", 6),
        ("cortex-m0plus", "b", 2),
        ("cortex-m0plus", "bl", 3),
        ("cortex-m0plus", "bx lr", 2),
        ("cortex-m0plus", "pop {r4, r5, pc}", 6),
    ],
)
def test_a_taken_branch_refills_the_pipeline(name, text, cycles) -> None:
    found, block = priced(name, text)
    assert block.cycles + found.refill(block, 0x100) == cycles


def test_a_branch_that_falls_through_costs_nothing_more() -> None:
    found, block = priced("cortex-m4", "b")
    assert found.refill(block, block.end) == 0


def test_a_block_that_ends_without_a_jump_costs_nothing_more() -> None:
    found, block = priced("cortex-m4", "muls")
    assert found.refill(block, block.end) == 0


def test_a_wide_target_across_a_word_costs_one_more() -> None:
    found, block = priced("cortex-m4", "b")
    assert found.refill(block, 0x102) == found.refill(block, 0x104) + 1


def test_a_core_without_dsp_refuses_its_instructions() -> None:
    for name in ("cortex-m0plus", "cortex-m3"):
        with pytest.raises(MeasureError, match="DSP instruction"):
            priced(name, "smlad; smlad")


def test_what_cannot_be_read_is_counted() -> None:
    found = CycleModel(core("cortex-m4"), lambda address, size: bytes.fromhex("ffffffff")[:size])
    assert found.block(0, 4).instructions == 1
    assert found.unknown == 1


def test_a_core_without_timings_is_refused() -> None:
    other = replace(core("cortex-m4"), name="cortex-m99", timing=None)
    with pytest.raises(MeasureError, match="cortex-m99"):
        CycleModel(other, lambda address, size: b"")
