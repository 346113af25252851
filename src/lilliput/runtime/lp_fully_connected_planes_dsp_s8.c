#define LP_TFLM 0
#include "lp_dsp.h"
#include "lp_planes.h"
#include "lp_profile.h"

#define PART_WORDS 64 /* of weights of a row that are unpacked at a time: eights of words */

/* Adds the products of `count` weights, those behind which fill the last word with zeros, with inputs. */
static int32_t add_products(int32_t sum, const uint32_t *weights, const int8_t *inputs, int32_t count) {
#if LP_DSP
    for (; count > 0; count -= 4, inputs += 4) { /* up to three bytes behind the inputs are read */
        const uint32_t four = *weights++;
        const uint32_t bytes = lp_load_4(inputs);
        sum = lp_multiply_pairs(lp_even_bytes(four), lp_even_bytes(bytes), sum);
        sum = lp_multiply_pairs(lp_odd_bytes(four), lp_odd_bytes(bytes), sum);
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
            weights = params->unpack(weights, (count + 3) / 4, LP_GUARD_BYTES, unpacked);
            sum = add_products(sum, unpacked, input + first, count);
        }
        *output++ = lp_requantize(sum, constants->multiplier, conv->shift, conv->output_zero_point,
                                  conv->minimum, conv->maximum);
    }
}
