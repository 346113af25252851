"""Many networks in one program or one firmware, so that one build serves many tests.

Every network runs in an arena of its own size, filled with a pattern first; inputs and outputs of all
networks lie one behind the other.  One that writes outside of its arena has wrong outputs: the host's address
sanitizer stops it, and on a chip all bits of them are turned.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tests.codegen.host_program import SANITIZE, compile_host

from lilliput.codegen import generate
from lilliput.measure.elf import read_image
from lilliput.measure.firmware import linker_script
from lilliput.measure.qemu import emulator_for, need_emulator
from lilliput.measure.toolchain import find_toolchain
from lilliput.net import Net
from lilliput.targets import Board
from lilliput.targets.kernels import constant_bytes

Arrays = dict[str, NDArray[np.generic]]
_MOST_ON_CHIP = 400
"""Networks of one firmware: more need more than the 512 KiB that QEMU's machine has for code."""
_SPARE_BYTES = 4096
"""Of RAM for variables beside arena, inputs and outputs."""

_FIRMWARE = Path(__file__).parents[2] / "src" / "lilliput" / "measure" / "firmware"

_COMMON = """
#include <stdint.h>
@includes@
enum { ARENA_BYTES = @arena@, INPUT_BYTES = @inputs@, OUTPUT_BYTES = @outputs@ };
static unsigned char input_bytes[INPUT_BYTES];
static unsigned char output_bytes[OUTPUT_BYTES];
static unsigned char poison = 0xA5;

typedef struct {
    long arena_bytes, input_bytes, output_bytes;
    void *(*input)(void *arena);
    int (*run)(void *arena);
    const void *(*output)(const void *arena);
} network;

#define NETWORK(name)                                                                          \\
    static void *name##_in(void *arena) { return name##_input(arena); }                        \\
    static const void *name##_out(const void *arena) { return name##_output(arena); }
@wrappers@

#define ENTRY(name, NAME)                                                                      \\
    { NAME##_ARENA_BYTES, NAME##_INPUT_BYTES, NAME##_OUTPUT_BYTES, name##_in, name##_run, name##_out },
static const network networks[] = {
@entries@
};

@arena_functions@

static int run_all(void) {
    const unsigned char *from = input_bytes;
    unsigned char *to = output_bytes;
    for (unsigned long n = 0; n < sizeof networks / sizeof networks[0]; n++) {
        const network *one = &networks[n];
        unsigned char *arena = take_arena((unsigned long)one->arena_bytes);
        unsigned char *input = (unsigned char *)one->input(arena);
        const unsigned char *output = (const unsigned char *)one->output(arena);
        for (long i = 0; i < one->arena_bytes; i++) arena[i] = poison;
        for (long i = 0; i < one->input_bytes; i++) input[i] = *from++;
        if (one->run(arena) != 0) return 1;
        const int is_whole = is_whole_around(arena, (unsigned long)one->arena_bytes);
        for (long i = 0; i < one->output_bytes; i++)
            *to++ = (unsigned char)(is_whole ? output[i] : ~output[i]);
        give_arena(arena);
        poison = (unsigned char)(poison * 5 + 1);
    }
    return 0;
}
"""

_HOST = """
#include <stdio.h>
int main(void) {
    while (fread(input_bytes, 1, INPUT_BYTES, stdin) == INPUT_BYTES) {
        if (run_all() != 0) return 1;
        fwrite(output_bytes, 1, OUTPUT_BYTES, stdout);
    }
    return 0;
}
"""

_HOST_ARENA = """
#include <stdlib.h>
/* Exactly as large as promised, so that the address sanitizer sees every step beyond it. */
static unsigned char *take_arena(unsigned long bytes) { return (unsigned char *)malloc(bytes); }
static void give_arena(unsigned char *arena) { free(arena); }
static int is_whole_around(const unsigned char *arena, unsigned long bytes) {
    (void)arena;
    (void)bytes;
    return 1;
}
"""

_CHIP_ARENA = """
enum { GUARD_BYTES = 64 };
static uint32_t memory[(ARENA_BYTES + 3) / 4 + 2 * GUARD_BYTES / 4];
static unsigned char guard(unsigned long i) { return (unsigned char)(i * 37 + 11); }
static unsigned char *take_arena(unsigned long bytes) {
    unsigned char *arena = (unsigned char *)memory + GUARD_BYTES;
    for (unsigned long i = 0; i < GUARD_BYTES; i++) {
        arena[(long)i - GUARD_BYTES] = guard(i);
        arena[bytes + i] = guard(i);
    }
    return arena;
}
static void give_arena(unsigned char *arena) { (void)arena; }
static int is_whole_around(const unsigned char *arena, unsigned long bytes) {
    for (unsigned long i = 0; i < GUARD_BYTES; i++)
        if (arena[(long)i - GUARD_BYTES] != guard(i) || arena[bytes + i] != guard(i)) return 0;
    return 1;
}
"""

_CHIP = """
#include "lp_bench.h"
void *lp_bench_input;
const void *lp_bench_output;
LP_BENCH_CONSTANT const uint32_t lp_bench_input_bytes = INPUT_BYTES;
LP_BENCH_CONSTANT const uint32_t lp_bench_output_bytes = OUTPUT_BYTES;
void lp_bench_prepare(void) { lp_bench_input = input_bytes; lp_bench_output = output_bytes; }
LP_BENCH_FUNCTION int lp_bench_run(void) { return run_all(); }
"""


