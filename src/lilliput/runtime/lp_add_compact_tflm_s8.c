#include "lp_add_tflm.h"
#include "lp_compact.h"

void lp_add_compact_tflm_s8(const lp_add_tflm_params *params, const int8_t *input_1, const int8_t *input_2,
                            int8_t *output) {
    for (uint32_t left = params->elements; left > 0; left--) {
        const int32_t value = lp_add_one(*input_1++ - params->zero_point_1, *input_2++ - params->zero_point_2,
                                         params->factor_2, params->output_factor, params->output_zero_point);
        *output++ = (int8_t)lp_minimum(lp_maximum(value, params->minimum), params->maximum);
    }
}
