/* A block of pixels and channels whose weights are lanes; LP_LANE_SHIFT is text, 16 less the bits of a
 * weight.
 *
 * LP_LANES_BAND 0: inputs are gathered, 32 bytes from four to four.  1: they lie in a band, where three fours
 * are 8 bytes apart and the next three `plane_bytes` behind the first.
 */
#ifndef LP_MULTIPLY_LANES_H
#define LP_MULTIPLY_LANES_H

#include "lp_lanes.h"

#if LP_DSP

#include "lp_lanes_assembly.h"

/* clang-format off */

#define AT_BLOCK "56"
#define AT_CHANNELS "60"
#define AT_LIMITS "72"

#if LP_LANES_BAND

/* Of three columns, two inputs of four pixels times two pairs of channels: 96 products, 45 cycles.  The last
 * column comes second, since pixels then meet inputs that are there of their neighbours. */
#define COLUMNS(weights, inputs, weights_end)                                                                \
    INPUTS(inputs, inputs "+8]") WEIGHTS(weights "+20", weights "+24]") PIXEL_0("r12") PIXEL_1("lr")         \
    INPUTS(inputs "+16", inputs "+24]") PIXEL_2("r12") PIXEL_3("lr")                                         \
    WEIGHTS(weights "+52", weights "+56]") PIXEL_0("r12") PIXEL_1("lr")                                      \
    INPUTS(inputs "+32", inputs "+40]") PIXEL_2("r12") PIXEL_3("lr")                                         \
    "ldr.w   lr, [r1, #" inputs "+8]         \n"                                                             \
    WEIGHTS(weights "+36", weights "+40]" weights_end) PIXEL_3("r12") PIXEL_0("lr")                          \
    INPUTS(inputs "+16", inputs "+24]") PIXEL_1("r12") PIXEL_2("lr")
#define PLANE COLUMNS("0", "0", "") COLUMNS("8", "4", "!")

/* From the weights in r3, the inputs in r1 and their planes in r2: both less what the loop adds, 0 or where
 * planes are odd something else in r4, the bytes of those inputs in r2. */
#define PREPARE                                                                                              \
    "ldr     r5, [r0, #56]                   \n"                                                             \
    "subs    r3, r3, #20                     \n"                                                             \
    "and.w   r4, r2, #1                      \n"                                                             \
    "muls    r2, r5, r2                      \n"                                                             \
    "str     r5, [sp, #68]                   \n"
#define ENTER                                                                                                \
    "cmp.w   r10, #0                         \n"                                                             \
    "bne.w   4f                              \n"
#define LOOP                                                                                                 \
    ".balign 4                               \n"                                                             \
    "1:                                      \n"                                                             \
    PLANE                                                                                                    \
    "ldr.w   r10, [sp, #68]                  \n"                                                             \
    "add     r1, r10                         \n"                                                             \
    "4:                                      \n"                                                             \
    PLANE                                                                                                    \
    "ldr.w   r10, [sp, #68]                  \n"                                                             \
    "ldr.w   r11, [sp, #16]                  \n"                                                             \
    "add     r1, r10                         \n"                                                             \
    "cmp     r1, r11                         \n"                                                             \
    "bne.w   1b                              \n"
/* From what the loop has of inputs in r3 to where they begin. */
#define LEAVE ""

#else

#define BEFORE "4"

/* The loop is entered in its middle, at r4, when the fours are no multiple of four. */
#define PREPARE                                                                                              \
    "rsbs    r5, r2, #0                      \n"                                                             \
    "and.w   r5, r5, #3                      \n"                                                             \
    "add     r2, r5                          \n"                                                             \
    "sub.w   r1, r1, r5, lsl #5              \n"                                                             \
    "sub.w   r3, r3, r5, lsl #4              \n"                                                             \
    "movs    r6, #112                        \n"                                                             \
    "adr.w   r4, 1f                          \n"                                                             \
    "mla     r4, r5, r6, r4                  \n"                                                             \
    "subs    r1, r1, #4                      \n"                                                             \
    "subs    r3, r3, #4                      \n"                                                             \
    "orr.w   r4, r4, #1                      \n"                                                             \
    "lsls    r2, r2, #5                      \n"
