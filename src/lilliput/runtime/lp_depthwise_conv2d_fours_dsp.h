/* 3x3 depthwise convolution without dilation, in steps of one or two both ways, of channels in fours.
 *
 * The rows under a strip of outputs lie in scratch memory as lp_depthwise_fours.h says, with the zero point
 * around them.
 */
#ifndef LP_DEPTHWISE_CONV2D_FOURS_DSP_H
#define LP_DEPTHWISE_CONV2D_FOURS_DSP_H

#include "lp_depthwise_fours.h"

/* Strips are as high as fits so many bytes of scratch memory, but no less than two rows of outputs. */
#define STRIP_BYTES 512

/* Weights as `lp_depthwise_fours` wants them, from those of four of `depth` channels. */
#if LP_DSP

/* Two rows of weights in r7, r8. */
#define PAIR_TAPS(upper, lower, first, second, third, fourth)                                                \
    "pkhbt   r7, " upper ", " lower ", lsl #16\n"                                                            \
    "pkhtb   r8, " lower ", " upper ", asr #16\n"                                                            \
    "sxtb16  r4, r7                   \n"                                                                    \
    "sxtb16  r7, r7, ror #8           \n"                                                                    \
    "sxtb16  lr, r8                   \n"                                                                    \
    "sxtb16  r8, r8, ror #8           \n"                                                                    \
    "str     r4, [r2, #" first "]     \n"                                                                    \
    "str     r7, [r2, #" second "]    \n"                                                                    \
    "str.w   lr, [r2, #" third "]     \n"                                                                    \
    "str.w   r8, [r2, #" fourth "]    \n"

LP_NAKED static void take_taps(const int8_t *weights LP_UNUSED, int32_t depth LP_UNUSED,
                               int32_t *taps LP_UNUSED) {
    __asm__ volatile("push    {r4-r8, lr}              \n"
                     "add.w   r3, r1, r1, lsl #1       \n"
                     "mov.w   r12, #3                  \n"
                     "1:                               \n" /* a column */
                     "ldr     r4, [r0]                 \n"
                     "ldr     r5, [r0, r3]             \n"
                     "ldr.w   r6, [r0, r3, lsl #1]     \n" PAIR_TAPS("r4", "r5", "0", "4", "8", "12")
                         PAIR_TAPS("r5", "r6", "48", "52", "56", "60") "adds    r2, r2, #16              \n"
                                                                       "add     r0, r0, r1               \n"
                                                                       "subs.w  r12, r12, #1             \n"
                                                                       "bne     1b                       \n"
                                                                       "pop     {r4-r8, pc}              \n");
}

#else

static void take_taps(const int8_t *weights, int32_t depth, int32_t *taps) {
    for (int32_t column = 0; column < 3; column++, weights += depth) {
        for (int32_t k = 0; k < 4; k++, taps++) {
            taps[0] = pair_of(weights[k], weights[k + 3 * depth]);
            taps[12] = pair_of(weights[k + 3 * depth], weights[k + 6 * depth]);
        }
    }
}

#endif

/* Columns of `count` pairs become the zero point. */
static void fill(int32_t *to, int32_t columns, int32_t count, int32_t pitch, int32_t zero_point) {
    for (int32_t i = 0; i < count; i++, to += pitch) {
        for (int32_t word = 0; word < 4 * columns; word++) {
            to[word] = pair_of(zero_point, zero_point);
        }
    }
}

/* `count` pairs from pair `number` of the image on. */
static void take_pairs(lp_row_pairs *rows, int32_t top, int32_t number, int32_t count, int32_t *to) {
    rows->row = 2 * number - top;
    rows->count = count;
    rows->to = to;
    if (rows->columns > 0) {
        pair_rows(rows);
    }
}

/* Copies a pair of rows. */
static void keep_pair(const int32_t *from, int32_t *to, int32_t words) {
    for (int32_t left = words; left > 0; left -= 4, from += 4, to += 4) {
        const int32_t first = from[0];
        const int32_t second = from[1];
        const int32_t third = from[2];
        const int32_t fourth = from[3];
        to[0] = first;
        to[1] = second;
        to[2] = third;
        to[3] = fourth;
        LP_OPAQUE(to);
    }
}

#if !LP_DSP || !LP_TFLM

/* One output of channel `k`; `upper` is the first pair of rows of its window, or the second rows of it. */
static int32_t sum_of(const lp_depthwise_fours *all, const int32_t *upper, int32_t is_second, int32_t k) {
    int32_t sum = all->channels[k].bias;
    for (int32_t row = 0; row < 3; row++) {
        const int32_t place = row + is_second;
        for (int32_t column = 0; column < 3; column++) {
            const int32_t pair = upper[place / 2 * all->pitch_bytes / 4 + 4 * column + k];
            const int32_t taps = all->taps[(row == 2 ? 12 : 0) + 4 * column + k];
            sum += (place % 2 ? pair >> 16 : (int16_t)pair) * (row > 0 ? taps >> 16 : (int16_t)taps);
        }
    }
    return sum;
}

