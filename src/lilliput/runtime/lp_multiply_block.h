/* Four output pixels times all output channels, two channels at a time.
 *
 * Weights W0..W3 for four inputs of a channel lie as two halfwords 256 * W0 + W1 and 256 * W2 + W3.  With x
 * the inputs, x0 * (256 * W0 + W1) + (256 * x1 - x0) * W1 = 256 * (x0 * W0 + x1 * W1), so halfwords are
 * multiplied as they are, and only the W1, W3 are taken out, by SXTB16.  256 * x1 - x0 has 16 bits once 127
 * is added; that adds 127 * W1 to a sum, which after the division by 256 leaves a constant that the code
 * generator takes off the bias.
 *
 * The words of channels A and B take turns; those of a last odd channel follow one by one.
 */
#ifndef LP_MULTIPLY_BLOCK_H
#define LP_MULTIPLY_BLOCK_H

#include "lp_block_assembly.h"

#if LP_DSP

/* Up to so many pixels are faster one by one. */
#define LP_FEW_PIXELS 2

/* Fours in a pass through the loop, as many as fit an instruction cache of 1 kB with what follows. */
#if LP_RELU
#define PASS_FOURS "8"
#define FOURS                                                                                                \
    FOUR("4", "8]", "4", "8", "32]")                                                                         \
    FOUR("12", "16]", "36", "8", "64]")                                                                      \
    FOUR("20", "24]", "68", "8", "96]")                                                                      \
    FOUR("28", "32]!", "100", "8", "128]!")                                                                  \
    FOUR("4", "8]", "4", "8", "32]")                                                                         \
    FOUR("12", "16]", "36", "8", "64]")                                                                      \
    FOUR("20", "24]", "68", "8", "96]")                                                                      \
    FOUR("28", "32]!", "100", "8", "128]!")
#else
#define PASS_FOURS "4"
#define FOURS                                                                                                \
    FOUR("4", "8]", "4", "8", "32]")                                                                         \
    FOUR("12", "16]", "36", "8", "64]")                                                                      \
    FOUR("20", "24]", "68", "8", "96]")                                                                      \
    FOUR("28", "32]!", "100", "8", "128]!")
#endif

/* Inline assembly inside a function could not have all fourteen registers at every optimization level. */
LP_NAKED static void multiply_channel_pairs(lp_block *block LP_UNUSED, int8_t *output LP_UNUSED) {
    __asm__ volatile(
        /* r1 is the inputs less 4.  Stack: 28 inputs as the loop wants them, 32 where to enter the loop, 36
         * bytes that the weights step back for that, 40 end of the inputs, 44 the structure, 48 blocks that
         * are left. */
        BEGIN("52") "ldr     r3, [r0, #60]                   \n"
                    "strd    r0, r3, [sp, #44]               \n"
                    "ldr     r6, [r0, #8]                    \n"
                    "ldr     r7, [r0, #12]                   \n"
                    "ldr     r3, [r0, #4]                    \n"
                    "ldr     r0, [r0, #0]                    \n"
                    "subs    r6, r6, #4                      \n"
                    "subs    r0, r0, #4                      \n"
                    "add.w   r4, r6, r7, lsl #5              \n"
                    "rsbs    r7, r7, #0                      \n"
                    "str     r4, [sp, #40]                   \n"
                    "and.w   r5, r7, #3                      \n" /* fours and passes of four to leave out */
                    "and.w   r7, r7, #" PASS_FOURS "-1       \n"
                    "sub.w   r6, r6, r5, lsl #5              \n"
                    "str     r6, [sp, #28]                   \n"
                    "lsls    r5, r5, #3                      \n"
                    "str     r5, [sp, #36]                   \n"
                    "and.w   r4, r7, #4                      \n"
                    "movs    r5, #92                         \n"
                    "mla     r4, r7, r5, r4                  \n"
                    "adr.w   r5, 2f                          \n"
                    "add     r4, r4, r5                      \n"
                    "orr.w   r4, r4, #1                      \n"
                    "str     r4, [sp, #32]                   \n"
                    "b       1f                              \n"
                    ".balign 4                               \n"
                    "2:                                      \n" /* entered in its middle when the fours do
                                                                    not fill it */
        FOURS "ldr     r2, [sp, #40]                   \n"
                    "cmp     r1, r2                          \n"
                    "bne     2b                              \n" FINISH
                    "1:                                      \n" /* two channels */
        START_SUMS "ldr     r1, [sp, #28]                   \n"
                    "ldr     r2, [sp, #32]                   \n"
                    "ldr     r4, [sp, #36]                   \n"
                    "str     r3, [sp, #0]                    \n" START_OTHER_SUMS
                    "subs    r0, r0, r4                      \n"
                    "bx      r2                              \n"
                    "3:                                      \n" /* four pixels */
                    "ldrd    r0, r3, [sp, #44]               \n"
                    "subs    r3, r3, #1                      \n"
                    "beq     4f                              \n"
                    "add     r1, r1, r4                      \n"
                    "add.w   r5, r5, r2, lsl #2              \n"
                    "strd    r1, r5, [sp, #4]                \n"
                    "str     r3, [sp, #48]                   \n"
                    "ldr     r4, [r0, #64]                   \n"
                    "cbz     r4, 5f                          \n"
                    "blx     r4                              \n"
                    "6:                                      \n"
                    "ldr     r2, [sp, #44]                   \n"
                    "ldr     r0, [r2, #0]                    \n"
                    "ldr     r3, [r2, #4]                    \n"
                    "subs    r0, r0, #4                      \n"
                    "b       1b                              \n"
                    "5:                                      \n" /* whose inputs lie further on */
                    "ldr     r2, [r0, #72]                   \n"
                    "ldr     r3, [sp, #28]                   \n"
                    "ldr     r4, [sp, #40]                   \n"
                    "adds    r3, r3, r2                      \n"
                    "adds    r4, r4, r2                      \n"
                    "str     r3, [sp, #28]                   \n"
                    "str     r4, [sp, #40]                   \n"
                    "b       6b                              \n"
                    "4:                                      \n" RETURN("52"));
}

