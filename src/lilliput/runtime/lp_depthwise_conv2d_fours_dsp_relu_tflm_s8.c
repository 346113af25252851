#define LP_TFLM 1
#define LP_RELU 1
#include "lp_depthwise_conv2d_fours_dsp.h"

void lp_depthwise_conv2d_fours_dsp_relu_tflm_s8(const lp_conv2d_params *params, const int8_t *input,
                                                int8_t *output, void *scratch) {
    depthwise_conv2d_fours_dsp(params, input, output, scratch);
}
