#include "lp_compact.h"
#include "lp_internal.h"

void lp_add_compact_s8(const lp_add_params *params, const int8_t *input_1, const int8_t *input_2,
                       int8_t *output) {
    for (uint32_t left = params->elements; left > 0; left--) {
        const int32_t sum =
            *input_1++ * params->multiplier_1 + *input_2++ * params->multiplier_2 + params->offset;
        *output++ = (int8_t)lp_minimum(lp_maximum(sum >> params->shift, params->minimum), params->maximum);
    }
}
