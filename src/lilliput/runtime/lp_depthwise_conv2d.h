#ifndef LP_DEPTHWISE_CONV2D_H
#define LP_DEPTHWISE_CONV2D_H

#include "lp_profile.h"

/* Channels that are summed side by side, so that compilers find vectors where there are any. */
#define BLOCK 16

/* `count` channels of one output pixel; `image` and `weights` begin at the first of them. */
static void channels_of_pixel(const lp_conv2d_params *params, const int8_t *image, const int8_t *weights,
                              const lp_profile_channel *channels, lp_span rows, lp_span columns,
                              int32_t count, int8_t *output) {
    const int32_t depth = params->input_channels;
    const int32_t zero_point = params->input_zero_point;
    int32_t sums[BLOCK];
    for (int32_t i = 0; i < count; i++) {
        sums[i] = channels[i].bias;
    }
    for (int32_t row = rows.begin; row < rows.end; row++) {
        const int32_t y = rows.start + row * params->dilation_y;
        for (int32_t column = columns.begin; column < columns.end; column++) {
            const int32_t x = columns.start + column * params->dilation_x;
            const int8_t *pixel = image + (y * params->input_width + x) * depth;
            const int8_t *tap = weights + (row * params->kernel_width + column) * depth;
            for (int32_t i = 0; i < count; i++) {
                sums[i] += (pixel[i] - zero_point) * tap[i];
            }
        }
    }
    for (int32_t i = 0; i < count; i++) {
        output[i] = lp_output(&channels[i], sums[i], params->shift, params->output_zero_point,
                              params->minimum, params->maximum);
    }
}

LP_INLINE void depthwise_conv2d(const lp_conv2d_params *params, const int8_t *input, int8_t *output) {
    const int32_t depth = params->input_channels;
    for (int32_t y = 0; y < params->output_height; y++) {
        const lp_span rows = lp_inside(y * params->stride_y - params->padding_top, params->kernel_height,
                                       params->dilation_y, params->input_height);
        for (int32_t x = 0; x < params->output_width; x++, output += depth) {
            const lp_span columns = lp_inside(x * params->stride_x - params->padding_left,
                                              params->kernel_width, params->dilation_x, params->input_width);
            for (int32_t first = 0; first < depth; first += BLOCK) {
                channels_of_pixel(params, input + first, params->weights + first,
                                  lp_channels(params->channels) + first, rows, columns,
                                  lp_minimum(BLOCK, depth - first), output + first);
            }
        }
    }
}

#endif
