#define LP_TFLM 0
#include "lp_dsp.h"
#include "lp_formats.h"
#include "lp_profile.h"

static int32_t sum_of(const int8_t *inputs, int32_t count) {
    int32_t sum = 0;
#if LP_DSP
    for (; count >= 4; count -= 4, inputs += 4) {
        const uint32_t bytes = lp_load_4(inputs);
        sum = lp_multiply_pairs(lp_even_bytes(bytes), 0x00010001, sum);
        sum = lp_multiply_pairs(lp_odd_bytes(bytes), 0x00010001, sum);
    }
#endif
    return sum + lp_sum_s8(inputs, count);
}

void lp_fully_connected_planes_dsp_s8(const lp_row_planes_params *params, const int8_t *input,
                                      int8_t *output) {
    const lp_conv2d_params *conv = &params->conv;
    const lp_channel *constants = lp_channels(conv->channels);
    const int32_t inputs = conv->input_channels;
    const int32_t too_much = sum_of(input, inputs) * (1 << (params->weight_bits - 1));
    const uint32_t *weights = params->weights;
    for (int32_t left = conv->output_channels; left > 0; left--, constants++) {
        const int32_t sum = constants->bias - too_much + params->multiply(weights, input, inputs);
        *output++ = lp_requantize(sum, constants->multiplier, conv->shift, conv->output_zero_point,
                                  conv->minimum, conv->maximum);
        weights += params->row_words;
    }
}
