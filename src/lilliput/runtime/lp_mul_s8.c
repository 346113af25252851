#include "lp_internal.h"

#define LP_PARAMS lp_mul_params

LP_INLINE int32_t lp_other(const lp_mul_params *params, int32_t other) {
    return (other - params->other_zero_point) * params->multiplier;
}

LP_INLINE int32_t lp_pair_of(const lp_mul_params *params, int32_t whole, int32_t factor) {
    const int32_t product = (whole - params->whole_zero_point) * factor + ((int32_t)1 << (params->shift - 1));
    return (product >> params->shift) + params->output_zero_point;
}

#include "lp_pairs.h"

void lp_mul_s8(const lp_mul_params *params, const int8_t *whole, const int8_t *other, int8_t *output) {
    lp_each_pair(params, whole, other, output);
}
