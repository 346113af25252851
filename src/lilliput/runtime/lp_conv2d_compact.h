/* Convolution by little code.  What is left of channels in fours runs the same code as those: their four rows
 * of weights are one and the same. */
#ifndef LP_CONV2D_COMPACT_H
#define LP_CONV2D_COMPACT_H

#include "lp_compact_assembly.h"

#if LP_DSP

/* What is the same for all channels of a pixel.  Stack: 16 rows of the window to come; 20 inputs, 24 weights,
 * 28 rows, 32 bytes from channel to channel, 36 bytes of a row, 40 from its end to the next in the weights,
 * 44 in the inputs. */
#define BEGIN_PIXEL                                                                                          \
    "mul     r6, r6, r8                           \n"                                                        \
    "mul     r7, r7, r8                           \n"                                                        \
    "mul     r9, r9, r8                           \n"                                                        \
    "sub.w   r9, r9, r6                           \n"                                                        \
    "ldrh    r5, [r0, #20]                        \n"                                                        \
    "muls    r5, r7, r5                           \n"                                                        \
    "subs    r7, r7, r6                           \n"                                                        \
    "add     r4, sp, #20                          \n"                                                        \
    "stmia.w r4, {r1, r2, r3, r5, r6, r7, r9}     \n"                                                        \
    "ldr     r2, [r0, #4]                         \n"                                                        \
    "ldrb.w  r4, [r0, #42]                        \n"                                                        \
    "add     r2, r4                               \n"                                                        \
    "ldrh    r3, [r0, #18]                        \n"

/* For four channels or one: r1 inputs, r2 weights of channel 0, r3 of channel 2, r4 from channel to channel,
 * r5 inputs of a row, r10-r12 and lr sums. */
#define BEGIN_CHANNELS                                                                                       \
    "strd    r2, r3, [sp, #8]                     \n"                                                        \
    "mov     r6, r3                               \n"                                                        \
    "add     r5, sp, #20                          \n"                                                        \
    "ldmia.w r5, {r1-r5}                          \n"                                                        \
    "str     r3, [sp, #16]                        \n"                                                        \
    "cmp     r6, #4                               \n"                                                        \
    "itee    ge                                   \n"                                                        \
    "addge.w r7, r2, r4, lsl #2                   \n"                                                        \
    "addlt   r7, r2, r4                           \n"                                                        \
    "movlt   r4, #0                               \n"                                                        \
    "str     r7, [sp, #24]                        \n"                                                        \
    "add.w   r3, r2, r4, lsl #1                   \n"                                                        \
    "mov.w   r10, #0                              \n"                                                        \
    "mov     r11, r10                             \n"                                                        \
    "mov     r12, r10                             \n"                                                        \
    "mov     lr, r10                              \n"

/* Four inputs, in r6 and r7, times their weights, in r8. */
#define FOUR(sum)                                                                                            \
    "sxtb16  r9, r8                           \n"                                                            \
    "sxtb16  r8, r8, ror #8                   \n"                                                            \
    "smlad   " sum ", r6, r9, " sum "         \n"                                                            \
    "smlad   " sum ", r7, r8, " sum "         \n"

