/* Matrix times vector, four rows at a time.
 *
 * Weights lie as halves, see lp_multiply_block.h: rows four by four, a word of each in turn; the last one to
 * three rows follow one by one.  128 fours of the largest weights and inputs fit 32 bits: of more inputs, the
 * sums of so many are divided by themselves, of as many chunks of one size as that takes.  Rows are filled
 * with zeros to whole chunks.
 */
#ifndef LP_FULLY_CONNECTED_DSP_H
#define LP_FULLY_CONNECTED_DSP_H

#include "lp_fully_connected_inputs.h"
#include "lp_profile.h"

#define CHUNK_FOURS 128

typedef struct {
    const int8_t *weights;
    const lp_profile_channel *channels;
    const int16_t *inputs; /* as lp_expand.h says, or in order */
    int8_t *output;
    int32_t fours; /* of a chunk */
    int32_t chunks;
    int32_t row_blocks;
    int32_t zero_point;
    int32_t is_limited;        /* whether outputs keep a range smaller than int8 */
    uint32_t minimum, maximum; /* four times */
    int32_t doublings;         /* 32 - shift */
} rows;

static int8_t output_of(const rows *all, const lp_profile_channel *channel, int32_t sum) {
    return lp_dsp_output(channel, sum + channel->bias, 32 - all->doublings, all->zero_point,
                         (int8_t)(all->minimum & 0xFFu), (int8_t)(all->maximum & 0xFFu));
}

#if LP_DSP

/* Sum of products of one row; from one four of weights to the next there are `step` bytes. */
static int32_t multiply_row(const rows *all, const int8_t *weights, int32_t step) {
    const lp_pair *pairs = (const lp_pair *)(const void *)all->inputs;
    int32_t sum = 0;
    for (int32_t left = all->chunks; left > 0; left--) {
        int32_t chunk = 0;
        for (int32_t i = 0; i < all->fours; i++, weights += step, pairs += 2) {
            const uint32_t halves = lp_load_4(weights);
            chunk = lp_multiply_pairs((int32_t)halves, pairs[0], chunk);
            chunk = lp_multiply_pairs(lp_even_bytes(halves), pairs[1], chunk);
        }
        sum += chunk >> 8;
    }
    return sum;
}

/* The assembly's view of the structure; a wrong number does not compile. */
#define CHECK_OFFSET(field, offset)                                                                          \
    typedef char field##_lies_at_##offset[__builtin_offsetof(rows, field) == (offset) ? 1 : -1] LP_UNUSED
CHECK_OFFSET(weights, 0);
CHECK_OFFSET(channels, 4);
CHECK_OFFSET(inputs, 8);
CHECK_OFFSET(output, 12);
CHECK_OFFSET(fours, 16);
CHECK_OFFSET(chunks, 20);
CHECK_OFFSET(row_blocks, 24);
CHECK_OFFSET(zero_point, 28);
CHECK_OFFSET(is_limited, 32);
CHECK_OFFSET(minimum, 36);
CHECK_OFFSET(maximum, 40);
CHECK_OFFSET(doublings, 44);

/* Four inputs times four rows: 16 products, 19 cycles.  Loads stand together since each but the first of them
 * costs one cycle less.  72 bytes of code. */
#define PRODUCTS                                                                                             \
    "smlad   r2, r6, r10, r2                 \n"                                                             \
    "sxtb16  r6, r6                          \n"                                                             \
    "smlad   r3, r7, r10, r3                 \n"                                                             \
    "sxtb16  r7, r7                          \n"                                                             \
    "smlad   r4, r8, r10, r4                 \n"                                                             \
    "sxtb16  r8, r8                          \n"                                                             \
    "smlad   r5, r9, r10, r5                 \n"                                                             \
    "sxtb16  r9, r9                          \n"                                                             \
    "smlad   r2, r6, r11, r2                 \n"                                                             \
    "smlad   r3, r7, r11, r3                 \n"                                                             \
    "smlad   r4, r8, r11, r4                 \n"                                                             \
    "smlad   r5, r9, r11, r5                 \n"
