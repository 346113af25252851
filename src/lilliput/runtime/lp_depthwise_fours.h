/* 3x3 depthwise convolution of four channels at a time, two by two outputs of each: what its parts share.
 *
 * Rows of the image come in pairs.  Scratch memory holds a word for each column and channel of a pair, the
 * upper row in its lower half; four channels lie side by side.  Weights w0, w1, w2 of a column of the window
 * are the pairs (w0, w1) and (w1, w2).  The pairs of rows (r0, r1) and (r2, r3) then make two outputs one
 * row apart of one product of pairs and one of halves each:
 *
 *     r0*w0 + r1*w1 + r2*w2   and   r1*w0 + r2*w1 + r3*w2
 */
#ifndef LP_DEPTHWISE_FOURS_H
#define LP_DEPTHWISE_FOURS_H

#include "lp_profile.h"
#include "lp_row_pairs.h"

/* Four channels of some rows of outputs.  The assembly knows the place of every field. */
typedef struct {
    int8_t *output;
    int32_t step;     /* from output to output */
    int32_t row_step; /* from row to row of the output */
    int32_t rows;     /* of outputs, at least 1 */
    const int32_t *input;
    int32_t pitch_bytes; /* from pair to pair of rows */
    int32_t input_skip;  /* bytes from behind the last whole pair of outputs to the next two rows */
    int32_t pairs_bytes; /* of input, from the first whole pair of outputs in a row to behind the last */
    int32_t is_odd;      /* whether one output is left in each row */
    int32_t zero_point;
    const lp_profile_channel *channels;
    const int32_t *taps; /* (w0, w1) of 3 columns, then (w1, w2) of them, four channels each */
    int32_t output_skip; /* as input_skip */
} lp_depthwise_fours;

#if LP_DSP

#define CHECK_FOURS(field, offset)                                                                           \
    typedef char field##_lies_at_##offset[__builtin_offsetof(lp_depthwise_fours, field) == (offset)          \
                                              ? 1                                                            \
                                              : -1] LP_UNUSED
CHECK_FOURS(output, 0);
CHECK_FOURS(step, 4);
CHECK_FOURS(row_step, 8);
CHECK_FOURS(rows, 12);
CHECK_FOURS(input, 16);
CHECK_FOURS(pitch_bytes, 20);
CHECK_FOURS(input_skip, 24);
CHECK_FOURS(pairs_bytes, 28);
CHECK_FOURS(is_odd, 32);
CHECK_FOURS(zero_point, 36);
CHECK_FOURS(channels, 40);
CHECK_FOURS(taps, 44);
CHECK_FOURS(output_skip, 48);

/* The constants of a channel, and sums to values. */
#if LP_TFLM
#define CHANNEL                                                                                              \
    "add.w   r2, r2, r12, lsl #3      \n"                                                                    \
    "add.w   r2, r2, r12, lsl #2      \n"                                                                    \
    "ldr     r3, [r2, #0]             \n"                                                                    \
    "ldr     r4, [r2, #4]             \n"                                                                    \
    "ldr     r5, [r2, #8]             \n"                                                                    \
    "str     r3, [sp, #8]             \n"                                                                    \
    "strd    r4, r5, [sp, #0]         \n"
#if LP_RELU
/* What is negative is cut off, however it is rounded. */
#define REQUANTIZE_BOTH(first, second)                                                                       \
    "smmlar  " first ", " first ", r12, " first " \n"                                                        \
    "smmlar  " second ", " second ", r12, " second "\n"
#else
#define REQUANTIZE_BOTH(first, second)                                                                       \
    "smmlar  " first ", " first ", r12, " first " \n"                                                        \
    "smmlar  " second ", " second ", r12, " second "\n"                                                      \
    "add.w   " first ", " first ", " first ", asr #31\n"                                                     \
    "add.w   " second ", " second ", " second ", asr #31\n"
#endif
#define REQUANTIZE_END(first, second)                                                                        \
    "smmlsr  " first ", " first ", lr, r12    \n"                                                            \
    "smmlsr  " second ", " second ", lr, r12  \n"
#define REQUANTIZE_FACTORS "ldrd    r12, lr, [sp, #0]               \n"
#define REQUANTIZE_ZERO_POINT "ldr.w   r12, [sp, #12]                  \n"
#else
#define CHANNEL                                                                                              \
    "add.w   r2, r2, r12, lsl #3      \n"                                                                    \
    "ldr     r3, [r2, #0]             \n"                                                                    \
    "ldr     r4, [r2, #4]             \n"                                                                    \
    "str     r3, [sp, #8]             \n"                                                                    \
    "str     r4, [sp, #0]             \n"
#define REQUANTIZE_BOTH(first, second)                                                                       \
    "smmlar  " first ", " first ", r12, lr    \n"                                                            \
    "smmlar  " second ", " second ", r12, lr  \n"
