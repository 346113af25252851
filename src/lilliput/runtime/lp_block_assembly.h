/* Assembly that the kernels share which compute two channels of four pixels.
 *
 * r0 is the weights, less 4; r1 the inputs; r2-r5 hold what is multiplied, so that most loads are of 16 bits;
 * r6-r9 are the sums of channel A for pixels 0-3, r10-r12 and lr those of channel B.  Stack: 0 channels, 4
 * output, 8 end of the output of pixel 0, 12 offset of pixel 1, half that of pixel 2, 16 offset of pixel 3,
 * 20 zero point, 24 doublings; what follows belongs to the kernel.
 */
#ifndef LP_BLOCK_ASSEMBLY_H
#define LP_BLOCK_ASSEMBLY_H

#include "lp_block.h"

#if LP_DSP

/* Saves registers, fills the common part of the stack; r0 is the block, r1 the output. */
#define BEGIN(frame)                                                                                         \
    "push    {r4-r11, lr}                    \n"                                                             \
    "sub     sp, sp, #" frame "              \n"                                                             \
    "ldr     r2, [r0, #16]                   \n"                                                             \
    "ldr     r3, [r0, #20]                   \n"                                                             \
    "ldr     r4, [r0, #28]                   \n"                                                             \
    "ldr     r5, [r0, #32]                   \n"                                                             \
    "ldr     r6, [r0, #36]                   \n"                                                             \
    "add.w   r2, r1, r2, lsl #1              \n"                                                             \
    "str     r1, [sp, #4]                    \n"                                                             \
    "str     r2, [sp, #8]                    \n"                                                             \
    "str     r3, [sp, #12]                   \n"                                                             \
    "str     r4, [sp, #16]                   \n"                                                             \
    "str     r5, [sp, #20]                   \n"                                                             \
    "str     r6, [sp, #24]                   \n"

/* Four inputs of four pixels, `step` bytes apart, times their weights for two channels: 32 products, 32
 * cycles.  Loads stand together since each but the first of them costs one cycle less.  92 bytes of code
 * where offsets are at most 124, and 2 more for each load that steps on. */
#define FOUR(weights_a, weights_b, first, step, last)                                                        \
    "ldr     r4, [r1, #" first "]            \n"                                                             \
    "ldr     r5, [r1, #" first "+" step "]   \n"                                                             \
    "ldr     r2, [r0, #" weights_a "]        \n"                                                             \
    "ldr     r3, [r0, #" weights_b "         \n"                                                             \
    "smlad   r6, r4, r2, r6                  \n"                                                             \
    "smlad   r10, r4, r3, r10                \n"                                                             \
    "smlad   r7, r5, r2, r7                  \n"                                                             \
    "smlad   r11, r5, r3, r11                \n"                                                             \
    "ldr     r4, [r1, #" first "+2*" step "] \n"                                                             \
    "ldr     r5, [r1, #" first "+3*" step "] \n"                                                             \
    "smlad   r8, r4, r2, r8                  \n"                                                             \
    "smlad   r12, r4, r3, r12                \n"                                                             \
    "smlad   r9, r5, r2, r9                  \n"                                                             \
    "smlad   lr, r5, r3, lr                  \n"                                                             \
    "ldr     r4, [r1, #" first "+4]          \n"                                                             \
    "ldr     r5, [r1, #" first "+" step "+4] \n"                                                             \
    "sxtb16  r2, r2                          \n"                                                             \
    "sxtb16  r3, r3                          \n"                                                             \
    "smlad   r6, r4, r2, r6                  \n"                                                             \
    "smlad   r10, r4, r3, r10                \n"                                                             \
    "smlad   r7, r5, r2, r7                  \n"                                                             \
    "smlad   r11, r5, r3, r11                \n"                                                             \
    "ldr     r4, [r1, #" first "+2*" step "+4]\n"                                                            \
    "ldr     r5, [r1, #" last "              \n"                                                             \
    "smlad   r8, r4, r2, r8                  \n"                                                             \
    "smlad   r12, r4, r3, r12                \n"                                                             \
    "smlad   r9, r5, r2, r9                  \n"                                                             \
    "smlad   lr, r5, r3, lr                  \n"

