#define LP_TFLM 1
#include "lp_conv2d_1x1_pairs.h"

void lp_conv2d_1x1_pairs_tflm_s8(const lp_conv2d_params *params, const int8_t *input, int8_t *output,
                                 void *scratch) {
    conv2d_1x1_pairs(params, input, output, params->output_channels, params->input_channels, scratch);
}
