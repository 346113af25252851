#define LP_FLOAT 1
#include "lp_wide_average_pool2d.h"

void lp_average_pool2d_f32(const lp_pool_f32_params *params, const void *input, void *output) {
    pool2d(params, input, output);
}
