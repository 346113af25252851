#define LP_FLOAT 0
#define LP_WEIGHT int8_t
#include "lp_wide_conv2d.h"

void lp_conv2d_s16(const lp_weighted_s16_params *params, const void *input, void *output) {
    conv2d(params, input, output);
}
