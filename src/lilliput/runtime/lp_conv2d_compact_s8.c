#define LP_TFLM 0
#include "lp_conv2d_compact.h"

void lp_conv2d_compact_s8(const lp_conv2d_params *params, const int8_t *input, int8_t *output) {
    conv2d_compact(params, input, output);
}
