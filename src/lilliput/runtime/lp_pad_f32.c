#define LP_FLOAT 1
#include "lp_wide_pad.h"

void lp_pad_f32(const lp_pad_f32_params *params, const void *input, void *output) {
    pad(params, input, output);
}
