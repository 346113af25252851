/* The same as lp_multiply_lanes.h for at most eight fours of inputs, gathered, and one segment.
 *
 * There is no loop, and nothing is added up from segment to segment. */
#ifndef LP_MULTIPLY_LANES_SMALL_H
#define LP_MULTIPLY_LANES_SMALL_H

#include "lp_lanes.h"

#if LP_DSP

#include "lp_lanes_assembly.h"

/* clang-format off */

#define BEFORE "0"
#define AT_BLOCK "12"
#define AT_CHANNELS "16"
#define AT_LIMITS "32"

#define LOWER_SUM(sum, place)                                                                                \
    "ubfx    r0, " sum ", #0, #" LP_LANE_SHIFT "\n"                                                          \
    "sub.w   r0, r0, #" HALF "               \n"                                                             \
    "str.w   r0, [r10, #" place "]           \n"

LP_NAKED static void multiply(lp_lane_block *block LP_UNUSED) {
    __asm__ volatile(
        /* Stack: 0 weights, inputs and the place of the first four, 24 and 28 what sums of the lower channels
         * begin at. */
        "push    {r4-r11, lr}                    \n"
        "sub     sp, sp, #44                     \n"
        "ldr     r2, [r0, #40]                   \n"
        "ldr     r1, [r0, #4]                    \n"
        "ldr     r3, [r0, #0]                    \n"
        "rsbs    r2, r2, #8                      \n"
        "sub.w   r1, r1, r2, lsl #5              \n"
        "sub.w   r3, r3, r2, lsl #4              \n"
        "movs    r6, #112                        \n"
        "adr.w   r7, 1f                          \n"
        "mla     r7, r2, r6, r7                  \n"
        "orr.w   r7, r7, #1                      \n"
        "str     r3, [sp, #0]                    \n"
        "str     r1, [sp, #4]                    \n"
        "str     r7, [sp, #8]                    \n"
        "str     r0, [sp, #12]                   \n"
        "ldr     r1, [r0, #8]                    \n"
        "ldr     r2, [r0, #28]                   \n"
        "ldr     r4, [r0, #32]                   \n"
        "ldr     r5, [r0, #36]                   \n"
        "adds    r2, r2, #128                    \n"
        "str     r1, [sp, #16]                   \n"
        "str     r2, [sp, #20]                   \n"
        PREPARE_LIMITS
        "movs    r4, #0                          \n"
        "movs    r5, #0                          \n"
        "cbz     r1, 2f                          \n"
        "ldr     r4, [r1, #0]                    \n"
        "ldr     r5, [r1, #16]                   \n"
        "2:                                      \n"
        "sub.w   r4, r4, #" HALF "               \n"
        "sub.w   r5, r5, #" HALF "               \n"
        "str     r4, [sp, #24]                   \n"
        "str     r5, [sp, #28]                   \n"
        "5:                                      \n" /* four pixels */
        "ldmia.w sp, {r0, r1, r10}               \n"
        BEGIN_SUMS
        "bx      r10                             \n"
        ".balign 4                               \n"
        "1:                                      \n"
        FOUR("0", "0", "") FOUR("16", "32", "") FOUR("32", "64", "") FOUR("48", "96", "")
        FOUR("64", "128", "") FOUR("80", "160", "") FOUR("96", "192", "") FOUR("112", "224", "")
        "ldr     r0, [sp, #16]                   \n"
        "cmp     r0, #0                          \n"
        "beq.w   9f                              \n"
        PAIR("0", "r2", "r3", "r4", "r5", "24")
        PAIR("16", "r6", "r7", "r8", "r9", "28")
        WRITE
        STEP_ON
        "bne.w   5b                              \n"
        "ldr     r2, [r1, #40]                   \n"
        "rsbs    r2, r2, #8                      \n"
        "add.w   r3, r3, r2, lsl #5              \n"
        "str     r3, [r1, #4]                    \n"
        "add     sp, sp, #44                     \n"
        "pop     {r4-r11, pc}                    \n"
        "9:                                      \n" /* sums, not outputs; lower ones first */
        "ldr.w   r11, [sp, #12]                  \n"
        "ldr.w   r10, [r11, #52]                 \n"
        LOWER_SUM("r2", "0") LOWER_SUM("r3", "4") LOWER_SUM("r4", "8") LOWER_SUM("r5", "12")
        LOWER_SUM("r6", "32") LOWER_SUM("r7", "36") LOWER_SUM("r8", "40") LOWER_SUM("r9", "44")
        WRITE_UPPER_SUMS
        "add     sp, sp, #44                     \n"
        "pop     {r4-r11, pc}                    \n");
}

/* clang-format on */

#else

#include "lp_lanes_portable.h"

#endif

#endif
