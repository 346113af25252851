#define LP_FLOAT 1
#include "lp_wide.h"

LP_INLINE float lp_pair_of(const lp_pair_params *params, float whole, float other) {
    const float sum = whole * params->whole_sign + other * params->other_sign;
    return lp_cut(sum, params->minimum, params->maximum);
}

#include "lp_wide_pairs.h"

void lp_add_f32(const lp_pair_f32_params *params, const void *whole, const void *other, void *output) {
    each_pair(params, whole, other, output);
}
