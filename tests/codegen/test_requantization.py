"""Products from 16-bit pieces, for cores without a long multiply, are the products."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tests.codegen.host_program import SANITIZE

from lilliput.measure.toolchain import find_host_compiler

RUNTIME = Path(__file__).parents[2] / "src" / "lilliput" / "runtime"

PROGRAM = """
#include <stdio.h>
#define LP_LONG_MULTIPLY 0
#include "lp_internal.h"

static uint64_t state = 1;

static int32_t any(void) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    const int32_t value = (int32_t)(uint32_t)(state >> 32);
    return value >> (state >> 8 & 31);
}

int main(void) {
    static const int32_t edges[] = {INT32_MIN, INT32_MIN + 1, -65536, -65535, -32768, -1, 0, 1,
                                    32767,     32768,         65535,  65536,  1 << 30, INT32_MAX};
    const int count = sizeof edges / sizeof edges[0];
    for (int i = 0; i < 2000000 + count * count; i++) {
        const int is_edge = i < count * count;
        const int32_t a = is_edge ? edges[i / count] : any();
        const int32_t b = is_edge ? edges[i % count] : any();
        if (b < 0) {
            continue;
        }
        const int64_t product = (int64_t)a * b;
        if (lp_multiply_long(a, b) != product ||
            lp_multiply_top(a, b) != (int32_t)((product + ((int64_t)1 << 31)) >> 32) ||
            lp_multiply_top_doubled(a, b) != (int32_t)((product + ((int64_t)1 << 30)) >> 31)) {
            printf("%ld * %ld\\n", (long)a, (long)b);
            return 1;
        }
    }
    return 0;
}
"""


def test_products_from_pieces_are_exact(tmp_path: Path) -> None:
    source, program = tmp_path / "products.c", tmp_path / "products"
    source.write_text(PROGRAM)
    command = [*find_host_compiler(), "-std=c99", "-O1", *SANITIZE, f"-I{RUNTIME}", str(source)]
    subprocess.run([*command, "-o", str(program)], check=True)
    done = subprocess.run([str(program)], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.fail(done.stdout + done.stderr)
