/* How sums over windows become means. */
#ifndef LP_MEAN_H
#define LP_MEAN_H

#include "lp_profile.h"

#if LP_TFLM

static const lp_pool_scale *find_scale(const lp_average_pool2d_params *params, int32_t elements) {
    (void)elements;
    return params->scales;
}

/* A sum scaled, or divided to nearest, halves away from zero. */
static int32_t mean(const lp_pool_scale *scale, int32_t sum, int32_t elements) {
    if (scale != 0) {
        return lp_scale_tflm(sum, scale->multiplier, scale->shift);
    }
    return (sum > 0 ? sum + elements / 2 : sum - elements / 2) / elements;
}

static int8_t output_of(const lp_average_pool2d_params *params, const lp_pool_scale *scale, int32_t sum,
                        int32_t elements) {
    const int32_t value = mean(scale, sum, elements) + params->output_zero_point;
    return (int8_t)lp_minimum(lp_maximum(value, params->minimum), params->maximum);
}

#else

static const lp_pool_scale *find_scale(const lp_average_pool2d_params *params, int32_t elements) {
    const lp_pool_scale *scale = params->scales;
    while (scale->count != elements) {
        scale++;
    }
    return scale;
}

static int8_t output_of(const lp_average_pool2d_params *params, const lp_pool_scale *scale, int32_t sum,
                        int32_t elements) {
    (void)elements;
    return lp_requantize(sum, scale->multiplier, scale->shift, params->output_zero_point, params->minimum,
                         params->maximum);
}

#endif

#endif
