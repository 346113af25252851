/* 3x3 depthwise convolution of the rows of one channel, four outputs at a time.
 *
 * A word of input holds four neighbours: SXTB16 makes of it elements 0 and 2, and elements 1 and 3, which are
 * pairs for taps 0 and 2 of two neighbouring outputs; tap 1 takes one half of the pair in between.
 */
#ifndef LP_DEPTHWISE_3X3_H
#define LP_DEPTHWISE_3X3_H

#include "lp_depthwise.h"

#if LP_DSP

#define CHECK_OFFSET(field, offset)                                                                          \
    typedef char field##_lies_at_##offset[__builtin_offsetof(lp_depthwise_rows, field) == (offset)           \
                                              ? 1                                                            \
                                              : -1] LP_UNUSED
CHECK_OFFSET(output, 0);
CHECK_OFFSET(step, 4);
CHECK_OFFSET(bias, 8);
CHECK_OFFSET(multiplier, 12);
CHECK_OFFSET(scale, 16);
CHECK_OFFSET(zero_point, 20);
CHECK_OFFSET(rows, 24);
CHECK_OFFSET(input, 28);
CHECK_OFFSET(row_bytes, 32);
CHECK_OFFSET(input_advance, 36);
CHECK_OFFSET(output_advance, 40);
CHECK_OFFSET(fours, 44);
CHECK_OFFSET(repeated, 48);
CHECK_OFFSET(outer_taps, 52);
CHECK_OFFSET(inner_taps, 64);

/* Sums to values. */
#if LP_TFLM
#define REQUANTIZE                                                                                           \
    "ldr.w   r12, [sp, #12]                  \n"                                                             \
    "smmlar  r3, r3, r12, r3                 \n"                                                             \
    "smmlar  r4, r4, r12, r4                 \n"                                                             \
    "smmlar  r5, r5, r12, r5                 \n"                                                             \
    "smmlar  r6, r6, r12, r6                 \n"                                                             \
    "add.w   r3, r3, r3, asr #31             \n"                                                             \
    "add.w   r4, r4, r4, asr #31             \n"                                                             \
    "add.w   r5, r5, r5, asr #31             \n"                                                             \
    "add.w   r6, r6, r6, asr #31             \n"                                                             \
    "ldr.w   r12, [sp, #16]                  \n"                                                             \
    "ldr.w   lr, [sp, #20]                   \n"                                                             \
    "smmlsr  r3, r3, r12, lr                 \n"                                                             \
    "smmlsr  r4, r4, r12, lr                 \n"                                                             \
    "smmlsr  r5, r5, r12, lr                 \n"                                                             \
    "smmlsr  r6, r6, r12, lr                 \n"
#else
#define REQUANTIZE                                                                                           \
    "ldr.w   r12, [sp, #12]                  \n"                                                             \
    "ldr.w   lr, [sp, #20]                   \n"                                                             \
    "smmlar  r3, r3, r12, lr                 \n"                                                             \
    "smmlar  r4, r4, r12, lr                 \n"                                                             \
    "smmlar  r5, r5, r12, lr                 \n"                                                             \
    "smmlar  r6, r6, r12, lr                 \n"
#endif

/* r0-r2 rows of the window, r3-r6 sums of four outputs, r7-r9 outer taps, r10 and r11 inner taps.
 * Stack: 0 the structure up to its taps, 52 end of the first row of windows, 56 outputs that are made again
 * in the last four, or 0 once they are, 60 where outputs go. */
