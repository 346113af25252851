/* Outputs of kernels for weights of few bits where their assembly does not make them. */
#ifndef LP_PACKED_OUTPUTS_H
#define LP_PACKED_OUTPUTS_H

#include "lp_profile.h"

/* Up to four channels of up to four pixels, one output after the other, from sums[pixel + 4 * channel]. */
static LP_NOINLINE void lp_write_sums(const lp_conv2d_params *conv, int32_t channel, const int32_t *sums,
                                      int32_t pixels, int8_t *output) {
    for (int32_t c = channel; c < lp_minimum(channel + 4, conv->output_channels); c++) {
        const lp_channel *constants = lp_channels(conv->channels) + c;
        for (int32_t pixel = 0; pixel < pixels; pixel++) {
            output[pixel * conv->output_channels + c - channel] =
                lp_requantize(sums[4 * (c - channel) + pixel] + constants->bias, constants->multiplier,
                              conv->shift, conv->output_zero_point, conv->minimum, conv->maximum);
        }
    }
}

#endif
