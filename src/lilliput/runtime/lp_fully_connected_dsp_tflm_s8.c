#define LP_TFLM 1
#include "lp_fully_connected_dsp.h"

void lp_fully_connected_dsp_tflm_s8(const lp_fully_connected_dsp_params *params, const int8_t *input,
                                    int8_t *output) {
    fully_connected_dsp(params, input, output);
}