#define FOUR(weights, weights_end, inputs, inputs_end)                                                       \
    "ldr.w   r10, [r1, #" inputs "]          \n"                                                             \
    "ldr.w   r11, [r1, #" inputs_end "       \n"                                                             \
    "ldr.w   r6, [r0, #" weights "+4]        \n"                                                             \
    "ldr.w   r7, [r0, #" weights "+8]        \n"                                                             \
    "ldr.w   r8, [r0, #" weights "+12]       \n"                                                             \
    "ldr.w   r9, [r0, #" weights_end "       \n" PRODUCTS
#define FOUR_INPUTS_LAST(weights, weights_end, inputs, inputs_end)                                           \
    "ldr.w   r6, [r0, #" weights "+4]        \n"                                                             \
    "ldr.w   r7, [r0, #" weights "+8]        \n"                                                             \
    "ldr.w   r8, [r0, #" weights "+12]       \n"                                                             \
    "ldr.w   r9, [r0, #" weights_end "       \n"                                                             \
    "ldr.w   r10, [r1, #" inputs "]          \n"                                                             \
    "ldr.w   r11, [r1, #" inputs_end "       \n" PRODUCTS

#if LP_TFLM

#define CHANNEL_BYTES "12"

/* Sums with their bias to values; r12 is the channels. */
#define REQUANTIZE                                                                                           \
    "ldr.w   r6, [r12, #4]                   \n"                                                             \
    "ldr.w   r7, [r12, #16]                  \n"                                                             \
    "ldr.w   r8, [r12, #28]                  \n"                                                             \
    "ldr.w   r9, [r12, #40]                  \n"                                                             \
    "smmlar  r2, r2, r6, r2                  \n"                                                             \
    "smmlar  r3, r3, r7, r3                  \n"                                                             \
    "smmlar  r4, r4, r8, r4                  \n"                                                             \
    "smmlar  r5, r5, r9, r5                  \n"                                                             \
    "add.w   r2, r2, r2, asr #31             \n"                                                             \
    "add.w   r3, r3, r3, asr #31             \n"                                                             \
    "add.w   r4, r4, r4, asr #31             \n"                                                             \
    "add.w   r5, r5, r5, asr #31             \n"                                                             \
    "ldr.w   r6, [r12, #8]                   \n"                                                             \
    "ldr.w   r7, [r12, #20]                  \n"                                                             \
    "ldr.w   r8, [r12, #32]                  \n"                                                             \
    "ldr.w   r9, [r12, #44]                  \n"                                                             \
    "ldr.w   lr, [sp, #56]                   \n"                                                             \
    "add.w   r12, r12, #48                   \n"                                                             \
    "str.w   r12, [sp, #16]                  \n"                                                             \
    "smmlsr  r2, r2, r6, lr                  \n"                                                             \
    "smmlsr  r3, r3, r7, lr                  \n"                                                             \
    "smmlsr  r4, r4, r8, lr                  \n"                                                             \
    "smmlsr  r5, r5, r9, lr                  \n"

#define DOUBLE_SUMS ""

#else

#define CHANNEL_BYTES "8"

/* Sums with their bias to values; r12 is the channels. */
#define REQUANTIZE                                                                                           \
    "ldr.w   lr, [sp, #72]                   \n"                                                             \
    "cmp.w   lr, #0                          \n"                                                             \
    "bne     8f                              \n"                                                             \
    "7:                                      \n"                                                             \
    "ldr.w   r6, [r12, #4]                   \n"                                                             \
    "ldr.w   r7, [r12, #12]                  \n"                                                             \
    "ldr.w   r8, [r12, #20]                  \n"                                                             \
    "ldr.w   r9, [r12, #28]                  \n"                                                             \
    "ldr.w   lr, [sp, #56]                   \n"                                                             \
    "add.w   r12, r12, #32                   \n"                                                             \
    "str.w   r12, [sp, #16]                  \n"                                                             \
    "smmlar  r2, r2, r6, lr                  \n"                                                             \
    "smmlar  r3, r3, r7, lr                  \n"                                                             \
    "smmlar  r4, r4, r8, lr                  \n"                                                             \
    "smmlar  r5, r5, r9, lr                  \n"

