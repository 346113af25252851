/* Matrix times vector with one unpacking instruction for four weights.
 *
 * Weights W0..W3 of a row lie as two halfwords 256 * W0 + W1 and 256 * W2 + W3.  With x the inputs,
 *     x0 * (256 * W0 + W1) + (256 * x1 - x0) * W1 = 256 * (x0 * W0 + x1 * W1),
 * so halfwords are multiplied as they are, and only the W1, W3 are taken out, by SXTB16.  256 * x1 - x0 has
 * 16 bits once 127 is added; that adds 127 * W1 to a sum, which after the division by 256 leaves a constant
 * that the code generator takes off the bias.  128 fours of the largest weights and inputs still fit 32 bits;
 * then sums are divided.
 *
 * Rows lie four by four, a word of each in turn; then the inputs beyond the last four, a byte of each row in
 * turn. The last one to three rows follow one by one in the same form.
 */
#ifndef LP_FULLY_CONNECTED_DSP_H
#define LP_FULLY_CONNECTED_DSP_H

#include "lp_dsp.h"
#include "lp_profile.h"

#define CHUNK_FOURS 128

typedef struct {
    const int8_t *weights;
    const lp_profile_channel *channels;
    const int16_t
        *inputs; /* for each four: x0, x2, 256 * x1 - x0 + 127, 256 * x3 - x2 + 127; then the rest */
    int8_t *output;
    int32_t fours, rest;
    int32_t row_blocks;
    int32_t zero_point;
    uint32_t minimum, maximum; /* four times */
    int32_t doublings;         /* 32 - shift */
} rows;

static void expand(const int8_t *input, int32_t fours, int32_t rest, int16_t *to) {
    for (int32_t i = 0; i < fours; i++, input += 4, to += 4) {
#if LP_DSP
        const uint32_t bytes = lp_load_4(input);
        const int32_t even = lp_even_bytes(bytes);
        int32_t differences = (int32_t)((bytes & 0xFF00FF00u) | 0x007F007Fu);
        __asm__("ssub16 %0, %0, %1" : "+r"(differences) : "r"(even));
        ((lp_pair *)(void *)to)[0] = even;
        ((lp_pair *)(void *)to)[1] = differences;
#else
        to[0] = input[0];
        to[1] = input[2];
        to[2] = (int16_t)(256 * input[1] - input[0] + 127);
        to[3] = (int16_t)(256 * input[3] - input[2] + 127);
#endif
    }
    for (int32_t i = 0; i < rest; i++) {
        to[i] = input[i];
    }
}

#if !LP_DSP
static int32_t halfword(const int8_t *weights) {
    return weights[1] * 256 + (uint8_t)weights[0];
}
#endif

/* Sum of fours of one row; from one four to the next there are `step` bytes. */
static int32_t multiply_fours(const rows *all, const int8_t *weights, int32_t step) {
    const int16_t *inputs = all->inputs;
    int32_t sum = 0;
    for (int32_t left = all->fours; left > 0; left -= CHUNK_FOURS) {
        int32_t chunk = 0;
        for (int32_t i = lp_minimum(left, CHUNK_FOURS); i > 0; i--, inputs += 4, weights += step) {
#if LP_DSP
            const uint32_t bytes = lp_load_4(weights);
            const lp_pair *pairs = (const lp_pair *)(const void *)inputs;
            chunk = lp_multiply_pairs((int32_t)bytes, pairs[0], chunk);
            chunk = lp_multiply_pairs(lp_even_bytes(bytes), pairs[1], chunk);
#else
            chunk += inputs[0] * halfword(weights) + inputs[2] * weights[0];
            chunk += inputs[1] * halfword(weights + 2) + inputs[3] * weights[2];
#endif
        }
        sum += chunk >> 8;
    }
    return sum;
}

/* Sum of the rest of one row; from one weight to the next there are `step` bytes. */
static int32_t multiply_rest(const rows *all, const int8_t *weights, int32_t step) {
    const int16_t *inputs = all->inputs + 4 * all->fours;
    int32_t sum = 0;
    for (int32_t i = 0; i < all->rest; i++, weights += step) {
        sum += inputs[i] * *weights;
    }
    return sum;
}

