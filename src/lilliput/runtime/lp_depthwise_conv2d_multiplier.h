#ifndef LP_DEPTHWISE_CONV2D_MULTIPLIER_H
#define LP_DEPTHWISE_CONV2D_MULTIPLIER_H

#include "lp_profile.h"

/* Sum over the window for one output channel; `image` begins at its input channel, `weights` at its first
 * tap. */
static int32_t window(const lp_conv2d_params *params, const int8_t *image, const int8_t *weights,
                      lp_span rows, lp_span columns) {
    int32_t sum = 0;
    for (int32_t row = rows.begin; row < rows.end; row++) {
        const int32_t y = rows.start + row * params->dilation_y;
        for (int32_t column = columns.begin; column < columns.end; column++) {
            const int32_t x = columns.start + column * params->dilation_x;
            const int32_t tap = weights[(row * params->kernel_width + column) * params->output_channels];
            sum += tap *
                   (image[(y * params->input_width + x) * params->input_channels] - params->input_zero_point);
        }
    }
    return sum;
}

LP_INLINE void depthwise_conv2d_multiplier(const lp_conv2d_params *params, const int8_t *input,
                                           int8_t *output) {
    const lp_profile_channel *channels = lp_channels(params->channels);
    const int32_t multiplier = params->output_channels / params->input_channels;
    for (int32_t y = 0; y < params->output_height; y++) {
        const lp_span rows = lp_inside(y * params->stride_y - params->padding_top, params->kernel_height,
                                       params->dilation_y, params->input_height);
        for (int32_t x = 0; x < params->output_width; x++) {
            const lp_span columns = lp_inside(x * params->stride_x - params->padding_left,
                                              params->kernel_width, params->dilation_x, params->input_width);
            for (int32_t channel = 0; channel < params->output_channels; channel++) {
                const int32_t sum = channels[channel].bias + window(params, input + channel / multiplier,
                                                                    params->weights + channel, rows, columns);
                *output++ = lp_output(&channels[channel], sum, params->shift, params->output_zero_point,
                                      params->minimum, params->maximum);
            }
        }
    }
}

#endif
