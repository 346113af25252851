/* The same firmware without a network: what every image has anyway, to be subtracted. */
#include "lp_bench.h"

void *lp_bench_input;
const void *lp_bench_output;
LP_BENCH_CONSTANT const uint32_t lp_bench_input_bytes = 0;
LP_BENCH_CONSTANT const uint32_t lp_bench_output_bytes = 0;

void lp_bench_prepare(void) {
    lp_bench_input = &lp_bench_input;
    lp_bench_output = &lp_bench_input;
}

LP_BENCH_FUNCTION int lp_bench_run(void) {
    return 0;
}