#define BEGIN(four_bits)                                                                                     \
    "push    {r4-r11, lr}                    \n"                                                             \
    "sub     sp, sp, #68                     \n"                                                             \
    "ldmia.w r0!, {r1-r7}                    \n"                                                             \
    "stmia.w sp, {r1-r7}                     \n"                                                             \
    "add.w   r12, sp, #28                    \n"                                                             \
    "ldmia.w r0!, {r1-r6}                    \n"                                                             \
    "stmia.w r12, {r1-r6}                    \n"                                                             \
    "ldmia.w r0, {r7-r11}                    \n"                                                             \
    "5:                                      \n"                                                             \
    "ldr     r0, [sp, #28]                   \n"                                                             \
    "ldr     r2, [sp, #32]                   \n"                                                             \
    "ldr     r4, [sp, #44]                   \n"                                                             \
    "ldr     r5, [sp, #48]                   \n"                                                             \
    "ldr     r6, [sp, #0]                    \n"                                                             \
    "add.w   r1, r0, r2                      \n"                                                             \
    "add.w   r4, r0, r4, lsl #" four_bits "  \n"                                                             \
    "add.w   r2, r1, r2                      \n"                                                             \
    "str     r4, [sp, #52]                   \n"                                                             \
    "str     r5, [sp, #56]                   \n"                                                             \
    "str     r6, [sp, #60]                   \n"                                                             \
    ".balign 4                               \n"                                                             \
    "1:                                      \n"                                                             \
    "ldr     r3, [sp, #8]                    \n"                                                             \
    "mov     r4, r3                          \n"                                                             \
    "mov     r5, r3                          \n"                                                             \
    "mov     r6, r3                          \n"

/* One row of the window for four neighbouring outputs: 12 products, 16 cycles. */
#define ROW_STRIDE_1(row, outer, inner, half)                                                                \
    "ldr     r12, [" row "], #2              \n"                                                             \
    "sxtb16  lr, r12                         \n"                                                             \
    "sxtb16  r12, r12, ror #8                \n"                                                             \
    "smlad   r3, lr, " outer ", r3           \n"                                                             \
    "smlad   r4, r12, " outer ", r4          \n"                                                             \
    "smlab" half " r3, r12, " inner ", r3    \n"                                                             \
    "smlat" half " r4, lr, " inner ", r4     \n"                                                             \
    "smlat" half " r5, r12, " inner ", r5    \n"                                                             \
    "ldr     r12, [" row "], #2              \n"                                                             \
    "sxtb16  lr, r12                         \n"                                                             \
    "sxtb16  r12, r12, ror #8                \n"                                                             \
    "smlad   r5, lr, " outer ", r5           \n"                                                             \
    "smlad   r6, r12, " outer ", r6          \n"                                                             \
    "smlat" half " r6, lr, " inner ", r6     \n"

/* The same where outputs are two elements apart: 22 cycles. */
#define ROW_STRIDE_2(row, outer, inner, half)                                                                \
    "ldr     r12, [" row "], #2              \n"                                                             \
    "sxtb16  lr, r12                         \n"                                                             \
    "sxtb16  r12, r12, ror #8                \n"                                                             \
    "smlad   r3, lr, " outer ", r3           \n"                                                             \
    "smlab" half " r3, r12, " inner ", r3    \n"                                                             \
    "smlat" half " r4, r12, " inner ", r4    \n"                                                             \
    "ldr     r12, [" row "], #2              \n"                                                             \
    "sxtb16  lr, r12                         \n"                                                             \
    "smlad   r4, lr, " outer ", r4           \n"                                                             \
    "ldr     r12, [" row "], #2              \n"                                                             \
    "sxtb16  lr, r12                         \n"                                                             \
    "sxtb16  r12, r12, ror #8                \n"                                                             \
    "smlad   r5, lr, " outer ", r5           \n"                                                             \
    "smlab" half " r5, r12, " inner ", r5    \n"                                                             \
    "smlat" half " r6, r12, " inner ", r6    \n"                                                             \
    "ldr     r12, [" row "], #2              \n"                                                             \
    "sxtb16  lr, r12                         \n"                                                             \
    "smlad   r6, lr, " outer ", r6           \n"

/* Sums to outputs.  After the last whole four, windows step back to make those again whose outputs fill it.
 */
