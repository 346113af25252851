/* Assembly that multiplies lanes: LP_LANE_SHIFT is text, 16 less the bits of a weight.
 *
 * r0 is the weights, r1 the inputs; r2-r5 are the sums of channels 0 and 1 for each pixel, r6-r9 of channels
 * 2 and 3.  The stack holds at AT_BLOCK the block, at AT_CHANNELS its channels, then its zero point and 128,
 * at AT_LIMITS three words for LIMIT_ALL.
 */
#ifndef LP_LANES_ASSEMBLY_H
#define LP_LANES_ASSEMBLY_H

#include "lp_lanes.h"

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

/* clang-format off */

/* Half of what the lower channel's bits hold: sums begin at it, so that those bits are never negative. */
#define HALF "(1<<(" LP_LANE_SHIFT "-1))"
#define BEGIN_SUMS                                                                                           \
    "mov.w   r2, #" HALF "                   \n"                                                             \
    "mov     r3, r2                          \n"                                                             \
    "mov     r4, r2                          \n"                                                             \
    "mov     r5, r2                          \n"                                                             \
    "mov     r6, r2                          \n"                                                             \
    "mov     r7, r2                          \n"                                                             \
    "mov     r8, r2                          \n"                                                             \
    "mov     r9, r2                          \n"

/* Two pairs of channels for each pixel: a word of inputs by the weights in r10 and r11. */
#define PIXEL_0(word) "smlad   r2, " word ", r10, r2\n smlad   r6, " word ", r11, r6\n"
#define PIXEL_1(word) "smlad   r3, " word ", r10, r3\n smlad   r7, " word ", r11, r7\n"
#define PIXEL_2(word) "smlad   r4, " word ", r10, r4\n smlad   r8, " word ", r11, r8\n"
#define PIXEL_3(word) "smlad   r5, " word ", r10, r5\n smlad   r9, " word ", r11, r9\n"

/* Loads stand together since each but the first of them costs one cycle less; the last may step on. */
#define INPUTS(first, last) "ldr.w   r12, [r1, #" first "]\n ldr.w   lr, [r1, #" last "\n"
#define WEIGHTS(first, last) "ldr.w   r10, [r0, #" first "]\n ldr.w   r11, [r0, #" last "\n"

/* Two inputs of four pixels, BEFORE behind where r0 and r1 point, times two pairs of channels: 32 products,
 * 16 cycles. */
#define TWO(weights, inputs, end)                                                                            \
    INPUTS(inputs "+" BEFORE, inputs "+8+" BEFORE "]")                                                       \
    WEIGHTS(weights "+" BEFORE, weights "+4+" BEFORE "]" end) PIXEL_0("r12") PIXEL_1("lr")                   \
    INPUTS(inputs "+16+" BEFORE, inputs "+24+" BEFORE "]" end) PIXEL_2("r12") PIXEL_3("lr")
/* 112 bytes of code. */
#define FOUR(weights, inputs, end) TWO(weights, inputs, "") TWO(weights "+8", inputs "+4", end)

/* The outputs of two channels of a pixel from their sums, plus 128, as the lower bytes: the lower one's is
 * what `more` loads to r1, which is what its sum begins at, and the lane's lower end.  r11 is the other's
 * bias, r10 and r12 are multipliers, lr the zero point and 128. */
#define OUTPUTS(sum, more)                                                                                   \
    more                                                                                                     \
    "add.w   r0, r11, " sum ", asr #" LP_LANE_SHIFT "\n"                                                     \
    "ubfx    " sum ", " sum ", #0, #" LP_LANE_SHIFT "\n"                                                     \
    "add.w   " sum ", " sum ", r1            \n"                                                             \
    "smmlar  r0, r0, r12, lr                 \n"                                                             \
    "smmlar  " sum ", " sum ", r10, lr       \n"                                                             \
    "usat    r0, #8, r0                      \n"                                                             \
    "usat    " sum ", #8, " sum "            \n"                                                             \
    "bfi     " sum ", r0, #8, #8             \n"
#define MORE(place) "ldr     r1, [sp, #" place "]            \n"
#define CONSTANTS(channel, more)                                                                             \
    "ldr     r0, [sp, #" AT_CHANNELS "]      \n"                                                             \
    "ldr.w   lr, [sp, #" AT_CHANNELS "+4]    \n"                                                             \
    more                                                                                                     \
    "ldr.w   r10, [r0, #" channel "+4]       \n"                                                             \
    "ldr.w   r11, [r0, #" channel "+8]       \n"                                                             \
    "ldr.w   r12, [r0, #" channel "+12]      \n"
