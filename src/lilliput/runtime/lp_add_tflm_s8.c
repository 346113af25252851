#include "lp_internal.h"

#define LEFT_SHIFT 20

void lp_add_tflm_s8(const lp_add_tflm_params *params, const int8_t *input_1, const int8_t *input_2,
                    int8_t *output) {
    const lp_factor factor_1 = params->factor_1;
    const lp_factor factor_2 = params->factor_2;
    const lp_factor output_factor = params->output_factor;
    const int32_t minimum = params->minimum;
    const int32_t maximum = params->maximum;
    for (uint32_t left = params->elements; left > 0; left--) {
        const int32_t value_1 = (*input_1++ - params->zero_point_1) * ((int32_t)1 << LEFT_SHIFT);
        const int32_t value_2 = (*input_2++ - params->zero_point_2) * ((int32_t)1 << LEFT_SHIFT);
        const int32_t sum = lp_scale_tflm(value_1, factor_1.multiplier, factor_1.scale) +
                            lp_scale_tflm(value_2, factor_2.multiplier, factor_2.scale);
        const int32_t value =
            lp_scale_tflm(sum, output_factor.multiplier, output_factor.scale) + params->output_zero_point;
        *output++ = (int8_t)lp_minimum(lp_maximum(value, minimum), maximum);
    }
}