/* sum * 2**(32 - shift): saturated, it still saturates the output. */
#define DOUBLE_SUMS                                                                                          \
    "8:                                      \n"                                                             \
    "qadd    r2, r2, r2                      \n"                                                             \
    "qadd    r3, r3, r3                      \n"                                                             \
    "qadd    r4, r4, r4                      \n"                                                             \
    "qadd    r5, r5, r5                      \n"                                                             \
    "subs.w  lr, lr, #1                      \n"                                                             \
    "bne     8b                              \n"                                                             \
    "b       7b                              \n"

#endif

/* Inline assembly inside a function could not have all fourteen registers at every optimization level. */
LP_NAKED static void multiply_row_blocks(const rows *all LP_UNUSED) {
    __asm__ volatile(
        /* r0 weights, less 4; r1 inputs, less 12; r2-r5 sums of four rows; lr end of the inputs of a chunk.
         * Stack: 0-12 sums of the chunks before, 16 channels, 20 output, 24 end of the output, 28 inputs as
         * the loop wants them, 32 where to enter the loop, 36 bytes that the weights step back for that, 40
         * chunks beyond the first, 44 those to go, 48 bytes of inputs of a chunk, 52 end of the first chunk,
         * 56 zero point, 60 whether outputs are limited, 64 minimum, 68 maximum, 72 doublings, 76 what is
         * added to the inputs before the loop is entered: they advance in its seventh part. */
        "push    {r4-r11, lr}                    \n"
        "sub     sp, sp, #84                     \n"
        "ldr     r2, [r0, #4]                    \n"
        "ldr     r3, [r0, #8]                    \n"
        "ldr     r4, [r0, #12]                   \n"
        "ldr     r5, [r0, #16]                   \n"
        "ldr     r6, [r0, #20]                   \n"
        "ldr     r7, [r0, #24]                   \n"
        "str     r2, [sp, #16]                   \n"
        "str     r4, [sp, #20]                   \n"
        "add.w   r4, r4, r7, lsl #2              \n"
        "str     r4, [sp, #24]                   \n"
        "subs    r6, r6, #1                      \n"
        "str     r6, [sp, #40]                   \n"
        "str     r6, [sp, #44]                   \n"
        "sub.w   r3, r3, #12                     \n"
        "lsl.w   r6, r5, #3                      \n"
        "str     r6, [sp, #48]                   \n"
        "add     r6, r6, r3                      \n"
        "str     r6, [sp, #52]                   \n"
        "rsb.w   r5, r5, #0                      \n"
        "and.w   r5, r5, #7                      \n"
        "lsl.w   r6, r5, #4                      \n"
        "str     r6, [sp, #36]                   \n"
        "rsb.w   r6, r5, #0                      \n"
        "lsl.w   r6, r6, #3                      \n"
        "cmp     r5, #7                          \n"
        "it      eq                              \n"
        "addeq   r6, #64                         \n"
        "str     r6, [sp, #76]                   \n"
        "add     r3, r3, r6                      \n"
        "str     r3, [sp, #28]                   \n"
        "mov.w   r7, #72                         \n"
        "adr.w   r6, 2f                          \n"
        "mla     r6, r5, r7, r6                  \n"
        "orr.w   r6, r6, #1                      \n"
        "str     r6, [sp, #32]                   \n"
        "add.w   r2, r0, #28                     \n"
        "ldmia.w r2, {r3-r7}                     \n"
        "add.w   r2, sp, #56                     \n"
        "stmia.w r2, {r3-r7}                     \n"
        "ldr     r0, [r0, #0]                    \n"
        "sub.w   r0, r0, #4                      \n"
        "movs    r2, #0                          \n"
        "movs    r3, #0                          \n"
        "movs    r4, #0                          \n"
        "movs    r5, #0                          \n"
        "stmia.w sp, {r2-r5}                     \n"
        "1:                                      \n"
        "ldr     r1, [sp, #28]                   \n"
        "ldr.w   r12, [sp, #32]                  \n"
        "ldr     r6, [sp, #36]                   \n"
        "ldr.w   lr, [sp, #52]                   \n"
        "movs    r2, #0                          \n"
        "movs    r3, #0                          \n"
        "movs    r4, #0                          \n"
        "movs    r5, #0                          \n"
        "sub.w   r0, r0, r6                      \n"
        "bx      r12                             \n"
        ".balign 4                               \n"
        "2:                                      \n" FOUR("0", "16]", "12", "16]")
            FOUR("16", "32]", "20", "24]") FOUR("32", "48]", "28", "32]") FOUR("48", "64]", "36", "40]")
                FOUR("64", "80]", "44", "48]") FOUR("80", "96]", "52", "56]") FOUR_INPUTS_LAST("96", "112]",
                                                                                               "60", "64]!")
                    FOUR("112", "128]!", "4", "8]") "cmp     r1, lr                          \n"
                                                    "bne     2b                              \n"
                                                    "ldr.w   r12, [sp, #40]                  \n"
                                                    "cmp.w   r12, #0                         \n"
                                                    "bne     3f                              \n"
                                                    "ldr.w   r12, [sp, #16]                  \n"
                                                    "ldr.w   r6, [r12, #0 * " CHANNEL_BYTES "]\n"
                                                    "ldr.w   r7, [r12, #1 * " CHANNEL_BYTES "]\n"
                                                    "ldr.w   r8, [r12, #2 * " CHANNEL_BYTES "]\n"
                                                    "ldr.w   r9, [r12, #3 * " CHANNEL_BYTES "]\n"
                                                    "add.w   r2, r6, r2, asr #8              \n"
                                                    "add.w   r3, r7, r3, asr #8              \n"
                                                    "add.w   r4, r8, r4, asr #8              \n"
                                                    "add.w   r5, r9, r5, asr #8              \n"
                                                    "5:                                      \n" REQUANTIZE
                                                    "ssat    r2, #8, r2                      \n"
                                                    "ssat    r3, #8, r3                      \n"
                                                    "ssat    r4, #8, r4                      \n"
                                                    "ssat    r5, #8, r5                      \n"
                                                    "bfi     r2, r3, #8, #8                  \n"
                                                    "bfi     r4, r5, #8, #8                  \n"
                                                    "pkhbt   r2, r2, r4, lsl #16             \n"
                                                    "ldr     r3, [sp, #20]                   \n"
                                                    "ldr     r4, [sp, #24]                   \n"
                                                    "ldr     r5, [sp, #60]                   \n"
                                                    "cmp     r5, #0                          \n"
                                                    "bne     4f                              \n"
                                                    "6:                                      \n"
                                                    "str     r2, [r3], #4                    \n"
                                                    "cmp     r3, r4                          \n"
                                                    "str     r3, [sp, #20]                   \n"
                                                    "bne     1b                              \n"
                                                    "add     sp, sp, #84                     \n"
                                                    "pop     {r4-r11, pc}                    \n"
                                                    "4:                                      \n"
                                                    "ldr     r6, [sp, #64]                   \n"
                                                    "ldr     r7, [sp, #68]                   \n"
                                                    "ssub8   r8, r2, r6                      \n"
                                                    "sel     r2, r2, r6                      \n"
                                                    "ssub8   r8, r7, r2                      \n"
                                                    "sel     r2, r2, r7                      \n"
                                                    "b       6b                              \n"
                                                    "3:                                      \n"
                                                    "ldmia.w sp, {r6-r9}                     \n"
                                                    "add.w   r6, r6, r2, asr #8              \n"
                                                    "add.w   r7, r7, r3, asr #8              \n"
                                                    "add.w   r8, r8, r4, asr #8              \n"
                                                    "add.w   r9, r9, r5, asr #8              \n"
                                                    "ldr.w   r10, [sp, #44]                  \n"
                                                    "movs    r2, #0                          \n"
                                                    "movs    r3, #0                          \n"
                                                    "movs    r4, #0                          \n"
                                                    "movs    r5, #0                          \n"
                                                    "subs.w  r10, r10, #1                    \n"
                                                    "blt     9f                              \n"
                                                    "str.w   r10, [sp, #44]                  \n"
                                                    "stmia.w sp, {r6-r9}                     \n"
                                                    "ldr     r6, [sp, #76]                   \n"
                                                    "ldr     r7, [sp, #48]                   \n"
                                                    "ldr.w   r8, [sp, #36]                   \n"
                                                    "ldr.w   r12, [sp, #32]                  \n"
                                                    "add     r1, r1, r6                      \n"
                                                    "add     lr, lr, r7                      \n"
                                                    "sub.w   r0, r0, r8                      \n"
                                                    "bx      r12                             \n"
                                                    "9:                                      \n"
                                                    "stmia.w sp, {r2-r5}                     \n"
                                                    "str.w   r12, [sp, #44]                  \n"
                                                    "ldr.w   r12, [sp, #16]                  \n"
                                                    "ldr.w   r2, [r12, #0 * " CHANNEL_BYTES "]\n"
                                                    "ldr.w   r3, [r12, #1 * " CHANNEL_BYTES "]\n"
                                                    "ldr.w   r4, [r12, #2 * " CHANNEL_BYTES "]\n"
                                                    "ldr.w   r5, [r12, #3 * " CHANNEL_BYTES "]\n"
                                                    "add     r2, r2, r6                      \n"
                                                    "add     r3, r3, r7                      \n"
                                                    "add     r4, r4, r8                      \n"
                                                    "add     r5, r5, r9                      \n"
                                                    "b       5b                              \n" DOUBLE_SUMS);
}

