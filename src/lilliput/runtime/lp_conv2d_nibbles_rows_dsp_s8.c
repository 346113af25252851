#include "lp_band.h"
#include "lp_nibbles.h"

void lp_conv2d_nibbles_rows_dsp_s8(const lp_lanes_params *params, const int8_t *input, int8_t *output,
                                   void *scratch) {
    const lp_conv2d_params *conv = &params->conv;
    const int32_t width = conv->output_width;
    lp_nibble_block block;
    int32_t sums[4 * LP_NIBBLES_CHANNELS];
    lp_band band;
    lp_band_begin(&band, conv, input, (int16_t *)scratch, 1);
    band.sums = (int32_t *)scratch + band.rows * band.planes * band.columns * 2;
    block.sums = sums;
    block.zero_point = conv->output_zero_point;
    block.minimum = (uint8_t)conv->minimum * 0x01010101u;
    block.maximum = (uint8_t)conv->maximum * 0x01010101u;
    block.fours = conv->kernel_height * band.planes;
    block.plane_bytes = 8 * band.columns;
    block.group_words = 2 * LP_BAND_KERNEL_WIDTH * block.fours;
    for (int32_t y = 0; y < conv->output_height; y++, output += width * conv->output_channels) {
        lp_band_fill(&band, y);
        for (int32_t column = 0; column < width; column += 2) {
            const int32_t x = lp_minimum(column, width - 2);
            block.inputs = lp_band_window(&band, 0, x);
            block.input_sums[0] = lp_band_sum(&band, 0, x);
            block.input_sums[1] = lp_band_sum(&band, 0, x + 1);
            lp_nibble_pixels(params, &block, lp_multiply_nibbles_band, 2, output + x * conv->output_channels);
        }
    }
}
