#ifndef LP_REQUANTIZE_PAIRS_H
#define LP_REQUANTIZE_PAIRS_H

#include "lp_pixel_pairs.h"

#if LP_THUMB_1

#define CHECK_OFFSET(field, offset)                                                                          \
    typedef char field##_lies_at_##offset[__builtin_offsetof(lp_pairs_scale, field) == (offset)              \
                                              ? 1                                                            \
                                              : -1] LP_THUMB_1_UNUSED
CHECK_OFFSET(bias, 0);
CHECK_OFFSET(multiplier, 4);
CHECK_OFFSET(shift, 8);
CHECK_OFFSET(zero_point, 12);
CHECK_OFFSET(minimum, 16);
CHECK_OFFSET(maximum, 20);
CHECK_OFFSET(step, 24);

/* From the product's upper 32 bits in r3 and the 32 below the 48th in r4, to r3.  Shifts leave in the carry
 * what rounds. */
#if LP_TFLM
#define SCALE                                                                                                \
    "lsls    r3, r3, #1              \n"                                                                     \
    "lsrs    r4, r4, #15             \n"                                                                     \
    "adcs    r3, r4                  \n"                                                                     \
    "asrs    r4, r3, #31             \n"                                                                     \
    "adds    r3, r3, r4              \n"                                                                     \
    "ldr     r4, [r0, #8]            \n"                                                                     \
    "asrs    r3, r4                  \n"                                                                     \
    "ldr     r4, [r0, #12]           \n"                                                                     \
    "adcs    r3, r4                  \n"
#else
#define SCALE                                                                                                \
    "lsrs    r4, r4, #16             \n"                                                                     \
    "adcs    r3, r4                  \n"                                                                     \
    "ldr     r4, [r0, #12]           \n"                                                                     \
    "adds    r3, r3, r4              \n"
#endif

/* r0 scale, r1 sums, r2 output, r7 bias, r8 and r9 lower and upper half of the multiplier, r10 minimum, r11
 * maximum, r12 step, lr end of the sums. */
LP_THUMB_1_NAKED static void requantize(const lp_pairs_scale *scale LP_THUMB_1_UNUSED,
                                        const int32_t *sums LP_THUMB_1_UNUSED,
                                        int32_t count LP_THUMB_1_UNUSED, int8_t *output LP_THUMB_1_UNUSED) {
    __asm__ volatile(".syntax unified                 \n"
                     "push    {r4-r7, lr}             \n"
                     "mov     r4, r8                  \n"
                     "mov     r5, r9                  \n"
                     "mov     r6, r10                 \n"
                     "mov     r7, r11                 \n"
                     "push    {r4-r7}                 \n"
                     "lsls    r2, r2, #2              \n"
                     "adds    r2, r2, r1              \n"
                     "mov     lr, r2                  \n"
                     "movs    r2, r3                  \n"
                     "ldr     r4, [r0, #4]            \n"
                     "uxth    r5, r4                  \n"
                     "lsrs    r4, r4, #16             \n"
                     "mov     r8, r5                  \n"
                     "mov     r9, r4                  \n"
                     "ldr     r4, [r0, #16]           \n"
                     "mov     r10, r4                 \n"
                     "ldr     r4, [r0, #20]           \n"
                     "mov     r11, r4                 \n"
                     "ldr     r4, [r0, #24]           \n"
                     "mov     r12, r4                 \n"
                     "ldr     r7, [r0, #0]            \n"
                     "1:                              \n"
                     "ldmia   r1!, {r3}               \n"
                     "mov     r5, r8                  \n"
                     "mov     r6, r8                  \n"
                     "adds    r3, r3, r7              \n"
                     "uxth    r4, r3                  \n"
                     "asrs    r3, r3, #16             \n"
                     "muls    r6, r4, r6              \n"
                     "muls    r5, r3, r5              \n"
                     "lsrs    r6, r6, #16             \n"
                     "adds    r5, r5, r6              \n"
                     "mov     r6, r9                  \n"
                     "muls    r4, r6, r4              \n"
                     "muls    r3, r6, r3              \n"
                     "asrs    r6, r5, #16             \n"
                     "adds    r3, r3, r6              \n"
                     "uxth    r5, r5                  \n"
                     "adds    r4, r4, r5              \n" SCALE "cmp     r3, r10                 \n"
                     "bgt     2f                      \n"
                     "mov     r3, r10                 \n"
                     "2:                              \n"
                     "cmp     r3, r11                 \n"
                     "ble     3f                      \n"
                     "mov     r3, r11                 \n"
                     "3:                              \n"
                     "strb    r3, [r2]                \n"
                     "add     r2, r12                 \n"
                     "cmp     r1, lr                  \n"
                     "bne     1b                      \n"
                     "pop     {r4-r7}                 \n"
                     "mov     r8, r4                  \n"
                     "mov     r9, r5                  \n"
                     "mov     r10, r6                 \n"
                     "mov     r11, r7                 \n"
                     "pop     {r4-r7, pc}             \n");
}

#else

LP_INLINE void requantize(const lp_pairs_scale *scale, const int32_t *sums, int32_t count, int8_t *output) {
    for (int32_t i = 0; i < count; i++, output += scale->step) {
        const int32_t sum = scale->bias + sums[i];
#if LP_TFLM
        const int32_t value = lp_scale_tflm(sum, scale->multiplier, -scale->shift) + scale->zero_point;
#else
        const int32_t value = lp_multiply_top(sum, scale->multiplier) + scale->zero_point;
#endif
        *output = (int8_t)lp_minimum(lp_maximum(value, scale->minimum), scale->maximum);
    }
}

#endif

#endif
