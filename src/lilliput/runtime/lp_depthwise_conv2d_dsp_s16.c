#define LP_WEIGHT_BYTES 1
#include "lp_wide_depthwise_conv2d_dsp.h"

void lp_depthwise_conv2d_dsp_s16(const lp_weighted_s16_params *params, const void *input, void *output) {
    depthwise_conv2d_fours(params, input, output);
}
