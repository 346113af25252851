#ifndef LP_CONV2D_MVE_H
#define LP_CONV2D_MVE_H

#include "lp_mve_window.h"

LP_INLINE void conv2d_mve(const lp_conv2d_params *params, const int8_t *input, int8_t *output,
                          void *scratch) {
    const int32_t elements = (int32_t)params->kernel_height * params->kernel_width * params->input_channels;
    const int32_t is_pointwise = elements == params->input_channels && params->stride_y == 1 &&
                                 params->stride_x == 1 && params->output_height == params->input_height &&
                                 params->output_width == params->input_width;
    int8_t *const windows = (int8_t *)scratch;
    int32_t y = 0;
    int32_t x = 0;
    lp_mve_matrix matrix;
    matrix.weights = params->weights;
    matrix.channels = lp_channels(params->channels);
    matrix.outputs = params->output_channels;
    matrix.count = elements;
    matrix.shift = params->shift;
    matrix.zero_point = params->output_zero_point;
    matrix.minimum = params->minimum;
    matrix.maximum = params->maximum;
    for (int32_t left = params->output_height * params->output_width; left > 0; left -= LP_MVE_PIXELS) {
        const int32_t count = lp_minimum(left, LP_MVE_PIXELS);
        if (is_pointwise) {
            lp_mve_copy(input, windows, count * elements);
            input += count * elements;
        } else {
            for (int32_t i = 0; i < count; i++) {
                lp_mve_gather(params, input, y, x, windows + i * elements);
                if (++x == params->output_width) {
                    x = 0;
                    y++;
                }
            }
        }
        lp_mve_multiply(&matrix, windows, count, output);
        output += count * matrix.outputs;
    }
}

#endif
