#include "lp_internal.h"

void lp_requantize_u8(const lp_requantize_params *params, const uint8_t *input, int8_t *output) {
    for (uint32_t i = 0; i < params->elements; i++) {
        const int32_t value = (input[i] * params->multiplier + params->offset) >> params->shift;
        output[i] = (int8_t)lp_minimum(lp_maximum(value, params->minimum), params->maximum);
    }
}
