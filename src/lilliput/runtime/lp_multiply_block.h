/* Four output pixels times all output channels, two channels at a time.
 *
 * Weights of channels A and B lie side by side: A.low B.low A.high B.high for every pair of inputs, then A B
 * for an odd input; so one word holds two pairs of weights, which SXTB16 takes apart without any reordering.
 * A last odd channel has its pairs two by two in the same way: p.low q.low p.high q.high.
 */
#ifndef LP_MULTIPLY_BLOCK_H
#define LP_MULTIPLY_BLOCK_H

#include "lp_block.h"

#if LP_DSP

/* The assembly's view of lp_block; a wrong number does not compile. */
#define CHECK_OFFSET(field, offset)                                                                          \
    typedef char field##_lies_at_##offset[__builtin_offsetof(lp_block, field) == (offset) ? 1 : -1] LP_UNUSED
CHECK_OFFSET(weights, 0);
CHECK_OFFSET(channels, 4);
CHECK_OFFSET(inputs, 8);
CHECK_OFFSET(pairs, 12);
CHECK_OFFSET(odd, 16);
CHECK_OFFSET(channel_pairs, 20);
CHECK_OFFSET(offsets, 24);
CHECK_OFFSET(zero_point, 36);
CHECK_OFFSET(minimum, 40);
CHECK_OFFSET(maximum, 44);
CHECK_OFFSET(doublings, 48);

/* One pair of inputs of four pixels times one pair of weights of two channels: 16 products, 17 cycles.  Loads
 * stand together since the second of two costs one cycle less.  60 bytes of code. */
#define PAIR(weights, inputs)                                                                                \
    "ldr.w   r11, [r0, #" weights "]         \n"                                                             \
    "ldr.w   r12, [r1, #" inputs "]          \n"                                                             \
    "ldr.w   lr, [r1, #" inputs "+4]         \n"                                                             \
    "sxtb16  r10, r11                        \n"                                                             \
    "sxtb16  r11, r11, ror #8                \n"                                                             \
    "smlad   r2, r12, r10, r2                \n"                                                             \
    "smlad   r6, r12, r11, r6                \n"                                                             \
    "smlad   r3, lr, r10, r3                 \n"                                                             \
    "smlad   r7, lr, r11, r7                 \n"                                                             \
    "ldr.w   r12, [r1, #" inputs "+8]        \n"                                                             \
    "ldr.w   lr, [r1, #" inputs "+12]        \n"                                                             \
    "smlad   r4, r12, r10, r4                \n"                                                             \
    "smlad   r8, r12, r11, r8                \n"                                                             \
    "smlad   r5, lr, r10, r5                 \n"                                                             \
    "smlad   r9, lr, r11, r9                 \n"

#if LP_TFLM

#define CHANNEL_BYTES "12"

/* Sums to values; r1 is the block, r10 the channels. */
#define REQUANTIZE                                                                                           \
    "ldr.w   r11, [r10, #4]                  \n"                                                             \
    "ldr.w   r12, [r10, #16]                 \n"                                                             \
    "smmlar  r2, r2, r11, r2                 \n"                                                             \
    "smmlar  r3, r3, r11, r3                 \n"                                                             \
    "smmlar  r4, r4, r11, r4                 \n"                                                             \
    "smmlar  r5, r5, r11, r5                 \n"                                                             \
    "smmlar  r6, r6, r12, r6                 \n"                                                             \
    "smmlar  r7, r7, r12, r7                 \n"                                                             \
    "smmlar  r8, r8, r12, r8                 \n"                                                             \
    "smmlar  r9, r9, r12, r9                 \n"                                                             \
    "add.w   r2, r2, r2, asr #31             \n"                                                             \
    "add.w   r3, r3, r3, asr #31             \n"                                                             \
    "add.w   r4, r4, r4, asr #31             \n"                                                             \
    "add.w   r5, r5, r5, asr #31             \n"                                                             \
    "add.w   r6, r6, r6, asr #31             \n"                                                             \
    "add.w   r7, r7, r7, asr #31             \n"                                                             \
    "add.w   r8, r8, r8, asr #31             \n"                                                             \
    "add.w   r9, r9, r9, asr #31             \n"                                                             \
    "ldr.w   r11, [r10, #8]                  \n"                                                             \
    "ldr.w   r12, [r10, #20]                 \n"                                                             \
    "ldr.w   lr, [r1, #36]                   \n"                                                             \
    "add.w   r10, r10, #24                   \n"                                                             \
    "str.w   r10, [sp, #16]                  \n"                                                             \
    "smmlar  r2, r2, r11, lr                 \n"                                                             \
    "smmlar  r3, r3, r11, lr                 \n"                                                             \
    "smmlar  r4, r4, r11, lr                 \n"                                                             \
    "smmlar  r5, r5, r11, lr                 \n"                                                             \
    "smmlar  r6, r6, r12, lr                 \n"                                                             \
    "smmlar  r7, r7, r12, lr                 \n"                                                             \
    "smmlar  r8, r8, r12, lr                 \n"                                                             \
    "smmlar  r9, r9, r12, lr                 \n"

