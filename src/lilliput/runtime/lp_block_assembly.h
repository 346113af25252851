/* Assembly that the kernels share which compute two channels of four pixels.
 *
 * r0 is the weights, less 4; r1 the inputs; r2-r5 are the sums of channel A for pixels 0-3, r6-r9 those of
 * channel B.  Stack: 0 channels, 4 output, 8 end of the output of pixel 0, 12 offsets of pixels 1-3, 24 zero
 * point, 28 whether outputs are limited, 32 minimum, 36 maximum, 40 doublings; what follows belongs to the
 * kernel.
 */
#ifndef LP_BLOCK_ASSEMBLY_H
#define LP_BLOCK_ASSEMBLY_H

#include "lp_block.h"

#if LP_DSP

/* The assembly's view of lp_block; a wrong number does not compile. */
#define CHECK_OFFSET(field, offset)                                                                          \
    typedef char field##_lies_at_##offset[__builtin_offsetof(lp_block, field) == (offset) ? 1 : -1] LP_UNUSED
CHECK_OFFSET(weights, 0);
CHECK_OFFSET(channels, 4);
CHECK_OFFSET(inputs, 8);
CHECK_OFFSET(fours, 12);
CHECK_OFFSET(channel_pairs, 16);
CHECK_OFFSET(offsets, 20);
CHECK_OFFSET(zero_point, 32);
CHECK_OFFSET(is_limited, 36);
CHECK_OFFSET(minimum, 40);
CHECK_OFFSET(maximum, 44);
CHECK_OFFSET(doublings, 48);

/* Saves registers, fills the common part of the stack; r0 is the block, r1 the output. */
#define BEGIN(frame)                                                                                         \
    "push    {r4-r11, lr}                    \n"                                                             \
    "sub     sp, sp, #" frame "              \n"                                                             \
    "ldr     r2, [r0, #4]                    \n"                                                             \
    "ldr     r5, [r0, #16]                   \n"                                                             \
    "str     r2, [sp, #0]                    \n"                                                             \
    "str     r1, [sp, #4]                    \n"                                                             \
    "add.w   r5, r1, r5, lsl #1              \n"                                                             \
    "str     r5, [sp, #8]                    \n"                                                             \
    "add.w   r2, r0, #20                     \n"                                                             \
    "ldmia.w r2, {r5-r12}                    \n" TAKE_ZERO_POINT                                             \
    "add.w   r2, sp, #12                     \n"                                                             \
    "stmia.w r2, {r5-r12}                    \n"

/* Four inputs of four pixels, `step` bytes apart, times their weights for two channels: 32 products, 32
 * cycles.  Loads stand together since each but the first of them costs one cycle less.  112 bytes of code. */
#define FOUR(weights_a, weights_b, first, step, last)                                                        \
    "ldr.w   r12, [r1, #" first "]           \n"                                                             \
    "ldr.w   lr, [r1, #" first "+" step "]   \n"                                                             \
    "ldr.w   r10, [r0, #" weights_a "]       \n"                                                             \
    "ldr.w   r11, [r0, #" weights_b "        \n"                                                             \
    "smlad   r2, r12, r10, r2                \n"                                                             \
    "smlad   r6, r12, r11, r6                \n"                                                             \
    "smlad   r3, lr, r10, r3                 \n"                                                             \
    "smlad   r7, lr, r11, r7                 \n"                                                             \
    "ldr.w   r12, [r1, #" first "+2*" step "]\n"                                                             \
    "ldr.w   lr, [r1, #" first "+3*" step "] \n"                                                             \
    "smlad   r4, r12, r10, r4                \n"                                                             \
    "smlad   r8, r12, r11, r8                \n"                                                             \
    "smlad   r5, lr, r10, r5                 \n"                                                             \
    "smlad   r9, lr, r11, r9                 \n"                                                             \
    "ldr.w   r12, [r1, #" first "+4]         \n"                                                             \
    "ldr.w   lr, [r1, #" first "+" step "+4] \n"                                                             \
    "sxtb16  r10, r10                        \n"                                                             \
    "sxtb16  r11, r11                        \n"                                                             \
    "smlad   r2, r12, r10, r2                \n"                                                             \
    "smlad   r6, r12, r11, r6                \n"                                                             \
    "smlad   r3, lr, r10, r3                 \n"                                                             \
    "smlad   r7, lr, r11, r7                 \n"                                                             \
    "ldr.w   r12, [r1, #" first "+2*" step "+4]\n"                                                           \
    "ldr.w   lr, [r1, #" last "              \n"                                                             \
    "smlad   r4, r12, r10, r4                \n"                                                             \
    "smlad   r8, r12, r11, r8                \n"                                                             \
    "smlad   r5, lr, r10, r5                 \n"                                                             \
    "smlad   r9, lr, r11, r9                 \n"

