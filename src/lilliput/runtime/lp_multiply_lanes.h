/* A block of pixels and channels whose weights are lanes; LP_LANE_SHIFT is text, 16 less the bits of a
 * weight.
 *
 * LP_LANES_BAND 0: inputs are gathered, 32 bytes from four to four.  1: they lie in a band, where three fours
 * are 8 bytes apart and the next three `plane_bytes` behind the first.
 */
#ifndef LP_MULTIPLY_LANES_H
#define LP_MULTIPLY_LANES_H

#define LP_TFLM 0
#include "lp_lanes.h"
#include "lp_profile.h"

#if LP_DSP

#define CHECK_OFFSET(field, offset)                                                                          \
    typedef char                                                                                             \
        field##_lies_at_##offset[__builtin_offsetof(lp_lane_block, field) == (offset) ? 1 : -1] LP_UNUSED
CHECK_OFFSET(inputs, 4);
CHECK_OFFSET(channels, 8);
CHECK_OFFSET(output, 12);
CHECK_OFFSET(offsets, 16);
CHECK_OFFSET(zero_point, 28);
CHECK_OFFSET(minimum, 32);
CHECK_OFFSET(maximum, 36);
CHECK_OFFSET(first_fours, 40);
CHECK_OFFSET(segment_fours, 44);
CHECK_OFFSET(segments, 48);
CHECK_OFFSET(sums, 52);
CHECK_OFFSET(plane_bytes, 56);
CHECK_OFFSET(segment_bytes, 60);
CHECK_OFFSET(blocks, 64);
CHECK_OFFSET(input_step, 68);
CHECK_OFFSET(output_step, 72);

/* Two inputs of four pixels times two pairs of channels: 32 products, 16 cycles. */
#define TWO(weights, inputs)                                                                                 \
    "ldr.w   r10, [r0, #" weights "]         \n"                                                             \
    "ldr.w   r11, [r0, #" weights "+4]       \n"                                                             \
    "ldr.w   r12, [r1, #" inputs "]          \n"                                                             \
    "ldr.w   lr, [r1, #" inputs "+8]         \n"                                                             \
    "smlad   r2, r12, r10, r2                \n"                                                             \
    "smlad   r6, r12, r11, r6                \n"                                                             \
    "smlad   r3, lr, r10, r3                 \n"                                                             \
    "smlad   r7, lr, r11, r7                 \n"                                                             \
    "ldr.w   r12, [r1, #" inputs "+16]       \n"                                                             \
    "ldr.w   lr, [r1, #" inputs "+24]        \n"                                                             \
    "smlad   r4, r12, r10, r4                \n"                                                             \
    "smlad   r8, r12, r11, r8                \n"                                                             \
    "smlad   r5, lr, r10, r5                 \n"                                                             \
    "smlad   r9, lr, r11, r9                 \n"

/* 112 bytes of code. */
#define FOUR(weights, inputs) TWO(weights, inputs) TWO(weights "+8", inputs "+4")

#if LP_LANES_BAND

#define ENTRY                                                                                                \
    "ldr.w   r12, [sp, #0]                   \n"                                                             \
    "ldr.w   r12, [r12, #56]                 \n"                                                             \
    "mla     r4, r12, r2, r1                 \n"                                                             \
    "str     r4, [sp, #4]                    \n"                                                             \
    "str.w   r12, [sp, #12]                  \n"                                                             \
    "lsls.w  r11, r2, #31                    \n"
/* Entered at 4 where planes are odd. */
#define LOOP                                                                                                 \
    "cmp.w   r11, #0                         \n"                                                             \
    "bne.w   4f                              \n"                                                             \
    ".balign 4                               \n"                                                             \
    "1:                                      \n" FOUR("0", "0") FOUR("16", "8")                              \
        FOUR("32", "16") "ldr.w   r10, [sp, #12]                  \n"                                        \
                         "adds    r0, r0, #48                     \n"                                        \
                         "add     r1, r10                         \n"                                        \
                         "4:                                      \n" FOUR("0", "0") FOUR("16", "8")         \
                             FOUR("32", "16") "ldr.w   r10, [sp, #12]                  \n"                   \
                                              "ldr.w   r11, [sp, #4]                   \n"                   \
                                              "adds    r0, r0, #48                     \n"                   \
                                              "add     r1, r10                         \n"                   \
                                              "cmp     r1, r11                         \n"                   \
                                              "bne.w   1b                              \n"

#else

