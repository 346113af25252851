/* Depthwise convolutions of int16, one output channel for each input channel, four channels of a pixel at a
 * time, for cores with packed 16-bit arithmetic; LP_WEIGHT_BYTES is 1 or 2.
 *
 * Weights lie as in the network.  Where channels are no multiple of four, the last four begin among those
 * before them.  Sums of 16-bit weights have 64 bits; those of 8-bit weights have 32, which the weights were
 * proved to keep. */
#ifndef LP_WIDE_DEPTHWISE_CONV2D_DSP_H
#define LP_WIDE_DEPTHWISE_CONV2D_DSP_H

#include "lp_dsp.h"
#include "lp_formats.h"
#include "lp_wide_sums.h"

/* Four channels of the part of a window that lies in the image; steps are bytes.  The assembly knows the
 * place of every field. */
typedef struct {
    const int16_t *inputs;
    const int8_t *weights;
    const lp_channel *channels;
    int16_t *output;
    int32_t rows, columns;
    int32_t step;        /* of inputs from column to column, 2 / LP_WEIGHT_BYTES times that of weights */
    int32_t input_skip;  /* from behind a row to the next */
    int32_t weight_skip; /* the same of weights */
    int32_t minimum, maximum;
} four_channels;

#if LP_DSP

#define CHECK_OFFSET(field, offset)                                                                          \
    typedef char                                                                                             \
        field##_lies_at_##offset[__builtin_offsetof(four_channels, field) == (offset) ? 1 : -1] LP_UNUSED
CHECK_OFFSET(inputs, 0);
CHECK_OFFSET(weights, 4);
CHECK_OFFSET(channels, 8);
CHECK_OFFSET(output, 12);
CHECK_OFFSET(rows, 16);
CHECK_OFFSET(columns, 20);
CHECK_OFFSET(step, 24);
CHECK_OFFSET(input_skip, 28);
CHECK_OFFSET(weight_skip, 32);
CHECK_OFFSET(minimum, 36);
CHECK_OFFSET(maximum, 40);

#if LP_WEIGHT_BYTES == 2

#define BIASES                                                                                               \
    "ldr     r4, [r12]                \n"                                                                    \
    "ldr     r6, [r12, #8]            \n"                                                                    \
    "ldr     r8, [r12, #16]           \n"                                                                    \
    "ldr     r10, [r12, #24]          \n"                                                                    \
    "asrs    r5, r4, #31              \n"                                                                    \
    "asrs    r7, r6, #31              \n"                                                                    \
    "asr     r9, r8, #31              \n"                                                                    \
    "asr     r11, r10, #31            \n"
#define TAP                                                                                                  \
    "ldr     r12, [r0]                \n"                                                                    \
    "ldr     lr, [r1]                 \n"                                                                    \
    "smlalbb r4, r5, r12, lr          \n"                                                                    \
    "smlaltt r6, r7, r12, lr          \n"                                                                    \
    "ldr     r12, [r0, #4]            \n"                                                                    \
    "ldr     lr, [r1, #4]             \n"                                                                    \
    "add     r0, r0, r2               \n"                                                                    \
    "add     r1, r1, r2               \n"                                                                    \
    "smlalbb r8, r9, r12, lr          \n"                                                                    \
    "smlaltt r10, r11, r12, lr        \n"
#define SCALED(low, high)                                                                                    \
    "mul     " high ", " high ", lr   \n"                                                                    \
    "mov     r0, #0x80000000          \n"                                                                    \
    "umlal   r0, " high ", " low ", lr\n"
#define SUM(low, high, small) high

#else

#define BIASES                                                                                               \
    "ldr     r4, [r12]                \n"                                                                    \
    "ldr     r5, [r12, #8]            \n"                                                                    \
    "ldr     r6, [r12, #16]           \n"                                                                    \
    "ldr     r7, [r12, #24]           \n"                                                                    \
    "lsr     r8, r2, #1               \n"
#define TAP                                                                                                  \
    "ldr     r11, [r1]                \n"                                                                    \
    "ldr     r9, [r0]                 \n"                                                                    \
    "ldr     r10, [r0, #4]            \n"                                                                    \
    "sxtb16  r12, r11                 \n"                                                                    \
    "sxtb16  r11, r11, ror #8         \n"                                                                    \
    "add     r0, r0, r2               \n"                                                                    \
    "add     r1, r1, r8               \n"                                                                    \
    "smlabb  r4, r9, r12, r4          \n"                                                                    \
    "smlatb  r5, r9, r11, r5          \n"                                                                    \
    "smlabt  r6, r10, r12, r6         \n"                                                                    \
    "smlatt  r7, r10, r11, r7         \n"
#define SCALED(low, high) "smmulr  " high ", " high ", lr   \n"
#define SUM(low, high, small) small

#endif