#if LP_RELU

/* Twice the zero point and one, halves of steps of the output. */
#define TAKE_ZERO_POINT                                                                                      \
    "add.w   r8, r8, r8               \n"                                                                    \
    "add.w   r8, r8, #1               \n"

/* The sums begin as the channels say. */
#define START_SUMS                                                                                           \
    "ldr.w   lr, [sp, #0]             \n"                                                                    \
    "ldr.w   r2, [lr, #0]             \n"                                                                    \
    "ldr.w   r6, [lr, #12]            \n"                                                                    \
    "mov     r3, r2                   \n"                                                                    \
    "mov     r4, r2                   \n"                                                                    \
    "mov     r5, r2                   \n"                                                                    \
    "mov     r7, r6                   \n"                                                                    \
    "mov     r8, r6                   \n"                                                                    \
    "mov     r9, r6                   \n"

/* Twice the values, rounded once: (sum * multiplier / 2**32 + 64 + zero point) >> scale, where the zero point
 * is as TAKE_ZERO_POINT has it, shifted left by the scale. */
#define MAKE_VALUES                                                                                          \
    "ldr.w   r10, [sp, #0]            \n"                                                                    \
    "ldr.w   r1, [r10, #4]            \n"                                                                    \
    "ldr.w   r12, [r10, #8]           \n"                                                                    \
    "ldr.w   lr, [sp, #24]            \n"                                                                    \
    "lsl.w   r11, lr, r12             \n"                                                                    \
    "orr.w   r11, r11, #64            \n"                                                                    \
    "smmla   r2, r2, r1, r11          \n"                                                                    \
    "smmla   r3, r3, r1, r11          \n"                                                                    \
    "smmla   r4, r4, r1, r11          \n"                                                                    \
    "smmla   r5, r5, r1, r11          \n"                                                                    \
    "asr.w   r2, r2, r12              \n"                                                                    \
    "asr.w   r3, r3, r12              \n"                                                                    \
    "asr.w   r4, r4, r12              \n"                                                                    \
    "asr.w   r5, r5, r12              \n"                                                                    \
    "ldr.w   r1, [r10, #16]           \n"                                                                    \
    "ldr.w   r12, [r10, #20]          \n"                                                                    \
    "add.w   r10, r10, #24            \n"                                                                    \
    "str.w   r10, [sp, #0]            \n"                                                                    \
    "lsl.w   r11, lr, r12             \n"                                                                    \
    "orr.w   r11, r11, #64            \n"                                                                    \
    "smmla   r6, r6, r1, r11          \n"                                                                    \
    "smmla   r7, r7, r1, r11          \n"                                                                    \
    "smmla   r8, r8, r1, r11          \n"                                                                    \
    "smmla   r9, r9, r1, r11          \n"                                                                    \
    "asr.w   r6, r6, r12              \n"                                                                    \
    "asr.w   r7, r7, r12              \n"                                                                    \
    "asr.w   r8, r8, r12              \n"                                                                    \
    "asr.w   r9, r9, r12              \n"

#define CUT(register) "ssat    " register ", #8, " register ", asr #1\n"

#define DOUBLE_SUMS ""

#else

#define TAKE_ZERO_POINT ""

#define START_SUMS                                                                                           \
    "movs    r2, #0                          \n"                                                             \
    "movs    r3, #0                          \n"                                                             \
    "movs    r4, #0                          \n"                                                             \
    "movs    r5, #0                          \n"                                                             \
    "movs    r6, #0                          \n"                                                             \
    "movs    r7, #0                          \n"                                                             \
    "mov.w   r8, #0                          \n"                                                             \
    "mov.w   r9, #0                          \n"

