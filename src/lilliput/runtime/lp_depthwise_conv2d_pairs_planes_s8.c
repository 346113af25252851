#include "lp_depthwise_conv2d_planes.h"

void lp_depthwise_conv2d_pairs_planes_s8(const lp_planes_params *params, const int8_t *input, int8_t *output,
                                        void *scratch) {
    depthwise_conv2d_planes(params, input, output, scratch, lp_depthwise_conv2d_pairs_s8);
}