#define DOUBLE_SUMS ""

#else

#define CHANNEL_BYTES "8"

/* Sums to values; r1 is the block, r10 the channels. */
#define REQUANTIZE                                                                                           \
    "ldr.w   lr, [r1, #48]                   \n"                                                             \
    "cmp.w   lr, #0                          \n"                                                             \
    "bne     6f                              \n"                                                             \
    "5:                                      \n"                                                             \
    "ldr.w   r11, [r10, #4]                  \n"                                                             \
    "ldr.w   r12, [r10, #12]                 \n"                                                             \
    "ldr.w   lr, [r1, #36]                   \n"                                                             \
    "add.w   r10, r10, #16                   \n"                                                             \
    "str.w   r10, [sp, #16]                  \n"                                                             \
    "smmlar  r2, r2, r11, lr                 \n"                                                             \
    "smmlar  r3, r3, r11, lr                 \n"                                                             \
    "smmlar  r4, r4, r11, lr                 \n"                                                             \
    "smmlar  r5, r5, r11, lr                 \n"                                                             \
    "smmlar  r6, r6, r12, lr                 \n"                                                             \
    "smmlar  r7, r7, r12, lr                 \n"                                                             \
    "smmlar  r8, r8, r12, lr                 \n"                                                             \
    "smmlar  r9, r9, r12, lr                 \n"

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

