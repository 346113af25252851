/* Two pixels times groups of four channels whose weights share halfwords, as lp_nibbles.h says.
 *
 * LP_NIBBLES_BAND 0: inputs are gathered, 16 bytes from four to four.  1: they lie in a band, where three
 * fours are 8 bytes apart and the next three `plane_bytes` behind the first.
 */
#ifndef LP_MULTIPLY_NIBBLES_H
#define LP_MULTIPLY_NIBBLES_H

#define LP_TFLM 0
#include "lp_nibbles.h"
#include "lp_profile.h"

#if LP_DSP

#define CHECK_OFFSET(field, offset)                                                                          \
    typedef char                                                                                             \
        field##_lies_at_##offset[__builtin_offsetof(lp_nibble_block, field) == (offset) ? 1 : -1] LP_UNUSED
CHECK_OFFSET(inputs, 4);
CHECK_OFFSET(channels, 8);
CHECK_OFFSET(output, 12);
CHECK_OFFSET(offset, 16);
CHECK_OFFSET(zero_point, 20);
CHECK_OFFSET(minimum, 24);
CHECK_OFFSET(maximum, 28);
CHECK_OFFSET(fours, 32);
CHECK_OFFSET(groups, 36);
CHECK_OFFSET(sums, 40);
CHECK_OFFSET(input_sums, 44);
CHECK_OFFSET(plane_bytes, 52);

/* Two inputs of two pixels times four channels: 16 products, 15 cycles; a load costs one cycle less behind
 * another that does not move its address. */
#define TWO(inputs)                                                                                          \
    "ldr.w   r12, [r1, #" inputs "]          \n"                                                             \
    "ldr.w   lr, [r1, #" inputs "+8]         \n"                                                             \
    "ldr     r10, [r0], #4                   \n"                                                             \
    "and.w   r11, r10, #0x000F000F           \n"                                                             \
    "smlad   r8, r12, r10, r8                \n"                                                             \
    "smlad   r9, lr, r10, r9                 \n"                                                             \
    "smlad   r2, r12, r11, r2                \n"                                                             \
    "smlad   r3, lr, r11, r3                 \n"                                                             \
    "and.w   r11, r10, #0x0F000F00           \n"                                                             \
    "uxtb16  r10, r10                        \n"                                                             \
    "smlad   r6, r12, r11, r6                \n"                                                             \
    "smlad   r7, lr, r11, r7                 \n"                                                             \
    "smlad   r4, r12, r10, r4                \n"                                                             \
    "smlad   r5, lr, r10, r5                 \n"

/* 112 bytes of code. */
#define FOUR(inputs) TWO(inputs) TWO(inputs "+4")

#if LP_NIBBLES_BAND

#define END_OF_INPUTS                                                                                        \
    "ldr.w   r6, [r12, #52]                  \n"                                                             \
    "mla     r6, r6, r2, r1                  \n"
#define ENTRY                                                                                                \
    "str     r1, [sp, #20]                   \n"                                                             \
    "ldr.w   r12, [r12, #52]                 \n"                                                             \
    "str.w   r12, [sp, #32]                  \n"                                                             \
    "str.w   r2, [sp, #36]                   \n"
#define ENTER                                                                                                \
    "ldr.w   r10, [sp, #36]                  \n"                                                             \
    "lsls.w  r10, r10, #31                   \n"                                                             \
    "bne.w   3f                              \n"
/* Entered at 3 where planes are odd. */
#define LOOP                                                                                                 \
    ".balign 4                               \n"                                                             \
    "2:                                      \n" FOUR("0") FOUR("8")                                         \
        FOUR("16") "ldr.w   r10, [sp, #32]                  \n"                                              \
                   "add     r1, r10                         \n"                                              \
                   "3:                                      \n" FOUR("0") FOUR("8")                          \
                       FOUR("16") "ldr.w   r10, [sp, #32]                  \n"                               \
                                  "ldr.w   r11, [sp, #4]                   \n"                               \
                                  "add     r1, r10                         \n"                               \
                                  "cmp     r1, r11                         \n"                               \
                                  "bne.w   2b                              \n"

#else

#define END_OF_INPUTS "add.w   r6, r1, r2, lsl #4             \n"
#define ENTRY                                                                                                \
    "rsb.w   r2, r2, #0                      \n"                                                             \
    "and.w   r12, r2, #3                     \n"                                                             \
    "sub.w   r1, r1, r12, lsl #4             \n"                                                             \
    "str     r1, [sp, #20]                   \n"                                                             \
    "mov.w   lr, #112                        \n"                                                             \
    "adr.w   r10, 2f                         \n"                                                             \
    "mla     r10, r12, lr, r10               \n"                                                             \
    "orr.w   r10, r10, #1                    \n"                                                             \
    "str.w   r10, [sp, #24]                  \n"
