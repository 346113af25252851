#define LP_TFLM 1
#include "lp_depthwise_conv2d_multiplier.h"

void lp_depthwise_conv2d_multiplier_tflm_s8(const lp_conv2d_params *params, const int8_t *input,
                                            int8_t *output) {
    depthwise_conv2d_multiplier(params, input, output);
}
