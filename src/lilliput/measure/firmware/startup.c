/* Start of the measured firmware, the same for every core of a family: where it begins, memory, and the
   library calls that a compiler may make on its own.  It needs no C library, so that it links where none is
   installed. */
#include <stddef.h>
#include <stdint.h>

#include "lp_bench.h"

extern uint32_t _estack, _sidata, _sdata, _edata, _sbss, _ebss;

void Reset(void);
void lp_bench_fault(void);

#ifndef LP_BENCH_SEMIHOSTING

/* A fault ends in an endless loop at a known symbol: a debugger and the emulator both recognise it. */
void lp_bench_fault(void) {
    for (;;) {
    }
}

#endif

static void prepare_memory(void) {
    const uint32_t *from = &_sidata;
    for (uint32_t *to = &_sdata; to < &_edata; ++to) {
        *to = *from++;
    }
    for (uint32_t *to = &_sbss; to < &_ebss; ++to) {
        *to = 0;
    }
}

LP_BENCH_FUNCTION void lp_bench_init(void) {
#ifdef __ARM_FP
    /* CPACR: let the floating-point unit answer, or the first float instruction faults. */
    *(volatile uint32_t *)0xE000ED88u |= 0xFu << 20;
#endif
    prepare_memory();
    lp_bench_prepare();
}

#ifdef __riscv

/* Execution begins at the start of the flash, without a stack. */
__attribute__((section(".vectors"), used, naked)) void Reset(void) {
    __asm__ volatile("la sp, _estack\n"
                     "jal lp_bench_init\n"
                     "1: jal lp_bench_run\n"
                     "j 1b\n");
}

#else

#ifdef LP_BENCH_SEMIHOSTING

void lp_bench_tick(void);

#else

void Reset(void) {
    lp_bench_init();
    for (;;) {
        (void)lp_bench_run();
    }
}

#define lp_bench_tick lp_bench_fault

#endif

typedef void (*lp_vector)(void);

__attribute__((section(".vectors"), used)) const lp_vector lp_bench_vectors[16] = {
    (lp_vector)(uintptr_t)&_estack,
    Reset,
    lp_bench_fault, /* NMI */
    lp_bench_fault, /* HardFault */
    lp_bench_fault, /* MemManage */
    lp_bench_fault, /* BusFault */
    lp_bench_fault, /* UsageFault */
    lp_bench_fault,
    0,
    0,
    0,
    lp_bench_fault, /* SVCall */
    lp_bench_fault,
    0,
    lp_bench_fault, /* PendSV */
    lp_bench_tick,  /* SysTick */
};

#endif

/* Compilers turn loops and structure copies into these four, even without a C library.  Weak, so that the
   toolchain's own take precedence; the attribute keeps the loop in memset from becoming a call of memset. */
#if defined(__GNUC__) && !defined(__clang__)
#define LP_NO_LOOP_CALLS __attribute__((weak, optimize("no-tree-loop-distribute-patterns")))
#else
#define LP_NO_LOOP_CALLS __attribute__((weak, no_builtin))
#endif

LP_NO_LOOP_CALLS void *memset(void *to, int value, size_t count) {
    unsigned char *bytes = to;
    while (count--) {
        *bytes++ = (unsigned char)value;
    }
    return to;
}

LP_NO_LOOP_CALLS void *memcpy(void *restrict to, const void *restrict from, size_t count) {
    unsigned char *bytes = to;
    const unsigned char *source = from;
    while (count--) {
        *bytes++ = *source++;
    }
    return to;
}

LP_NO_LOOP_CALLS void *memmove(void *to, const void *from, size_t count) {
    unsigned char *bytes = to;
    const unsigned char *source = from;
    if (bytes < source) {
        while (count--) {
            *bytes++ = *source++;
        }
    } else {
        while (count--) {
            bytes[count] = source[count];
        }
    }
    return to;
}

LP_NO_LOOP_CALLS int memcmp(const void *left, const void *right, size_t count) {
    const unsigned char *a = left;
    const unsigned char *b = right;
    for (; count--; ++a, ++b) {
        if (*a != *b) {
            return *a < *b ? -1 : 1;
        }
    }
    return 0;
}
