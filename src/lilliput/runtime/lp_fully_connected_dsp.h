/* Matrix times vector, four rows at a time.
 *
 * Weights lie as halves, see lp_multiply_block.h, rows filled with zeros to fours: rows four by four, a word
 * of each in turn; the last one to three rows follow one by one.  128 fours of the largest weights and inputs
 * fit 32 bits: of more inputs, the sums of so many are divided by themselves, the first of fewer.  Inputs are
 * taken apart in registers, in words: up to three bytes behind them are read, which meet weights of zero.
 */
#ifndef LP_FULLY_CONNECTED_DSP_H
#define LP_FULLY_CONNECTED_DSP_H

#include "lp_fully_connected_outputs.h"

#define PASS_FOURS 128

#if LP_DSP

/* Four weights of one row times four inputs, behind `sum`. */
LP_INLINE int32_t add_four(int32_t sum, uint32_t halves, uint32_t bytes) {
    sum = lp_multiply_pairs((int32_t)halves, lp_even_bytes(bytes), sum);
    return lp_multiply_pairs(lp_even_bytes(halves), (int32_t)(bytes ^ 0x007F007Fu), sum);
}

/* Sum of products of one row: 16 products in about 35 cycles. */
static int32_t multiply_row(const products *all, const int8_t *weights) {
    const int8_t *inputs = (const int8_t *)all->inputs;
    int32_t sum = 0;
    for (int32_t left = all->passes, fours = all->length; left >= 0; left--, fours = PASS_FOURS) {
        const int8_t *const end = weights + 4 * fours;
        int32_t part = 0;
        for (const int8_t *last = weights + 16 * (fours / 4); weights != last; weights += 16, inputs += 16) {
            const uint32_t halves[4] = {lp_load_4(weights), lp_load_4(weights + 4), lp_load_4(weights + 8),
                                        lp_load_4(weights + 12)};
            part = add_four(part, halves[0], lp_load_4(inputs));
            part = add_four(part, halves[1], lp_load_4(inputs + 4));
            part = add_four(part, halves[2], lp_load_4(inputs + 8));
            part = add_four(part, halves[3], lp_load_4(inputs + 12));
        }
        for (; weights != end; weights += 4, inputs += 4) {
            part = add_four(part, lp_load_4(weights), lp_load_4(inputs));
        }
        sum += part >> 8;
    }
    return sum;
}

/* Four inputs times four rows: 16 products, 20 cycles.  Loads stand together since each but the first of them
 * costs one cycle less.  76 bytes of code. */
#define PRODUCTS                                                                                             \
    "sxtb16  r11, r10                        \n"                                                             \
    "eor.w   r10, r10, #0x007F007F           \n"                                                             \
    "smlad   r2, r6, r11, r2                 \n"                                                             \
    "sxtb16  r6, r6                          \n"                                                             \
    "smlad   r3, r7, r11, r3                 \n"                                                             \
    "sxtb16  r7, r7                          \n"                                                             \
    "smlad   r4, r8, r11, r4                 \n"                                                             \
    "sxtb16  r8, r8                          \n"                                                             \
    "smlad   r5, r9, r11, r5                 \n"                                                             \
    "sxtb16  r9, r9                          \n"                                                             \
    "smlad   r2, r6, r10, r2                 \n"                                                             \
    "smlad   r3, r7, r10, r3                 \n"                                                             \
    "smlad   r4, r8, r10, r4                 \n"                                                             \
    "smlad   r5, r9, r10, r5                 \n"
#define FOUR(weights, last_weights, inputs)                                                                  \
    "ldr.w   r10, [r1, #" inputs "]          \n"                                                             \
    "ldr.w   r6, [r0, #" weights "+4]        \n"                                                             \
    "ldr.w   r7, [r0, #" weights "+8]        \n"                                                             \
    "ldr.w   r8, [r0, #" weights "+12]       \n"                                                             \
    "ldr.w   r9, [r0, #" last_weights "      \n" PRODUCTS
#define FOUR_INPUTS_LAST(weights, last_weights, inputs)                                                      \
    "ldr.w   r6, [r0, #" weights "+4]        \n"                                                             \
    "ldr.w   r7, [r0, #" weights "+8]        \n"                                                             \
    "ldr.w   r8, [r0, #" weights "+12]       \n"                                                             \
    "ldr.w   r9, [r0, #" last_weights "      \n"                                                             \
    "ldr.w   r10, [r1, #" inputs "]!         \n" PRODUCTS

