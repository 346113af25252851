#define LP_FROM int16_t
#define LP_TO int8_t
#include "lp_wide_requantize.h"

void lp_requantize_s16_s8(const lp_requantize_params *params, const void *input, void *output) {
    requantize(params, input, output);
}
