/* Convolutions with weights of less than a byte, all of which are unpacked before a kernel for those of a
 * byte computes it. */
#ifndef LP_WHOLE_PLANES_H
#define LP_WHOLE_PLANES_H

#include "lp_planes.h"

LP_INLINE void computed_unpacked(const lp_planes_params *params, const int8_t *input, int8_t *output,
                                 void *scratch, uint32_t guard,
                                 void (*compute)(const lp_conv2d_params *, const int8_t *, int8_t *,
                                                 void *)) {
    lp_conv2d_params conv = params->conv;
    const int32_t words = (int32_t)params->chunk_channels * params->channel_words;
    (void)params->unpack(params->weights, words, guard, params->doublings, (uint32_t *)scratch);
    conv.weights = (const int8_t *)scratch;
    compute(&conv, input, output, (uint32_t *)scratch + words);
}

#endif
