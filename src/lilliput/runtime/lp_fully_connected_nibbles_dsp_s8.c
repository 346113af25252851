#define LP_TFLM 0
#define LP_WINDOW_STEP 8 /* two pixels, of which there is one */
#define LP_WINDOW_SUMS 1
#include "lp_nibbles.h"
#include "lp_profile.h"
#include "lp_window.h"

#define PART_FOURS 256

void lp_fully_connected_nibbles_dsp_s8(const lp_packed_params *params, const int8_t *input, int8_t *output,
                                       void *scratch) {
    const lp_conv2d_params *conv = &params->conv;
    const int32_t all = (conv->input_channels + 3) / 4;
    const int32_t full = conv->input_channels / 4;
    int16_t *const inputs = (int16_t *)scratch;
    int32_t *const totals = (int32_t *)(void *)(inputs + LP_WINDOW_STEP * PART_FOURS);
    int32_t sums[4 * LP_NIBBLES_CHANNELS];
    lp_window window;
    lp_nibble_block block;
    block.inputs = inputs;
    block.channels = 0;
    block.groups = 1;
    block.sums = sums;
    block.input_sums[1] = 0;
    for (int32_t begin = 0; begin < all; begin += PART_FOURS) {
        int16_t *to;
        block.fours = lp_minimum(PART_FOURS, all - begin);
        window.sum = 0;
        to = lp_window_fours(&window, input + 4 * begin, inputs, lp_minimum(block.fours, full - begin));
        if (begin + block.fours > full) {
            int8_t last[4] = {0, 0, 0, 0};
            (void)lp_copy_bytes(input + 4 * full, last, conv->input_channels % 4);
            (void)lp_window_fours(&window, last, to, 1);
        }
        block.input_sums[0] = window.sum;
        block.weights = (const uint32_t *)(const void *)params->weights + 2 * begin;
        for (int32_t channel = 0; channel < conv->output_channels; channel += LP_NIBBLES_CHANNELS) {
            lp_multiply_nibbles(&block);
            block.weights += 2 * all;
            for (int32_t c = 0; c < LP_NIBBLES_CHANNELS; c++) {
                totals[channel + c] = sums[4 * c] + (begin > 0 ? totals[channel + c] : 0);
            }
        }
    }
    for (int32_t channel = 0; channel < conv->output_channels; channel++) {
        const lp_channel *constants = lp_channels(conv->channels) + channel;
        output[channel] = lp_requantize(totals[channel] + constants->bias, constants->multiplier, conv->shift,
                                        conv->output_zero_point, conv->minimum, conv->maximum);
    }
}
