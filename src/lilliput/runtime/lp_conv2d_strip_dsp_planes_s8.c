#define LP_TFLM 0
#include "lp_conv2d_planes.h"
#include "lp_conv2d_strip_dsp.h"

void lp_conv2d_strip_dsp_planes_s8(const lp_planes_params *params, const int8_t *input, int8_t *output,
                                   void *scratch) {
    conv2d_planes(params, input, output, scratch, conv2d_strip_dsp);
}
