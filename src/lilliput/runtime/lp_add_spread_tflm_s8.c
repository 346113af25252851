#include "lp_internal.h"

#define LP_PARAMS lp_add_spread_tflm_params
#define LEFT_SHIFT 20

LP_INLINE int32_t lp_other(const lp_add_spread_tflm_params *params, int32_t other) {
    const int32_t wide = (other - params->other_zero_point) * ((int32_t)1 << LEFT_SHIFT);
    return lp_scale_tflm(wide, params->other_factor.multiplier, params->other_factor.scale) *
           params->other_sign;
}

LP_INLINE int32_t lp_pair_of(const lp_add_spread_tflm_params *params, int32_t whole, int32_t other) {
    const int32_t wide = (whole - params->whole_zero_point) * ((int32_t)1 << LEFT_SHIFT);
    const int32_t scaled = lp_scale_tflm(wide, params->whole_factor.multiplier, params->whole_factor.scale);
    const int32_t sum = scaled * params->whole_sign + other;
    return lp_scale_tflm(sum, params->output_factor.multiplier, params->output_factor.scale) +
           params->output_zero_point;
}

#include "lp_pairs.h"

void lp_add_spread_tflm_s8(const lp_add_spread_tflm_params *params, const int8_t *whole, const int8_t *other,
                           int8_t *output) {
    lp_each_pair(params, whole, other, output);
}
