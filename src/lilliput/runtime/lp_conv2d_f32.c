#define LP_FLOAT 1
#define LP_WEIGHT float
#include "lp_wide_conv2d.h"

void lp_conv2d_f32(const lp_weighted_f32_params *params, const void *input, void *output) {
    conv2d(params, input, output);
}
