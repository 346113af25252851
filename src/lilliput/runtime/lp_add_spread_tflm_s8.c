#include "lp_internal.h"

#define LP_PARAMS lp_add_spread_tflm_params
#define LEFT_SHIFT 20

LP_INLINE int32_t lp_pair(const lp_add_spread_tflm_params *params, int32_t whole, int32_t other) {
    const int32_t wide_whole = (whole - params->whole_zero_point) * ((int32_t)1 << LEFT_SHIFT);
    const int32_t wide_other = (other - params->other_zero_point) * ((int32_t)1 << LEFT_SHIFT);
    const int32_t sum =
        lp_scale_tflm(wide_whole, params->whole_factor.multiplier, params->whole_factor.scale) *
            params->whole_sign +
        lp_scale_tflm(wide_other, params->other_factor.multiplier, params->other_factor.scale) *
            params->other_sign;
    return lp_scale_tflm(sum, params->output_factor.multiplier, params->output_factor.scale) +
           params->output_zero_point;
}

#include "lp_pairs.h"

void lp_add_spread_tflm_s8(const lp_add_spread_tflm_params *params, const int8_t *whole, const int8_t *other,
                           int8_t *output) {
    lp_each_pair(params, whole, other, output);
}
