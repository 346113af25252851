/* What sums of the profile `tflm` share on cores with packed 16-bit arithmetic. */
#ifndef LP_ADD_TFLM_H
#define LP_ADD_TFLM_H

#include "lp_dsp.h"

/* Inputs are multiplied by 2**20 and halved, as the first one's factor says. */
#define LP_LEFT_SHIFT 20

/* x * 2**by, of which the upper bits are lost. */
LP_INLINE int32_t lp_shifted_left(int32_t x, int32_t by) {
    return (int32_t)((uint32_t)x << by);
}

/* An output, not yet cut to its range, from differences to the zero points in the low halves. */
LP_INLINE int32_t lp_add_one(int32_t pair_1, int32_t pair_2, lp_factor factor_2, lp_factor output_factor,
                             int32_t zero_point) {
    const int32_t second = lp_scale_twice_tflm(lp_shifted_left(pair_2, LP_LEFT_SHIFT), factor_2.multiplier,
                                               factor_2.scale, lp_shifted_left(pair_1, LP_LEFT_SHIFT - 1));
    return lp_scale_twice_tflm(second, output_factor.multiplier, output_factor.scale, zero_point);
}

#endif
