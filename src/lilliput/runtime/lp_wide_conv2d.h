#ifndef LP_WIDE_CONV2D_H
#define LP_WIDE_CONV2D_H

#include "lp_wide.h"

static lp_sum dot(const lp_value *LP_RESTRICT values, const LP_WEIGHT *LP_RESTRICT weights, int32_t count,
                  lp_sum sum) {
    for (int32_t i = 0; i < count; i++) {
        sum += LP_NUMBER(values[i], (int32_t)values[i]) * weights[i];
    }
    return sum;
}

/* What the window that begins at `image` adds to a sum. */
static lp_sum window(const lp_windows *windows, const lp_value *input, const LP_WEIGHT *weights, lp_span rows,
                     lp_span columns, lp_sum sum) {
    const int32_t depth = windows->input_channels;
    for (int32_t row = rows.begin; row < rows.end; row++) {
        const int32_t y = rows.start + row * windows->dilation_y;
        const LP_WEIGHT *taps = weights + (row * windows->kernel_width + columns.begin) * depth;
        const lp_value *pixel =
            input + (y * windows->input_width + columns.start + columns.begin * windows->dilation_x) * depth;
        if (windows->dilation_x == 1) {
            sum = dot(pixel, taps, (columns.end - columns.begin) * depth, sum);
            continue;
        }
        for (int32_t column = columns.begin; column < columns.end; column++) {
            sum = dot(pixel, taps, depth, sum);
            taps += depth;
            pixel += windows->dilation_x * depth;
        }
    }
    return sum;
}

LP_INLINE void conv2d(const lp_weighted_params *params, const void *from, void *to) {
    const lp_windows *windows = &params->windows;
    const lp_value *input = (const lp_value *)from;
    lp_value *output = (lp_value *)to;
    const int32_t taps =
        (int32_t)windows->kernel_height * windows->kernel_width * (int32_t)windows->input_channels;
    for (int32_t y = 0; y < windows->output_height; y++) {
        const lp_span rows = lp_inside(y * windows->stride_y - windows->padding_top, windows->kernel_height,
                                       windows->dilation_y, windows->input_height);
        for (int32_t x = 0; x < windows->output_width; x++) {
            const lp_span columns =
                lp_inside(x * windows->stride_x - windows->padding_left, windows->kernel_width,
                          windows->dilation_x, windows->input_width);
            const LP_WEIGHT *weights = (const LP_WEIGHT *)params->weights;
            for (int32_t channel = 0; channel < windows->output_channels; channel++, weights += taps) {
                const lp_sum sum = window(windows, input, weights, rows, columns, lp_bias(params, channel));
                *output++ = lp_finished(params, channel, sum);
            }
        }
    }
}

#endif