#define ENTRY                                                                                                \
    "add.w   r4, r1, r2, lsl #5              \n"                                                             \
    "str     r4, [sp, #4]                    \n"                                                             \
    "rsb.w   r2, r2, #0                      \n"                                                             \
    "and.w   r12, r2, #3                     \n"                                                             \
    "sub.w   r0, r0, r12, lsl #4             \n"                                                             \
    "sub.w   r1, r1, r12, lsl #5             \n"                                                             \
    "mov.w   lr, #112                        \n"                                                             \
    "adr.w   r10, 1f                         \n"                                                             \
    "mla     r10, r12, lr, r10               \n"                                                             \
    "orr.w   r10, r10, #1                    \n"
/* Entered in its middle when the fours are no multiple of four. */
#define LOOP                                                                                                 \
    "bx      r10                             \n"                                                             \
    ".balign 4                               \n"                                                             \
    "1:                                      \n" FOUR("0", "0") FOUR("16", "32") FOUR("32", "64")            \
        FOUR("48", "96") "ldr     r10, [sp, #4]                   \n"                                        \
                         "adds    r0, r0, #64                     \n"                                        \
                         "adds    r1, r1, #128                    \n"                                        \
                         "cmp     r1, r10                         \n"                                        \
                         "bne.w   1b                              \n"

#endif

/* Takes the lower channel's sums of two pixels out of theirs, and adds them to what is at `place`. */
#define SPLIT(first, second, place)                                                                          \
    "sbfx    r10, " first ", #0, #" LP_LANE_SHIFT "\n"                                                       \
    "sbfx    r11, " second ", #0, #" LP_LANE_SHIFT "\n"                                                      \
    "ldr.w   r12, [sp, #" place "]           \n"                                                             \
    "ldr.w   lr, [sp, #" place "+4]          \n"                                                             \
    "sub.w   " first ", " first ", r10       \n"                                                             \
    "sub.w   " second ", " second ", r11     \n"                                                             \
    "add.w   r12, r12, r10                   \n"                                                             \
    "add.w   lr, lr, r11                     \n"                                                             \
    "strd    r12, lr, [sp, #" place "]       \n"
#define SPLIT_ALL                                                                                            \
    SPLIT("r2", "r3", "16") SPLIT("r4", "r5", "24") SPLIT("r6", "r7", "32") SPLIT("r8", "r9", "40")

/* Two channels of a pixel from their sums as two bytes: the lower one's is the sum at `place`, which begins
 * at its bias, and the lane's lower end.  r11 is the other's bias, r10 and r12 are multipliers, lr the zero
 * point. */
#define PIXEL(sum, place)                                                                                    \
    "ldr     r1, [sp, #" place "]            \n"                                                             \
    "sbfx    r0, " sum ", #0, #" LP_LANE_SHIFT "\n"                                                          \
    "sub.w   " sum ", " sum ", r0            \n"                                                             \
    "add     r0, r1                          \n"                                                             \
    "add.w   " sum ", r11, " sum ", asr #" LP_LANE_SHIFT "\n"                                                \
    "smmlar  r0, r0, r10, lr                 \n"                                                             \
    "smmlar  " sum ", " sum ", r12, lr       \n"                                                             \
    "ssat    r0, #8, r0                      \n"                                                             \
    "ssat    " sum ", #8, " sum "            \n"                                                             \
    "lsl.w   " sum ", " sum ", #8            \n"                                                             \
    "bfi     " sum ", r0, #0, #8             \n"
#define PAIR(channel, sum0, sum1, sum2, sum3, place)                                                         \
    "ldr     r0, [sp, #0]                    \n"                                                             \
    "ldr.w   lr, [r0, #28]                   \n"                                                             \
    "ldr     r0, [r0, #8]                    \n"                                                             \
    "ldr.w   r10, [r0, #" channel "+4]       \n"                                                             \
    "ldr.w   r11, [r0, #" channel "+8]       \n"                                                             \
    "ldr.w   r12, [r0, #" channel "+12]      \n" PIXEL(sum0, place) PIXEL(sum1, place "+4")                  \
        PIXEL(sum2, place "+8") PIXEL(sum3, place "+12")

/* Four bytes of a pixel, within their limits r10 and r11. */
#define LIMIT(low, high)                                                                                     \
    "pkhbt   " low ", " low ", " high ", lsl #16\n"                                                          \
    "ssub8   r0, " low ", r10                \n"                                                             \
    "sel     " low ", " low ", r10           \n"                                                             \
    "ssub8   r0, r11, " low "                \n"                                                             \
    "sel     " low ", " low ", r11           \n"