#define OUTPUT(index, low, high)                                                                             \
    "ldr     lr, [r12, #4+8*" index "]\n" SCALED(low, high) "cmp     " high ", r2             \n"            \
                                                            "it      lt                       \n"            \
                                                            "movlt   " high ", r2             \n"            \
                                                            "cmp     " high ", r3             \n"            \
                                                            "it      gt                       \n"            \
                                                            "movgt   " high ", r3             \n"            \
                                                            "strh    " high ", [r1, #2*" index "]\n"

/* r0 inputs, r1 weights, r2 step, r3 columns that are left, r4 and so on sums. */
LP_NAKED static void put_four(const four_channels *all LP_UNUSED) {
    __asm__ volatile("ldr     r1, [r0, #16]            \n"
                     "push    {r0, r1, r4-r11, lr}     \n" /* r1: rows that are left */
                     "ldr     r12, [r0, #8]            \n"
                     "ldr     r2, [r0, #24]            \n" BIASES "cmp     r1, #0                   \n"
                     "ldrd    r0, r1, [r0]             \n"
                     "beq     3f                       \n"
                     "1:                               \n" /* a row */
                     "ldr     r3, [sp]                 \n"
                     "ldr     r3, [r3, #20]            \n"
                     "2:                               \n" /* a column */
                     TAP "subs    r3, r3, #1               \n"
                     "bne     2b                       \n"
                     "ldrd    r3, lr, [sp]             \n"
                     "ldr     r12, [r3, #28]           \n"
                     "ldr     r3, [r3, #32]            \n"
                     "subs    lr, lr, #1               \n"
                     "str     lr, [sp, #4]             \n"
                     "add     r0, r0, r12              \n"
                     "add     r1, r1, r3               \n"
                     "bne     1b                       \n"
                     "3:                               \n"
                     "ldr     r0, [sp]                 \n"
                     "ldrd    r12, r1, [r0, #8]        \n"
                     "ldrd    r2, r3, [r0, #36]        \n" OUTPUT("0", "r4", SUM("r4", "r5", "r4")) OUTPUT(
                         "1", "r6", SUM("r6", "r7", "r5")) OUTPUT("2", "r8", SUM("r8", "r9", "r6"))
                         OUTPUT("3", "r10", SUM("r10", "r11", "r7")) "pop     {r0, r1, r4-r11, pc}     \n");
}

#else

static void put_four(const four_channels *all) {
    const int32_t step = all->step / 2;
    for (int32_t channel = 0; channel < 4; channel++) {
        const int16_t *input = all->inputs + channel;
        const lp_wide_weight *weight = (const lp_wide_weight *)(const void *)all->weights + channel;
        lp_wide_sum sum = all->channels[channel].bias;
        for (int32_t row = all->rows; row > 0; row--) {
            for (int32_t column = all->columns; column > 0; column--, input += step, weight += step) {
                sum += *input * *weight;
            }
            input += all->input_skip / 2;
            weight += all->weight_skip / LP_WEIGHT_BYTES;
        }
        const int64_t product = (int64_t)sum * all->channels[channel].multiplier;
        const int32_t value = (int32_t)((product + ((int64_t)1 << 31)) >> 32);
        all->output[channel] = (int16_t)lp_minimum(lp_maximum(value, all->minimum), all->maximum);
    }
}

#endif

LP_INLINE void depthwise_conv2d_fours(const lp_weighted_s16_params *params, const void *from, void *to) {
    const lp_windows *windows = &params->windows;
    const int32_t channels = windows->output_channels;
    const int32_t kernel_width = windows->kernel_width;
    const int32_t width = windows->input_width;
    int16_t *output = (int16_t *)to;
    four_channels all;
    all.step = 2 * channels;
    all.minimum = params->minimum;
    all.maximum = params->maximum;
    for (int32_t y = 0; y < windows->output_height; y++) {
        const lp_span rows = lp_inside(y * windows->stride_y - windows->padding_top, windows->kernel_height,
                                       windows->dilation_y, windows->input_height);
        const int32_t first_row = rows.start + rows.begin * windows->dilation_y;
        for (int32_t x = 0; x < windows->output_width; x++, output += channels) {
            const lp_span columns =
                lp_inside(x * windows->stride_x - windows->padding_left, kernel_width, 1, width);
            all.columns = columns.end - columns.begin;
            all.rows = all.columns > 0 ? rows.end - rows.begin : 0;
            all.input_skip = (windows->dilation_y * width - all.columns) * all.step;
            all.weight_skip = (kernel_width - all.columns) * channels * LP_WEIGHT_BYTES;
            const int16_t *inputs =
                (const int16_t *)from + (first_row * width + columns.start + columns.begin) * channels;
            const int8_t *weights = (const int8_t *)params->weights +
                                    (rows.begin * kernel_width + columns.begin) * channels * LP_WEIGHT_BYTES;
            for (int32_t channel = 0; channel < channels; channel += 4) {
                const int32_t first = lp_minimum(channel, channels - 4);
                all.inputs = inputs + first;
                all.weights = weights + first * LP_WEIGHT_BYTES;
                all.channels = params->channels + first;
                all.output = output + first;
                put_four(&all);
            }
        }
    }
}

#endif
