#include "lp_whole_planes.h"

void lp_conv2d_rows_dsp_planes_s8(const lp_planes_params *params, const int8_t *input, int8_t *output,
                                  void *scratch) {
    computed_unpacked(params, input, output, scratch, LP_GUARD_HALVES, lp_conv2d_rows_dsp_s8);
}
