#define LP_FLOAT 1
#define LP_WEIGHT float
#include "lp_wide_depthwise_conv2d.h"

void lp_depthwise_conv2d_f32(const lp_weighted_f32_params *params, const void *input, void *output) {
    depthwise_conv2d(params, input, output);
}