/* The same of four pixels whose lower sums begin at what is at `place`. */
#define PAIR(channel, sum0, sum1, sum2, sum3, place)                                                         \
    CONSTANTS(channel, MORE(place)) OUTPUTS(sum0, "") OUTPUTS(sum1, "") OUTPUTS(sum2, "") OUTPUTS(sum3, "")

/* What takes bytes that are 128 too large into their limits: they are raised so that the largest becomes 255,
 * lowered so that the least becomes 0, and raised to where they belong.  r4 and r5 are the limits. */
#define PREPARE_LIMITS                                                                                       \
    "eor     r5, r5, #0x7F7F7F7F             \n"                                                             \
    "eor     r6, r4, #0x80808080             \n"                                                             \
    "add     r6, r5                          \n"                                                             \
    "str     r5, [sp, #" AT_LIMITS "]        \n"                                                             \
    "str     r6, [sp, #" AT_LIMITS "+4]      \n"                                                             \
    "str     r4, [sp, #" AT_LIMITS "+8]      \n"
/* Four bytes of a pixel from two by two. */
#define LIMIT(low, high)                                                                                     \
    "pkhbt   " low ", " low ", " high ", lsl #16\n"                                                          \
    "uqadd8  " low ", " low ", r10           \n"                                                             \
    "uqsub8  " low ", " low ", r11           \n"                                                             \
    "uadd8   " low ", " low ", r12           \n"

/* All of them to where they belong, those that are missing first; r1 is the block. */
#define WRITE                                                                                                \
    "ldr.w   r10, [sp, #" AT_LIMITS "]       \n"                                                             \
    "ldr.w   r11, [sp, #" AT_LIMITS "+4]     \n"                                                             \
    "ldr.w   r12, [sp, #" AT_LIMITS "+8]     \n"                                                             \
    "ldr     r1, [sp, #" AT_BLOCK "]         \n"                                                             \
    LIMIT("r2", "r6") LIMIT("r3", "r7") LIMIT("r4", "r8") LIMIT("r5", "r9")                                  \
    "ldr     r0, [r1, #12]                   \n"                                                             \
    "ldr     r6, [r1, #16]                   \n"                                                             \
    "ldr     r7, [r1, #20]                   \n"                                                             \
    "ldr.w   r8, [r1, #24]                   \n"                                                             \
    "str.w   r5, [r0, r8]                    \n"                                                             \
    "str     r4, [r0, r7]                    \n"                                                             \
    "str     r3, [r0, r6]                    \n"                                                             \
    "str     r2, [r0]                        \n"
/* On to the next block: r2 is how many are left, as the flags say, and r3 its inputs. */
#define STEP_ON                                                                                              \
    "ldr     r2, [r1, #64]                   \n"                                                             \
    "ldr     r3, [sp, #4]                    \n"                                                             \
    "ldr     r4, [r1, #68]                   \n"                                                             \
    "ldr     r5, [r1, #72]                   \n"                                                             \
    "add     r3, r4                          \n"                                                             \
    "add     r0, r5                          \n"                                                             \
    "subs    r2, r2, #1                      \n"                                                             \
    "str     r3, [sp, #4]                    \n"                                                             \
    "str     r2, [r1, #64]                   \n"                                                             \
    "str     r0, [r1, #12]                   \n"

/* Upper channels' sums; r11 is the block, r10 becomes where sums go. */
#define WRITE_UPPER_SUMS                                                                                     \
    "ldr.w   r10, [r11, #52]                 \n"                                                             \
    "asr.w   r2, r2, #" LP_LANE_SHIFT "      \n"                                                             \
    "asr.w   r3, r3, #" LP_LANE_SHIFT "      \n"                                                             \
    "asr.w   r4, r4, #" LP_LANE_SHIFT "      \n"                                                             \
    "asr.w   r5, r5, #" LP_LANE_SHIFT "      \n"                                                             \
    "asr.w   r6, r6, #" LP_LANE_SHIFT "      \n"                                                             \
    "asr.w   r7, r7, #" LP_LANE_SHIFT "      \n"                                                             \
    "asr.w   r8, r8, #" LP_LANE_SHIFT "      \n"                                                             \
    "asr.w   r9, r9, #" LP_LANE_SHIFT "      \n"                                                             \
    "add.w   r12, r10, #16                   \n"                                                             \
    "stmia.w r12, {r2-r5}                    \n"                                                             \
    "add.w   r12, r10, #48                   \n"                                                             \
    "stmia.w r12, {r6-r9}                    \n"

/* clang-format on */

#endif