#define ENTER "bx      r10                             \n"
#define LOOP                                                                                                 \
    ".balign 4                               \n"                                                             \
    "1:                                      \n"                                                             \
    FOUR("0", "0", "") FOUR("16", "32", "") FOUR("32", "64", "") FOUR("48", "96", "!")                       \
    "ldr.w   r10, [sp, #16]                  \n"                                                             \
    "cmp     r1, r10                         \n"                                                             \
    "bne.w   1b                              \n"
#define LEAVE                                                                                                \
    "ldr     r4, [sp, #12]                   \n"                                                             \
    "ldr     r5, [r1, #40]                   \n"                                                             \
    "add     r3, r4                          \n"                                                             \
    "sub.w   r3, r3, r5, lsl #5              \n"                                                             \
    "adds    r3, r3, #4                      \n"

#endif

/* Takes the lower channel's sums of two pixels out of theirs, and adds them to what is at `place`; r12 is
 * HALF. */
#define SPLIT(first, second, place)                                                                          \
    "ldrd    r11, lr, [sp, #" place "]       \n"                                                             \
    "ubfx    r10, " first ", #0, #" LP_LANE_SHIFT "\n"                                                       \
    "add     r11, r10                        \n"                                                             \
    "ubfx    r10, " second ", #0, #" LP_LANE_SHIFT "\n"                                                      \
    "add     lr, r10                         \n"                                                             \
    "bfi     " first ", r12, #0, #" LP_LANE_SHIFT "\n"                                                       \
    "bfi     " second ", r12, #0, #" LP_LANE_SHIFT "\n"                                                      \
    "strd    r11, lr, [sp, #" place "]       \n"

/* Outputs of four pixels whose sums were split. */
#define PAIR_MORE(channel, sum0, sum1, sum2, sum3, place)                                                    \
    CONSTANTS(channel, "")                                                                                   \
    OUTPUTS(sum0, MORE(place))                                                                               \
    OUTPUTS(sum1, MORE(place "+4"))                                                                          \
    OUTPUTS(sum2, MORE(place "+8"))                                                                          \
    OUTPUTS(sum3, MORE(place "+12"))

