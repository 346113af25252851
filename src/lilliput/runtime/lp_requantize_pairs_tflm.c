#define LP_TFLM 1
#include "lp_requantize_pairs.h"

void lp_requantize_pairs_tflm(const lp_pairs_scale *scale, const int32_t *sums, int32_t count,
                              int8_t *output) {
    requantize(scale, sums, count, output);
}
