#define LP_WINDOW_STEP 8 /* two pixels */
#define LP_WINDOW_SUMS 1
#include "lp_nibbles.h"
#include "lp_window.h"

void lp_conv2d_nibbles_dsp_s8(const lp_lanes_params *params, const int8_t *input, int8_t *output,
                              void *scratch) {
    const lp_conv2d_params *conv = &params->conv;
    const int32_t elements = (int32_t)conv->kernel_height * conv->kernel_width * conv->input_channels;
    int16_t *const inputs = (int16_t *)scratch;
    lp_window window;
    lp_nibble_block block;
    int32_t sums[4 * LP_NIBBLES_CHANNELS];
    block.fours = (elements + 3) / 4;
    lp_window_begin(&window, conv, input, (int8_t *)(inputs + LP_WINDOW_STEP * block.fours));
    block.group_words = 2 * block.fours;
    block.plane_bytes = 2 * LP_WINDOW_STEP;
    block.sums = sums;
    block.zero_point = conv->output_zero_point;
    block.minimum = (uint8_t)conv->minimum * 0x01010101u;
    block.maximum = (uint8_t)conv->maximum * 0x01010101u;
    block.inputs = inputs;
    for (int32_t left = conv->output_height * conv->output_width; left > 0; left -= 2) {
        const int32_t pixels = lp_minimum(left, 2);
        for (int32_t pixel = 0; pixel < pixels; pixel++) { /* one that is missing keeps what was there */
            lp_window_expand(&window, inputs + 4 * pixel);
            block.input_sums[pixel] = window.sum;
        }
        lp_nibble_pixels(params, &block, lp_multiply_nibbles, pixels, output);
        output += pixels * conv->output_channels;
    }
}