#define END(stride_bits, group_bytes)                                                                        \
    REQUANTIZE                                                                                               \
    "ssat    r3, #8, r3                      \n"                                                             \
    "ssat    r4, #8, r4                      \n"                                                             \
    "ssat    r5, #8, r5                      \n"                                                             \
    "ssat    r6, #8, r6                      \n"                                                             \
    "ldr.w   r12, [sp, #60]                  \n"                                                             \
    "ldr.w   lr, [sp, #4]                    \n"                                                             \
    "strb.w  r3, [r12]                       \n"                                                             \
    "add.w   r3, r12, lr, lsl #1             \n"                                                             \
    "strb.w  r4, [r12, lr]                   \n"                                                             \
    "strb    r5, [r3]                        \n"                                                             \
    "strb.w  r6, [r3, lr]                    \n"                                                             \
    "add.w   r3, r3, lr, lsl #1              \n"                                                             \
    "str     r3, [sp, #60]                   \n"                                                             \
    "ldr.w   lr, [sp, #52]                   \n"                                                             \
    "cmp     r0, lr                          \n"                                                             \
    "bne     1b                              \n"                                                             \
    "ldr     r4, [sp, #56]                   \n"                                                             \
    "cmp     r4, #0                          \n"                                                             \
    "beq     2f                              \n"                                                             \
    "movs    r5, #0                          \n"                                                             \
    "str     r5, [sp, #56]                   \n"                                                             \
    "ldr     r5, [sp, #4]                    \n"                                                             \
    "mls     r3, r4, r5, r3                  \n"                                                             \
    "str     r3, [sp, #60]                   \n"                                                             \
    "lsl.w   r4, r4, #" stride_bits "        \n"                                                             \
    "sub.w   r0, r0, r4                      \n"                                                             \
    "sub.w   r1, r1, r4                      \n"                                                             \
    "sub.w   r2, r2, r4                      \n"                                                             \
    "add.w   lr, r0, #" group_bytes "        \n"                                                             \
    "str.w   lr, [sp, #52]                   \n"                                                             \
    "b       1b                              \n"                                                             \
    "2:                                      \n"                                                             \
    "ldr     r0, [sp, #24]                   \n"                                                             \
    "ldr     r1, [sp, #28]                   \n"                                                             \
    "ldr     r2, [sp, #36]                   \n"                                                             \
    "ldr     r3, [sp, #0]                    \n"                                                             \
    "ldr     r4, [sp, #40]                   \n"                                                             \
    "add.w   r1, r1, r2                      \n"                                                             \
    "str     r1, [sp, #28]                   \n"                                                             \
    "add.w   r3, r3, r4                      \n"                                                             \
    "str     r3, [sp, #0]                    \n"                                                             \
    "subs    r0, r0, #1                      \n"                                                             \
    "str     r0, [sp, #24]                   \n"                                                             \
    "bne     5b                              \n"                                                             \
    "add     sp, sp, #68                     \n"                                                             \
    "pop     {r4-r11, pc}                    \n"

/* Inline assembly inside a function could not have all fourteen registers at every optimization level. */
LP_NAKED static void multiply_stride_1(const lp_depthwise_rows *all LP_UNUSED) {
    __asm__ volatile(BEGIN("2") ROW_STRIDE_1("r0", "r7", "r10", "b") ROW_STRIDE_1("r1", "r8", "r10", "t")
                         ROW_STRIDE_1("r2", "r9", "r11", "b") END("0", "4"));
}

LP_NAKED static void multiply_stride_2(const lp_depthwise_rows *all LP_UNUSED) {
    __asm__ volatile(BEGIN("3") ROW_STRIDE_2("r0", "r7", "r10", "b") ROW_STRIDE_2("r1", "r8", "r10", "t")
                         ROW_STRIDE_2("r2", "r9", "r11", "b") END("1", "8"));
}

LP_INLINE void depthwise_3x3(const lp_depthwise_rows *all, int32_t stride) {
    if (stride == 1) {
        multiply_stride_1(all);
    } else {
        multiply_stride_2(all);
    }
}

#endif

#endif