/* Inline assembly inside a function could not have all fourteen registers at every optimization level. */
LP_NAKED static void multiply_channel_pairs(const lp_block *block LP_UNUSED, int8_t *output LP_UNUSED) {
    __asm__ volatile(
        /* r0 weights, r1 inputs, r2-r5 sums of channel A for pixels 0-3, r6-r9 those of channel B.
         * Stack: 0 end of the inputs, 4 their start as the loop wants it, 8 where to enter the loop, 12 bytes
         * that the weights step back for that, 16 channels, 20 output, 24 channel pairs to go, 28 block. */
        "push    {r4-r11, lr}                    \n"
        "sub     sp, sp, #36                     \n"
        "ldr     r2, [r0, #20]                   \n"
        "str     r2, [sp, #24]                   \n"
        "str     r0, [sp, #28]                   \n"
        "str     r1, [sp, #20]                   \n"
        "ldr     r3, [r0, #4]                    \n"
        "str     r3, [sp, #16]                   \n"
        "ldr     r4, [r0, #12]                   \n"
        "ldr     r5, [r0, #8]                    \n"
        "add.w   r6, r5, r4, lsl #4              \n"
        "str     r6, [sp, #0]                    \n"
        /* The loop takes four pairs: it is entered in its middle when their number is no multiple of that. */
        "rsb.w   r7, r4, #0                      \n"
        "and.w   r7, r7, #3                      \n"
        "sub.w   r5, r5, r7, lsl #4              \n"
        "str     r5, [sp, #4]                    \n"
        "lsl.w   r8, r7, #2                      \n"
        "str.w   r8, [sp, #12]                   \n"
        "rsb.w   r9, r7, r7, lsl #4              \n"
        "adr.w   r10, 2f                         \n"
        "add.w   r10, r10, r9, lsl #2            \n"
        "adr.w   r11, 3f                         \n"
        "cmp     r4, #0                          \n"
        "it      eq                              \n"
        "moveq   r10, r11                        \n"
        "orr.w   r10, r10, #1                    \n"
        "str.w   r10, [sp, #8]                   \n"
        "ldr     r0, [r0, #0]                    \n"

        "1:                                      \n" /* two channels */
        "ldr.w   r10, [sp, #16]                  \n"
        "ldr.w   r11, [sp, #12]                  \n"
        "ldr.w   r2, [r10, #0]                   \n"
        "ldr.w   r6, [r10, #" CHANNEL_BYTES "]         \n"
        "ldr     r1, [sp, #4]                    \n"
        "ldr.w   r12, [sp, #8]                   \n"
        "sub.w   r0, r0, r11                     \n"
        "mov     r3, r2                          \n"
        "mov     r4, r2                          \n"
        "mov     r5, r2                          \n"
        "mov     r7, r6                          \n"
        "mov     r8, r6                          \n"
        "mov     r9, r6                          \n"
        "bx      r12                             \n"

        ".balign 4                               \n"
        "2:                                      \n" /* four pairs of inputs */
        PAIR("0", "0") PAIR("4", "16") PAIR("8", "32")
            PAIR("12", "48") "add.w   r1, r1, #64                     \n"
                             "ldr.w   r10, [sp, #0]                   \n"
                             "add.w   r0, r0, #16                     \n"
                             "cmp     r1, r10                         \n"
                             "bne     2b                              \n"

                             ".balign 4                               \n"
                             "3:                                      \n" /* an odd input; what lies beside it
                                                                             meets a weight of zero */
                             "ldr.w   r10, [sp, #28]                  \n"
                             "ldr.w   r11, [r10, #16]                 \n"
                             "cmp.w   r11, #0                         \n"
                             "beq     4f                              \n"
                             "ldrh    r11, [r0], #2                   \n"
                             "ldr.w   r12, [r1, #0]                   \n"
                             "ldr.w   lr, [r1, #4]                    \n"
                             "sxtb16  r10, r11                        \n"
                             "sxtb16  r11, r11, ror #8                \n"
                             "smlad   r2, r12, r10, r2                \n"
                             "smlad   r6, r12, r11, r6                \n"
                             "smlad   r3, lr, r10, r3                 \n"
                             "smlad   r7, lr, r11, r7                 \n"
                             "ldr.w   r12, [r1, #8]                   \n"
                             "ldr.w   lr, [r1, #12]                   \n"
                             "smlad   r4, r12, r10, r4                \n"
                             "smlad   r8, r12, r11, r8                \n"
                             "smlad   r5, lr, r10, r5                 \n"
                             "smlad   r9, lr, r11, r9                 \n"

                             "4:                                      \n" /* sums to outputs */
                             "ldr     r1, [sp, #28]                   \n"
                             "ldr.w   r10, [sp, #16]                  \n" REQUANTIZE
                             "ssat    r2, #8, r2                      \n"
                             "ssat    r3, #8, r3                      \n"
                             "ssat    r4, #8, r4                      \n"
                             "ssat    r5, #8, r5                      \n"
                             "ssat    r6, #8, r6                      \n"
                             "ssat    r7, #8, r7                      \n"
                             "ssat    r8, #8, r8                      \n"
                             "ssat    r9, #8, r9                      \n"
                             "bfi     r2, r6, #8, #8                  \n"
                             "bfi     r3, r7, #8, #8                  \n"
                             "bfi     r4, r8, #8, #8                  \n"
                             "bfi     r5, r9, #8, #8                  \n"
                             "pkhbt   r2, r2, r3, lsl #16             \n"
                             "pkhbt   r4, r4, r5, lsl #16             \n"
                             "ldr.w   r11, [r1, #40]                  \n"
                             "ldr.w   r12, [r1, #44]                  \n"
                             "ldr     r3, [r1, #24]                   \n"
                             "ldr     r5, [r1, #28]                   \n"
                             "ldr     r6, [r1, #32]                   \n"
                             "ldr     r7, [sp, #24]                   \n"
                             "ldr     r1, [sp, #20]                   \n"
                             "ssub8   r8, r2, r11                     \n"
                             "sel     r2, r2, r11                     \n"
                             "ssub8   r8, r12, r2                     \n"
                             "sel     r2, r2, r12                     \n"
                             "ssub8   r8, r4, r11                     \n"
                             "sel     r4, r4, r11                     \n"
                             "ssub8   r8, r12, r4                     \n"
                             "sel     r4, r4, r12                     \n"
                             "strh    r2, [r1, #0]                    \n"
                             "lsr.w   r2, r2, #16                     \n"
                             "strh    r2, [r1, r3]                    \n"
                             "strh    r4, [r1, r5]                    \n"
                             "lsr.w   r4, r4, #16                     \n"
                             "strh    r4, [r1, r6]                    \n"
                             "adds    r1, r1, #2                      \n"
                             "str     r1, [sp, #20]                   \n"
                             "subs    r7, r7, #1                      \n"
                             "str     r7, [sp, #24]                   \n"
                             "bne     1b                              \n"
                             "add     sp, sp, #36                     \n"
                             "pop     {r4-r11, pc}                    \n"

        DOUBLE_SUMS);
}