/* A row of the part, in fours of inputs, then what is left of them; r0 is the zero point. */
#define MULTIPLY_ROW                                                                                         \
    "ldr     r0, [sp, #48]                        \n"                                                        \
    "subs    r5, #4                               \n"                                                        \
    "blt     6f                                   \n"                                                        \
    ".balign 4                                    \n"                                                        \
    "5:                                           \n"                                                        \
    "ldr     r6, [r1], #4                         \n"                                                        \
    "ldr.w   r8, [r2, r4]                         \n"                                                        \
    "sxtab16 r7, r0, r6, ror #8                   \n"                                                        \
    "sxtab16 r6, r0, r6                           \n" FOUR(                                                  \
        "r11") "ldr     r8, [r2], #4                    "                                                    \
               "     \n" FOUR(                                                                               \
                   "r10") "ldr.w   r8, [r3, "                                                                \
                          "r4]               "                                                               \
                          "          \n" FOUR("lr") "ldr     r8, [r3], #4                         \n" FOUR(  \
                              "r12") "subs   "                                                               \
                                     " r5, "                                                                 \
                                     "#4     "                                                               \
                                     "       "                                                               \
                                     "       "                                                               \
                                     "       "                                                               \
                                     "     \n"                                                               \
                                     "bge    "                                                               \
                                     " 5b    "                                                               \
                                     "       "                                                               \
                                     "       "                                                               \
                                     "       "                                                               \
                                     "       "                                                               \
                                     "   \n"                                                                 \
                                     "6:     "                                                               \
                                     "       "                                                               \
                                     "       "                                                               \
                                     "       "                                                               \
                                     "       "                                                               \
                                     "       "                                                               \
                                     "   \n"                                                                 \
                                     "adds   "                                                               \
                                     " r5, "                                                                 \
                                     "#4     "                                                               \
                                     "       "                                                               \
                                     "       "                                                               \
                                     "       "                                                               \
                                     "     \n"                                                               \
                                     "beq    "                                                               \
                                     " 8f    "                                                               \
                                     "       "                                                               \
                                     "       "                                                               \
                                     "       "                                                               \
                                     "       "                                                               \
                                     "   \n"                                                                 \
                                     "7:     "                                                               \
                                     "       "                                                               \
                                     "       "                                                               \
                                     "       "                                                               \
                                     "       "                                                               \
                                     "       "                                                               \
                                     "   \n"                                                                 \
                                     "ldrb   "                                                               \
                                     " r6, "                                                                 \
                                     "[r1], "                                                                \
                                     "#1     "                                                               \
                                     "       "                                                               \
                                     "       "                                                               \
                                     "      "                                                                \
                                     "\n"                                                                    \
                                     "ldrsb  "                                                               \
                                     " r8, "                                                                 \
                                     "[r2, "                                                                 \
                                     "r4]    "                                                               \
                                     "       "                                                               \
                                     "       "                                                               \
                                     "       "                                                               \
                                     "\n"                                                                    \
                                     "ldrsb  "                                                               \
                                     " r9, "                                                                 \
                                     "[r2], "                                                                \
                                     "#1     "                                                               \
                                     "       "                                                               \
                                     "       "                                                               \
                                     "      "                                                                \
                                     "\n"                                                                    \
                                     "sxtab16"                                                               \
                                     " r6, "                                                                 \
                                     "r0, r6 "                                                               \
                                     "       "                                                               \
                                     "       "                                                               \
                                     "       "                                                               \
                                     "     \n"                                                               \
                                     "smlabb "                                                               \
                                     " r11, "                                                                \
                                     "r6, "                                                                  \
                                     "r8, "                                                                  \
                                     "r11    "                                                               \
                                     "       "                                                               \
                                     "       "                                                               \
                                     "   \n"                                                                 \
                                     "smlabb "                                                               \
                                     " r10, "                                                                \
                                     "r6, "                                                                  \
                                     "r9, "                                                                  \
                                     "r10    "                                                               \
                                     "       "                                                               \
                                     "       "                                                               \
                                     "   \n"                                                                 \
                                     "ldrsb  "                                                               \
                                     " r8, "                                                                 \
                                     "[r3, "                                                                 \
                                     "r4]    "                                                               \
                                     "       "                                                               \
                                     "       "                                                               \
                                     "       "                                                               \
                                     "\n"                                                                    \
                                     "ldrsb  "                                                               \
                                     " r9, "                                                                 \
                                     "[r3], "                                                                \
                                     "#1     "                                                               \
                                     "       "                                                               \
                                     "       "                                                               \
                                     "      "                                                                \
                                     "\n"                                                                    \
                                     "smlabb "                                                               \
                                     " lr, "                                                                 \
                                     "r6, "                                                                  \
                                     "r8, lr "                                                               \
                                     "       "                                                               \
                                     "       "                                                               \
                                     "       "                                                               \
                                     " \n"                                                                   \
                                     "smlabb "                                                               \
                                     " r12, "                                                                \
                                     "r6, "                                                                  \
                                     "r9, "                                                                  \
                                     "r12    "                                                               \
                                     "       "                                                               \
                                     "       "                                                               \
                                     "   \n"                                                                 \
                                     "subs   "                                                               \
                                     " r5, "                                                                 \
                                     "#1     "                                                               \
                                     "       "                                                               \
                                     "       "                                                               \
                                     "       "                                                               \
                                     "     \n"                                                               \
                                     "bne    "                                                               \
                                     " 7b    "                                                               \
                                     "       "                                                               \
                                     "       "                                                               \
                                     "       "                                                               \
                                     "       "                                                               \
                                     "   \n"                                                                 \
                                     "8:     "                                                               \
                                     "       "                                                               \
                                     "       "                                                               \
                                     "       "                                                               \
                                     "       "                                                               \
                                     "       "                                                               \
                                     "   \n"