/* The same done to four sums of a channel. */
#define OF_A(operation, rest)                                                                                \
    operation " r6, r6, " rest "\n" operation " r7, r7, " rest "\n" operation " r8, r8, " rest               \
              "\n" operation " r9, r9, " rest "\n"
#define OF_B(operation, rest)                                                                                \
    operation " r10, r10, " rest "\n" operation " r11, r11, " rest "\n" operation " r12, r12, " rest         \
              "\n" operation " lr, lr, " rest "\n"

#if LP_RELU

#define CHANNEL_BYTES "12"

/* The sums begin as the channels at r3 say. */
#define START_SUMS                                                                                           \
    "ldr     r6, [r3, #0]                    \n"                                                             \
    "ldr.w   r10, [r3, #" CHANNEL_BYTES "]   \n"
#define START_OTHER_SUMS                                                                                     \
    "mov     r7, r6                          \n"                                                             \
    "mov     r8, r6                          \n"                                                             \
    "mov     r9, r6                          \n"                                                             \
    "mov     r11, r10                        \n"                                                             \
    "mov     r12, r10                        \n"                                                             \
    "mov     lr, r10                         \n"

/* Values, rounded once; r3 is the channels. */
#define MAKE_VALUES                                                                                          \
    "ldr     r3, [sp, #0]                    \n"                                                             \
    "ldr     r5, [sp, #20]                   \n"                                                             \
    "ldr     r1, [r3, #4]                    \n"                                                             \
    "ldr     r2, [r3, #8]                    \n"                                                             \
    "movs    r4, #64                         \n" OF_A("smmla", "r1, r4")                                     \
        OF_A("smmlar", "r2, r5") "ldr     r1, [r3, #16]                   \n"                                \
                                 "ldr     r2, [r3, #20]                   \n" OF_B("smmla", "r1, r4")        \
                                     OF_B("smmlar", "r2, r5")

#define DOUBLE_SUMS ""

#else

#define START_SUMS ""
#define START_OTHER_SUMS                                                                                     \
    "movs    r6, #0                          \n"                                                             \
    "movs    r7, #0                          \n"                                                             \
    "mov     r8, r6                          \n"                                                             \
    "mov     r9, r6                          \n"                                                             \
    "mov     r10, r6                         \n"                                                             \
    "mov     r11, r6                         \n"                                                             \
    "mov     r12, r6                         \n"                                                             \
    "mov     lr, r6                          \n"

#define ADD_BIAS(register, bias) "add.w   " register ", " bias ", " register ", asr #8\n"

/* Sums of products to sums with their bias, r5 is the zero point and r3 the channels. */
#define ADD_BIASES                                                                                           \
    "ldr     r3, [sp, #0]                    \n"                                                             \
    "ldr     r5, [sp, #20]                   \n"                                                             \
    "ldr     r1, [r3, #0]                    \n"                                                             \
    "ldr     r2, [r3, #" CHANNEL_BYTES "]    \n" ADD_BIAS("r6", "r1") ADD_BIAS("r7", "r1")                   \
        ADD_BIAS("r8", "r1") ADD_BIAS("r9", "r1") ADD_BIAS("r10", "r2") ADD_BIAS("r11", "r2")                \
            ADD_BIAS("r12", "r2") ADD_BIAS("lr", "r2")

#if LP_TFLM

#define CHANNEL_BYTES "12"

/* Rounded twice, the second time halves away from zero. */
#define ROUND(register)                                                                                      \
    "smmlar  " register ", " register ", r1, " register "\n"                                                 \
                                                        "add.w   " register ", " register ", " register ", " \
                                                                                                        "as" \
                                                                                                        "r " \
                                                                                                        "#3" \
                                                                                                        "1"  \
                                                                                                        "\n"