def run_on_host(nets: Mapping[str, Net], board: Board, inputs: Arrays, *flags: str) -> Arrays:
    """Outputs of all networks, rows as in `inputs`; with the sanitizers unless `flags` say otherwise."""
    with tempfile.TemporaryDirectory() as name:
        program = compile_host(
            {**_files(nets, board), "main.c": _driver(nets, _HOST_ARENA) + _HOST},
            Path(name),
            *(flags or SANITIZE),
        )
        return _split(nets, program(_joined(nets, inputs)))


def run_on_chip(
    nets: Mapping[str, Net], board: Board, inputs: Arrays, *options: str, cc: str | None = None
) -> Arrays:
    """The same on the emulated core of `board`, as many at a time as have room in its RAM.

    QEMU has as much flash as the board, too.
    """
    need_emulator(board)
    found: Arrays = {}
    for some in _batches(nets, board):
        found |= _run_on_chip(some, board, inputs, options, cc)
    return found


def _batches(nets: Mapping[str, Net], board: Board) -> Iterator[dict[str, Net]]:
    """Networks whose inputs and outputs have room in RAM beside the largest arena, and whose constants have
    in flash beside code."""
    arena_bytes = max(net.plan.arena_bytes for net in nets.values() if net.plan is not None)
    room = board.ram_bytes - arena_bytes - _SPARE_BYTES
    flash_room = board.flash_bytes // 2 if board.core.qemu_machine else math.inf
    batch: dict[str, Net] = {}
    taken = in_flash = 0
    for name, net in nets.items():
        needed = net.input.storage_bytes + net.output.storage_bytes
        constants = sum(constant_bytes(op, net, board.core) for op in net.ops)
        is_full = taken + needed > room or in_flash + constants > flash_room
        if batch and (is_full or len(batch) == _MOST_ON_CHIP):
            yield batch
            batch, taken, in_flash = {}, 0, 0
        batch[name] = net
        taken += needed
        in_flash += constants
    if batch:
        yield batch


def _run_on_chip(
    nets: Mapping[str, Net], board: Board, inputs: Arrays, options: tuple[str, ...], cc: str | None
) -> Arrays:
    toolchain = find_toolchain(board, cc)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = {**_files(nets, board), "main.c": _driver(nets, _CHIP_ARENA) + _CHIP}
        for file, text in files.items():
            (folder / file).write_text(text, encoding="utf-8")
        sources = [folder / file for file in sorted(files) if file.endswith(".c")] + [
            _FIRMWARE / "startup.c",
            _FIRMWARE / "semihosting.c",
        ]
        script = folder / "memory.ld"
        script.write_text(linker_script(board.ram_bytes), encoding="utf-8")
        toolchain.link(
            sources,
            folder / "all.elf",
            include=(folder, _FIRMWARE),
            script=script,
            options=options or ("-O2",),
        )
        emulator = emulator_for(read_image(folder / "all.elf"), "all", board)
        joined = _joined(nets, inputs)
        size = emulator.input_bytes
        rows = [emulator.run(joined[start : start + size]) for start in range(0, len(joined), size)]
        return _split(nets, b"".join(rows))


def _files(nets: Mapping[str, Net], board: Board) -> dict[str, str]:
    """Kernels one by one; the networks' own C in one file, which saves starting the compiler for each."""
    files: dict[str, str] = {}
    networks = []
    for net in nets.values():
        for name, text in generate(net, board).items():
            kept = name
            if name in (f"{net.name}.c", f"{net.name}_weights.c"):
                kept = f"{name}.inc"
                networks.append(f'#include "{kept}"\n')
            assert files.setdefault(kept, text) == text, f"two networks disagree about {name}"
    return {**files, "networks.c": "".join(networks)}


def _driver(nets: Mapping[str, Net], arena_functions: str) -> str:
    names = [net.name for net in nets.values()]
    plans = [net.plan for net in nets.values() if net.plan is not None]
    return (
        _COMMON.replace("@includes@", "\n".join(f'#include "{name}.h"' for name in names))
        .replace("@arena@", str(max(plan.arena_bytes for plan in plans)))
        .replace("@inputs@", str(sum(net.input.storage_bytes for net in nets.values())))
        .replace("@outputs@", str(sum(net.output.storage_bytes for net in nets.values())))
        .replace("@arena_functions@", arena_functions)
        .replace("@wrappers@", "\n".join(f"NETWORK({name})" for name in names))
        .replace("@entries@", "\n".join(f"    ENTRY({name}, {name.upper()})" for name in names))
    )


def _joined(nets: Mapping[str, Net], inputs: Arrays) -> bytes:
    rows = [inputs[key].reshape(len(inputs[key]), -1).view(np.uint8) for key in nets]
    return np.concatenate(rows, axis=1).tobytes()


def _split(nets: Mapping[str, Net], data: bytes) -> Arrays:
    sizes = [net.output.storage_bytes for net in nets.values()]
    rows = np.frombuffer(data, np.uint8).reshape(-1, sum(sizes))
    parts = np.split(rows, np.cumsum(sizes)[:-1], axis=1)
    return {
        key: np.ascontiguousarray(part).view(net.output.dtype.numpy).reshape(-1, *net.output.shape)
        for (key, net), part in zip(nets.items(), parts, strict=True)
    }
