/* Runs the measured network on inputs from a file, in an emulator that lends the files of its host.
 *
 * For every input in `input.bin` a run appends the output, then a record, to `output.bin`.  Instructions are
 * counted by the system's timer, whose clock goes on with each of them.
 */
#include "lp_bench.h"

#ifdef LP_BENCH_SEMIHOSTING

extern uint32_t _ebss, _estack;

void Reset(void);
void lp_bench_fault(void);
void lp_bench_tick(void);

enum { OPEN = 1, WRITE = 5, READ = 6, EXIT = 0x18 };
enum { READ_BINARY = 1, WRITE_BINARY = 5 };
enum { STOPPED_NORMALLY = 0x20026, STOPPED_BY_ERROR = 0x20024 };

#define PAINT 0x5A963CA5u
#define TIMER_PERIOD 0x1000000u
#define TIMER_CONTROL (*(volatile uint32_t *)0xE000E010u)
#define TIMER_RELOAD (*(volatile uint32_t *)0xE000E014u)
#define TIMER_VALUE (*(volatile uint32_t *)0xE000E018u)

static volatile uint32_t periods;

/* Arm's Semihosting for AArch32: a number and an argument, in r0 and r1. */
static uint32_t host(uint32_t operation, uintptr_t argument) {
    register uint32_t r0 __asm__("r0") = operation;
    register uintptr_t r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

static uint32_t open_file(const char *name, uint32_t length, uint32_t mode) {
    const uintptr_t arguments[3] = {(uintptr_t)name, mode, length};
    return host(OPEN, (uintptr_t)arguments);
}

/* Returns the number of bytes that are missing. */
static uint32_t move(uint32_t operation, uint32_t file, const void *at, uint32_t bytes) {
    const uintptr_t arguments[3] = {file, (uintptr_t)at, bytes};
    return host(operation, (uintptr_t)arguments);
}

void lp_bench_fault(void) {
    (void)host(EXIT, STOPPED_BY_ERROR);
    for (;;) {
    }
}

void lp_bench_tick(void) {
    periods++;
}

/* The lowest word between variables and stack that no longer is what it was painted. */
static uint32_t *touched(void) {
    uint32_t *at = &_ebss;
    while (*(volatile uint32_t *)at == PAINT) {
        at++;
    }
    return at;
}

static __attribute__((noinline)) void paint(void) {
    uint32_t *const end = (uint32_t *)__builtin_frame_address(0) - 16;
    for (volatile uint32_t *at = &_ebss; at < end; at++) {
        *at = PAINT;
    }
}

void Reset(void) {
    lp_bench_init();
    const uint32_t inputs = open_file("input.bin", 9, READ_BINARY);
    const uint32_t outputs = open_file("output.bin", 10, WRITE_BINARY);
    while (move(READ, inputs, lp_bench_input, lp_bench_input_bytes) == 0) {
        uint32_t record[3]; /* status, ticks, bytes of stack */
        paint();
        periods = 0;
        TIMER_RELOAD = TIMER_PERIOD - 1;
        TIMER_VALUE = 0;
        TIMER_CONTROL = 7;
        while (TIMER_VALUE == 0) {
            /* It takes the reload value with its next tick. */
        }
        const uint32_t before = TIMER_VALUE;
        record[0] = (uint32_t)lp_bench_run();
        const uint32_t after = TIMER_VALUE;
        TIMER_CONTROL = 0;
        record[1] = periods * TIMER_PERIOD + before - after;
        record[2] = (uint32_t)((uintptr_t)&_estack - (uintptr_t)touched());
        (void)move(WRITE, outputs, lp_bench_output, lp_bench_output_bytes);
        (void)move(WRITE, outputs, record, sizeof record);
    }
    (void)host(EXIT, STOPPED_NORMALLY);
    for (;;) {
    }
}

#endif