static int8_t output_of(const rows *all, const lp_profile_channel *channel, int32_t sum) {
    return lp_dsp_output(channel, sum + channel->bias, 32 - all->doublings, all->zero_point,
                         (int8_t)(all->minimum & 0xFFu), (int8_t)(all->maximum & 0xFFu));
}

#if LP_DSP

/* The assembly's view of the structure; a wrong number does not compile. */
#define CHECK_OFFSET(field, offset)                                                                          \
    typedef char field##_lies_at_##offset[__builtin_offsetof(rows, field) == (offset) ? 1 : -1] LP_UNUSED
CHECK_OFFSET(weights, 0);
CHECK_OFFSET(channels, 4);
CHECK_OFFSET(inputs, 8);
CHECK_OFFSET(output, 12);
CHECK_OFFSET(fours, 16);
CHECK_OFFSET(rest, 20);
CHECK_OFFSET(row_blocks, 24);
CHECK_OFFSET(zero_point, 28);
CHECK_OFFSET(minimum, 32);
CHECK_OFFSET(maximum, 36);
CHECK_OFFSET(doublings, 40);

/* Four inputs times four rows: 16 products, 20 cycles.  56 bytes of code. */
#define FOUR                                                                                                 \
    "ldmia.w r0!, {r8-r11}                   \n"                                                             \
    "ldmia.w r1!, {r6, r7}                   \n"                                                             \
    "smlad   r2, r6, r8, r2                  \n"                                                             \
    "sxtb16  r8, r8                          \n"                                                             \
    "smlad   r3, r6, r9, r3                  \n"                                                             \
    "sxtb16  r9, r9                          \n"                                                             \
    "smlad   r4, r6, r10, r4                 \n"                                                             \
    "sxtb16  r10, r10                        \n"                                                             \
    "smlad   r5, r6, r11, r5                 \n"                                                             \
    "sxtb16  r11, r11                        \n"                                                             \
    "smlad   r2, r7, r8, r2                  \n"                                                             \
    "smlad   r3, r7, r9, r3                  \n"                                                             \
    "smlad   r4, r7, r10, r4                 \n"                                                             \
    "smlad   r5, r7, r11, r5                 \n"

#if LP_TFLM

#define CHANNEL_BYTES "12"

/* Sums to values; r6 is the structure. */
#define REQUANTIZE                                                                                           \
    "ldr.w   r12, [sp, #24]                  \n"                                                             \
    "ldr.w   r2, [r12, #4]                   \n"                                                             \
    "ldr.w   r3, [r12, #16]                  \n"                                                             \
    "ldr.w   r4, [r12, #28]                  \n"                                                             \
    "ldr.w   r5, [r12, #40]                  \n"                                                             \
    "smmlar  r8, r8, r2, r8                  \n"                                                             \
    "smmlar  r9, r9, r3, r9                  \n"                                                             \
    "smmlar  r10, r10, r4, r10               \n"                                                             \
    "smmlar  r11, r11, r5, r11               \n"                                                             \
    "add.w   r8, r8, r8, asr #31             \n"                                                             \
    "add.w   r9, r9, r9, asr #31             \n"                                                             \
    "add.w   r10, r10, r10, asr #31          \n"                                                             \
    "add.w   r11, r11, r11, asr #31          \n"                                                             \
    "ldr.w   r2, [r12, #8]                   \n"                                                             \
    "ldr.w   r3, [r12, #20]                  \n"                                                             \
    "ldr.w   r4, [r12, #32]                  \n"                                                             \
    "ldr.w   r5, [r12, #44]                  \n"                                                             \
    "ldr.w   lr, [r6, #28]                   \n"                                                             \
    "add.w   r12, r12, #48                   \n"                                                             \
    "str.w   r12, [sp, #24]                  \n"                                                             \
    "smmlar  r8, r8, r2, lr                  \n"                                                             \
    "smmlar  r9, r9, r3, lr                  \n"                                                             \
    "smmlar  r10, r10, r4, lr                \n"                                                             \
    "smmlar  r11, r11, r5, lr                \n"

#define DOUBLE_SUMS ""

#else

#define CHANNEL_BYTES "8"