/* Inline assembly inside a function could not have all fourteen registers at every optimization level. */
LP_NAKED static void multiply_row_blocks(const products *all LP_UNUSED) {
    __asm__ volatile(
        /* r0 weights, less 4; r1 inputs, less 8, which advance in the seventh part of the loop; r2-r5 sums of
         * four rows; lr where inputs of a pass end.  Stack: the structure, but for 44 inputs as the loop
         * wants them, 48 where inputs of the first pass end; then 56 where to enter the loop, 60 bytes that
         * the weights step back for that, 64 passes to go, 68-80 sums of the passes before. */
        "push    {r4-r11, lr}                    \n"
        "sub     sp, sp, #84                     \n"
        /* clang-format off */
        COPY_STRUCTURE
        /* clang-format on */
        "str     r3, [sp, #52]                   \n"
        "str     r3, [sp, #64]                   \n"
        "movs    r4, #0                          \n"
        "movs    r5, #0                          \n"
        "movs    r6, #0                          \n"
        "movs    r7, #0                          \n"
        "add.w   r8, sp, #68                     \n"
        "stmia.w r8, {r4-r7}                     \n"
        "sub.w   r12, r12, #8                    \n"
        "add.w   r5, r12, r2, lsl #2             \n"
        "str     r5, [sp, #48]                   \n"
        "rsb.w   r2, r2, #0                      \n"
        "and.w   r2, r2, #7                      \n"
        "sub.w   r12, r12, r2, lsl #2            \n"
        "cmp     r2, #7                          \n"
        "it      eq                              \n"
        "addeq.w r12, r12, #32                   \n"
        "str.w   r12, [sp, #44]                  \n"
        "mov.w   r7, #76                         \n"
        "adr.w   r6, 2f                          \n"
        "mla     r6, r2, r7, r6                  \n"
        "orr.w   r6, r6, #1                      \n"
        "str     r6, [sp, #56]                   \n"
        "lsl.w   r6, r2, #4                      \n"
        "str     r6, [sp, #60]                   \n"
        "sub.w   r0, r1, #4                      \n"
        "1:                                      \n"
        "ldr.w   r12, [sp, #56]                  \n"
        "ldr     r6, [sp, #60]                   \n"
        "ldr     r1, [sp, #44]                   \n"
        "ldr.w   lr, [sp, #48]                   \n"
        "movs    r2, #0                          \n"
        "movs    r3, #0                          \n"
        "movs    r4, #0                          \n"
        "movs    r5, #0                          \n"
        "sub.w   r0, r0, r6                      \n"
        "bx      r12                             \n"
        ".balign 4                               \n"
        "2:                                      \n"
        /* clang-format off */
        FOUR("0", "16]", "8")
        FOUR("16", "32]", "12")
        FOUR("32", "48]", "16")
        FOUR("48", "64]", "20")
        FOUR("64", "80]", "24")
        FOUR("80", "96]", "28")
        FOUR_INPUTS_LAST("96", "112]", "32")
        FOUR("112", "128]!", "4")
        /* clang-format on */
        "cmp     r1, lr                          \n"
        "bne     2b                              \n"
        "ldr     r6, [sp, #52]                   \n"
        "cmp     r6, #0                          \n"
        "bne     3f                              \n"
        /* clang-format off */
        LOAD_BIASES("r6", "r7", "r8", "r9", "r12")
        "add.w   r2, r6, r2, asr #8              \n"
        "add.w   r3, r7, r3, asr #8              \n"
        "add.w   r4, r8, r4, asr #8              \n"
        "add.w   r5, r9, r5, asr #8              \n"
        "4:                                      \n"
        TO_BYTES("r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r12", "r11")
        "ldr     r3, [sp, #16]                   \n"
        "ldr     r4, [sp, #20]                   \n"
        "ldr     r5, [sp, #28]                   \n"
        "cmp     r5, #0                          \n"
        "bne     6f                              \n"
        "5:                                      \n"
        "str     r2, [r3], #4                    \n"
        "cmp     r3, r4                          \n"
        "str     r3, [sp, #16]                   \n"
        "bne     1b                              \n"
        "add     sp, sp, #84                     \n"
        "pop     {r4-r11, pc}                    \n"
        "6:                                      \n"
        "ldr     r6, [sp, #32]                   \n"
        "ldr     r7, [sp, #36]                   \n"
        LIMIT("r2", "r6", "r7", "r8")
        /* clang-format on */
        "b       5b                              \n"
        "3:                                      \n"
        "add.w   r12, sp, #68                    \n"
        "ldmia.w r12, {r7-r10}                   \n"
        "add.w   r2, r7, r2, asr #8              \n"
        "add.w   r3, r8, r3, asr #8              \n"
        "add.w   r4, r9, r4, asr #8              \n"
        "add.w   r5, r10, r5, asr #8             \n"
        "ldr     r6, [sp, #64]                   \n"
        "subs    r6, r6, #1                      \n"
        "blt     9f                              \n"
        "str     r6, [sp, #64]                   \n"
        "stmia.w r12, {r2-r5}                    \n"
        "movs    r2, #0                          \n"
        "movs    r3, #0                          \n"
        "movs    r4, #0                          \n"
        "movs    r5, #0                          \n"
        "add.w   lr, lr, #512                    \n"
        "b       2b                              \n"
        "9:                                      \n"
        "ldr     r6, [sp, #52]                   \n"
        "movs    r7, #0                          \n"
        "mov.w   r8, #0                          \n"
        "mov.w   r9, #0                          \n"
        "mov.w   r10, #0                         \n"
        "str     r6, [sp, #64]                   \n"
        "stmia.w r12, {r7-r10}                   \n"
        /* clang-format off */
        LOAD_BIASES("r6", "r7", "r8", "r9", "r12")
        /* clang-format on */
        "add     r2, r6                          \n"
        "add     r3, r7                          \n"
        "add     r4, r8                          \n"
        "add     r5, r9                          \n"
        "b       4b                              \n");
}

