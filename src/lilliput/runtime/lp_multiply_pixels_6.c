#define LP_TFLM 0
#define LP_BITS 6
#include "lp_multiply_pixels.h"

void lp_multiply_pixels_6(const uint8_t *weights, const uint32_t *inputs, int32_t eights,
                          lp_lane_sums *sums) {
    multiply_pixels(weights, inputs, eights, sums);
}
