/* Four neighbouring output pixels times all output channels, two channels at a time, from rows of inputs that
 * lie in memory once for all windows.
 *
 * The rows of a window are planes of four channels each, a plane being (columns, four inputs as lp_expand.h
 * says).  So neighbouring pixels are at a distance that does not depend on the layer.  Rows lie in a ring:
 * from its end, a window goes on at its beginning.  Weights lie as lp_multiply_block.h says, for inputs in
 * the order (kernel height, channels / 4, kernel width, four channels).
 */
#ifndef LP_MULTIPLY_ROWS_H
#define LP_MULTIPLY_ROWS_H

#include "lp_block_assembly.h"
#include "lp_rows.h"

#if LP_DSP

#define CHECK_ROWS_OFFSET(field, offset)                                                                     \
    typedef char                                                                                             \
        field##_lies_at_##offset[__builtin_offsetof(lp_row_block, field) == (offset) ? 1 : -1] LP_UNUSED
CHECK_ROWS_OFFSET(first_end, 80);
CHECK_ROWS_OFFSET(wrap, 84);
CHECK_ROWS_OFFSET(last_end, 88);
CHECK_ROWS_OFFSET(plane_bytes, 92);
CHECK_ROWS_OFFSET(stride, 96);

/* Three columns of a plane. */
#define PLANE(step)                                                                                          \
    FOUR("4", "8]", "0", step, "0+3*" step "+4]")                                                            \
    FOUR("12", "16]", "8", step, "8+3*" step "+4]")                                                          \
    FOUR("20", "24]!", "16", step, "16+3*" step "+4]")                                                       \
    "ldr     r2, [sp, #44]                   \n"                                                             \
    "ldr     r3, [sp, #48]                   \n"                                                             \
    "add     r1, r1, r2                      \n"                                                             \
    "cmp     r1, r3                          \n"

/* Inline assembly inside a function could not have all fourteen registers at every optimization level. */
LP_NAKED static void multiply_channel_pairs(const lp_row_block *block LP_UNUSED, int8_t *output LP_UNUSED) {
    __asm__ volatile(
        /* Stack: 28 inputs, 32 end of the part before the ring's end, 36 where it goes on, 40 end of the part
         * after that, 44 bytes of a plane, 48 end of the part at hand, 52 the loop for the stride. */
        BEGIN("60") "ldr     r2, [r0, #8]                    \n"
                    "ldr     r4, [r0, #80]                   \n"
                    "ldr     r5, [r0, #84]                   \n"
                    "ldr     r6, [r0, #88]                   \n"
                    "ldr     r7, [r0, #92]                   \n"
                    "ldr.w   r8, [r0, #96]                   \n"
                    "ldr     r3, [r0, #4]                    \n"
                    "ldr     r0, [r0, #0]                    \n"
                    "str     r2, [sp, #28]                   \n"
                    "str     r4, [sp, #32]                   \n"
                    "str     r5, [sp, #36]                   \n"
                    "str     r6, [sp, #40]                   \n"
                    "str     r7, [sp, #44]                   \n"
                    "subs    r0, r0, #4                      \n"
                    "adr.w   r4, 2f                          \n"
                    "adr.w   r5, 7f                          \n"
                    "cmp.w   r8, #1                          \n"
                    "it      ne                              \n"
                    "movne   r4, r5                          \n"
                    "orr.w   r4, r4, #1                      \n"
                    "str     r4, [sp, #52]                   \n"
                    "b       1f                              \n"
                    ".balign 4                               \n"
                    "2:                                      \n" /* pixels that are neighbours */
        PLANE("8") "bne     2b                              \n"
                   "8:                                      \n"
                   "ldr     r2, [sp, #40]                   \n"
                   "ldr     r4, [sp, #52]                   \n"
                   "cmp     r3, r2                          \n"
                   "beq     9f                              \n"
                   "ldr     r1, [sp, #36]                   \n"
                   "str     r2, [sp, #48]                   \n"
                   "bx      r4                              \n"
                   ".balign 4                               \n"
                   "7:                                      \n" /* every other pixel */
        PLANE("16") "bne     7b                              \n"
                    "b       8b                              \n"
                    "9:                                      \n" FINISH
                    "1:                                      \n" /* two channels */
        START_SUMS "ldr     r1, [sp, #28]                   \n"
                    "ldr     r2, [sp, #52]                   \n"
                    "ldr     r4, [sp, #32]                   \n"
                    "str     r3, [sp, #0]                    \n"
                    "str     r4, [sp, #48]                   \n" START_OTHER_SUMS
                    "bx      r2                              \n"
                    "3:                                      \n" RETURN("60"));
}