#define REQUANTIZE_END(first, second) ""
#define REQUANTIZE_FACTORS                                                                                   \
    "ldr.w   r12, [sp, #0]            \n"                                                                    \
    "ldr.w   lr, [sp, #12]            \n"
#define REQUANTIZE_ZERO_POINT ""
#endif

#define SATURATE(first, second)                                                                              \
    "ssat    " first ", #8, " first "         \n"                                                            \
    "ssat    " second ", #8, " second "       \n"

/* r0 and r1 inputs, r2-r5 sums of outputs (row, column) (0, 0), (1, 0), (0, 1), (1, 1), r6-r11 taps.
 * Stack: 0 multiplier, 4 scale, 8 bias, 12 zero point, 16 where outputs of row 1 go, 20 step to the second
 * output, 24 step to row 1, 28 end of the input, 32 is_odd, 36 rows that are left, 40 input_skip, 44
 * output_skip, 48 pairs_bytes, 52 the structure, 56 the channel.
 *
 * Row 1 is stored first: where there is only one row, outputs of row 0 take its place.
 */
#define BEGIN(lower_row)                                                                                     \
    "push    {r4-r11, lr}             \n"                                                                    \
    "sub     sp, sp, #60              \n"                                                                    \
    "ldr     r1, [r0, #24]            \n"                                                                    \
    "ldr     r2, [r0, #48]            \n"                                                                    \
    "ldr     r3, [r0, #28]            \n"                                                                    \
    "ldr     r4, [r0, #4]             \n"                                                                    \
    "ldr     r5, [r0, #36]            \n"                                                                    \
    "ldr     r6, [r0, #32]            \n"                                                                    \
    "movs    r7, #0                   \n"                                                                    \
    "strd    r1, r2, [sp, #40]        \n"                                                                    \
    "str     r3, [sp, #48]                   \n"                                                             \
    "strd    r0, r7, [sp, #52]        \n"                                                                    \
    "str     r5, [sp, #12]            \n"                                                                    \
    "str     r4, [sp, #20]            \n"                                                                    \
    "str     r6, [sp, #32]            \n"                                                                    \
    "6:                               \n" /* a channel */                                                    \
    "ldrd    r0, r12, [sp, #52]       \n"                                                                    \
    "ldr     r1, [r0, #44]            \n"                                                                    \
    "ldr     r2, [r0, #40]            \n"                                                                    \
    "ldr     r3, [r0, #16]            \n"                                                                    \
    "ldr     r4, [r0, #0]             \n"                                                                    \
    "ldr     r5, [r0, #12]            \n"                                                                    \
    "ldr     r6, [r0, #8]             \n"                                                                    \
    "add.w   lr, r3, r12, lsl #2      \n"                                                                    \
    "add     r4, r4, r12              \n"                                                                    \
    "cmp     r5, #1                   \n"                                                                    \
    "it      eq                       \n"                                                                    \
    "moveq   r6, #0                   \n"                                                                    \
    "str     r5, [sp, #36]            \n"                                                                    \
    "str     r6, [sp, #24]            \n"                                                                    \
    "add     r4, r4, r6               \n"                                                                    \
    "str     r4, [sp, #16]            \n" CHANNEL "add.w   r1, r1, r12, lsl #2      \n"                      \
    "add.w   r12, r12, #1             \n"                                                                    \
    "str.w   r12, [sp, #56]           \n"                                                                    \
    "ldr     r6, [r1, #0]             \n"                                                                    \
    "ldr     r7, [r1, #48]            \n"                                                                    \
    "ldr.w   r8, [r1, #16]            \n"                                                                    \
    "ldr.w   r9, [r1, #64]            \n"                                                                    \
    "ldr.w   r10, [r1, #32]           \n"                                                                    \
    "ldr.w   r11, [r1, #80]           \n"                                                                    \
    "ldr     r1, [r0, #20]            \n"                                                                    \
    "ldr     r5, [sp, #48]            \n"                                                                    \
    "mov     r0, lr                   \n"                                                                    \
    "add     r5, r5, r0               \n"                                                                    \
    "str     r5, [sp, #28]            \n" lower_row "cmp     r0, r5                   \n"                    \
    "beq     3f                       \n"                                                                    \
    ".balign 4                        \n"                                                                    \
    "1:                               \n" /* two by two outputs */                                           \
    "ldr     r5, [sp, #8]             \n"

/* What a column of the window adds to the sums of a column of outputs. */
#define COLUMN(first, second, begin_first, begin_second, upper_taps, lower_taps)                             \
    "smlad   " first ", r12, " upper_taps ", " begin_first "    \n"                                          \
    "smlatb  " second ", r12, " upper_taps ", " begin_second "  \n"                                          \
    "smlabt  " first ", lr, " lower_taps ", " first "           \n"                                          \
    "smlad   " second ", lr, " lower_taps ", " second "         \n"