/* Inline assembly inside a function could not have all fourteen registers at every optimization level. */
LP_NAKED static void multiply(lp_lane_block *block LP_UNUSED) {
    __asm__ volatile(
        /* Stack: 0 weights, inputs and place as the loop is entered with, 12 bytes of inputs of the first
         * segment and of what is left out, 16 where inputs of the segment end, 20 segments to go, 0 if there
         * is but one whose sums become outputs, 24-52 what sums of the lower channels begin at, and what they
         * are so far, 68 from plane to plane. */
        "push    {r4-r11, lr}                    \n"
        "sub     sp, sp, #84                     \n"
        "ldr     r1, [r0, #4]                    \n"
        "ldr     r2, [r0, #40]                   \n"
        "ldr     r3, [r0, #0]                    \n"
        "ldr     r6, [r0, #8]                    \n"
        "ldr     r7, [r0, #28]                   \n"
        "str     r0, [sp, #56]                   \n"
        "str     r6, [sp, #60]                   \n"
        "adds    r7, r7, #128                    \n"
        "str     r7, [sp, #64]                   \n"
        "ldr     r4, [r0, #32]                   \n"
        "ldr     r5, [r0, #36]                   \n"
        PREPARE_LIMITS
        PREPARE
        "str     r3, [sp, #0]                    \n"
        "str     r1, [sp, #4]                    \n"
        "str     r4, [sp, #8]                    \n"
        "str     r2, [sp, #12]                   \n"
        "7:                                      \n" /* what the lower channels' sums begin at */
        "ldr     r2, [r0, #48]                   \n"
        "ldr     r3, [sp, #60]                   \n"
        "movs    r4, #0                          \n"
        "movs    r5, #0                          \n"
        "adds    r6, r2, #1                      \n"
        "cbz     r3, 8f                          \n"
        "ldr     r4, [r3, #0]                    \n"
        "ldr     r5, [r3, #16]                   \n"
        "cbnz    r2, 8f                          \n"
        "movs    r6, #0                          \n"
        "8:                                      \n"
        "mov.w   r7, #" HALF "                   \n"
        "adds    r2, r2, #1                      \n"
        "mls     r4, r2, r7, r4                  \n" /* each segment adds it */
        "mls     r5, r2, r7, r5                  \n"
        "str     r6, [sp, #20]                   \n"
        "strd    r4, r4, [sp, #24]               \n"
        "strd    r4, r4, [sp, #32]               \n"
        "strd    r5, r5, [sp, #40]               \n"
        "strd    r5, r5, [sp, #48]               \n"
        "5:                                      \n" /* four pixels */
        "ldmia.w sp, {r0, r1, r10, r11}          \n"
        BEGIN_SUMS
        "add     r11, r1                         \n"
        "str.w   r11, [sp, #16]                  \n"
        ENTER
        LOOP
        "ldr.w   r10, [sp, #20]                  \n"
        "cmp.w   r10, #0                         \n"
        "beq.w   2f                              \n"
        "ldr.w   r11, [sp, #60]                  \n"
        "subs.w  r10, r10, #1                    \n"
        "str.w   r10, [sp, #20]                  \n"
        "bne     6f                              \n"
        "cmp.w   r11, #0                         \n"
        "bne.w   3f                              \n"
        "6:                                      \n"
        "mov.w   r12, #" HALF "                  \n"
        SPLIT("r2", "r3", "24")
        SPLIT("r4", "r5", "32")
        SPLIT("r6", "r7", "40")
        SPLIT("r8", "r9", "48")
        "ldr.w   r10, [sp, #20]                  \n"
        "ldr.w   r11, [sp, #56]                  \n"
        "cmp.w   r10, #0                         \n"
        "beq.w   9f                              \n"
        "ldr.w   r11, [r11, #60]                 \n"
        "add     r11, r1                         \n"
        "str.w   r11, [sp, #16]                  \n"
        "b.w     1b                              \n"
        "3:                                      \n"
        PAIR_MORE("0", "r2", "r3", "r4", "r5", "24")
        PAIR_MORE("16", "r6", "r7", "r8", "r9", "40")
        "b.w     3f                              \n"
        "2:                                      \n"
        PAIR("0", "r2", "r3", "r4", "r5", "24")
        PAIR("16", "r6", "r7", "r8", "r9", "40")
        "3:                                      \n"
        WRITE
        STEP_ON
        "beq     4f                              \n"
        "ldr     r6, [r1, #48]                   \n"
        "cmp     r6, #0                          \n"
        "beq.w   5b                              \n"
        "mov     r0, r1                          \n"
        "b.w     7b                              \n"
        "4:                                      \n"
        LEAVE
        "str     r3, [r1, #4]                    \n"
        "add     sp, sp, #84                     \n"
        "pop     {r4-r11, pc}                    \n"
        "9:                                      \n" /* sums, not outputs */
        WRITE_UPPER_SUMS
        "add.w   r11, sp, #24                    \n"
        "ldmia.w r11, {r2-r9}                    \n"
        "stmia.w r10, {r2-r5}                    \n"
        "add.w   r10, r10, #32                   \n"
        "stmia.w r10, {r6-r9}                    \n"
        "add     sp, sp, #84                     \n"
        "pop     {r4-r11, pc}                    \n");
}

/* clang-format on */

#else

#include "lp_lanes_portable.h"

#endif

#endif