/* Four inputs of one pixel times their weights for two pairs of channels. */
#define PIXEL_FOUR(weights_a, weights_b, inputs_a, inputs_b)                                                 \
    "ldr.w   r8, [r2, #" inputs_a "]         \n"                                                             \
    "ldr.w   r9, [r2, #" inputs_b "]         \n"                                                             \
    "ldr.w   r10, [r0, #" weights_a "]       \n"                                                             \
    "ldr.w   r11, [r0, #" weights_b "]       \n"                                                             \
    "ldr.w   r12, [r1, #" weights_a "]       \n"                                                             \
    "ldr.w   lr, [r1, #" weights_b "]        \n"                                                             \
    "smlad   r4, r8, r10, r4                 \n"                                                             \
    "smlad   r5, r8, r11, r5                 \n"                                                             \
    "smlad   r6, r8, r12, r6                 \n"                                                             \
    "smlad   r7, r8, lr, r7                  \n"                                                             \
    "sxtb16  r10, r10                        \n"                                                             \
    "sxtb16  r11, r11                        \n"                                                             \
    "sxtb16  r12, r12                        \n"                                                             \
    "sxtb16  lr, lr                          \n"                                                             \
    "smlad   r4, r9, r10, r4                 \n"                                                             \
    "smlad   r5, r9, r11, r5                 \n"                                                             \
    "smlad   r6, r9, r12, r6                 \n"                                                             \
    "smlad   r7, r9, lr, r7                  \n"

/* The sums of two channels of one pixel, and of two others. */
LP_NAKED static void sum_two_pairs(const int8_t *weights LP_UNUSED, const int8_t *others LP_UNUSED,
                                   const int16_t *inputs LP_UNUSED, int32_t fours LP_UNUSED,
                                   int32_t *sums LP_UNUSED) {
    __asm__ volatile(
        "push    {r4-r11, lr}                    \n"
        "movs    r4, #0                          \n"
        "movs    r5, #0                          \n"
        "movs    r6, #0                          \n"
        "movs    r7, #0                          \n"
        "lsrs    r3, r3, #1                      \n"
        "bcc     1f                              \n"
        "subs    r0, r0, #8                      \n" /* an odd four comes first */
        "subs    r1, r1, #8                      \n"
        "subs    r2, r2, #32                     \n"
        "adds    r3, r3, #1                      \n"
        "b       2f                              \n"
        ".balign 4                               \n"
        "1:                                      \n" PIXEL_FOUR(
            "0", "4", "0",
            "4") "2:                                      \n" PIXEL_FOUR("8", "12", "32",
                                                                         "36") "adds    r0, r0, #16          "
                                                                               "           \n"
                                                                               "adds    r1, r1, #16          "
                                                                               "           \n"
                                                                               "adds    r2, r2, #64          "
                                                                               "           \n"
                                                                               "subs    r3, r3, #1           "
                                                                               "           \n"
                                                                               "bne     1b                   "
                                                                               "           \n"
                                                                               "ldr     r0, [sp, #36]        "
                                                                               "           \n"
                                                                               "stmia.w r0, {r4-r7}          "
                                                                               "           \n"
                                                                               "pop     {r4-r11, pc}         "
                                                                               "           \n");
}

/* The pairs of channels of one pixel. */
static LP_NOINLINE void multiply_pixel(const lp_block *block, int32_t pixel, int8_t *output) {
    const int16_t *inputs = block->inputs + pixel * LP_PIXEL_STEP(block->fours);
    const lp_profile_channel *channel = block->channels;
    const int8_t *weights = block->weights;
    const int32_t pair_bytes = 8 * block->fours;
    for (int32_t left = 2 * block->channel_pairs; left > 0; left -= 4, weights += 2 * pair_bytes) {
        int32_t sums[4];
        sum_two_pairs(weights, left > 2 ? weights + pair_bytes : weights, inputs, block->fours, sums);
        for (int32_t k = 0; k < lp_minimum(left, 4); k++) {
            *output++ = lp_block_output(block, channel++, sums[k]);
        }
    }
}

