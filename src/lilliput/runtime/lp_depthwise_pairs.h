/* Depthwise convolution of one channel after the other, two neighbouring outputs in one word. */
#ifndef LP_DEPTHWISE_PAIRS_H
#define LP_DEPTHWISE_PAIRS_H

#include "lp_pixel_pairs.h"

/* One row of windows.  The assembly knows the place of every field. */
typedef struct {
    const int32_t *inputs;  /* word k of a row holds columns k and k + stride */
    const int32_t *weights; /* row by row */
    int32_t *sums;          /* of `pairs` pairs of outputs */
    int32_t pairs;
    int32_t row_words; /* of inputs */
    int32_t pair_step; /* words of inputs from pair to pair */
    int32_t kernel_height, kernel_width;
} lp_windows;

/* Sums of a row of windows. */
void lp_sum_windows_pairs(const lp_windows *windows);

#endif
