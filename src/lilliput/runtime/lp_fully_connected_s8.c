#include "lp_internal.h"

void lp_fully_connected_s8(const lp_fully_connected_params *params, const int8_t *input, int8_t *output) {
    const int8_t *weights = params->weights;
    for (int32_t unit = 0; unit < params->outputs; unit++, weights += params->inputs) {
        const int32_t sum = params->channels[unit].bias + lp_dot_s8(weights, input, params->inputs);
        output[unit] = lp_requantize(sum, params->channels[unit].multiplier, params->shift,
                                     params->output_zero_point, params->minimum, params->maximum);
    }
}
