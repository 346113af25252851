#define LP_FLOAT 0
#include "lp_wide.h"

LP_INLINE int16_t lp_pair_of(const lp_pair_params *params, int32_t whole, int32_t other) {
    const int64_t product = lp_scaled((int64_t)whole * other, params->whole_multiplier, params->shift);
    return lp_cut_long(product, params->minimum, params->maximum);
}

#include "lp_wide_pairs.h"

void lp_mul_s16(const lp_pair_s16_params *params, const void *whole, const void *other, void *output) {
    each_pair(params, whole, other, output);
}
