#include "lp_whole_planes.h"

static void compute(const lp_conv2d_params *params, const int8_t *input, int8_t *output, void *scratch) {
    (void)scratch;
    lp_depthwise_conv2d_taps_dsp_s8(params, input, output);
}

void lp_depthwise_conv2d_taps_dsp_planes_s8(const lp_planes_params *params, const int8_t *input,
                                            int8_t *output, void *scratch) {
    computed_unpacked(params, input, output, scratch, LP_GUARD_BYTES, compute);
}
