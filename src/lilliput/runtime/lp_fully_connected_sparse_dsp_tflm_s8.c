#define LP_TFLM 1
#include "lp_fully_connected_sparse_dsp.h"

void lp_fully_connected_sparse_dsp_tflm_s8(const lp_fully_connected_dsp_params *params, const int8_t *input,
                                           int8_t *output, void *scratch) {
    fully_connected_sparse_dsp(params, input, output, scratch);
}
