#define LP_FLOAT 0
#include "lp_wide_pad.h"

void lp_pad_s16(const lp_pad_s16_params *params, const void *input, void *output) {
    pad(params, input, output);
}