#define ENTER                                                                                                \
    "ldr.w   r10, [sp, #24]                  \n"                                                             \
    "bx      r10                             \n"                                                             \
    ".balign 4                               \n"
/* Entered in its middle when the fours are no multiple of four. */
#define LOOP                                                                                                 \
    "2:                                      \n" FOUR("0") FOUR("16") FOUR("32")                             \
        FOUR("48") "ldr     r10, [sp, #4]                   \n"                                              \
                   "adds    r1, r1, #64                     \n"                                              \
                   "cmp     r1, r10                         \n"                                              \
                   "bne.w   2b                              \n"

#endif

/* Bytes of a pixel within their limits r10 and r11. */
#define LIMIT(sum)                                                                                           \
    "ssub8   r0, " sum ", r10                \n"                                                             \
    "sel     " sum ", " sum ", r10           \n"                                                             \
    "ssub8   r0, r11, " sum "                \n"                                                             \
    "sel     " sum ", " sum ", r11           \n"

/* Inline assembly inside a function could not have all fourteen registers at every optimization level. */
LP_NAKED static void multiply_nibbles(const lp_nibble_block *block LP_UNUSED) {
    __asm__ volatile(
        /* Sums of both pixels: r2, r3 of a, r4, r5 of b and a, r6, r7 of c, r8, r9 of all.  Stack: 0 the
         * block, 4 where inputs end, 8 channels, 12 output, 16 groups to go, 20 inputs as the loop wants
         * them, 24 where to enter it, 28 weights of the next channels, 32 from plane to plane, 36 planes,
         * 40-68 what sums begin with. */
        "push    {r4-r11, lr}                    \n"
        "sub     sp, sp, #76                     \n"
        "str     r0, [sp, #0]                    \n"
        "mov     r12, r0                         \n"
        "ldr     r2, [r0, #32]                   \n"
        "ldr     r1, [r0, #4]                    \n"
        "ldr     r3, [r0, #8]                    \n"
        "ldr     r4, [r0, #12]                   \n"
        "ldr     r5, [r0, #36]                   \n"
        "ldr     r0, [r0, #0]                    \n" END_OF_INPUTS
        "str     r6, [sp, #4]                    \n"
        "str     r3, [sp, #8]                    \n"
        "str     r4, [sp, #12]                   \n"
        "str     r5, [sp, #16]                   \n" ENTRY "ldr.w   r12, [sp, #0]                   \n"
        "ldr.w   r6, [r12, #44]                  \n"
        "ldr.w   r7, [r12, #48]                  \n"
        "rsb.w   r6, r6, #0                      \n"
        "rsb.w   r7, r7, #0                      \n"
        "lsl.w   r2, r6, #3                      \n"
        "lsl.w   r3, r7, #3                      \n"
        "add.w   r4, r2, r6, lsl #7              \n"
        "add.w   r5, r3, r7, lsl #7              \n"
        "lsl.w   r6, r6, #11                     \n"
        "lsl.w   r7, r7, #11                     \n"
        "add.w   r8, r4, r6                      \n"
        "add.w   r9, r5, r7                      \n"
        "add.w   r12, sp, #40                    \n"
        "stmia.w r12, {r2-r9}                    \n"
        "1:                                      \n" /* four channels */
        "ldr     r1, [sp, #20]                   \n"
        "add.w   r12, sp, #40                    \n"
        "ldmia.w r12, {r2-r9}                    \n" ENTER LOOP "sub.w   r8, r8, r6                      \n"
        "sub.w   r9, r9, r7                      \n"
        "sub.w   r8, r8, r4                      \n"
        "sub.w   r9, r9, r5                      \n"
        "sub.w   r4, r4, r2                      \n"
        "sub.w   r5, r5, r3                      \n"
        "ldr.w   r12, [sp, #8]                   \n"
        "ldr.w   lr, [sp, #0]                    \n"
        "cmp.w   r12, #0                         \n"
        "beq.w   4f                              \n"
        "str     r0, [sp, #28]                   \n"
        "ldr.w   lr, [lr, #20]                   \n"
        "ldmia.w r12!, {r0, r1, r10, r11}        \n"
        "add     r2, r0                          \n"
        "add     r3, r0                          \n"
        "add.w   r4, r10, r4, asr #4             \n"
        "add.w   r5, r10, r5, asr #4             \n"
        "smmlar  r2, r2, r1, lr                  \n"
        "smmlar  r3, r3, r1, lr                  \n"
        "smmlar  r4, r4, r11, lr                 \n"
        "smmlar  r5, r5, r11, lr                 \n"
        "ldmia.w r12!, {r0, r1, r10, r11}        \n"
        "str.w   r12, [sp, #8]                   \n"
        "add.w   r6, r0, r6, asr #8              \n"
        "add.w   r7, r0, r7, asr #8              \n"
        "add.w   r8, r10, r8, asr #12            \n"
        "add.w   r9, r10, r9, asr #12            \n"
        "smmlar  r6, r6, r1, lr                  \n"
        "smmlar  r7, r7, r1, lr                  \n"
        "smmlar  r8, r8, r11, lr                 \n"
        "smmlar  r9, r9, r11, lr                 \n"
        "ssat    r2, #8, r2                      \n"
        "ssat    r3, #8, r3                      \n"
        "ssat    r4, #8, r4                      \n"
        "ssat    r5, #8, r5                      \n"
        "ssat    r6, #8, r6                      \n"
        "ssat    r7, #8, r7                      \n"
        "ssat    r8, #8, r8                      \n"
        "ssat    r9, #8, r9                      \n"
        "bfi     r2, r4, #8, #8                  \n"
        "bfi     r3, r5, #8, #8                  \n"
        "bfi     r6, r8, #8, #8                  \n"
        "bfi     r7, r9, #8, #8                  \n"
        "pkhbt   r2, r2, r6, lsl #16             \n"
        "pkhbt   r3, r3, r7, lsl #16             \n"
        "ldr     r4, [sp, #0]                    \n"
        "ldr     r5, [sp, #12]                   \n"
        "ldr     r7, [sp, #16]                   \n"
        "ldr     r6, [r4, #16]                   \n"
        "ldr.w   r10, [r4, #24]                  \n"
        "ldr.w   r11, [r4, #28]                  \n"
        /* clang-format off */
        LIMIT("r2")
        LIMIT("r3")
        /* clang-format on */
        "ldr     r0, [sp, #28]                   \n"
        "str     r3, [r5, r6]                    \n" /* if there is none, where pixel 0 comes */
        "str     r2, [r5], #4                    \n"
        "subs    r7, r7, #1                      \n"
        "str     r5, [sp, #12]                   \n"
        "str     r7, [sp, #16]                   \n"
        "bne.w   1b                              \n"
        "5:                                      \n"
        "add     sp, sp, #76                     \n"
        "pop     {r4-r11, pc}                    \n"
        "4:                                      \n"
        "ldr.w   lr, [lr, #40]                   \n"
        "asr.w   r4, r4, #4                      \n"
        "asr.w   r5, r5, #4                      \n"
        "asr.w   r6, r6, #8                      \n"
        "asr.w   r7, r7, #8                      \n"
        "asr.w   r8, r8, #12                     \n"
        "asr.w   r9, r9, #12                     \n"
        "strd    r2, r3, [lr, #0]                \n"
        "strd    r4, r5, [lr, #16]               \n"
        "strd    r6, r7, [lr, #32]               \n"
        "strd    r8, r9, [lr, #48]               \n"
        "b       5b                              \n");
}

