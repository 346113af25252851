#define LP_TFLM 1
#include "lp_conv2d.h"

void lp_conv2d_tflm_s8(const lp_conv2d_params *params, const int8_t *input, int8_t *output) {
    conv2d(params, input, output);
}
