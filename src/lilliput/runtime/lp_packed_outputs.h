/* Outputs of kernels for weights of few bits where their assembly does not make them. */
#ifndef LP_PACKED_OUTPUTS_H
#define LP_PACKED_OUTPUTS_H

#include "lp_profile.h"

/* An output where `doublings` = 32 - shift: a sum that keeps to 32 bits is doubled so often. */
LP_INLINE int8_t lp_doubled_output(int32_t sum, int32_t multiplier, int32_t doublings, int32_t zero_point,
                                   int32_t minimum, int32_t maximum) {
    const int32_t doubled = (int32_t)((uint32_t)sum << doublings);
    if (doubled >> doublings != sum) {
        return lp_requantize(sum, multiplier, 32 - doublings, zero_point, minimum, maximum);
    }
    return lp_requantize(doubled, multiplier, 32, zero_point, minimum, maximum);
}

LP_INLINE void lp_write_sums_at(const lp_conv2d_params *conv, int32_t channel, const int32_t *sums,
                                int32_t pixels, int8_t *output, int32_t doublings) {
    const lp_channel *constants = lp_channels(conv->channels) + channel;
    const int32_t zero_point = conv->output_zero_point;
    const int32_t low = conv->minimum;
    const int32_t high = conv->maximum;
    for (int32_t left = lp_minimum(4, conv->output_channels - channel); left > 0; left--, constants++) {
        int8_t *to = output++;
        for (int32_t pixel = 0; pixel < pixels; pixel++, to += conv->output_channels) {
            *to = lp_doubled_output(sums[pixel] + constants->bias, constants->multiplier, doublings,
                                    zero_point, low, high);
        }
        sums += 4;
    }
}

/* Up to four channels of up to four pixels, one output after the other, from sums[pixel + 4 * channel]. */
static LP_NOINLINE LP_UNUSED void lp_write_sums(const lp_conv2d_params *conv, int32_t channel,
                                                const int32_t *sums, int32_t pixels, int8_t *output) {
    if (conv->shift == 32) {
        lp_write_sums_at(conv, channel, sums, pixels, output, 0);
    } else {
        lp_write_sums_at(conv, channel, sums, pixels, output, 32 - conv->shift);
    }
}

#endif
