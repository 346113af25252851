#define LP_TFLM 0
#include "lp_conv2d_pairs.h"
#include "lp_conv2d_planes.h"

static void compute_part(const lp_conv2d_params *part, const int8_t *input, int8_t *output, int32_t step,
                         void *scratch) {
    const int32_t elements = lp_pairs_fill(lp_window_elements(part), (int32_t *)scratch);
    conv2d_pairs(part, input, output, step, elements, scratch);
}

void lp_conv2d_pairs_planes_s8(const lp_planes_params *params, const int8_t *input, int8_t *output,
                               void *scratch) {
    conv2d_planes(params, input, output, scratch, 1, compute_part);
}
