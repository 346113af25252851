#define LP_TFLM 1
#define LP_RELU 1
#include "lp_conv2d_dsp.h"

void lp_conv2d_dsp_relu_tflm_s8(const lp_conv2d_params *params, const int8_t *input, int8_t *output,
                                void *scratch) {
    conv2d_dsp(params, input, output, params->output_channels, scratch);
}
