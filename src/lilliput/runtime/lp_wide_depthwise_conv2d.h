#ifndef LP_WIDE_DEPTHWISE_CONV2D_H
#define LP_WIDE_DEPTHWISE_CONV2D_H

#include "lp_wide.h"

/* Sum over the window for one output channel; `image` begins at its input channel, `weights` at its first
 * tap. */
static lp_sum window(const lp_windows *windows, const lp_value *image, const LP_WEIGHT *weights, lp_span rows,
                     lp_span columns, lp_sum sum) {
    for (int32_t row = rows.begin; row < rows.end; row++) {
        const int32_t y = rows.start + row * windows->dilation_y;
        for (int32_t column = columns.begin; column < columns.end; column++) {
            const int32_t x = columns.start + column * windows->dilation_x;
            const lp_value value = image[(y * windows->input_width + x) * windows->input_channels];
            sum += LP_NUMBER(value, (int32_t)value) *
                   weights[(row * windows->kernel_width + column) * windows->output_channels];
        }
    }
    return sum;
}

LP_INLINE void depthwise_conv2d(const lp_weighted_params *params, const void *from, void *to) {
    const lp_windows *windows = &params->windows;
    const lp_value *input = (const lp_value *)from;
    lp_value *output = (lp_value *)to;
    const int32_t multiplier = windows->output_channels / windows->input_channels;
    for (int32_t y = 0; y < windows->output_height; y++) {
        const lp_span rows = lp_inside(y * windows->stride_y - windows->padding_top, windows->kernel_height,
                                       windows->dilation_y, windows->input_height);
        for (int32_t x = 0; x < windows->output_width; x++) {
            const lp_span columns =
                lp_inside(x * windows->stride_x - windows->padding_left, windows->kernel_width,
                          windows->dilation_x, windows->input_width);
            for (int32_t channel = 0; channel < windows->output_channels; channel++) {
                const lp_sum sum = window(windows, input + channel / multiplier,
                                          (const LP_WEIGHT *)params->weights + channel, rows, columns,
                                          lp_bias(params, channel));
                *output++ = lp_finished(params, channel, sum);
            }
        }
    }
}

#endif