/* Sums of products to sums with their bias, for which r10 is the channels. */
#define ADD_BIAS                                                                                             \
    "ldr.w   r10, [sp, #0]                   \n"                                                             \
    "ldr.w   r1, [r10, #0]                   \n"                                                             \
    "ldr.w   r11, [r10, #" CHANNEL_BYTES "]  \n"                                                             \
    "add.w   r2, r1, r2, asr #8              \n"                                                             \
    "add.w   r3, r1, r3, asr #8              \n"                                                             \
    "add.w   r4, r1, r4, asr #8              \n"                                                             \
    "add.w   r5, r1, r5, asr #8              \n"                                                             \
    "add.w   r6, r11, r6, asr #8             \n"                                                             \
    "add.w   r7, r11, r7, asr #8             \n"                                                             \
    "add.w   r8, r11, r8, asr #8             \n"                                                             \
    "add.w   r9, r11, r9, asr #8             \n"

#define MAKE_VALUES ADD_BIAS REQUANTIZE

#define CUT(register) "ssat    " register ", #8, " register "\n"

#if LP_TFLM

#define CHANNEL_BYTES "12"

/* Sums with their bias to values; r10 is the channels. */
#define REQUANTIZE                                                                                           \
    "ldr     r1, [r10, #4]                   \n"                                                             \
    "ldr.w   r11, [r10, #8]                  \n"                                                             \
    "ldr.w   lr, [sp, #24]                   \n"                                                             \
    "smmlar  r2, r2, r1, r2                  \n"                                                             \
    "smmlar  r3, r3, r1, r3                  \n"                                                             \
    "smmlar  r4, r4, r1, r4                  \n"                                                             \
    "smmlar  r5, r5, r1, r5                  \n"                                                             \
    "add.w   r2, r2, r2, asr #31             \n"                                                             \
    "add.w   r3, r3, r3, asr #31             \n"                                                             \
    "add.w   r4, r4, r4, asr #31             \n"                                                             \
    "add.w   r5, r5, r5, asr #31             \n"                                                             \
    "smmlsr  r2, r2, r11, lr                 \n"                                                             \
    "smmlsr  r3, r3, r11, lr                 \n"                                                             \
    "smmlsr  r4, r4, r11, lr                 \n"                                                             \
    "smmlsr  r5, r5, r11, lr                 \n"                                                             \
    "ldr.w   r1, [r10, #16]                  \n"                                                             \
    "ldr.w   r11, [r10, #20]                 \n"                                                             \
    "add.w   r10, r10, #24                   \n"                                                             \
    "str.w   r10, [sp, #0]                   \n"                                                             \
    "smmlar  r6, r6, r1, r6                  \n"                                                             \
    "smmlar  r7, r7, r1, r7                  \n"                                                             \
    "smmlar  r8, r8, r1, r8                  \n"                                                             \
    "smmlar  r9, r9, r1, r9                  \n"                                                             \
    "add.w   r6, r6, r6, asr #31             \n"                                                             \
    "add.w   r7, r7, r7, asr #31             \n"                                                             \
    "add.w   r8, r8, r8, asr #31             \n"                                                             \
    "add.w   r9, r9, r9, asr #31             \n"                                                             \
    "smmlsr  r6, r6, r11, lr                 \n"                                                             \
    "smmlsr  r7, r7, r11, lr                 \n"                                                             \
    "smmlsr  r8, r8, r11, lr                 \n"                                                             \
    "smmlsr  r9, r9, r11, lr                 \n"

#define DOUBLE_SUMS ""

#else

#define CHANNEL_BYTES "8"

/* Sums with their bias to values; r10 is the channels. */
#define REQUANTIZE                                                                                           \
    "ldr.w   lr, [sp, #40]                   \n"                                                             \
    "cmp.w   lr, #0                          \n"                                                             \
    "bne     6f                              \n"                                                             \
    "5:                                      \n"                                                             \
    "ldr     r1, [r10, #4]                   \n"                                                             \
    "ldr.w   r11, [r10, #12]                 \n"                                                             \
    "ldr.w   lr, [sp, #24]                   \n"                                                             \
    "add.w   r10, r10, #16                   \n"                                                             \
    "str.w   r10, [sp, #0]                   \n"                                                             \
    "smmlar  r2, r2, r1, lr                  \n"                                                             \
    "smmlar  r3, r3, r1, lr                  \n"                                                             \
    "smmlar  r4, r4, r1, lr                  \n"                                                             \
    "smmlar  r5, r5, r1, lr                  \n"                                                             \
    "smmlar  r6, r6, r11, lr                 \n"                                                             \
    "smmlar  r7, r7, r11, lr                 \n"                                                             \
    "smmlar  r8, r8, r11, lr                 \n"                                                             \
    "smmlar  r9, r9, r11, lr                 \n"

