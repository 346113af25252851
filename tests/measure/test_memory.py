"""What flash and unaligned accesses make the core wait for, against caches written in Python."""

from __future__ import annotations

import dataclasses
from collections import OrderedDict

import pytest
import unicorn
from tests.measure.small import code, needs_gcc, network, toolchain
from unicorn import arm_const

from lilliput.errors import ConfigError
from lilliput.measure.accesses import Access, accesses
from lilliput.measure.emulator import Emulator
from lilliput.measure.firmware import build_firmware
from lilliput.measure.instructions import disassembler
from lilliput.measure.measuring import random_vectors
from lilliput.measure.memory import PREFETCHED, Waits
from lilliput.targets import FlashCache, board
from lilliput.targets.boards import board_from_dict

BOARD = dataclasses.replace(board("nucleo-l4r5zi"), flash_wait_states=10)
X = random_vectors(network(), 3)[2].tobytes()
R = {name: getattr(arm_const, f"UC_ARM_REG_{name}") for name in ("R1", "R2", "R3", "SP")}
FIXED = 0x104 + 8


class Cache:
    """Lines by when they were used last."""

    def __init__(self, size_bytes: int, line_bytes: int, ways: int) -> None:
        self.lines, self.line_bytes = size_bytes // line_bytes, line_bytes
        self.ways = ways or self.lines
        self.sets: dict[int, OrderedDict[int, None]] = {}

    def misses(self, address: int) -> bool:
        line = address // self.line_bytes
        if not self.lines:
            return True
        found = self.sets.setdefault(line % (self.lines // self.ways), OrderedDict())
        missing = line not in found
        found[line] = None
        found.move_to_end(line)
        if len(found) > self.ways:
            found.popitem(last=False)
        return missing


def counted(machine: Emulator, cache: FlashCache) -> Waits:
    """Waits of one inference, by Python hooks."""
    fetches = Cache(cache.instruction_bytes, cache.line_bytes, cache.ways)
    loads = fetches if cache.unified else Cache(cache.data_bytes, cache.line_bytes, cache.ways)
    reader, touched = disassembler(machine._board.core.arch), {}
    counts = {"splits": 0, "data": 0, "instructions": 0, "line": None}

    def step(uc, address: int, size: int, _user) -> None:
        for place in range(address // cache.line_bytes, (address + size - 1) // cache.line_bytes + 1):
            if place != counts["line"]:
                counts["instructions"] += fetches.misses(place * cache.line_bytes)
                counts["line"] = place
        if address not in touched:
            touched[address] = dict(accesses(reader, bytes(uc.mem_read(address, size)), address)).get(address)
        access = touched[address]
        if access is None:
            return
        start = access.offset + (uc.reg_read(access.base) if access.base is not None else 0)
        start += (uc.reg_read(access.index) << access.shift) if access.index is not None else 0
        start %= 1 << 32
        if access.count == 1 and start % access.size_bytes:
            counts["splits"] += 2 if access.size_bytes == 4 and start % 2 else 1
        if access.loads and start < 0x20000000:
            for k in range(access.count):
                counts["data"] += loads.misses(start + k * access.size_bytes)

    handle = machine._uc.hook_add(unicorn.UC_HOOK_CODE, step)
    machine._uc.ctl_flush_tb()
    machine.run(X)
    machine._uc.hook_del(handle)
    machine._uc.ctl_flush_tb()
    return Waits(counts["splits"], counts["data"], counts["instructions"])


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    path = tmp_path_factory.mktemp("memory") / "firmware.elf"
    return build_firmware(code(BOARD.name), "small", BOARD, toolchain(BOARD), path).image


@needs_gcc
@pytest.mark.parametrize(
    "cache",
    [
        FlashCache(1024, 256, 8, prefetch=True),
        FlashCache(256, 64, 16),
        FlashCache(512, 64, 8, ways=2),
        FlashCache(512, 0, 8, unified=True, ways=2),
        FlashCache(0, 0, 4),
        FlashCache(0, 128, 16),
    ],
    ids=lambda cache: f"{cache.instruction_bytes}-{cache.data_bytes}-{cache.ways}",
)
def test_a_cache_misses_what_it_should(image, cache) -> None:
    target = dataclasses.replace(BOARD, flash_cache=cache)
    machine = Emulator(image, "small", target)
    found, expected = machine.profile(X), counted(machine, cache)
    assert expected.data_misses
    assert expected.instruction_misses
    added = found.cycles_with_flash - found.cycles
    # Rounded once outside of all layers and once in each.
    assert added == pytest.approx(expected.cycles(target, 1), abs=1 + len(found.layer_cycles))


@needs_gcc
def test_waits_go_to_the_layers_that_wait(image) -> None:
    found = Emulator(image, "small", BOARD).profile(X)
    assert set(found.layer_cycles) == set(found.layer_cycles_with_flash)
    assert all(found.layer_cycles_with_flash[layer] > taken for layer, taken in found.layer_cycles.items())
    outside = found.cycles_with_flash - sum(found.layer_cycles_with_flash.values())
    assert outside > found.cycles - sum(found.layer_cycles.values())


@needs_gcc
def test_memory_that_never_waits_adds_unaligned_accesses_alone(image) -> None:
    fast = Emulator(image, "small", dataclasses.replace(BOARD, flash_wait_states=0)).profile(X)
    slow = Emulator(image, "small", BOARD).profile(X)
    assert fast.cycles == slow.cycles
    assert fast.cycles <= fast.cycles_with_flash < slow.cycles_with_flash


@needs_gcc
def test_without_wait_states_there_is_no_figure(image) -> None:
    found = Emulator(image, "small", dataclasses.replace(BOARD, flash_wait_states=None)).profile(X)
    assert found.cycles_with_flash is None
    assert found.layer_cycles_with_flash == {}


def test_prefetching_hides_a_part_of_a_fetch() -> None:
    waits = Waits(splits=7, data_misses=100, instruction_misses=1000)
    plain = dataclasses.replace(BOARD, flash_cache=FlashCache(0, 0, 8))
    assert waits.cycles(plain, 1) == 7 + 10 * 1100
    assert waits.cycles(BOARD, 0) == 10 * (100 + PREFETCHED * 1000)


@pytest.mark.parametrize(
    ("text", "raw", "access"),
    [
        ("ldr r0, [r1]", "0868", Access(True, 4, 1, R["R1"], None, 0, 0)),
        ("str r0, [r1, r2]", "8850", Access(False, 4, 1, R["R1"], R["R2"], 0, 0)),
        ("ldr r0, [r1], #4", "51f8040b", Access(True, 4, 1, R["R1"], None, 0, 0)),
        ("ldr r0, [r1, #4]!", "51f8040f", Access(True, 4, 1, R["R1"], None, 0, 4)),
        ("ldrsh.w r0, [r1, r2, lsl #1]", "31f91200", Access(True, 2, 1, R["R1"], R["R2"], 1, 0)),
        ("ldrb r0, [r1, #3]", "c878", Access(True, 1, 1, R["R1"], None, 0, 3)),
        ("ldrd r0, r1, [r2]", "d2e90001", Access(True, 4, 2, R["R2"], None, 0, 0)),
        ("ldr r0, [pc, #8]", "0248", Access(True, 4, 1, None, None, 0, FIXED)),
        ("push {r4, r5, lr}", "30b5", Access(False, 4, 3, R["SP"], None, 0, -12)),
        ("pop {r4, r5, pc}", "30bd", Access(True, 4, 3, R["SP"], None, 0, 0)),
        ("ldm r3!, {r0, r1}", "03cb", Access(True, 4, 2, R["R3"], None, 0, 0)),
        ("stmdb r3!, {r0, r1}", "23e90300", Access(False, 4, 2, R["R3"], None, 0, -8)),
        ("vldr s0, [r1, #4]", "91ed010a", Access(True, 4, 1, R["R1"], None, 0, 4)),
        ("movs r0, #1", "0120", None),
    ],
)
def test_accesses_are_read(text, raw, access) -> None:
    reader = disassembler("armv7e-m")
    code = bytes.fromhex(raw)
    shown = next(reader.disasm(code, 0x100))
    assert f"{shown.mnemonic} {shown.op_str}".replace(".w", "") == text.replace(".w", "")
    assert dict(accesses(reader, code, 0x100)).get(0x100) == access


def test_a_line_is_a_power_of_two() -> None:
    raw = board("nucleo-l4r5zi").to_dict()
    raw["flash_cache"]["line_bytes"] = 12
    with pytest.raises(ConfigError, match="power of two"):
        board_from_dict(raw)