#define NEXT_ROW                                                                                             \
    "ldr     r5, [sp, #36]                        \n"                                                        \
    "ldrd    r6, r7, [sp, #40]                    \n"                                                        \
    "add     r1, r7                               \n"                                                        \
    "add     r2, r6                               \n"                                                        \
    "add     r3, r6                               \n"                                                        \
    "ldr     r0, [sp, #16]                        \n"                                                        \
    "subs    r0, #1                               \n"                                                        \
    "str     r0, [sp, #16]                        \n"                                                        \
    "bgt     4b                                   \n"

/* All channels may have one factor. */
#if LP_TFLM
#define TAKE_FACTOR "ldmia.w r4, {r12, lr}                        \n"
#define TAKE_OWN_FACTOR "ldmiaeq.w r2!, {r12, lr}                     \n"
#else
#define TAKE_FACTOR "ldr.w   r12, [r4]                            \n"
#define TAKE_OWN_FACTOR "ldreq.w r12, [r2], #4                        \n"
#endif

#define BEGIN_OUTPUTS                                                                                        \
    "ldrb.w  r10, [r0, #42]                       \n"                                                        \
    "ldr     r4, [r0, #4]                         \n" TAKE_FACTOR
#define TAKE_CONSTANTS                                                                                       \
    "ldr     r11, [r2], #4                        \n"                                                        \
    "cmp.w   r10, #0                              \n"                                                        \
    "it      eq                                   \n" TAKE_OWN_FACTOR

LP_NAKED static void conv2d_compact(const lp_conv2d_params *params LP_UNUSED, const int8_t *input LP_UNUSED,
                                    int8_t *output LP_UNUSED) {
    /* clang-format off */
    __asm__ volatile(BEGIN
        "1:                                       \n" BEGIN_ROW
        "2:                                       \n" CLIP BEGIN_PIXEL
        "3:                                       \n" BEGIN_CHANNELS
        "4:                                       \n" MULTIPLY_ROW NEXT_ROW
        PUT_OUT("r10-r12, lr", BEGIN_OUTPUTS, TAKE_CONSTANTS) END);
    /* clang-format on */
}

#else

/* The sum of one output, of what lies in the image. */
static int32_t sum_window(const lp_conv2d_params *params, const int8_t *weights, const int8_t *input,
                          lp_span rows, lp_span columns) {
    const int32_t depth = params->input_channels;
    int32_t sum = 0;
    for (int32_t row = rows.begin; row < rows.end; row++) {
        const int8_t *pixels = input + ((rows.start + row) * params->input_width + columns.start) * depth;
        const int8_t *row_weights = weights + row * params->kernel_width * depth;
        for (int32_t i = columns.begin * depth; i < columns.end * depth; i++) {
            sum += (pixels[i] - params->input_zero_point) * row_weights[i];
        }
    }
    return sum;
}

static lp_profile_channel channel_at(const lp_conv2d_params *params, int32_t index) {
    const int32_t *words = (const int32_t *)params->channels;
    lp_profile_channel channel;
    if (params->shared_factor_bytes == 0) {
        return lp_channels(params->channels)[index];
    }
    channel.bias = words[params->shared_factor_bytes / 4 + index];
    channel.multiplier = words[0];
#if LP_TFLM
    channel.scale = words[1];
#endif
    return channel;
}

static void conv2d_compact(const lp_conv2d_params *params, const int8_t *input, int8_t *output) {
    const int32_t filter = params->kernel_height * params->kernel_width * params->input_channels;
    for (int32_t y = 0; y < params->output_height; y++) {
        const lp_span rows = lp_inside(y * params->stride_y - params->padding_top, params->kernel_height, 1,
                                       params->input_height);
        for (int32_t x = 0; x < params->output_width; x++) {
            const lp_span columns = lp_inside(x * params->stride_x - params->padding_left,
                                              params->kernel_width, 1, params->input_width);
            const int8_t *weights = params->weights;
            for (int32_t i = 0; i < params->output_channels; i++, weights += filter) {
                const lp_profile_channel channel = channel_at(params, i);
                const int32_t sum = channel.bias + sum_window(params, weights, input, rows, columns);
                *output++ = lp_dsp_output(&channel, sum, params->shift, params->output_zero_point,
                                          params->minimum, params->maximum);
            }
        }
    }
}

#endif
#endif
