/* Depthwise convolutions with weights of less than a byte: all are unpacked, then it is computed as one with
 * those of a byte. */
#ifndef LP_DEPTHWISE_CONV2D_PLANES_H
#define LP_DEPTHWISE_CONV2D_PLANES_H

#include "lp_planes.h"

LP_INLINE void depthwise_conv2d_planes(const lp_planes_params *params, const int8_t *input, int8_t *output,
                                       void *scratch,
                                       void (*compute)(const lp_conv2d_params *, const int8_t *, int8_t *,
                                                       void *)) {
    lp_conv2d_params conv = params->conv;
    const int32_t words = ((int32_t)conv.kernel_height * conv.kernel_width * conv.output_channels + 3) / 4;
    (void)params->unpack(params->weights, words, LP_GUARD_BYTES, params->doublings, (uint32_t *)scratch);
    conv.weights = (const int8_t *)scratch;
    compute(&conv, input, output, (uint32_t *)scratch + words);
}

#endif
