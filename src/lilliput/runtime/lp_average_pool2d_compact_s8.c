#define LP_TFLM 0
#include "lp_average_pool2d_compact.h"

void lp_average_pool2d_compact_s8(const lp_average_pool2d_params *params, const int8_t *input,
                                  int8_t *output) {
    average_pool2d_compact(params, input, output);
}