/* What the assembly does, for any shift. */
static void multiply(const lp_conv2d_params *params, const lp_depthwise_fours *all) {
    const int32_t stride = params->stride_y;
    for (int32_t y = 0; y < all->rows; y++) {
        const int32_t *row = all->input + y * stride / 2 * (all->pitch_bytes / 4);
        int8_t *output = all->output + y * all->row_step;
        for (int32_t x = 0; x < params->output_width; x++, output += all->step) {
            for (int32_t k = 0; k < 4; k++) {
                const int32_t sum = sum_of(all, row + 4 * stride * x, y * stride % 2, k);
                output[k] = lp_dsp_output(&all->channels[k], sum, params->shift, all->zero_point,
                                          params->minimum, params->maximum);
            }
        }
    }
}

#endif

static void multiply_strip(const lp_conv2d_params *params, const lp_depthwise_fours *all) {
#if LP_DSP
    if (LP_PROFILE(params->shift == 32, 1)) {
        if (params->stride_y == 1) {
            multiply_stride_1(all);
        } else {
            multiply_stride_2(all);
        }
        return;
    }
#endif
#if !LP_DSP || !LP_TFLM
    multiply(params, all);
#endif
}

LP_INLINE void depthwise_conv2d_fours_dsp(const lp_conv2d_params *params, const int8_t *input, int8_t *output,
                                          void *scratch) {
    const int32_t depth = params->output_channels;
    const int32_t width = params->output_width;
    const int32_t height = params->output_height;
    const int32_t stride = params->stride_y;
    const int32_t columns = (width + width % 2 - 1) * stride + 3;
    const int32_t fitting = (STRIP_BYTES / (16 * columns) - 1) / stride;
    const int32_t pairs = lp_maximum(lp_minimum(fitting, (height + 1) / 2), 1);
    const int32_t top = params->padding_top;
    const int32_t left = params->padding_left;
    const int32_t pitch = 4 * columns; /* words */
    const int32_t zero_point = params->input_zero_point;
    const int8_t outside[4] = {params->input_zero_point, params->input_zero_point, params->input_zero_point,
                               params->input_zero_point};
    int32_t *const memory = (int32_t *)scratch;
    int32_t taps[24];
    lp_row_pairs rows;
    lp_depthwise_fours all;
    rows.image = input;
    rows.height = params->input_height;
    rows.row_bytes = params->input_width * depth;
    rows.step = depth;
    rows.outside = outside;
    rows.columns = lp_minimum(params->input_width, columns - left);
    fill(memory, left, stride * pairs + 1, pitch, zero_point);
    fill(memory + 4 * (left + rows.columns), columns - left - rows.columns, stride * pairs + 1, pitch,
         zero_point);
    all.step = depth;
    all.row_step = width * depth;
    all.pairs_bytes = width / 2 * stride * 32;
    all.input_skip = stride * pitch * 4 - all.pairs_bytes;
    all.output_skip = (width + width % 2) * depth;
    all.is_odd = width % 2;
    all.zero_point = params->output_zero_point;
    all.taps = taps;
    for (int32_t first = 0; first < depth; first += 4, rows.image += 4) {
        int32_t direction = pitch; /* from pair to pair */
        int32_t *place = memory;
        all.channels = lp_channels(params->channels) + first;
        all.output = output + first;
        take_taps(params->weights + first, depth, taps);
        for (int32_t y = 0; y < height; y += 2 * pairs, all.output += all.rows * all.row_step) {
            const int32_t count = stride * lp_minimum(pairs, (height - y + 1) / 2);
            const int32_t number = y / 2 * stride;
            rows.to_skip = 4 * (direction - 4 * rows.columns);
            if (y == 0) {
                take_pairs(&rows, top, 0, count + 1, place + 4 * left);
            } else {
                take_pairs(&rows, top, number + 1, count, place + direction + 4 * left);
            }
            all.input = place;
            all.pitch_bytes = 4 * direction;
            all.rows = lp_minimum(2 * pairs, height - y);
            multiply_strip(params, &all);
            /* The last pair of rows is the first of the next strip, which goes the other way if it can. */
            if (pairs == 1) {
                place += stride * direction;
                direction = -direction;
            } else if (y + 2 * pairs < height) {
                keep_pair(place + stride * pairs * pitch, place, pitch);
            }
        }
    }
    if (LP_DSP && (params->minimum > -128 || params->maximum < 127)) { /* the assembly leaves it to be done */
        lp_limit_outputs(output, height * width * depth, params->minimum, params->maximum);
    }
}

#endif