#else

/* Sum of products of one row of so many inputs, from one four of weights to the next there are `step` bytes;
 * and 127 times the odd weights of each pass, divided by 256, which the assembly adds to it. */
static int32_t multiply_row(const products *all, const int8_t *weights, int32_t inputs, int32_t step) {
    const int8_t *input = (const int8_t *)all->inputs;
    int32_t sum = 0;
    int32_t fours = all->length;
    for (int32_t left = all->passes; left >= 0; left--, fours = PASS_FOURS) {
        int32_t odd = 0;
        for (int32_t i = 0; i < fours; i++, weights += step) {
            const int32_t four[4] = {weights[1] + (weights[0] < 0), weights[0], weights[3] + (weights[2] < 0),
                                     weights[2]};
            for (int32_t k = 0; k < 4 && inputs > 0; k++, inputs--) {
                sum += four[k] * *input++;
            }
            odd += four[1] + four[3];
        }
        sum += (127 * odd) >> 8;
    }
    return sum;
}

#endif

LP_INLINE void fully_connected_dsp(const lp_fully_connected_dsp_params *params, const int8_t *input,
                                   int8_t *output) {
    const int32_t fours = (params->inputs + 3) / 4;
    const int32_t in_blocks = params->outputs - params->outputs % 4;
    products all;
    prepare(&all, params, output, in_blocks);
    all.inputs = input;
    all.passes = (fours - 1) / PASS_FOURS;
    all.length = fours - all.passes * PASS_FOURS;
#if LP_DSP
    if (in_blocks > 0) {
        multiply_row_blocks(&all);
    }
    for (int32_t unit = in_blocks; unit < params->outputs; unit++) {
        output[unit] = output_of(&all, unit, multiply_row(&all, all.weights + unit * 4 * fours));
    }
#else
    for (int32_t unit = 0; unit < params->outputs; unit++) {
        const int32_t step = unit < in_blocks ? 16 : 4;
        const int32_t first = unit < in_blocks ? unit / 4 * 16 * fours + unit % 4 * 4 : unit * 4 * fours;
        const int32_t sum = multiply_row(&all, all.weights + first, params->inputs, step);
        output[unit] = output_of(&all, unit, sum);
    }
#endif
}

#endif
