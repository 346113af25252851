#include "lp_internal.h"

void lp_requantize_s8(const lp_requantize_params *params, const int8_t *input, int8_t *output) {
    const int32_t multiplier = params->multiplier;
    const int32_t offset = params->offset;
    const int32_t shift = params->shift;
    const int32_t minimum = params->minimum;
    const int32_t maximum = params->maximum;
    for (uint32_t left = params->elements; left > 0; left--) {
        const int32_t value = (*input++ * multiplier + offset) >> shift;
        *output++ = (int8_t)lp_minimum(lp_maximum(value, minimum), maximum);
    }
}
