/* Convolutions with weights of less than a byte, some channels at a time: their weights are unpacked, then
 * they are computed as those of a byte are. */
#ifndef LP_CONV2D_PLANES_H
#define LP_CONV2D_PLANES_H

#include "lp_dsp.h"
#include "lp_planes.h"

/* What computes channels whose weights are unpacked. */
typedef void part_function(const lp_conv2d_params *part, const int8_t *input, int8_t *output, int32_t step,
                           void *scratch);

/* Gives all outputs the range that is smaller than int8. */
static LP_NOINLINE LP_UNUSED void limit_all(const lp_conv2d_params *conv, int8_t *output) {
    const int8_t *const end =
        output + (int32_t)conv->output_height * conv->output_width * conv->output_channels;
#if LP_DSP
    const uint32_t least = (uint8_t)conv->minimum * 0x01010101u;
    const uint32_t most = (uint8_t)conv->maximum * 0x01010101u;
    for (; end - output >= 4; output += 4) {
        lp_store_4(output, lp_smaller_4(lp_larger_4(lp_load_4(output), least), most));
    }
#endif
    for (; output < end; output++) {
        *output = (int8_t)lp_maximum(lp_minimum(*output, conv->maximum), conv->minimum);
    }
}

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
        limit_all(&params->conv, output);
    }
}

#endif
