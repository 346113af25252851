#define LP_STRIP_SPLIT 0
#include "lp_lanes.h"
#include "lp_strip.h"

void lp_conv2d_packed_strip_dsp_s8(const lp_lanes_params *params, const int8_t *input, int8_t *output,
                                   void *scratch) {
    const lp_conv2d_params *conv = &params->conv;
    const int32_t channels = conv->output_channels;
    const int32_t width = conv->output_width;
    lp_lanes_multiply *const multiply = params->weight_bits == 2 ? lp_multiply_lanes_2 : lp_multiply_lanes_4;
    const int32_t run = LP_DSP ? width : LP_STRIP_PIXELS; /* pixels whose windows are there at a time */
    int32_t y = -(int32_t)conv->padding_top;
    lp_strip strip;
    lp_lane_block block;
    int32_t sums[LP_LANES_PIXELS * LP_LANES_CHANNELS];
    lp_strip_begin(&strip, conv, input, scratch);
    int32_t *const lanes = (int32_t *)(void *)(strip.copy + conv->kernel_height * strip.copy_bytes);
    block.weights = lanes;
    block.sums = sums;
    block.input_step = lp_strip_step(&strip);
    block.zero_point = conv->output_zero_point;
    block.minimum = (uint8_t)conv->minimum * 0x01010101u;
    block.maximum = (uint8_t)conv->maximum * 0x01010101u;
    block.plane_bytes = LP_LANES_INPUT_BYTES;
    block.plane_words = LP_LANES_WEIGHT_BYTES / 4;
    block.segment_fours = params->segment_fours;
    block.segment_bytes = LP_LANES_INPUT_BYTES * params->segment_fours;
    block.segments = (strip.fours - 1) / params->segment_fours;
    block.first_fours = strip.fours - block.segments * params->segment_fours;
    for (int32_t left = conv->output_height; left > 0; left--, y += conv->stride_y) {
        const uint32_t *packed = params->weights;
        lp_strip_row(&strip, y);
        for (int32_t channel = 0; channel < channels; channel += LP_LANES_CHANNELS) {
            packed = lp_unpack_lanes(packed, params->weight_bits, strip.fours, lanes);
            for (int32_t x = 0; x < width; x += run) {
                block.inputs = lp_strip_windows(&strip, x);
                lp_lane_outputs(params, &block, multiply, channel, lp_minimum(width - x, run),
                                output + (x * channels + channel));
            }
        }
        output += width * channels;
    }
}