#define MAKE_VALUES                                                                                          \
    ADD_BIASES                                                                                               \
    "ldr     r1, [r3, #4]                    \n"                                                             \
    "ldr     r2, [r3, #8]                    \n" ROUND("r6") ROUND("r7") ROUND("r8") ROUND("r9")             \
        OF_A("smmlsr", "r2, r5") "ldr     r1, [r3, #16]                   \n"                                \
                                 "ldr     r2, [r3, #20]                   \n" ROUND("r10") ROUND("r11")      \
                                     ROUND("r12") ROUND("lr") OF_B("smmlsr", "r2, r5")

#define DOUBLE_SUMS ""

#else

#define CHANNEL_BYTES "8"

#define MAKE_VALUES                                                                                          \
    ADD_BIASES                                                                                               \
    "ldr     r4, [sp, #24]                   \n"                                                             \
    "cmp     r4, #0                          \n"                                                             \
    "bne     66f                             \n"                                                             \
    "55:                                     \n"                                                             \
    "ldr     r1, [r3, #4]                    \n"                                                             \
    "ldr     r2, [r3, #12]                   \n" OF_A("smmlar", "r1, r5") OF_B("smmlar", "r2, r5")

/* sum * 2**(32 - shift): saturated, it still saturates the output. */
#define DOUBLE_SUMS                                                                                          \
    "66:                                     \n"                                                             \
    "qadd    r6, r6, r6                      \n"                                                             \
    "qadd    r7, r7, r7                      \n"                                                             \
    "qadd    r8, r8, r8                      \n"                                                             \
    "qadd    r9, r9, r9                      \n"                                                             \
    "qadd    r10, r10, r10                   \n"                                                             \
    "qadd    r11, r11, r11                   \n"                                                             \
    "qadd    r12, r12, r12                   \n"                                                             \
    "qadd    lr, lr, lr                      \n"                                                             \
    "subs    r4, r4, #1                      \n"                                                             \
    "bne     66b                             \n"                                                             \
    "b       55b                             \n"

#endif

#endif

#define CUT(register_a, register_b)                                                                          \
    "ssat    " register_a ", #8, " register_a " \n"                                                          \
    "ssat    " register_b ", #8, " register_b " \n"                                                          \
    "bfi     " register_a ", " register_b ", #8, #8\n"

/* Sums to outputs, then on with r3 as the next two channels, or to label 3 behind the last, with r1 and r5 as
 * the end of the output, r2 and r4 as the offsets. */
#define FINISH                                                                                               \
    MAKE_VALUES CUT("r6", "r10") CUT("r7", "r11") CUT("r8", "r12")                                           \
        CUT("r9", "lr") "adds    r3, r3, #2*" CHANNEL_BYTES "     \n"                                        \
                        "ldr     r1, [sp, #4]                    \n"                                         \
                        "ldr     r4, [sp, #16]                   \n"                                         \
                        "ldr     r5, [sp, #8]                    \n"                                         \
                        "ldr     r2, [sp, #12]                   \n"                                         \
                        "strh    r7, [r1, r2]                    \n"                                         \
                        "strh.w  r8, [r1, r2, lsl #1]            \n"                                         \
                        "strh.w  r9, [r1, r4]                    \n"                                         \
                        "strh    r6, [r1], #2                    \n"                                         \
                        "cmp     r1, r5                          \n"                                         \
                        "str     r1, [sp, #4]                    \n"                                         \
                        "beq     3f                              \n"

/* Back to the caller. */
#define RETURN(frame)                                                                                        \
    "add     sp, sp, #" frame "              \n"                                                             \
    "pop     {r4-r11, pc}                    \n" DOUBLE_SUMS

#endif

#endif
