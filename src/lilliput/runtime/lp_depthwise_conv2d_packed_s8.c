#include "lp_formats.h"

void lp_depthwise_conv2d_packed_s8(const lp_packed_params *params, const int8_t *input, int8_t *output,
                                   void *scratch) {
    lp_conv2d_params conv = params->conv;
    const uint32_t taps = (uint32_t)conv.kernel_height * conv.kernel_width * conv.output_channels;
    int8_t *weights = (int8_t *)scratch;
    lp_unpack(params->weights, params->weight_bits, 0, taps, weights);
    conv.weights = weights;
    lp_depthwise_conv2d_multiplier_s8(&conv, input, output);
}