#define LOAD(upper, lower)                                                                                   \
    "ldr.w   r12, [r0" upper "               \n"                                                             \
    "ldr     lr, [r1" lower "                \n"

/* 35 cycles.  What steps on is the last of the loads that stand together: none is faster behind it. */
#define STRIDE_1                                                                                             \
    LOAD("]", "], #32")                                                                                      \
    COLUMN("r2", "r3", "r5", "r5", "r6", "r7")                                                               \
    LOAD(", #16]", ", #-16]")                                                                                \
    COLUMN("r2", "r3", "r2", "r3", "r8", "r9")                                                               \
    COLUMN("r4", "r5", "r5", "r5", "r6", "r7")                                                               \
    "ldr.w   lr, [r1]                        \n"                                                             \
    "ldr.w   r12, [r0, #32]!                 \n" COLUMN("r2", "r3", "r2", "r3", "r10", "r11")                \
        COLUMN("r4", "r5", "r4", "r5", "r8", "r9") LOAD(", #16]", ", #16]")                                  \
            COLUMN("r4", "r5", "r4", "r5", "r10", "r11")

#define ONE_COLUMN_STRIDE_1                                                                                  \
    LOAD("]", "]")                                                                                           \
    COLUMN("r2", "r3", "r3", "r3", "r6", "r7")                                                               \
    LOAD(", #16]", ", #16]")                                                                                 \
    COLUMN("r2", "r3", "r2", "r3", "r8", "r9")                                                               \
    LOAD(", #32]", ", #32]")                                                                                 \
    COLUMN("r2", "r3", "r2", "r3", "r10", "r11")

/* The same where outputs are two apart: three pairs of rows. */
#define LOWER_PAIRS                                                                                          \
    "ldr.w   r12, [r0, r1, lsl #1]           \n"                                                             \
    "ldr.w   lr, [r0, r1]                    \n"

#define PAIRS(first, second, begin_first, begin_second, upper_taps, lower_taps)                              \
    "smlabt  " first ", lr, " lower_taps ", " begin_first "     \n"                                          \
    "smlabt  " second ", r12, " lower_taps ", " begin_second "  \n"                                          \
    "smlad   " second ", lr, " upper_taps ", " second "         \n"

#define UPPER_PAIR(first, pair, begin, upper_taps)                                                           \
    "smlad   " first ", " pair ", " upper_taps ", " begin "     \n"

#define UPPER(register) "ldr     " register ", [r0], #16\n"

/* 47 cycles.  The third sum's register holds upper pairs until it is begun. */
#define STRIDE_2                                                                                             \
    LOWER_PAIRS UPPER("r4") PAIRS("r2", "r3", "r5", "r5", "r6", "r7") UPPER_PAIR("r2", "r4", "r2", "r6")     \
        LOWER_PAIRS UPPER("r4") PAIRS("r2", "r3", "r2", "r3", "r8", "r9") UPPER_PAIR("r2", "r4", "r2", "r8") \
            LOWER_PAIRS UPPER("r4") PAIRS("r2", "r3", "r2", "r3", "r10", "r11")                              \
                UPPER_PAIR("r2", "r4", "r2", "r10") UPPER_PAIR("r4", "r4", "r5", "r6")                       \
                    PAIRS("r4", "r5", "r4", "r5", "r6", "r7")                                                \
                        LOWER_PAIRS PAIRS("r4", "r5", "r4", "r5", "r8", "r9") UPPER("r12")                   \
                            UPPER_PAIR("r4", "r12", "r4", "r8") LOWER_PAIRS PAIRS(                           \
                                "r4", "r5", "r4", "r5", "r10",                                               \
                                "r11") "ldr.w   r12, [r0]                       \n" UPPER_PAIR("r4", "r12",  \
                                                                                               "r4", "r10")

#define ONE_COLUMN_STRIDE_2                                                                                  \
    LOWER_PAIRS UPPER("r4") PAIRS("r2", "r3", "r3", "r3", "r6", "r7") UPPER_PAIR("r2", "r4", "r2", "r6")     \
        LOWER_PAIRS UPPER("r4") PAIRS("r2", "r3", "r2", "r3", "r8", "r9") UPPER_PAIR("r2", "r4", "r2", "r8") \
            LOWER_PAIRS                                                                                      \
        "ldr     r4, [r0], #-32                  \n" PAIRS("r2", "r3", "r2", "r3", "r10", "r11")             \
            UPPER_PAIR("r2", "r4", "r2", "r10")

