#ifndef LP_CONV2D_H
#define LP_CONV2D_H

#include "lp_profile.h"

/* One row of the kernel against one row of the image.  Elements outside count as the zero point. */
static int32_t kernel_row(const lp_conv2d_params *params, const int8_t *weights, const int8_t *input_row,
                          lp_span columns) {
    const int32_t depth = params->input_channels;
    const int32_t kernel_width = params->kernel_width;
    const int32_t step = depth * (int32_t)params->dilation_x;
    const int8_t *pixel = input_row + columns.start * depth + columns.begin * step;
    int32_t sum = 0;
    if (step == depth) {
        sum = lp_dot_s8(weights + columns.begin * depth, pixel, (columns.end - columns.begin) * depth);
    } else {
        for (int32_t column = columns.begin; column < columns.end; column++, pixel += step) {
            sum += lp_dot_s8(weights + column * depth, pixel, depth);
        }
    }
    if (columns.end - columns.begin < kernel_width) {
        const int32_t left = lp_sum_s8(weights, columns.begin * depth);
        const int32_t right = lp_sum_s8(weights + columns.end * depth, (kernel_width - columns.end) * depth);
        sum += (left + right) * params->input_zero_point;
    }
    return sum;
}

LP_INLINE void conv2d(const lp_conv2d_params *params, const int8_t *input, int8_t *output) {
    const int32_t row_bytes = (int32_t)params->input_width * params->input_channels;
    const lp_profile_channel *channels = lp_channels(params->channels);
    const int32_t weights_row = (int32_t)params->kernel_width * params->input_channels;
    for (int32_t y = 0; y < params->output_height; y++) {
        const lp_span rows = lp_inside(y * params->stride_y - params->padding_top, params->kernel_height,
                                       params->dilation_y, params->input_height);
        for (int32_t x = 0; x < params->output_width; x++) {
            const lp_span columns = lp_inside(x * params->stride_x - params->padding_left,
                                              params->kernel_width, params->dilation_x, params->input_width);
            const int8_t *weights = params->weights;
            for (int32_t channel = 0; channel < params->output_channels; channel++) {
                int32_t sum = channels[channel].bias;
                for (int32_t row = 0; row < params->kernel_height; row++, weights += weights_row) {
                    if (row < rows.begin || row >= rows.end) {
                        sum += lp_sum_s8(weights, weights_row) * params->input_zero_point;
                    } else {
                        const int8_t *input_row = input + (rows.start + row * params->dilation_y) * row_bytes;
                        sum += kernel_row(params, weights, input_row, columns);
                    }
                }
                *output++ = lp_output(&channels[channel], sum, params->shift, params->output_zero_point,
                                      params->minimum, params->maximum);
            }
        }
    }
}

#endif