/* sum * 2**(32 - shift): saturated, it still saturates the output. */
#define DOUBLE_SUMS                                                                                          \
    "6:                                      \n"                                                             \
    "qadd    r2, r2, r2                      \n"                                                             \
    "qadd    r3, r3, r3                      \n"                                                             \
    "qadd    r4, r4, r4                      \n"                                                             \
    "qadd    r5, r5, r5                      \n"                                                             \
    "qadd    r6, r6, r6                      \n"                                                             \
    "qadd    r7, r7, r7                      \n"                                                             \
    "qadd    r8, r8, r8                      \n"                                                             \
    "qadd    r9, r9, r9                      \n"                                                             \
    "subs.w  lr, lr, #1                      \n"                                                             \
    "bne     6b                              \n"                                                             \
    "b       5b                              \n"

#endif

#endif

/* Sums to outputs, then to label 1 for the next two channels, or back to the caller. */
#define FINISH(frame)                                                                                        \
    MAKE_VALUES CUT("r2") CUT("r3") CUT("r4") CUT("r5") CUT("r6") CUT("r7") CUT("r8")                        \
        CUT("r9") "bfi     r2, r6, #8, #8                  \n"                                               \
                  "bfi     r3, r7, #8, #8                  \n"                                               \
                  "bfi     r4, r8, #8, #8                  \n"                                               \
                  "bfi     r5, r9, #8, #8                  \n"                                               \
                  "ldr     r1, [sp, #4]                    \n"                                               \
                  "ldr     r6, [sp, #12]                   \n"                                               \
                  "ldr     r7, [sp, #16]                   \n"                                               \
                  "ldr.w   r8, [sp, #20]                   \n"                                               \
                  "ldr.w   r9, [sp, #8]                    \n"                                               \
                  "ldr.w   r10, [sp, #28]                  \n"                                               \
                  "cmp.w   r10, #0                         \n"                                               \
                  "bne     4f                              \n"                                               \
                  "3:                                      \n"                                               \
                  "strh    r3, [r1, r6]                    \n"                                               \
                  "strh    r4, [r1, r7]                    \n"                                               \
                  "strh.w  r5, [r1, r8]                    \n"                                               \
                  "strh    r2, [r1], #2                    \n"                                               \
                  "cmp     r1, r9                          \n"                                               \
                  "str     r1, [sp, #4]                    \n"                                               \
                  "bne     1b                              \n"                                               \
                  "add     sp, sp, #" frame "              \n"                                               \
                  "pop     {r4-r11, pc}                    \n"                                               \
                  "4:                                      \n"                                               \
                  "ldr.w   r11, [sp, #32]                  \n"                                               \
                  "ldr.w   r12, [sp, #36]                  \n"                                               \
                  "pkhbt   r2, r2, r3, lsl #16             \n"                                               \
                  "pkhbt   r4, r4, r5, lsl #16             \n"                                               \
                  "ssub8   lr, r2, r11                     \n"                                               \
                  "sel     r2, r2, r11                     \n"                                               \
                  "ssub8   lr, r12, r2                     \n"                                               \
                  "sel     r2, r2, r12                     \n"                                               \
                  "ssub8   lr, r4, r11                     \n"                                               \
                  "sel     r4, r4, r11                     \n"                                               \
                  "ssub8   lr, r12, r4                     \n"                                               \
                  "sel     r4, r4, r12                     \n"                                               \
                  "lsr.w   r3, r2, #16                     \n"                                               \
                  "lsr.w   r5, r4, #16                     \n"                                               \
                  "b       3b                              \n" DOUBLE_SUMS

#endif

#endif
