/* Weights of LP_WEIGHT_BYTES that meet inputs of 16 bits, and sums of their products. */
#ifndef LP_WIDE_SUMS_H
#define LP_WIDE_SUMS_H

#include "lp_internal.h"

#if LP_WEIGHT_BYTES == 2
typedef int64_t lp_wide_sum;
typedef int16_t lp_wide_weight;
#else
typedef int32_t lp_wide_sum;
typedef int8_t lp_wide_weight;
#endif

#endif
