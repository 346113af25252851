#define LP_TFLM 1
#include "lp_conv2d_1x1.h"

void lp_conv2d_1x1_tflm_s8(const lp_conv2d_params *params, const int8_t *input, int8_t *output) {
    conv2d_1x1(params, input, output);
}
