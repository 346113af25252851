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

#if LP_DSP

/* Where a sum leaves 32 bits as it is doubled, which hardly any does. */
static LP_NOINLINE LP_UNUSED int32_t lp_large_output(int32_t sum, int32_t multiplier, int32_t doublings,
                                                     int32_t zero_point) {
    return lp_requantize(sum, multiplier, 32 - doublings, zero_point, -128, 127);
}

/* An output between -128 and 127 in the highest byte, before those of the channels so far. */
LP_INLINE uint32_t lp_next_output(uint32_t outputs, int32_t sum, int32_t multiplier, int32_t doublings,
                                  int32_t zero_point) {
    const int32_t doubled = (int32_t)((uint32_t)sum << doublings);
    int32_t value = lp_saturate_8(lp_scale_once(doubled, multiplier, zero_point));
    if (doubled >> doublings != sum) {
        value = lp_large_output(sum, multiplier, doublings, zero_point);
    }
    return outputs >> 8 | (uint32_t)value << 24;
}

/* Some channels of a pixel, at least one and at most four. */
LP_INLINE void lp_put_outputs(int8_t *output, uint32_t outputs, int32_t count, uint32_t least,
                              uint32_t most) {
    outputs = lp_smaller_4(lp_larger_4(outputs, least), most);
    if (count == 4) {
        lp_store_4(output, outputs);
        return;
    }
    for (outputs >>= 32 - 8 * count; count > 0; count--, outputs >>= 8) {
        *output++ = (int8_t)(outputs & 0xFFu);
    }
}

#endif

/* Up to four channels of up to four pixels from sums[pixel + 4 * channel]. */
static LP_NOINLINE LP_UNUSED void lp_write_sums(const lp_conv2d_params *conv, int32_t channel,
                                                const int32_t *sums, int32_t pixels, int8_t *output) {
    const lp_channel *constants = lp_channels(conv->channels) + channel;
    const int32_t doublings = 32 - conv->shift;
    const int32_t zero_point = conv->output_zero_point;
    const int32_t step = conv->output_channels;
    const int32_t count = lp_minimum(4, step - channel);
#if LP_DSP
    const lp_channel *const end = constants + count;
    const uint32_t least = (uint8_t)conv->minimum * 0x01010101u;
    const uint32_t most = (uint8_t)conv->maximum * 0x01010101u;
    for (; pixels > 0; pixels -= 2, sums += 2, output += 2 * step) { /* two at a time */
        uint32_t first = 0;
        uint32_t second = 0;
        const int32_t *of_channel = sums;
        for (const lp_channel *next = constants; next < end; next++, of_channel += 4) {
            const int32_t bias = next->bias;
            const int32_t multiplier = next->multiplier;
            first = lp_next_output(first, of_channel[0] + bias, multiplier, doublings, zero_point);
            second = lp_next_output(second, of_channel[1] + bias, multiplier, doublings, zero_point);
        }
        lp_put_outputs(output, first, count, least, most);
        if (pixels > 1) {
            lp_put_outputs(output + step, second, count, least, most);
        }
    }
#else
    for (int32_t i = 0; i < 4 * count; i++) {
        if (i % 4 < pixels) {
            output[i % 4 * step + i / 4] =
                lp_doubled_output(sums[i] + constants[i / 4].bias, constants[i / 4].multiplier, doublings,
                                  zero_point, conv->minimum, conv->maximum);
        }
    }
#endif
}

#endif
