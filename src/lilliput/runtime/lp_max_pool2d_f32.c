#define LP_FLOAT 1
#include "lp_wide_max_pool2d.h"

void lp_max_pool2d_f32(const lp_pool_f32_params *params, const void *input, void *output) {
    max_pool2d(params, input, output);
}
