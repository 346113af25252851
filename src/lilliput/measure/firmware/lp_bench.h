/* What the measured firmware shows to a debugger or an emulator: two functions, and where input and output
 * lie. */
#ifndef LP_BENCH_H
#define LP_BENCH_H

#include <stdint.h>

/* The linker throws away what nobody calls; the linker script keeps what carries these. */
#define LP_BENCH_FUNCTION __attribute__((section(".text.lp_bench"), used, noinline))
#define LP_BENCH_CONSTANT __attribute__((section(".rodata.lp_bench"), used))

void lp_bench_init(void);    /* initialises .data, .bss and the network; call it once */
int lp_bench_run(void);      /* one inference on the bytes at lp_bench_input; 0 when all is well */
void lp_bench_prepare(void); /* the network's part of lp_bench_init */

extern void *lp_bench_input;                /* address of the input bytes, valid after lp_bench_init */
extern const uint32_t lp_bench_input_bytes; /* how many there are */
extern const void *lp_bench_output;         /* address of the output bytes, valid after lp_bench_init */
extern const uint32_t lp_bench_output_bytes;

#endif