/* The last of an odd number of channels. */
static void multiply_channel(const lp_block *block, int8_t *output) {
    const int32_t elements = 2 * block->pairs + block->odd;
    const lp_profile_channel *channel = block->channels + 2 * block->channel_pairs;
    const int8_t *weights = block->weights + 2 * block->channel_pairs * elements;
    const lp_pair *inputs = (const lp_pair *)(const void *)block->inputs;
    int32_t sum_0 = channel->bias, sum_1 = channel->bias, sum_2 = channel->bias, sum_3 = channel->bias;
    for (int32_t left = elements; left > 0;) {
        uint32_t bytes;
        if (left >= 4) {
            bytes = lp_load_4(weights);
        } else if (left >= 2) {
            bytes = (uint8_t)weights[0] | (uint32_t)(uint8_t)weights[1] << 16;
        } else {
            bytes = (uint8_t)weights[0];
        }
        int32_t pair = lp_even_bytes(bytes);
        sum_0 = lp_multiply_pairs(pair, inputs[0], sum_0);
        sum_1 = lp_multiply_pairs(pair, inputs[1], sum_1);
        sum_2 = lp_multiply_pairs(pair, inputs[2], sum_2);
        sum_3 = lp_multiply_pairs(pair, inputs[3], sum_3);
        if (left >= 4) {
            pair = lp_odd_bytes(bytes);
            sum_0 = lp_multiply_pairs(pair, inputs[4], sum_0);
            sum_1 = lp_multiply_pairs(pair, inputs[5], sum_1);
            sum_2 = lp_multiply_pairs(pair, inputs[6], sum_2);
            sum_3 = lp_multiply_pairs(pair, inputs[7], sum_3);
            inputs += 8;
            weights += 4;
            left -= 4;
        } else {
            inputs += 4;
            weights += 2;
            left -= 2;
        }
    }
    const int32_t low = (int8_t)(block->minimum & 0xFFu);
    const int32_t high = (int8_t)(block->maximum & 0xFFu);
    const int32_t shift = 32 - block->doublings;
    output += 2 * block->channel_pairs;
    output[0] = lp_dsp_output(channel, sum_0, shift, block->zero_point, low, high);
    output[block->offsets[0]] = lp_dsp_output(channel, sum_1, shift, block->zero_point, low, high);
    output[block->offsets[1]] = lp_dsp_output(channel, sum_2, shift, block->zero_point, low, high);
    output[block->offsets[2]] = lp_dsp_output(channel, sum_3, shift, block->zero_point, low, high);
}

LP_INLINE void multiply_block(const lp_block *block, int8_t *output) {
    if (block->channel_pairs > 0) {
        multiply_channel_pairs(block, output);
    }
    if (block->odd_channel) {
        multiply_channel(block, output);
    }
}

#else

static int8_t output_of(const lp_block *block, const lp_profile_channel *channel, int32_t sum) {
    return lp_dsp_output(channel, sum, 32 - block->doublings, block->zero_point,
                         (int8_t)(block->minimum & 0xFFu), (int8_t)(block->maximum & 0xFFu));
}

/* One pixel, two channels. */
static void multiply_channel_pair(const lp_block *block, const lp_profile_channel *channels,
                                  const int8_t *weights, const int16_t *inputs, int32_t elements,
                                  int8_t *output) {
    int32_t sum_a = 0;
    int32_t sum_b = 0;
    for (int32_t i = 0; i < elements; i++) {
        sum_a += weights[2 * i] * inputs[i];
        sum_b += weights[2 * i + 1] * inputs[i];
    }
    output[0] = output_of(block, &channels[0], sum_a + channels[0].bias);
    output[1] = output_of(block, &channels[1], sum_b + channels[1].bias);
}

/* One pixel, the last of an odd number of channels. */
static int32_t multiply_channel(const int8_t *weights, const int16_t *inputs, int32_t elements) {
    const int32_t fours = elements / 4 * 4;
    int32_t sum = 0;
    for (int32_t i = 0; i < fours; i += 4) {
        sum += weights[i] * inputs[i] + weights[i + 2] * inputs[i + 1] + weights[i + 1] * inputs[i + 2] +
               weights[i + 3] * inputs[i + 3];
    }
    for (int32_t i = fours; i < elements; i++) {
        sum += weights[i] * inputs[i];
    }
    return sum;
}

LP_INLINE void multiply_block(const lp_block *block, int8_t *output) {
    const int32_t elements = 2 * block->pairs + block->odd;
    for (int32_t pixel = 0; pixel < LP_BLOCK_PIXELS; pixel++) {
        const int16_t *inputs = block->inputs + pixel * LP_PIXEL_STEP(elements);
        const int8_t *weights = block->weights;
        const lp_profile_channel *channels = block->channels;
        int8_t *place = output + (pixel == 0 ? 0 : block->offsets[pixel - 1]);
        if (pixel > 0 && block->offsets[pixel - 1] == (pixel == 1 ? 0 : block->offsets[pixel - 2])) {
            break;
        }
        for (int32_t pair = 0; pair < block->channel_pairs; pair++) {
            multiply_channel_pair(block, channels, weights, inputs, elements, place);
            channels += 2;
            weights += 2 * elements;
            place += 2;
        }
        if (block->odd_channel) {
            *place = output_of(block, channels, multiply_channel(weights, inputs, elements) + channels->bias);
        }
    }
}

#endif

#endif
