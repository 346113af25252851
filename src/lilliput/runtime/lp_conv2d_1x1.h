#ifndef LP_CONV2D_1X1_H
#define LP_CONV2D_1X1_H

#include "lp_profile.h"

LP_INLINE void conv2d_1x1(const lp_conv2d_params *params, const int8_t *input, int8_t *output) {
    const int32_t depth = params->input_channels;
    const lp_profile_channel *channels = lp_channels(params->channels);
    const int32_t pixels = (int32_t)params->output_height * params->output_width;
    for (int32_t pixel = 0; pixel < pixels; pixel++, input += depth) {
        const int8_t *weights = params->weights;
        for (int32_t channel = 0; channel < params->output_channels; channel++, weights += depth) {
            const int32_t sum = channels[channel].bias + lp_dot_s8(weights, input, depth);
            *output++ = lp_output(&channels[channel], sum, params->shift, params->output_zero_point,
                                  params->minimum, params->maximum);
        }
    }
}

#endif
