#define LP_FLOAT 0
#define LP_WEIGHT int8_t
#include "lp_wide_depthwise_conv2d.h"

void lp_depthwise_conv2d_s16(const lp_weighted_s16_params *params, const void *input, void *output) {
    depthwise_conv2d(params, input, output);
}
