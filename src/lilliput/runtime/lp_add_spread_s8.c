#include "lp_internal.h"

#define LP_PARAMS lp_add_spread_params

LP_INLINE int32_t lp_other(const lp_add_spread_params *params, int32_t other) {
    return other * params->other_multiplier + params->offset;
}

LP_INLINE int32_t lp_pair_of(const lp_add_spread_params *params, int32_t whole, int32_t other) {
    return (whole * params->whole_multiplier + other) >> params->shift;
}

#include "lp_pairs.h"

void lp_add_spread_s8(const lp_add_spread_params *params, const int8_t *whole, const int8_t *other,
                      int8_t *output) {
    lp_each_pair(params, whole, other, output);
}
