/* Convolutions with weights of less than a byte, some channels at a time: their weights are unpacked, then
 * they are computed as those of a byte are. */
#ifndef LP_CONV2D_PLANES_H
#define LP_CONV2D_PLANES_H

#include "lp_dsp.h"
#include "lp_planes.h"

/* What computes channels whose weights are unpacked. */
typedef void part_function(const lp_conv2d_params *part, const int8_t *input, int8_t *output, int32_t step,
                           void *scratch);

/* All channels; `are_bytes` says whether those functions take weights as bytes and limit outputs one by one.
 */
LP_INLINE void conv2d_planes(const lp_planes_params *params, const int8_t *input, int8_t *output,
                             void *scratch, int32_t are_bytes, part_function *compute) {
    const int32_t channels = params->conv.output_channels;
    const uint32_t guard = are_bytes ? LP_GUARD_BYTES : LP_GUARD_HALVES;
    const lp_channel *constants = (const lp_channel *)params->conv.channels;
    const uint32_t *weights = params->weights;
    lp_conv2d_params part = params->conv;
    part.weights = (const int8_t *)scratch;
    if (!are_bytes) {
        part.minimum = -128; /* limits are for outputs that lie side by side */
        part.maximum = 127;
    }
    for (int32_t first = 0; first < channels; first += params->chunk_channels) {
        const int32_t count = lp_minimum(params->chunk_channels, channels - first);
        weights = params->unpack(weights, count * params->channel_words, guard, 0, (uint32_t *)scratch);
        part.channels = constants + first;
        part.output_channels = (uint16_t)count;
        compute(&part, input, output + first, channels,
                (uint32_t *)scratch + params->chunk_channels * params->channel_words);
    }
    if (!are_bytes && (params->conv.minimum > -128 || params->conv.maximum < 127)) {
        lp_limit_outputs(output, (int32_t)params->conv.output_height * params->conv.output_width * channels,
                         params->conv.minimum, params->conv.maximum);
    }
}

#endif
