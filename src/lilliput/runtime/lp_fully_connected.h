#ifndef LP_FULLY_CONNECTED_H
#define LP_FULLY_CONNECTED_H

#include "lp_profile.h"

LP_INLINE void fully_connected(const lp_fully_connected_params *params, const int8_t *input, int8_t *output) {
    const lp_profile_channel *channels = lp_channels(params->channels);
    const int8_t *weights = params->weights;
    for (int32_t unit = 0; unit < params->outputs; unit++, weights += params->inputs) {
        const int32_t sum = channels[unit].bias + lp_dot_s8(weights, input, params->inputs);
        output[unit] = lp_output(&channels[unit], sum, params->shift, params->output_zero_point,
                                 params->minimum, params->maximum);
    }
}

#endif