#else

/* Four weights of one channel, at bit `first` of each half of two words, times four inputs. */
LP_INLINE int32_t four_products(const uint32_t *weights, const int16_t *inputs, uint32_t first) {
    int32_t sum = 0;
    for (uint32_t i = 0; i < 4; i++) {
        const int32_t field = (int32_t)(weights[i / 2] >> (first + 16 * (i % 2)) & 15u);
        sum += (first == 12 ? field - (field & 8) * 2 : field - 8) * inputs[i]; /* the last has a sign */
    }
    return sum;
}

static int32_t sum_channel(const lp_nibble_block *block, const uint32_t *weights, const int16_t *inputs,
                           uint32_t first) {
    int32_t sum = 0;
#if LP_NIBBLES_BAND
    for (int32_t i = 0; i < block->fours; i++, weights += 6, inputs += block->plane_bytes / 2) {
        sum += four_products(weights, inputs, first) + four_products(weights + 2, inputs + 4, first) +
               four_products(weights + 4, inputs + 8, first);
    }
#else
    for (int32_t i = 0; i < block->fours; i++, weights += 2, inputs += 8) {
        sum += four_products(weights, inputs, first);
    }
#endif
    return sum;
}

static void multiply_nibbles(const lp_nibble_block *block) {
    const uint32_t *weights = block->weights;
    const lp_channel *channel = block->channels;
    const int32_t low = (int8_t)(block->minimum & 0xFFu);
    const int32_t high = (int8_t)(block->maximum & 0xFFu);
    for (int32_t group = 0; group < block->groups; group++, weights += block->group_words) {
        for (int32_t c = 0; c < LP_NIBBLES_CHANNELS; c++) {
            for (int32_t pixel = block->offset > 0; pixel >= 0; pixel--) {
                const int32_t sum = sum_channel(block, weights, block->inputs + 4 * pixel, 4 * (uint32_t)c);
                if (channel) {
                    block->output[4 * group + c + pixel * block->offset] =
                        lp_requantize(sum + channel[4 * group + c].bias, channel[4 * group + c].multiplier,
                                      32, block->zero_point, low, high);
                } else {
                    block->sums[4 * c + pixel] = sum;
                }
            }
        }
    }
}

#endif

#endif