#else

/* Sum of products of one row, from one four of weights to the next there are `step` bytes; and 127 times the
 * odd weights of each chunk, divided by 256, which the assembly adds to it. */
static int32_t multiply_row(const rows *all, const int8_t *weights, int32_t step) {
    const int16_t *inputs = all->inputs;
    int32_t sum = 0;
    for (int32_t left = all->chunks; left > 0; left--) {
        int32_t odd = 0;
        for (int32_t i = 0; i < all->fours; i++, weights += step, inputs += 4) {
            sum += inputs[0] * (weights[1] + (weights[0] < 0)) + inputs[1] * weights[0];
            sum += inputs[2] * (weights[3] + (weights[2] < 0)) + inputs[3] * weights[2];
            odd += weights[0] + weights[2];
        }
        sum += (127 * odd) >> 8;
    }
    return sum;
}

static void multiply_row_blocks(const rows *all) {
    const int8_t *weights = all->weights;
    for (int32_t unit = 0; unit < 4 * all->row_blocks; unit += 4, weights += 16 * all->chunks * all->fours) {
        for (int32_t row = 0; row < 4; row++) {
            const int32_t sum = multiply_row(all, weights + 4 * row, 16);
            all->output[unit + row] = output_of(all, &all->channels[unit + row], sum);
        }
    }
}