/* Inline assembly inside a function could not have all fourteen registers at every optimization level. */
LP_NAKED static void multiply(lp_lane_block *block LP_UNUSED) {
    __asm__ volatile(
        /* r2-r5 sums of channels 0 and 1 for each pixel, r6-r9 of channels 2 and 3.  Stack: 0 the block, 4
         * where inputs of the segment end, 8 segments to go, 12 from
         * plane to plane, 16-44 sums of the lower channels so far. */
        "push    {r4-r11, lr}                    \n"
        "sub     sp, sp, #52                     \n"
        "str     r0, [sp, #0]                    \n"
        "5:                                      \n" /* four pixels */
        "ldr     r2, [r0, #40]                   \n"
        "ldr     r3, [r0, #48]                   \n"
        "ldr     r6, [r0, #8]                    \n"
        "ldr     r1, [r0, #4]                    \n"
        "ldr     r0, [r0, #0]                    \n"
        "str     r3, [sp, #8]                    \n"
        "movs    r7, #0                          \n"
        "movs    r5, #0                          \n"
        "cbz     r6, 6f                          \n"
        "ldr     r7, [r6, #0]                    \n"
        "ldr     r5, [r6, #16]                   \n"
        "6:                                      \n"
        "str     r7, [sp, #16]                   \n"
        "str     r7, [sp, #20]                   \n"
        "str     r7, [sp, #24]                   \n"
        "str     r7, [sp, #28]                   \n"
        "str     r5, [sp, #32]                   \n"
        "str     r5, [sp, #36]                   \n"
        "str     r5, [sp, #40]                   \n"
        "str     r5, [sp, #44]                   \n" ENTRY "movs    r2, #0                          \n"
        "movs    r3, #0                          \n"
        "movs    r4, #0                          \n"
        "movs    r5, #0                          \n"
        "movs    r6, #0                          \n"
        "movs    r7, #0                          \n"
        "mov.w   r8, #0                          \n"
        "mov.w   r9, #0                          \n" LOOP "ldr.w   r10, [sp, #8]                   \n"
        "ldr.w   r11, [sp, #0]                   \n"
        "subs.w  r10, r10, #1                    \n"
        "blt     2f                              \n"
        "ldr.w   r11, [r11, #60]                 \n"
        "str.w   r10, [sp, #8]                   \n"
        "add     r11, r1                         \n"
        "str.w   r11, [sp, #4]                   \n"
        /* clang-format off */
        SPLIT_ALL
        /* clang-format on */
        "b.w     1b                              \n"
        "2:                                      \n"
        "ldr.w   r10, [r11, #8]                  \n"
        "cmp.w   r10, #0                         \n"
        "beq.w   3f                              \n"
        /* clang-format off */
        PAIR("0", "r2", "r3", "r4", "r5", "16")
        PAIR("16", "r6", "r7", "r8", "r9", "32")
        /* clang-format on */
        "ldr     r1, [sp, #0]                    \n"
        "ldr.w   r10, [r1, #32]                  \n"
        "ldr.w   r11, [r1, #36]                  \n"
        /* clang-format off */
        LIMIT("r2", "r6")
        LIMIT("r3", "r7")
        LIMIT("r4", "r8")
        LIMIT("r5", "r9")
        /* clang-format on */
        "ldr     r0, [r1, #12]                   \n"
        "ldr     r6, [r1, #16]                   \n"
        "ldr     r7, [r1, #20]                   \n"
        "ldr.w   r8, [r1, #24]                   \n"
        "str     r5, [r0, r8]                    \n" /* those that are missing first */
        "str     r4, [r0, r7]                    \n"
        "str     r3, [r0, r6]                    \n"
        "str     r2, [r0]                        \n"
        "ldr     r2, [r1, #64]                   \n"
        "ldr     r3, [r1, #68]                   \n"
        "ldr     r4, [r1, #72]                   \n"
        "ldr     r5, [r1, #4]                    \n"
        "subs    r2, r2, #1                      \n"
        "add     r3, r5                          \n"
        "add     r0, r4                          \n"
        "str     r2, [r1, #64]                   \n"
        "str     r3, [r1, #4]                    \n"
        "str     r0, [r1, #12]                   \n"
        "mov     r0, r1                          \n"
        "bgt.w   5b                              \n"
        "add     sp, sp, #52                     \n"
        "pop     {r4-r11, pc}                    \n"
        "3:                                      \n"
        /* clang-format off */
        SPLIT_ALL
        /* clang-format on */
        "ldr.w   r11, [sp, #0]                   \n"
        "asr.w   r2, r2, #" LP_LANE_SHIFT "      \n"
        "asr.w   r3, r3, #" LP_LANE_SHIFT "      \n"
        "asr.w   r4, r4, #" LP_LANE_SHIFT "      \n"
        "asr.w   r5, r5, #" LP_LANE_SHIFT "      \n"
        "asr.w   r6, r6, #" LP_LANE_SHIFT "      \n"
        "asr.w   r7, r7, #" LP_LANE_SHIFT "      \n"
        "asr.w   r8, r8, #" LP_LANE_SHIFT "      \n"
        "asr.w   r9, r9, #" LP_LANE_SHIFT "      \n"
        "ldr.w   r10, [r11, #52]                 \n"
        "add.w   r11, sp, #16                    \n"
        "add.w   r12, r10, #16                   \n"
        "stmia.w r12, {r2-r5}                    \n"
        "add.w   r12, r10, #48                   \n"
        "stmia.w r12, {r6-r9}                    \n"
        "ldmia.w r11, {r2-r9}                    \n"
        "stmia.w r10, {r2-r5}                    \n"
        "add.w   r10, r10, #32                   \n"
        "stmia.w r10, {r6-r9}                    \n"
        "add     sp, sp, #52                     \n"
        "pop     {r4-r11, pc}                    \n");
}

