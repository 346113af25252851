/* Outputs of kernels for weights of few bits where their assembly does not make them. */
#ifndef LP_PACKED_OUTPUTS_H
#define LP_PACKED_OUTPUTS_H

#include "lp_profile.h"

LP_INLINE void lp_write_sums_at(const lp_conv2d_params *conv, int32_t channel, const int32_t *sums,
                                int32_t pixels, int8_t *output, int32_t shift) {
    const lp_channel *constants = lp_channels(conv->channels) + channel;
    const int32_t zero_point = conv->output_zero_point;
    const int32_t low = conv->minimum;
    const int32_t high = conv->maximum;
    for (int32_t left = lp_minimum(4, conv->output_channels - channel); left > 0; left--, constants++) {
        int8_t *to = output++;
        for (int32_t pixel = 0; pixel < pixels; pixel++, to += conv->output_channels) {
            *to = lp_requantize(sums[pixel] + constants->bias, constants->multiplier, shift, zero_point, low,
                                high);
        }
        sums += 4;
    }
}

/* Up to four channels of up to four pixels, one output after the other, from sums[pixel + 4 * channel]. */
static LP_NOINLINE void lp_write_sums(const lp_conv2d_params *conv, int32_t channel, const int32_t *sums,
                                      int32_t pixels, int8_t *output) {
    if (conv->shift == 32) {
        lp_write_sums_at(conv, channel, sums, pixels, output, 32);
    } else {
        lp_write_sums_at(conv, channel, sums, pixels, output, conv->shift);
    }
}

#endif