/* The last of an odd number of channels. */
static LP_NOINLINE void multiply_channel(const lp_block *block, int8_t *output) {
    const lp_profile_channel *channel = block->channels + 2 * block->channel_pairs;
    const int8_t *weights = block->weights + 8 * block->channel_pairs * block->fours;
    const lp_pair *inputs = (const lp_pair *)(const void *)block->inputs;
    int32_t sums[LP_BLOCK_PIXELS];
    sums[0] = sums[1] = sums[2] = sums[3] = 0;
    for (int32_t i = 0; i < block->fours; i++, weights += 4, inputs += 2 * LP_BLOCK_PIXELS) {
        const int32_t halves = (int32_t)lp_load_4(weights);
        const int32_t odd = lp_even_bytes((uint32_t)halves);
        for (int32_t pixel = 0; pixel < LP_BLOCK_PIXELS; pixel++) {
            sums[pixel] = lp_multiply_pairs(halves, inputs[2 * pixel], sums[pixel]);
            sums[pixel] = lp_multiply_pairs(odd, inputs[2 * pixel + 1], sums[pixel]);
        }
    }
    output += 2 * block->channel_pairs;
    for (int32_t pixel = LP_BLOCK_PIXELS - 1; pixel >= 0; pixel--) {
        output[pixel == 0 ? 0 : block->offsets[pixel - 1]] = lp_block_output(block, channel, sums[pixel]);
    }
}

LP_INLINE void multiply_block(lp_block *block, int8_t *output) {
    if (block->channel_pairs > 0) {
        if (block->pixels > LP_FEW_PIXELS) {
            multiply_channel_pairs(block, output);
        } else {
            for (int32_t pixel = 0; pixel < block->pixels; pixel++) {
                multiply_pixel(block, pixel, output + (pixel == 0 ? 0 : block->offsets[0]));
            }
        }
    }
    if (block->odd_channel) {
        multiply_channel(block, output);
    }
    if (block->is_limited) {
        lp_limit_outputs(output,
                         block->blocks * block->pixels * (2 * block->channel_pairs + block->odd_channel),
                         block->minimum, block->maximum);
    }
}

#else

/* Fours of weights that are put in order at a time. */
#define DECODED_FOURS 64

/* Weights in their order, from halves; from four of them to the next there are `step` bytes.  Returns the sum
 * of the odd ones. */
static int32_t decode(const int8_t *weights, int32_t step, int32_t fours, int16_t *LP_RESTRICT to) {
    int32_t odd = 0;
    for (int32_t i = 0; i < fours; i++, weights += step, to += 4) {
        to[0] = (int16_t)(weights[1] + (weights[0] < 0));
        to[1] = weights[0];
        to[2] = (int16_t)(weights[3] + (weights[2] < 0));
        to[3] = weights[2];
        odd += weights[0] + weights[2];
    }
    return odd;
}

static int32_t dot(const int16_t *a, const int16_t *b, int32_t count) {
    int32_t sum = 0;
    for (int32_t i = 0; i < count; i++) {
        sum += a[i] * b[i];
    }
    return sum;
}

/* One channel of `count` pixels.  What its sums are short of those that the assembly takes is 127 times the
 * odd weights. */
static void multiply_channel(const lp_block *block, const lp_profile_channel *channel, const int8_t *weights,
                             int32_t step, int32_t count, int8_t *output) {
    int32_t sums[LP_BLOCK_PIXELS];
    sums[0] = sums[1] = sums[2] = sums[3] = 0;
    int32_t odd = 0;
    for (int32_t first = 0; first < block->fours; first += DECODED_FOURS) {
        const int32_t fours = lp_minimum(block->fours - first, DECODED_FOURS);
        int16_t decoded[4 * DECODED_FOURS];
        odd += decode(weights + first * step, step, fours, decoded);
        for (int32_t pixel = 0; pixel < count; pixel++) {
            const int16_t *inputs = block->inputs + (pixel * LP_PIXEL_STEP(block->fours) + 4 * first);
            sums[pixel] += dot(decoded, inputs, 4 * fours);
        }
    }
    for (int32_t pixel = 0; pixel < count; pixel++) {
        output[pixel == 0 ? 0 : block->offsets[pixel - 1]] =
            lp_block_output(block, channel, 256 * sums[pixel] + 127 * odd);
    }
}

LP_INLINE void multiply_block(lp_block *block, int8_t *output) {
    const int8_t *weights = block->weights;
    const lp_profile_channel *channels = block->channels;
    int32_t count = 1;
    while (count < LP_BLOCK_PIXELS &&
           block->offsets[count - 1] > (count == 1 ? 0 : block->offsets[count - 2])) {
        count++;
    }
    for (int32_t pair = 0; pair < block->channel_pairs; pair++, channels += 2, weights += 8 * block->fours) {
        multiply_channel(block, &channels[0], weights, 8, count, output++);
        multiply_channel(block, &channels[1], weights + 4, 8, count, output++);
    }
    if (block->odd_channel) {
        multiply_channel(block, channels, weights, 4, count, output);
    }
}

#endif

#endif