/* Sums to values; r6 is the structure. */
#define REQUANTIZE                                                                                           \
    "ldr.w   r12, [r6, #40]                  \n"                                                             \
    "cmp.w   r12, #0                         \n"                                                             \
    "bne     9f                              \n"                                                             \
    "8:                                      \n"                                                             \
    "ldr.w   r12, [sp, #24]                  \n"                                                             \
    "ldr.w   lr, [r6, #28]                   \n"                                                             \
    "ldr.w   r2, [r12, #4]                   \n"                                                             \
    "ldr.w   r3, [r12, #12]                  \n"                                                             \
    "ldr.w   r4, [r12, #20]                  \n"                                                             \
    "ldr.w   r5, [r12, #28]                  \n"                                                             \
    "add.w   r12, r12, #32                   \n"                                                             \
    "str.w   r12, [sp, #24]                  \n"                                                             \
    "smmlar  r8, r8, r2, lr                  \n"                                                             \
    "smmlar  r9, r9, r3, lr                  \n"                                                             \
    "smmlar  r10, r10, r4, lr                \n"                                                             \
    "smmlar  r11, r11, r5, lr                \n"

/* sum * 2**(32 - shift): saturated, it still saturates the output. */
#define DOUBLE_SUMS                                                                                          \
    "9:                                      \n"                                                             \
    "qadd    r8, r8, r8                      \n"                                                             \
    "qadd    r9, r9, r9                      \n"                                                             \
    "qadd    r10, r10, r10                   \n"                                                             \
    "qadd    r11, r11, r11                   \n"                                                             \
    "subs.w  r12, r12, #1                    \n"                                                             \
    "bne     9b                              \n"                                                             \
    "b       8b                              \n"

#endif

/* Inline assembly inside a function could not have all fourteen registers at every optimization level. */
LP_NAKED static void multiply_row_blocks(const rows *all LP_UNUSED) {
    __asm__ volatile(
        /* r0 weights, r1 inputs, r2-r5 sums of four rows, lr end of the inputs of this chunk.
         * Stack: 0-12 sums of the chunks before, 16 fours to go, 20 structure, 24 channels, 28 output, 32
         * blocks. */
        "push    {r4-r11, lr}                    \n"
        "sub     sp, sp, #36                     \n"
        "str     r0, [sp, #20]                   \n"
        "ldr     r1, [r0, #4]                    \n"
        "str     r1, [sp, #24]                   \n"
        "ldr     r1, [r0, #12]                   \n"
        "str     r1, [sp, #28]                   \n"
        "ldr     r1, [r0, #24]                   \n"
        "str     r1, [sp, #32]                   \n"
        "ldr     r0, [r0, #0]                    \n"

        "1:                                      \n" /* four rows */
        "ldr     r6, [sp, #20]                   \n"
        "ldr     r7, [sp, #24]                   \n"
        "ldr     r1, [r6, #8]                    \n"
        "ldr     r6, [r6, #16]                   \n"
        "ldr.w   r8, [r7, #0]                    \n"
        "ldr.w   r9, [r7, #1 * " CHANNEL_BYTES "]         \n"
        "ldr.w   r10, [r7, #2 * " CHANNEL_BYTES "]         \n"
        "ldr.w   r11, [r7, #3 * " CHANNEL_BYTES "]         \n"
        "stmia.w sp, {r8-r11}                    \n"
        "cmp     r6, #0                          \n"
        "beq     5f                              \n"

        "2:                                      \n" /* a chunk: r6 fours are left */
        "subs.w  r7, r6, #128                    \n"
        "ite     gt                              \n"
        "movgt   r6, #128                        \n"
        "movle   r7, #0                          \n"
        "str     r7, [sp, #16]                   \n"
        "add.w   lr, r1, r6, lsl #3              \n"
        "rsb.w   r7, r6, #0                      \n"
        "and.w   r7, r7, #3                      \n"
        "rsb.w   r7, r7, r7, lsl #3              \n"
        "adr.w   r8, 3f                          \n"
        "add.w   r8, r8, r7, lsl #3              \n"
        "orr.w   r8, r8, #1                      \n"
        "movs    r2, #0                          \n"
        "movs    r3, #0                          \n"
        "movs    r4, #0                          \n"
        "movs    r5, #0                          \n"
        "bx      r8                              \n"

        ".balign 4                               \n"
        "3:                                      \n" /* entered in its middle when the fours are no multiple
                                                        of four */
        FOUR FOUR FOUR FOUR "cmp     r1, lr                          \n"
        "bne     3b                              \n"

        "ldmia.w sp, {r8-r11}                    \n"
        "ldr     r6, [sp, #16]                   \n"
        "add.w   r8, r8, r2, asr #8              \n"
        "add.w   r9, r9, r3, asr #8              \n"
        "add.w   r10, r10, r4, asr #8            \n"
        "add.w   r11, r11, r5, asr #8            \n"
        "cmp     r6, #0                          \n"
        "beq     5f                              \n"
        "stmia.w sp, {r8-r11}                    \n"
        "b       2b                              \n"

        "5:                                      \n" /* the rest: r8-r11 are the sums */
        "ldr     r6, [sp, #20]                   \n"
        "ldr     r7, [r6, #20]                   \n"
        "b       7f                              \n"
        "6:                                      \n"
        "ldr     r2, [r0], #4                    \n"
        "ldrsh   r3, [r1], #2                    \n"
        "subs    r7, r7, #1                      \n"
        "sxtb16  r4, r2                          \n"
        "sxtb16  r5, r2, ror #8                  \n"
        "smlabb  r8, r3, r4, r8                  \n"
        "smlabb  r9, r3, r5, r9                  \n"
        "smlabt  r10, r3, r4, r10                \n"
        "smlabt  r11, r3, r5, r11                \n"
        "7:                                      \n"
        "cmp     r7, #0                          \n"
        "bne     6b                              \n"

        REQUANTIZE "ssat    r8, #8, r8                      \n"
        "ssat    r9, #8, r9                      \n"
        "ssat    r10, #8, r10                    \n"
        "ssat    r11, #8, r11                    \n"
        "bfi     r8, r9, #8, #8                  \n"
        "bfi     r10, r11, #8, #8                \n"
        "pkhbt   r8, r8, r10, lsl #16            \n"
        "ldr.w   r9, [r6, #32]                   \n"
        "ldr.w   r10, [r6, #36]                  \n"
        "ldr     r2, [sp, #28]                   \n"
        "ldr     r3, [sp, #32]                   \n"
        "ssub8   r11, r8, r9                     \n"
        "sel     r8, r8, r9                      \n"
        "ssub8   r11, r10, r8                    \n"
        "sel     r8, r8, r10                     \n"
        "str     r8, [r2], #4                    \n"
        "str     r2, [sp, #28]                   \n"
        "subs    r3, r3, #1                      \n"
        "str     r3, [sp, #32]                   \n"
        "bne     1b                              \n"
        "add     sp, sp, #36                     \n"
        "pop     {r4-r11, pc}                    \n"

        DOUBLE_SUMS);
}

