#include "lp_internal.h"

void lp_conv2d_1x1_s8(const lp_conv2d_params *params, const int8_t *input, int8_t *output) {
    const int32_t depth = params->input_channels;
    const int32_t pixels = (int32_t)params->output_height * params->output_width;
    for (int32_t pixel = 0; pixel < pixels; pixel++, input += depth) {
        const int8_t *weights = params->weights;
        for (int32_t channel = 0; channel < params->output_channels; channel++, weights += depth) {
            const int32_t sum = params->channels[channel].bias + lp_dot_s8(weights, input, depth);
            *output++ = lp_requantize(sum, params->channels[channel].multiplier, params->shift,
                                      params->output_zero_point, params->minimum, params->maximum);
        }
    }
}
