#define LP_BITS 5
#include "lp_multiply_planes.h"

int32_t lp_multiply_planes_5(const uint32_t *weights, const int8_t *inputs, int32_t count) {
    return multiply_planes(weights, inputs, count);
}
