#include "lp_band.h"
#include "lp_lanes.h"

void lp_conv2d_packed_rows_dsp_s8(const lp_lanes_params *params, const int8_t *input, int8_t *output,
                                  void *scratch) {
    const lp_conv2d_params *conv = &params->conv;
    const int32_t width = conv->output_width;
    const int32_t whole = width / LP_LANES_PIXELS * LP_LANES_PIXELS;
    const int32_t fours = (int32_t)conv->kernel_height * LP_BAND_KERNEL_WIDTH * conv->input_channels / 4;
    int32_t *const lanes = (int32_t *)scratch;
    lp_lane_block block;
    int32_t sums[LP_LANES_PIXELS * LP_LANES_CHANNELS];
    lp_band band;
    lp_band_begin(&band, conv, input, (int16_t *)(lanes + 4 * fours), params->blocks);
    block.weights = lanes;
    block.sums = sums;
    block.input_step = 8 * LP_LANES_PIXELS;
    block.zero_point = conv->output_zero_point;
    block.minimum = (uint8_t)conv->minimum * 0x01010101u;
    block.maximum = (uint8_t)conv->maximum * 0x01010101u;
    block.plane_bytes = 8 * band.columns;
    block.plane_words = LP_BAND_KERNEL_WIDTH * LP_LANES_WEIGHT_BYTES / 4;
    block.segment_fours = params->segment_fours / LP_BAND_KERNEL_WIDTH;
    block.segment_bytes = block.segment_fours * block.plane_bytes;
    block.segments = (conv->kernel_height * band.planes - 1) / block.segment_fours;
    block.first_fours = conv->kernel_height * band.planes - block.segments * block.segment_fours;
    for (int32_t y = 0; y < conv->output_height; y += params->blocks) {
        const int32_t rows = lp_minimum(conv->output_height - y, params->blocks);
        const uint32_t *packed = params->weights;
        lp_band_fill(&band, y);
        for (int32_t channel = 0; channel < conv->output_channels; channel += LP_LANES_CHANNELS) {
            packed = lp_unpack_lanes(packed, params->weight_bits, fours, lanes);
            for (int32_t row = 0; row < rows; row++) {
                int8_t *const to = output + row * width * conv->output_channels + channel;
                block.inputs = lp_band_window(&band, row, 0);
                lp_lane_outputs(params, &block, channel, whole, to);
                if (whole < width) { /* some once more, so that there are four */
                    const int32_t x = width - LP_LANES_PIXELS;
                    block.inputs = lp_band_window(&band, row, x);
                    lp_lane_outputs(params, &block, channel, LP_LANES_PIXELS, to + x * conv->output_channels);
                }
            }
        }
        output += rows * width * conv->output_channels;
    }
}