/* The last of an odd number of channels. */
static LP_NOINLINE void multiply_channel(const lp_row_block *rows, int8_t *output) {
    const lp_block *block = &rows->block;
    const lp_profile_channel *channel = block->channels + 2 * block->channel_pairs;
    const int8_t *weights = block->weights + 8 * block->channel_pairs * block->fours;
    const int16_t *inputs = block->inputs;
    int32_t sums[LP_BLOCK_PIXELS];
    sums[0] = sums[1] = sums[2] = sums[3] = 0;
    for (int32_t plane = block->fours / LP_ROWS_KERNEL_WIDTH; plane > 0; plane--) {
        const lp_pair *pairs = (const lp_pair *)(const void *)inputs;
        for (int32_t column = 0; column < LP_ROWS_KERNEL_WIDTH; column++, weights += 4, pairs += 2) {
            const int32_t halves = (int32_t)lp_load_4(weights);
            const int32_t odd = lp_even_bytes((uint32_t)halves);
            for (int32_t pixel = 0; pixel < LP_BLOCK_PIXELS; pixel++) {
                const int32_t at = 2 * pixel * rows->stride;
                sums[pixel] = lp_multiply_pairs(halves, pairs[at], sums[pixel]);
                sums[pixel] = lp_multiply_pairs(odd, pairs[at + 1], sums[pixel]);
            }
        }
        inputs += rows->plane_bytes / 2;
        if (inputs == rows->first_end) {
            inputs = rows->wrap;
        }
    }
    output += 2 * block->channel_pairs;
    for (int32_t pixel = 0; pixel < LP_BLOCK_PIXELS; pixel++) {
        output[pixel == 0 ? 0 : block->offsets[pixel - 1]] = lp_block_output(block, channel, sums[pixel]);
    }
}

LP_INLINE void multiply_rows(const lp_row_block *rows, int8_t *output) {
    if (rows->block.channel_pairs > 0) {
        multiply_channel_pairs(rows, output);
    }
    if (rows->block.odd_channel) {
        multiply_channel(rows, output);
    }
    if (rows->block.is_limited) {
        lp_limit_outputs(output, LP_BLOCK_PIXELS * (2 * rows->block.channel_pairs + rows->block.odd_channel),
                         rows->block.minimum, rows->block.maximum);
    }
}

#else

/* Weights that meet three columns of a plane. */
#define PLANE_WEIGHTS (4 * LP_ROWS_KERNEL_WIDTH)

/* Weights in their order, from halves; from four of them to the next there are `step` bytes.  Returns the sum
 * of the odd ones. */
static int32_t decode(const int8_t *weights, int32_t step, int16_t *LP_RESTRICT to) {
    int32_t odd = 0;
    for (int32_t i = 0; i < LP_ROWS_KERNEL_WIDTH; i++, weights += step, to += 4) {
        to[0] = (int16_t)(weights[1] + (weights[0] < 0));
        to[1] = weights[0];
        to[2] = (int16_t)(weights[3] + (weights[2] < 0));
        to[3] = weights[2];
        odd += weights[0] + weights[2];
    }
    return odd;
}

/* One channel.  What its sums are short of those that the assembly takes is 127 times the odd weights. */
static void multiply_channel(const lp_row_block *rows, const lp_profile_channel *channel,
                             const int8_t *weights, int32_t step, int8_t *output) {
    const lp_block *block = &rows->block;
    const int16_t *inputs = block->inputs;
    int32_t sums[LP_BLOCK_PIXELS];
    sums[0] = sums[1] = sums[2] = sums[3] = 0;
    int32_t odd = 0;
    for (int32_t plane = block->fours / LP_ROWS_KERNEL_WIDTH; plane > 0; plane--) {
        int16_t decoded[PLANE_WEIGHTS];
        odd += decode(weights, step, decoded);
        weights += LP_ROWS_KERNEL_WIDTH * step;
        for (int32_t pixel = 0; pixel < LP_BLOCK_PIXELS; pixel++) {
            const int16_t *columns = inputs + 4 * pixel * rows->stride;
            int32_t sum = 0;
            for (int32_t i = 0; i < PLANE_WEIGHTS; i++) {
                sum += decoded[i] * columns[i];
            }
            sums[pixel] += sum;
        }
        inputs += rows->plane_bytes / 2;
        if (inputs == rows->first_end) {
            inputs = rows->wrap;
        }
    }
    for (int32_t pixel = 0; pixel < LP_BLOCK_PIXELS; pixel++) {
        output[pixel == 0 ? 0 : block->offsets[pixel - 1]] =
            lp_block_output(block, channel, 256 * sums[pixel] + 127 * odd);
    }
}

LP_INLINE void multiply_rows(const lp_row_block *rows, int8_t *output) {
    const int8_t *weights = rows->block.weights;
    const lp_profile_channel *channels = rows->block.channels;
    for (int32_t pair = 0; pair < rows->block.channel_pairs; pair++, channels += 2) {
        multiply_channel(rows, &channels[0], weights, 8, output++);
        multiply_channel(rows, &channels[1], weights + 4, 8, output++);
        weights += 8 * rows->block.fours;
    }
    if (rows->block.odd_channel) {
        multiply_channel(rows, channels, weights, 4, output);
    }
}

#endif

#endif
