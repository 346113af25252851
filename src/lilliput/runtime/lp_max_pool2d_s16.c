#define LP_FLOAT 0
#include "lp_wide_max_pool2d.h"

void lp_max_pool2d_s16(const lp_pool_s16_params *params, const void *input, void *output) {
    max_pool2d(params, input, output);
}
