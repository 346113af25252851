#ifndef LP_DEPTHWISE_CONV2D_PAIRS_H
#define LP_DEPTHWISE_CONV2D_PAIRS_H

#include "lp_depthwise_pairs.h"

/* Rows of outputs for whose windows scratch memory has room. */
#define STRIP_ROWS 8

/* One row of one channel of the image as words; `row` may lie outside. */
static void take_row(const lp_conv2d_params *params, const int8_t *image, int32_t row, int32_t words,
                     int32_t *to) {
    const int32_t depth = params->input_channels;
    const int32_t zero_point = params->input_zero_point;
    const int32_t step = params->stride_x;
    const int32_t *const end = to + words;
    const int32_t is_inside = row >= 0 && row < params->input_height;
    const int8_t *next = image + (is_inside ? row * params->input_width * depth : 0);
    int32_t left = is_inside ? params->input_width : 0;
    /* First every word's lower half, then what lies `step` columns behind it as its upper one. */
    int32_t *word = to;
    for (int32_t i = 0; i < params->padding_left && word != end; i++) {
        *word++ = zero_point;
    }
    left = lp_minimum(left, (int32_t)(end - word));
    for (; left > 0; left--, next += depth) {
        *word++ = *next;
    }
    while (word != end) {
        *word++ = zero_point;
    }
    for (word = to; word != end - step; word++) {
        *word = lp_pixel_pair(word[0], word[step]);
    }
}

LP_INLINE void depthwise_conv2d_pairs(const lp_conv2d_params *params, const int8_t *input, int8_t *output,
                                      void *scratch) {
    const int32_t taps = (int32_t)params->kernel_height * params->kernel_width;
    const int32_t width = params->output_width;
    const int32_t channels = params->output_channels;
    const int32_t multiplier = channels / params->input_channels;
    const lp_profile_channel *channel = lp_channels(params->channels);
    const int8_t *weights = params->weights;
    int32_t *const expanded = (int32_t *)scratch;
    lp_windows windows;
    lp_pairs_scale scale;
    lp_pairs_scale_begin(&scale, params, channels);
    windows.weights = expanded;
    windows.sums = expanded + taps;
    windows.pairs = (width + 1) / 2;
    windows.pair_step = 2 * params->stride_x;
    windows.row_words = (2 * windows.pairs - 1) * params->stride_x + params->kernel_width;
    windows.kernel_height = params->kernel_height;
    windows.kernel_width = params->kernel_width;
    int32_t *const rows = windows.sums + 2 * windows.pairs;
    const int32_t overlap = lp_maximum(params->kernel_height - params->stride_y, 0);
    for (int32_t i = 0; i < channels; i++, channel++, weights += taps) {
        const int8_t *image = input + i / multiplier;
        for (int32_t tap = 0; tap < taps; tap++) {
            expanded[tap] = weights[tap];
        }
        for (int32_t first = 0; first < params->output_height; first += STRIP_ROWS) {
            const int32_t count = lp_minimum(STRIP_ROWS, params->output_height - first);
            const int32_t row_count = (count - 1) * params->stride_y + params->kernel_height;
            const int32_t top = first * params->stride_y - params->padding_top;
            int32_t kept = 0;
            if (first > 0) {
                /* Rows that the strip before has taken, and whose place in the image may hold outputs by now.
                 */
                const int32_t *from = rows + STRIP_ROWS * params->stride_y * windows.row_words;
                for (; kept < overlap * windows.row_words; kept++) {
                    rows[kept] = from[kept];
                }
                kept = overlap;
            }
            for (int32_t row = kept; row < row_count; row++) {
                take_row(params, image, top + row, windows.row_words, rows + row * windows.row_words);
            }
            for (int32_t y = 0; y < count; y++) {
                windows.inputs = rows + y * params->stride_y * windows.row_words;
                lp_sum_windows_pairs(&windows);
                lp_pairs_output(&scale, channel, params->shift, windows.sums, width,
                                output + (first + y) * width * channels + i);
            }
        }
    }
}

#endif