#endif

LP_INLINE void fully_connected_dsp(const lp_fully_connected_params *params, const int8_t *input,
                                   int8_t *output, void *scratch) {
    const int32_t fours = (params->inputs + 3) / 4;
    int16_t *const inputs = (int16_t *)scratch;
    rows all;
    all.weights = params->weights;
    all.channels = lp_channels(params->channels);
    all.inputs = inputs;
    all.output = output;
    all.chunks = (fours + CHUNK_FOURS - 1) / CHUNK_FOURS;
    all.fours = (fours + all.chunks - 1) / all.chunks;
    all.row_blocks = params->outputs / 4;
    all.zero_point = params->output_zero_point;
    all.is_limited = params->minimum > -128 || params->maximum < 127;
    all.minimum = (uint8_t)params->minimum * 0x01010101u;
    all.maximum = (uint8_t)params->maximum * 0x01010101u;
    all.doublings = 32 - params->shift;
    expand_all(input, params->inputs, all.chunks * all.fours, inputs);
    if (all.row_blocks > 0) {
        multiply_row_blocks(&all);
    }
    for (int32_t unit = 4 * all.row_blocks; unit < params->outputs; unit++) {
        const int8_t *weights = params->weights + unit * 4 * all.chunks * all.fours;
        output[unit] = output_of(&all, &all.channels[unit], multiply_row(&all, weights, 4));
    }
}

#endif
