#include "lp_dsp.h"

#define LP_PARAMS lp_add_spread_params

typedef struct {
    int32_t zero_first, zero_second;
    int32_t first_multiplier, second_multiplier, offset, shift;
    int32_t swaps;
} constants;

LP_INLINE void take_constants(constants *own, const lp_add_spread_params *params) {
    const constants made = {
        0, 0, params->whole_multiplier, params->other_multiplier, params->offset, params->shift, 0};
    *own = made;
}

LP_INLINE int32_t pair_of(const constants *own, int32_t whole, int32_t other) {
    const int32_t sum = (int16_t)other * (int16_t)own->second_multiplier + own->offset;
    return ((int16_t)whole * (int16_t)own->first_multiplier + sum) >> own->shift;
}

#include "lp_pairs_dsp.h"

void lp_add_spread_dsp_s8(const lp_add_spread_params *params, const int8_t *whole, const int8_t *other,
                          int8_t *output) {
    each_pair(params, whole, other, output);
}
