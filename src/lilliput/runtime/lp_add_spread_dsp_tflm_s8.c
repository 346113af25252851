/* The first of a pair is the one whose factor is a half.  Signs are those of the elements, before they are
 * scaled: the sign of the second one is only negative where that makes no difference to rounding. */
#include "lp_add_tflm.h"

#define LP_PARAMS lp_add_spread_tflm_params

typedef struct {
    int32_t zero_first, zero_second, zero_point;
    int32_t first_factor, second_shifted;
    lp_factor second_factor, output_factor;
    int32_t swaps;
} constants;

LP_INLINE void take_constants(constants *own, const lp_add_spread_tflm_params *params) {
    const int32_t swaps = params->whole_factor.scale != 0;
    own->zero_first = swaps ? params->other_zero_point : params->whole_zero_point;
    own->zero_second = swaps ? params->whole_zero_point : params->other_zero_point;
    own->zero_point = params->output_zero_point;
    own->first_factor =
        (swaps ? params->other_sign : params->whole_sign) * ((int32_t)1 << (LP_LEFT_SHIFT - 1));
    own->second_shifted = (swaps ? params->whole_sign : params->other_sign) * ((int32_t)1 << LP_LEFT_SHIFT);
    own->second_factor = swaps ? params->whole_factor : params->other_factor;
    own->output_factor = params->output_factor;
    own->swaps = swaps;
}

/* a * b, of which the upper bits are lost. */
LP_INLINE int32_t product(int32_t a, int32_t b) {
    return (int32_t)((uint32_t)a * (uint32_t)b);
}

LP_INLINE int32_t pair_of(const constants *own, int32_t first, int32_t second) {
    const int32_t sum =
        lp_scale_twice_tflm(product(second, own->second_shifted), own->second_factor.multiplier,
                            own->second_factor.scale, product(first, own->first_factor));
    return lp_scale_twice_tflm(sum, own->output_factor.multiplier, own->output_factor.scale, own->zero_point);
}

#include "lp_pairs_dsp.h"

void lp_add_spread_dsp_tflm_s8(const lp_add_spread_tflm_params *params, const int8_t *whole,
                               const int8_t *other, int8_t *output) {
    each_pair(params, whole, other, output);
}