#else

static void multiply_row_blocks(const rows *all) {
    const int8_t *weights = all->weights;
    for (int32_t unit = 0; unit < 4 * all->row_blocks; unit += 4) {
        const int8_t *rest = weights + 16 * all->fours;
        for (int32_t row = 0; row < 4; row++) {
            const int32_t sum =
                multiply_fours(all, weights + 4 * row, 16) + multiply_rest(all, rest + row, 4);
            all->output[unit + row] = output_of(all, &all->channels[unit + row], sum);
        }
        weights = rest + 4 * all->rest;
    }
}

#endif

LP_INLINE void fully_connected_dsp(const lp_fully_connected_params *params, const int8_t *input,
                                   int8_t *output, void *scratch) {
    int16_t *const inputs = (int16_t *)scratch;
    rows all;
    all.weights = params->weights;
    all.channels = lp_channels(params->channels);
    all.inputs = inputs;
    all.output = output;
    all.fours = params->inputs / 4;
    all.rest = params->inputs % 4;
    all.row_blocks = params->outputs / 4;
    all.zero_point = params->output_zero_point;
    all.minimum = (uint8_t)params->minimum * 0x01010101u;
    all.maximum = (uint8_t)params->maximum * 0x01010101u;
    all.doublings = 32 - params->shift;
    expand(input, all.fours, all.rest, inputs);
    if (all.row_blocks > 0) {
        multiply_row_blocks(&all);
    }
    for (int32_t unit = 4 * all.row_blocks; unit < params->outputs; unit++) {
        const int8_t *weights = params->weights + unit * params->inputs;
        const int32_t sum =
            multiply_fours(&all, weights, 4) + multiply_rest(&all, weights + 4 * all.fours, 1);
        output[unit] = output_of(&all, &all.channels[unit], sum);
    }
}

#endif
