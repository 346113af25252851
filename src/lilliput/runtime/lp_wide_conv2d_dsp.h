/* Convolutions of int16, four output channels of a pixel at a time, for cores with packed 16-bit arithmetic.
 *
 * Weights of four channels lie side by side: two taps of each, then the next two, …; of weights with
 * LP_WEIGHT_BYTES 1, four taps each, in the order 0, 2, 1, 3.  Channels and taps are filled up to multiples
 * of four with zeros.
 *
 * Sums of 16-bit weights have 64 bits.  Those of 8-bit weights have 32, which the weights were proved to
 * keep.
 */
#ifndef LP_WIDE_CONV2D_DSP_H
#define LP_WIDE_CONV2D_DSP_H

#include "lp_dsp.h"
#include "lp_formats.h"
#include "lp_wide_sums.h"

#if LP_DSP

#if LP_WEIGHT_BYTES == 2

/* r1 is the weights less 4, so that every load but the last of a run leaves its address as it is: such loads
 * take a cycle each. */
#define FOUR_TAPS                                                                                            \
    "ldr     r12, [r1, #4]                    \n"                                                            \
    "ldr     lr, [r1, #8]                     \n"                                                            \
    "ldr     r3, [r0], #8                     \n"                                                            \
    "smlald  r4, r5, r3, r12                  \n"                                                            \
    "smlald  r6, r7, r3, lr                   \n"                                                            \
    "ldr     r12, [r1, #12]                   \n"                                                            \
    "ldr     lr, [r1, #16]                    \n"                                                            \
    "smlald  r8, r9, r3, r12                  \n"                                                            \
    "smlald  r10, r11, r3, lr                 \n"                                                            \
    "ldr     r3, [r0, #-4]                    \n"                                                            \
    "ldr     r12, [r1, #20]                   \n"                                                            \
    "ldr     lr, [r1, #24]                    \n"                                                            \
    "smlald  r4, r5, r3, r12                  \n"                                                            \
    "smlald  r6, r7, r3, lr                   \n"                                                            \
    "ldr     r12, [r1, #28]                   \n"                                                            \
    "ldr     lr, [r1, #32]!                   \n"                                                            \
    "smlald  r8, r9, r3, r12                  \n"                                                            \
    "smlald  r10, r11, r3, lr                 \n"
#define BEFORE_WEIGHTS "subs    r1, r1, #4                       \n"
#define BIASES                                                                                               \
    "ldmia   r3!, {r4, r6, r8, r10}           \n"                                                            \
    "asrs    r5, r4, #31                      \n"                                                            \
    "asrs    r7, r6, #31                      \n"                                                            \
    "asr     r9, r8, #31                      \n"                                                            \
    "asr     r11, r10, #31                    \n"
#define SUMS "{r4-r11}"
#define NEXT_SUM "{r0, r3}"
#define SCALED                                                                                               \
    "mov     r12, #0x80000000                 \n"                                                            \
    "mov     lr, #0                           \n"                                                            \
    "umlal   r12, lr, r0, r11                 \n"                                                            \
    "mla     r0, r3, r11, lr                  \n"
#define SUM_BYTES "32"

#else

#define CHANNEL(sum, weights)                                                                                \
    "sxtb16  lr, " weights "                  \n"                                                            \
    "sxtb16  " weights ", " weights ", ror #8 \n"                                                            \
    "smlad   " sum ", r8, lr, " sum "         \n"                                                            \
    "smlad   " sum ", r9, " weights ", " sum "\n"
#define BEFORE_WEIGHTS
#define BIASES "ldmia   r3!, {r4-r7}           \n"
#define FOUR_TAPS                                                                                            \
    "ldmia   r1!, {r3, r10, r11, r12}         \n"                                                            \
    "ldr     r8, [r0], #4                     \n"                                                            \
    "ldr     r9, [r0], #4                     \n" CHANNEL("r4", "r3") CHANNEL("r5", "r10")                   \
        CHANNEL("r6", "r11") CHANNEL("r7", "r12")
#define SUMS "{r4-r7}"
#define NEXT_SUM "{r0}"
#define SCALED "smmulr  r0, r0, r11            \n"
#define SUM_BYTES "16"

#endif

