#include "lp_dsp.h"

#define LP_PARAMS lp_mul_params

typedef struct {
    int32_t zero_first, zero_second, zero_point;
    int32_t multiplier;
    int32_t swaps;
} constants;

LP_INLINE void take_constants(constants *own, const lp_mul_params *params) {
    const constants made = {params->whole_zero_point, params->other_zero_point, params->output_zero_point,
                            params->multiplier, 0};
    *own = made;
}

LP_INLINE int32_t pair_of(const constants *own, int32_t whole, int32_t other) {
    return lp_scale_once((int16_t)whole * (int16_t)other, own->multiplier, own->zero_point);
}

#include "lp_pairs_dsp.h"

void lp_mul_dsp_s8(const lp_mul_params *params, const int8_t *whole, const int8_t *other, int8_t *output) {
    each_pair(params, whole, other, output);
}
