#define LP_FLOAT 0
#include "lp_wide.h"

LP_INLINE int16_t lp_pair_of(const lp_pair_params *params, int32_t whole, int32_t other) {
    const int32_t half = (int32_t)1 << (params->shift - 1);
    const int32_t sum = whole * params->whole_multiplier + other * params->other_multiplier + half;
    return lp_cut(sum >> params->shift, params->minimum, params->maximum);
}

#include "lp_wide_pairs.h"

void lp_add_s16(const lp_pair_s16_params *params, const void *whole, const void *other, void *output) {
    each_pair(params, whole, other, output);
}