#define END(next_lower_row, one_column)                                                                      \
    REQUANTIZE_FACTORS                                                                                       \
    REQUANTIZE_BOTH("r2", "r3")                                                                              \
    REQUANTIZE_BOTH("r4", "r5")                                                                              \
    REQUANTIZE_ZERO_POINT                                                                                    \
    REQUANTIZE_END("r2", "r3")                                                                               \
    REQUANTIZE_END("r4", "r5")                                                                               \
    SATURATE("r2", "r3")                                                                                     \
    SATURATE("r4", "r5")                                                                                     \
    "ldr.w   r12, [sp, #16]                  \n"                                                             \
    "ldr.w   lr, [sp, #20]                   \n"                                                             \
    "strb.w  r5, [r12, lr]            \n"                                                                    \
    "strb.w  r3, [r12]                \n"                                                                    \
    "ldr     r3, [sp, #24]            \n"                                                                    \
    "ldr     r5, [sp, #28]            \n"                                                                    \
    "sub.w   r3, r12, r3              \n"                                                                    \
    "add.w   r12, r12, lr, lsl #1     \n"                                                                    \
    "strb.w  r4, [r3, lr]             \n"                                                                    \
    "strb    r2, [r3]                 \n"                                                                    \
    "str.w   r12, [sp, #16]           \n"                                                                    \
    "cmp     r0, r5                   \n"                                                                    \
    "bne     1b                       \n"                                                                    \
    "3:                               \n"                                                                    \
    "ldr     r2, [sp, #32]            \n"                                                                    \
    "cmp     r2, #0                   \n"                                                                    \
    "bne     8f                       \n"                                                                    \
    "2:                               \n" /* the next two rows */                                            \
    "ldr     r2, [sp, #36]            \n"                                                                    \
    "ldr     r3, [sp, #40]            \n"                                                                    \
    "ldr     r4, [sp, #44]            \n"                                                                    \
    "ldr     r5, [sp, #48]            \n"                                                                    \
    "subs    r2, r2, #2               \n"                                                                    \
    "ble     7f                       \n"                                                                    \
    "add     r0, r0, r3               \n" next_lower_row "add     r12, r12, r4             \n"               \
    "add     r5, r5, r0               \n"                                                                    \
    "cmp     r2, #1                   \n"                                                                    \
    "str     r2, [sp, #36]            \n"                                                                    \
    "str.w   r12, [sp, #16]           \n"                                                                    \
    "str     r5, [sp, #28]            \n"                                                                    \
    "beq     5f                       \n"                                                                    \
    "4:                               \n"                                                                    \
    "cmp     r0, r5                   \n"                                                                    \
    "bne     1b                       \n"                                                                    \
    "b       3b                       \n"                                                                    \
    "5:                               \n" /* only one row */                                                 \
    "ldr     r2, [sp, #24]            \n"                                                                    \
    "sub.w   r12, r12, r2             \n"                                                                    \
    "movs    r2, #0                   \n"                                                                    \
    "str.w   r12, [sp, #16]           \n"                                                                    \
    "str     r2, [sp, #24]            \n"                                                                    \
    "b       4b                       \n"                                                                    \
    "7:                               \n"                                                                    \
    "ldr     r2, [sp, #56]            \n"                                                                    \
    "cmp     r2, #4                   \n"                                                                    \
    "bne.w   6b                       \n"                                                                    \
    "add     sp, sp, #60              \n"                                                                    \
    "pop     {r4-r11, pc}             \n"                                                                    \
    "8:                               \n" /* two outputs, one below the other */                             \
    "ldr     r3, [sp, #8]             \n" one_column REQUANTIZE_FACTORS REQUANTIZE_BOTH("r2", "r3")          \
        REQUANTIZE_ZERO_POINT REQUANTIZE_END("r2", "r3")                                                     \
            SATURATE("r2", "r3") "ldr.w   r12, [sp, #16]           \n"                                       \
                                 "ldr     r5, [sp, #24]            \n"                                       \
                                 "strb.w  r3, [r12]                \n"                                       \
                                 "sub.w   r5, r12, r5              \n"                                       \
                                 "strb    r2, [r5]                 \n"                                       \
                                 "b       2b                       \n"

/* Inline assembly inside a function could not have all fourteen registers at every optimization level. */
LP_NAKED static void multiply_stride_1(const lp_depthwise_fours *all LP_UNUSED) {
    __asm__ volatile(BEGIN("add     r1, r1, r0                      \n")
                         STRIDE_1 END("add     r1, r1, r3                      \n", ONE_COLUMN_STRIDE_1));
}

LP_NAKED static void multiply_stride_2(const lp_depthwise_fours *all LP_UNUSED) {
    __asm__ volatile(BEGIN("") STRIDE_2 END("", ONE_COLUMN_STRIDE_2));
}

#endif

#endif
