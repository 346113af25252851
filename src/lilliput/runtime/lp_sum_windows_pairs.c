#define LP_TFLM 0
#include "lp_depthwise_pairs.h"

#if LP_THUMB_1

#define CHECK_OFFSET(field, offset)                                                                          \
    typedef char field##_lies_at_##offset[__builtin_offsetof(lp_windows, field) == (offset)                  \
                                              ? 1                                                            \
                                              : -1] LP_THUMB_1_UNUSED
CHECK_OFFSET(inputs, 0);
CHECK_OFFSET(weights, 4);
CHECK_OFFSET(sums, 8);
CHECK_OFFSET(pairs, 12);
CHECK_OFFSET(row_words, 16);
CHECK_OFFSET(pair_step, 20);
CHECK_OFFSET(kernel_height, 24);

/* Windows three columns wide: 23 cycles for each of their rows.  r0 inputs, r1 weights, r6 upper sum, r7
 * sums, r8 whole sum, r9 bytes from the end of a row of a window to the next, r10 bytes from the end of a
 * window to the next, r11 end of the weights, r12 end of the sums, lr weights. */
LP_THUMB_1_NAKED static void three_columns(const lp_windows *windows LP_THUMB_1_UNUSED) {
    __asm__ volatile(".syntax unified                 \n"
                     "push    {r4-r7, lr}             \n"
                     "mov     r4, r8                  \n"
                     "mov     r5, r9                  \n"
                     "mov     r6, r10                 \n"
                     "mov     r7, r11                 \n"
                     "push    {r4-r7}                 \n"
                     "ldr     r1, [r0, #4]            \n"
                     "mov     lr, r1                  \n"
                     "ldr     r2, [r0, #24]           \n"
                     "lsls    r3, r2, #2              \n"
                     "lsls    r4, r2, #3              \n"
                     "adds    r4, r4, r3              \n"
                     "adds    r4, r4, r1              \n"
                     "mov     r11, r4                 \n"
                     "ldr     r7, [r0, #8]            \n"
                     "ldr     r4, [r0, #12]           \n"
                     "lsls    r4, r4, #3              \n"
                     "adds    r4, r4, r7              \n"
                     "mov     r12, r4                 \n"
                     "ldr     r4, [r0, #16]           \n"
                     "lsls    r4, r4, #2              \n"
                     "muls    r2, r4, r2              \n"
                     "subs    r4, r4, #12             \n"
                     "mov     r9, r4                  \n"
                     "ldr     r4, [r0, #20]           \n"
                     "lsls    r4, r4, #2              \n"
                     "subs    r4, r4, r2              \n"
                     "mov     r10, r4                 \n"
                     "ldr     r0, [r0, #0]            \n"
                     "1:                              \n"
                     "movs    r6, #0                  \n"
                     "mov     r8, r6                  \n"
                     "mov     r1, lr                  \n"
                     "2:                              \n"
                     "ldmia   r0!, {r2, r3}           \n"
                     "ldmia   r1!, {r4, r5}           \n"
                     "muls    r2, r4, r2              \n"
                     "muls    r3, r5, r3              \n"
                     "adds    r2, r2, r3              \n"
                     "add     r8, r2                  \n"
                     "asrs    r2, r2, #16             \n"
                     "adcs    r6, r2                  \n"
                     "ldmia   r0!, {r2}               \n"
                     "ldmia   r1!, {r4}               \n"
                     "muls    r2, r4, r2              \n"
                     "add     r8, r2                  \n"
                     "asrs    r2, r2, #16             \n"
                     "adcs    r6, r2                  \n"
                     "add     r0, r9                  \n"
                     "cmp     r1, r11                 \n"
                     "bne     2b                      \n"
                     "lsls    r2, r6, #16             \n"
                     "mov     r5, r8                  \n"
                     "subs    r5, r5, r2              \n"
                     "stmia   r7!, {r5, r6}           \n"
                     "add     r0, r10                 \n"
                     "cmp     r7, r12                 \n"
                     "bne     1b                      \n"
                     "pop     {r4-r7}                 \n"
                     "mov     r8, r4                  \n"
                     "mov     r9, r5                  \n"
                     "mov     r10, r6                 \n"
                     "mov     r11, r7                 \n"
                     "pop     {r4-r7, pc}             \n");
}

#endif

/* Windows of any width. */
static void any_columns(const lp_windows *windows) {
    const int32_t *corner = windows->inputs;
    for (int32_t pair = 0; pair < windows->pairs; pair++, corner += windows->pair_step) {
        const int32_t *weight = windows->weights;
        const int32_t *input_row = corner;
        uint32_t whole = 0;
        int32_t upper = 0;
        for (int32_t row = 0; row < windows->kernel_height; row++, input_row += windows->row_words) {
            for (int32_t column = 0; column < windows->kernel_width; column++) {
                const int32_t product = input_row[column] * *weight++;
                whole += (uint32_t)product;
                upper += (product + 0x8000) >> 16;
            }
        }
        windows->sums[2 * pair] = (int32_t)(whole - ((uint32_t)upper << 16));
        windows->sums[2 * pair + 1] = upper;
    }
}

void lp_sum_windows_pairs(const lp_windows *windows) {
#if LP_THUMB_1
    if (windows->kernel_width == 3) {
        three_columns(windows);
        return;
    }
#endif
    any_columns(windows);
}
