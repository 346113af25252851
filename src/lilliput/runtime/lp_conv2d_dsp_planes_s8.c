#define LP_TFLM 0
#include "lp_conv2d_dsp.h"
#include "lp_conv2d_planes.h"

void lp_conv2d_dsp_planes_s8(const lp_planes_params *params, const int8_t *input, int8_t *output,
                             void *scratch) {
    conv2d_planes(params, input, output, scratch, 0, conv2d_dsp);
}
