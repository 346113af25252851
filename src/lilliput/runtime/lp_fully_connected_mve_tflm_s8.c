#define LP_TFLM 1
#include "lp_fully_connected_mve.h"

void lp_fully_connected_mve_tflm_s8(const lp_fully_connected_params *params, const int8_t *input,
                                    int8_t *output) {
    fully_connected_mve(params, input, output);
}
