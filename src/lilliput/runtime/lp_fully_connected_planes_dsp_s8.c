#define LP_TFLM 0
#include "lp_dsp.h"
#include "lp_planes.h"
#include "lp_profile.h"

#define PART_WORDS 64 /* of weights of a row that are unpacked at a time: eights of words */

#if LP_DSP
LP_INLINE int32_t add_four(int32_t sum, uint32_t weights, const int8_t *inputs) {
    const uint32_t bytes = lp_load_4(inputs);
    sum = lp_multiply_pairs(lp_even_bytes(weights), lp_even_bytes(bytes), sum);
    return lp_multiply_pairs(lp_odd_bytes(weights), lp_odd_bytes(bytes), sum);
}
#endif

/* Adds the products of `count` weights, those behind which fill the last word with zeros, with inputs. */
static int32_t add_products(int32_t sum, const uint32_t *weights, const int8_t *inputs, int32_t count) {
#if LP_DSP
    for (; count >= 16; count -= 16, weights += 4, inputs += 16) {
        sum = add_four(sum, weights[0], inputs);
        sum = add_four(sum, weights[1], inputs + 4);
        sum = add_four(sum, weights[2], inputs + 8);
        sum = add_four(sum, weights[3], inputs + 12);
    }
    for (; count > 0; count -= 4, weights++, inputs += 4) { /* up to three bytes behind them are read */
        sum = add_four(sum, *weights, inputs);
    }
#else
    for (int32_t i = 0; i < count; i++) {
        sum += (int8_t)(weights[i / 4] >> 8 * (i % 4)) * inputs[i];
    }
#endif
    return sum;
}

void lp_fully_connected_planes_dsp_s8(const lp_planes_params *params, const int8_t *input, int8_t *output) {
    const lp_conv2d_params *conv = &params->conv;
    const lp_channel *constants = lp_channels(conv->channels);
    const uint32_t *weights = params->weights;
    for (int32_t left = conv->output_channels; left > 0; left--, constants++) {
        int32_t sum = constants->bias;
        for (int32_t first = 0; first < conv->input_channels; first += 4 * PART_WORDS) {
            const int32_t count = lp_minimum(conv->input_channels - first, 4 * PART_WORDS);
            uint32_t unpacked[PART_WORDS];
            weights = params->unpack(weights, (count + 3) / 4, LP_GUARD_BYTES, 0, unpacked);
            sum = add_products(sum, unpacked, input + first, count);
        }
        *output++ = lp_requantize(sum, constants->multiplier, conv->shift, conv->output_zero_point,
                                  conv->minimum, conv->maximum);
    }
}
