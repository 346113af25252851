/* Runs a network over many inputs on the host. */
#include <stddef.h>
#include <string.h>

#include "lp_bench_network.h"

/* Sizes first, so that a caller can see that it built what it meant. */
const size_t lp_batch_arena_bytes = LP_BENCH_ARENA_BYTES;
const size_t lp_batch_input_bytes = LP_BENCH_INPUT_BYTES;
const size_t lp_batch_output_bytes = LP_BENCH_OUTPUT_BYTES;

int lp_batch_run(void *arena, const unsigned char *inputs, unsigned char *outputs, size_t count);

int lp_batch_run(void *arena, const unsigned char *inputs, unsigned char *outputs, size_t count) {
    for (size_t k = 0; k < count; ++k) {
        memcpy(LP_BENCH_INPUT(arena), inputs + k * LP_BENCH_INPUT_BYTES, LP_BENCH_INPUT_BYTES);
        const int status = LP_BENCH_RUN(arena);
        if (status != 0) {
            return status;
        }
        memcpy(outputs + k * LP_BENCH_OUTPUT_BYTES, LP_BENCH_OUTPUT(arena), LP_BENCH_OUTPUT_BYTES);
    }
    return 0;
}