#else

/* Lanes of one pair of channels times four inputs. */
LP_INLINE int32_t four_products(const int32_t *weights, const int16_t *inputs) {
    return (int16_t)weights[0] * inputs[0] + (weights[0] >> 16) * inputs[1] +
           (int16_t)weights[2] * inputs[2] + (weights[2] >> 16) * inputs[3];
}

/* Sums of two channels for a pixel, [0] and [4]. */
static void sum_pixel(const lp_lane_block *block, const int32_t *weights, const int16_t *inputs,
                      int32_t *sums) {
    const int32_t shift = LP_LANE_BITS_FREE;
    int32_t fours = block->first_fours;
    sums[0] = sums[4] = 0;
    for (int32_t left = block->segments; left >= 0; left--, fours = block->segment_fours) {
        int32_t sum = 0;
        for (int32_t i = 0; i < fours; i++) {
#if LP_LANES_BAND
            for (int32_t column = 0; column < 3; column++, weights += 4) {
                sum += four_products(weights, inputs + 4 * column);
            }
            inputs += block->plane_bytes / 2;
#else
            sum += four_products(weights, inputs);
            weights += 4;
            inputs += 4 * LP_LANES_PIXELS;
#endif
        }
        const int32_t low = (int32_t)((uint32_t)sum << (32 - shift)) >> (32 - shift);
        sums[0] += low;
        sums[4] += (sum - low) >> shift;
    }
}

static void multiply_pixels(const lp_lane_block *block) {
    int32_t sums[LP_LANES_PIXELS * LP_LANES_CHANNELS];
    int32_t count = 1; /* pixels that are not missing */
    while (count < LP_LANES_PIXELS &&
           block->offsets[count - 1] > (count == 1 ? 0 : block->offsets[count - 2])) {
        count++;
    }
    for (int32_t i = 0; i < 8; i++) {
        if (i % 4 < count) {
            sum_pixel(block, block->weights + i / 4, block->inputs + 4 * (i % 4), &sums[8 * (i / 4) + i % 4]);
        }
    }
    for (int32_t i = 0; i < LP_LANES_CHANNELS * LP_LANES_PIXELS; i++) {
        const int32_t pixel = i % 4;
        if (pixel >= count) {
            continue;
        }
        if (block->channels) {
            const lp_channel *channel = &block->channels[i / 4];
            block->output[(pixel == 0 ? 0 : block->offsets[pixel - 1]) + i / 4] =
                lp_requantize(sums[i] + channel->bias, channel->multiplier, 32, block->zero_point,
                              (int8_t)(block->minimum & 0xFFu), (int8_t)(block->maximum & 0xFFu));
        } else {
            block->sums[i] = sums[i];
        }
    }
}

static void multiply(lp_lane_block *block) {
    multiply_pixels(block);
    for (int32_t left = block->channels ? block->blocks : 0; left > 0; left--) {
        block->inputs += block->input_step / (int32_t)sizeof *block->inputs;
        block->output += block->output_step;
        if (left > 1) {
            multiply_pixels(block);
        }
    }
}

#endif

#endif
