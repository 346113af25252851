#define LP_TFLM 0
#include "lp_depthwise_conv2d_taps_dsp.h"

void lp_depthwise_conv2d_taps_dsp_s8(const lp_conv2d_params *params, const int8_t *input, int8_t *output) {
    depthwise_conv2d_taps_dsp(params, input, output);
}
