#define LP_TFLM 0
#include "lp_depthwise_conv2d_windows_mve.h"

void lp_depthwise_conv2d_windows_mve_s8(const lp_conv2d_params *params, const int8_t *input, int8_t *output,
                                        void *scratch) {
    depthwise_conv2d_windows_mve(params, input, output, scratch);
}
