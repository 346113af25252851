#define LP_TFLM 0
#define LP_BITS 3
#include "lp_multiply_pixels.h"

void lp_multiply_pixels_3(const uint8_t *weights, const uint32_t *inputs, int32_t eights,
                          lp_lane_sums *sums) {
    multiply_pixels(weights, inputs, eights, sums);
}