/* All output channels of a pixel, whose window lies at `inputs`; returns where the next pixel goes. */
LP_NAKED static int16_t *put_pixel(const lp_fours_s16_params *params LP_UNUSED,
                                   const int16_t *inputs LP_UNUSED, const int16_t *end LP_UNUSED,
                                   int16_t *output LP_UNUSED) {
    __asm__ volatile(
        /* Stack: 0 biases, 4 channels that are left, 8 multipliers, 16 parameters, 20 inputs, 24 output. */
        "push    {r0, r1, r3-r11, lr}             \n"
        "ldrd    r1, r4, [r0]                     \n"
        "ldrh    r5, [r0, #18]                    \n"
        "adds    r6, r5, #3                       \n"
        "lsrs    r6, r6, #2                       \n"
        "add     r6, r4, r6, lsl #4               \n"
        "push    {r4-r7}                          \n" BEFORE_WEIGHTS
        "1:                                       \n" /* four channels */
        "ldr     r3, [sp]                         \n"
        "ldr     r0, [sp, #20]                    \n" BIASES "str     r3, [sp]                         \n"
        "2:                                       \n" FOUR_TAPS "cmp     r0, r2                           \n"
        "bne     2b                               \n"
        "push    " SUMS "                         \n"
        "ldr     r6, [sp, #" SUM_BYTES " + 8]     \n"
        "ldr     r5, [sp, #" SUM_BYTES " + 24]    \n"
        "ldr     r7, [sp, #" SUM_BYTES " + 16]    \n"
        "ldrsh   r8, [r7, #36]                    \n"
        "ldrsh   r9, [r7, #38]                    \n"
        "ldrb    r10, [r7, #43]                   \n"
        "ldr     r7, [sp, #" SUM_BYTES " + 4]     \n"
        "movs    r4, #4                           \n"
        "3:                                       \n" /* a channel */
        "pop     " NEXT_SUM "                     \n"
        "ldr     r11, [r6]                        \n"
        "add     r6, r6, r10                      \n" SCALED "cmp     r0, r8                           \n"
        "it      lt                               \n"
        "movlt   r0, r8                           \n"
        "cmp     r0, r9                           \n"
        "it      gt                               \n"
        "movgt   r0, r9                           \n"
        "subs    r7, r7, #1                       \n"
        "it      pl                               \n"
        "strhpl  r0, [r5], #2                     \n"
        "subs    r4, r4, #1                       \n"
        "bne     3b                               \n"
        "str     r5, [sp, #24]                    \n"
        "str     r6, [sp, #8]                     \n"
        "str     r7, [sp, #4]                     \n"
        "cmp     r7, #0                           \n"
        "bgt     1b                               \n"
        "mov     r0, r5                           \n"
        "add     sp, sp, #28                      \n"
        "pop     {r4-r11, pc}                     \n");
}

#else

/* The sum of a channel, whose weights are the first of four. */
static lp_wide_sum sum_of(const int16_t *inputs, const int16_t *end, const lp_wide_weight *weights,
                          lp_wide_sum sum) {
    for (; inputs < end; inputs += 4 / LP_WEIGHT_BYTES, weights += 16 / LP_WEIGHT_BYTES) {
#if LP_WEIGHT_BYTES == 2
        sum += inputs[0] * weights[0];
        sum += inputs[1] * weights[1];
#else
        sum += inputs[0] * weights[0] + inputs[2] * weights[1];
        sum += inputs[1] * weights[2] + inputs[3] * weights[3];
#endif
    }
    return sum;
}

static int16_t *put_pixel(const lp_fours_s16_params *params, const int16_t *inputs, const int16_t *end,
                          int16_t *output) {
    const int32_t channels = params->windows.output_channels;
    const int32_t *multipliers = params->channels + ((channels + 3) & ~3);
    const int32_t taps = (int32_t)(end - inputs);
    for (int32_t channel = 0; channel < channels; channel++) {
        const lp_wide_weight *weights = (const lp_wide_weight *)params->weights + (channel & ~3) * taps +
                                        (channel & 3) * (4 / LP_WEIGHT_BYTES);
        const int64_t sum = sum_of(inputs, end, weights, params->channels[channel]);
        const int32_t multiplier = multipliers[channel * (params->multiplier_bytes / 4)];
        const int32_t value = (int32_t)((sum * multiplier + ((int64_t)1 << 31)) >> 32);
        *output++ = (int16_t)lp_minimum(lp_maximum(value, params->minimum), params->maximum);
    }
    return output;
}

#endif

/* The window that begins at (y, x), zeros around the image. */
static LP_NOINLINE void gather(const lp_fours_s16_params *params, const int16_t *input, int32_t y, int32_t x,
                               int16_t *to) {
    const lp_windows *windows = &params->windows;
    static const int16_t zeros[2] = {0, 0};
    for (int32_t row = windows->kernel_height; row > 0; row--, y += windows->dilation_y) {
        int32_t place = x;
        for (int32_t column = windows->kernel_width; column > 0; column--, place += windows->dilation_x) {
            const int16_t *from = zeros;
            int32_t step = 0;
            if ((uint32_t)y < windows->input_height && (uint32_t)place < windows->input_width) {
                from = input + (y * windows->input_width + place) * windows->input_channels;
                step = 2;
            }
            int32_t pairs = windows->input_channels / 2;
            for (; pairs > 0; pairs--, from += step) {
                const int16_t first = from[0];
                const int16_t second = from[1];
                *to++ = first;
                *to++ = second;
                LP_OPAQUE(from);
            }
            if (windows->input_channels % 2 != 0) {
                *to++ = *from;
            }
        }
    }
}

LP_INLINE void conv2d_fours(const lp_fours_s16_params *params, const void *from, void *to, void *scratch) {
    const lp_windows *windows = &params->windows;
    const int16_t *input = (const int16_t *)from;
    int16_t *output = (int16_t *)to;
    int32_t y = -windows->padding_top;
    for (int32_t row = windows->output_height; row > 0; row--, y += windows->stride_y) {
        int32_t x = -windows->padding_left;
        for (int32_t column = windows->output_width; column > 0; column--, x += windows->stride_x) {
            const int16_t *window = (const int16_t *)scratch;
            if (params->run_length > 0 && x >= 0 && x + params->run_length <= windows->input_width) {
                window = input + (y * windows->input_width + x) * windows->input_channels;
            } else {
                gather(params, input, y, x, (int16_t *)scratch);
            }
            output = put_pixel(params, window, window + 4 * params->window_fours, output);
        }
    }
}

#endif
