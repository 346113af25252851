/* One network in the firmware.  lp_bench_network.h, made for each network, names its functions and sizes. */
#include "lp_bench.h"
#include "lp_bench_network.h"

/* Words, since the arena must lie on a multiple of four. */
static uint32_t arena[(LP_BENCH_ARENA_BYTES + 3u) / 4u];

void *lp_bench_input;
const void *lp_bench_output;
LP_BENCH_CONSTANT const uint32_t lp_bench_input_bytes = LP_BENCH_INPUT_BYTES;
LP_BENCH_CONSTANT const uint32_t lp_bench_output_bytes = LP_BENCH_OUTPUT_BYTES;

void lp_bench_prepare(void) {
    lp_bench_input = LP_BENCH_INPUT(arena);
    lp_bench_output = LP_BENCH_OUTPUT(arena);
}

LP_BENCH_FUNCTION int lp_bench_run(void) {
    return LP_BENCH_RUN(arena);
}
