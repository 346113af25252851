/* The same as a program, for sanitizers: inputs on stdin, outputs on stdout.  The arena comes from the heap
   and is exactly as large as promised, so that the address sanitizer sees the first byte beyond it. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lp_bench_network.h"

int lp_batch_run(void *arena, const unsigned char *inputs, unsigned char *outputs, size_t count);

static unsigned char input[LP_BENCH_INPUT_BYTES];
static unsigned char output[LP_BENCH_OUTPUT_BYTES];

int main(void) {
    unsigned char *arena = malloc(LP_BENCH_ARENA_BYTES);
    if (arena == NULL) {
        return 3;
    }
    /* No result may depend on what the arena held before. */
    memset(arena, 0xA5, LP_BENCH_ARENA_BYTES);
    while (fread(input, 1, sizeof input, stdin) == sizeof input) {
        if (lp_batch_run(arena, input, output, 1) != 0) {
            return 4;
        }
        if (fwrite(output, 1, sizeof output, stdout) != sizeof output) {
            return 5;
        }
    }
    free(arena);
    return 0;
}
