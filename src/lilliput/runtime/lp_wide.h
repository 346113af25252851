/* What a kernel does differently with each kind of number.
 *
 * A kernel for numbers other than int8 stands in a header.  C files compile it, each of which says with
 * LP_WEIGHT what a weight is: float for LP_FLOAT 1, int8_t or int16_t for LP_FLOAT 0.  What flows is then
 * float or int16_t.
 */
#ifndef LP_WIDE_H
#define LP_WIDE_H

#include "lp_formats.h"
#include "lp_internal.h"

#if LP_FLOAT
#define LP_NUMBER(real, whole) real
#else
#define LP_NUMBER(real, whole) whole
#endif

typedef LP_NUMBER(float, int16_t) lp_value;
typedef LP_NUMBER(float, int64_t) lp_sum;
typedef LP_NUMBER(lp_weighted_f32_params, lp_weighted_s16_params) lp_weighted_params;
typedef LP_NUMBER(lp_pool_f32_params, lp_pool_s16_params) lp_pool_params;
typedef LP_NUMBER(lp_pair_f32_params, lp_pair_s16_params) lp_pair_params;
typedef LP_NUMBER(lp_pad_f32_params, lp_pad_s16_params) lp_pad_wide_params;

#if LP_FLOAT

LP_INLINE float lp_cut(float value, float minimum, float maximum) {
    return value < minimum ? minimum : value > maximum ? maximum : value;
}

#define lp_cut_long lp_cut

LP_INLINE float lp_bias(const lp_weighted_f32_params *params, int32_t channel) {
    return params->biases[channel];
}

LP_INLINE float lp_finished(const lp_weighted_f32_params *params, int32_t channel, float sum) {
    (void)channel;
    return lp_cut(sum, params->minimum, params->maximum);
}

#else

LP_INLINE int16_t lp_cut(int32_t value, int16_t minimum, int16_t maximum) {
    return (int16_t)lp_minimum(lp_maximum(value, minimum), maximum);
}

LP_INLINE int16_t lp_cut_long(int64_t value, int16_t minimum, int16_t maximum) {
    return (int16_t)(value < minimum ? minimum : value > maximum ? maximum : value);
}

/* sum * multiplier / 2**shift, rounded to nearest, halves up; the product fits 64 bits. */
LP_INLINE int64_t lp_scaled(int64_t sum, int32_t multiplier, int32_t shift) {
    return (sum * multiplier + ((int64_t)1 << (shift - 1))) >> shift;
}

LP_INLINE int64_t lp_bias(const lp_weighted_s16_params *params, int32_t channel) {
    return params->channels[channel].bias;
}

LP_INLINE int16_t lp_finished(const lp_weighted_s16_params *params, int32_t channel, int64_t sum) {
    return lp_cut_long(lp_scaled(sum, params->channels[channel].multiplier, params->shift), params->minimum,
                       params->maximum);
}

#endif

#endif
