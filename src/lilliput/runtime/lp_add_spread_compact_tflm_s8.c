#include "lp_add_tflm.h"
#include "lp_compact.h"

#define LP_PARAMS lp_add_spread_tflm_params

/* An input, scaled; its factor is a half where its scale is 0. */
LP_INLINE int32_t scaled(lp_factor factor, int32_t difference, int32_t sign) {
    if (factor.scale == 0) {
        return difference * sign * ((int32_t)1 << (LP_LEFT_SHIFT - 1));
    }
    return lp_scale_twice_tflm(lp_shifted_left(difference, LP_LEFT_SHIFT), factor.multiplier, factor.scale,
                               0) *
           sign;
}

LP_INLINE int32_t lp_other(const lp_add_spread_tflm_params *params, int32_t other) {
    return scaled(params->other_factor, other - params->other_zero_point, params->other_sign);
}

LP_INLINE int32_t lp_pair_of(const lp_add_spread_tflm_params *params, int32_t whole, int32_t other) {
    const int32_t sum =
        scaled(params->whole_factor, whole - params->whole_zero_point, params->whole_sign) + other;
    return lp_scale_twice_tflm(sum, params->output_factor.multiplier, params->output_factor.scale,
                               params->output_zero_point);
}

#include "lp_pairs.h"

void lp_add_spread_compact_tflm_s8(const lp_add_spread_tflm_params *params, const int8_t *whole,
                                   const int8_t *other, int8_t *output) {
    lp_each_pair(params, whole, other, output);
}
