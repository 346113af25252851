/* Depthwise convolution by little code. */
#ifndef LP_DEPTHWISE_CONV2D_COMPACT_H
#define LP_DEPTHWISE_CONV2D_COMPACT_H

#include "lp_compact_assembly.h"

#if LP_DSP

/* What is the same for all channels of a pixel.  Stack: 20 inputs and 24 weights of the next channels, 28
 * rows and 32 columns of the window, 36 from the end of a row to the next in the weights, 40 channels, 44 in
 * the inputs. */
#define BEGIN_PIXEL                                                                                          \
    "sub.w   r9, r9, r6                           \n"                                                        \
    "mul     r9, r9, r8                           \n"                                                        \
    "subs    r7, r7, r6                           \n"                                                        \
    "mul     r7, r7, r8                           \n"                                                        \
    "add     r4, sp, #20                          \n"                                                        \
    "stmia.w r4, {r1, r2, r3, r6, r7, r8, r9}     \n"                                                        \
    "ldr     r2, [r0, #4]                         \n"                                                        \
    "ldrh    r3, [r0, #18]                        \n"

/* For four channels or one: r0 the zero point, r1 inputs, r2 weights, r3 channels, r9-r12 sums, lr rows to
 * come. */
#define BEGIN_CHANNELS                                                                                       \
    "strd    r2, r3, [sp, #8]                     \n"                                                        \
    "ldrd    r1, r2, [sp, #20]                    \n"                                                        \
    "cmp     r3, #4                               \n"                                                        \
    "ite     ge                                   \n"                                                        \
    "movge   r5, #4                               \n"                                                        \
    "movlt   r5, #1                               \n"                                                        \
    "adds    r6, r1, r5                           \n"                                                        \
    "adds    r7, r2, r5                           \n"                                                        \
    "strd    r6, r7, [sp, #20]                    \n"                                                        \
    "mov.w   r9, #0                               \n"                                                        \
    "mov     r10, r9                              \n"                                                        \
    "mov     r11, r9                              \n"                                                        \
    "mov     r12, r9                              \n"                                                        \
    "ldr     r0, [sp, #48]                        \n"                                                        \
    "ldr     r3, [sp, #40]                        \n"                                                        \
    "ldr.w   lr, [sp, #28]                        \n"

/* A row of the window in the image. */
#define MULTIPLY_ROW                                                                                         \
    "ldr     r4, [sp, #32]                        \n"                                                        \
    "cbz     r4, 8f                               \n"                                                        \
    "ldr     r5, [sp, #12]                        \n"                                                        \
    "cmp     r5, #4                               \n"                                                        \
    "blt     6f                                   \n"                                                        \
    "5:                                           \n"                                                        \
    "ldr     r5, [r1]                             \n"                                                        \
    "ldr     r7, [r2]                             \n"                                                        \
    "add     r1, r3                               \n"                                                        \
    "add     r2, r3                               \n"                                                        \
    "sxtab16 r6, r0, r5                           \n"                                                        \
    "sxtab16 r5, r0, r5, ror #8                   \n"                                                        \
    "sxtb16  r8, r7                               \n"                                                        \
    "sxtb16  r7, r7, ror #8                       \n"                                                        \
    "smlabb  r9, r6, r8, r9                       \n"                                                        \
    "smlabb  r10, r5, r7, r10                     \n"                                                        \
    "smlatt  r11, r6, r8, r11                     \n"                                                        \
    "smlatt  r12, r5, r7, r12                     \n"                                                        \
    "subs    r4, #1                               \n"                                                        \
    "bne     5b                                   \n"                                                        \
    "b       7f                                   \n"                                                        \
    "6:                                           \n"                                                        \
    "ldrb    r5, [r1]                             \n"                                                        \
    "ldrsb.w r7, [r2]                             \n"                                                        \
    "add     r1, r3                               \n"                                                        \
    "add     r2, r3                               \n"                                                        \
    "sxtab16 r5, r0, r5                           \n"                                                        \
    "smlabb  r9, r5, r7, r9                       \n"                                                        \
    "subs    r4, #1                               \n"                                                        \
    "bne     6b                                   \n"                                                        \
    "7:                                           \n"                                                        \
    "ldr     r5, [sp, #36]                        \n"                                                        \
    "add     r2, r5                               \n"                                                        \
    "ldr     r5, [sp, #44]                        \n"                                                        \
    "add     r1, r5                               \n"                                                        \
    "subs.w  lr, lr, #1                           \n"                                                        \
    "bne     4b                                   \n"                                                        \
    "8:                                           \n"

LP_NAKED static void depthwise_conv2d_compact(const lp_conv2d_params *params LP_UNUSED,
                                              const int8_t *input LP_UNUSED, int8_t *output LP_UNUSED) {
    /* clang-format off */
    __asm__ volatile(BEGIN
        "1:                                       \n" BEGIN_ROW
        "2:                                       \n" CLIP BEGIN_PIXEL
        "3:                                       \n" BEGIN_CHANNELS
        "4:                                       \n" MULTIPLY_ROW PUT_OUT("r9-r12", "", TAKE_CHANNEL) END);
    /* clang-format on */
}

#else

static void depthwise_conv2d_compact(const lp_conv2d_params *params, const int8_t *input, int8_t *output) {
    const int32_t depth = params->input_channels;
    const lp_profile_channel *channels = lp_channels(params->channels);
    for (int32_t y = 0; y < params->output_height; y++) {
        const lp_span rows = lp_inside(y * params->stride_y - params->padding_top, params->kernel_height, 1,
                                       params->input_height);
        for (int32_t x = 0; x < params->output_width; x++) {
            const lp_span columns = lp_inside(x * params->stride_x - params->padding_left,
                                              params->kernel_width, 1, params->input_width);
            for (int32_t i = 0; i < depth; i++) {
                int32_t sum = channels[i].bias;
                for (int32_t row = rows.begin; row < rows.end; row++) {
                    for (int32_t column = columns.begin; column < columns.end; column++) {
                        const int32_t pixel =
                            (rows.start + row) * params->input_width + columns.start + column;
                        const int32_t tap = row * params->kernel_width + column;
                        sum += (input[pixel * depth + i] - params->input_zero_point) *
                               params->weights[tap * depth + i];
                    }
                }
                *output++ = lp_dsp_output(&channels[i], sum, params->shift, params->output_zero_point,
                                          params->minimum, params->maximum);
            }
        }
    }
}

#endif
#endif
