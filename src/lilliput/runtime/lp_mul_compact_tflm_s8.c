#include "lp_compact.h"
#include "lp_internal.h"

#define LP_PARAMS lp_mul_params

LP_INLINE int32_t lp_other(const lp_mul_params *params, int32_t other) {
    return other - params->other_zero_point;
}

LP_INLINE int32_t lp_pair_of(const lp_mul_params *params, int32_t whole, int32_t other) {
    const int32_t product = (whole - params->whole_zero_point) * other;
    return lp_scale_twice_tflm(product, params->multiplier, params->shift, params->output_zero_point);
}

#include "lp_pairs.h"

void lp_mul_compact_tflm_s8(const lp_mul_params *params, const int8_t *whole, const int8_t *other,
                            int8_t *output) {
    lp_each_pair(params, whole, other, output);
}
