#define LP_FROM int8_t
#define LP_TO int16_t
#include "lp_wide_requantize.h"

void lp_requantize_s8_s16(const lp_requantize_params *params, const void *input, void *output) {
    requantize(params, input, output);
}
