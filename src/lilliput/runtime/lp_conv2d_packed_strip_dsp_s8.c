#define LP_STRIP_SPLIT 0
#include "lp_lanes.h"
#include "lp_strip.h"

void lp_conv2d_packed_strip_dsp_s8(const lp_lanes_params *params, const int8_t *input, int8_t *output,
                                   void *scratch) {
    const lp_conv2d_params *conv = &params->conv;
    const int32_t channels = conv->output_channels;
    const int32_t width = conv->output_width;
    const int32_t run = LP_DSP ? width : LP_STRIP_PIXELS; /* pixels whose windows are there at a time */
    const int32_t is_held = params->blocks > 1;
    int32_t y = -(int32_t)conv->padding_top;
    lp_strip strip;
    lp_lane_block block;
    int32_t sums[LP_LANES_PIXELS * LP_LANES_CHANNELS];
    lp_strip_begin(&strip, conv, input, scratch);
    int32_t *const lanes = (int32_t *)(void *)(strip.copy + conv->kernel_height * strip.copy_bytes);
    block.sums = sums;
    block.input_step = strip.step;
    block.zero_point = conv->output_zero_point;
    block.minimum = (uint8_t)conv->minimum * 0x01010101u;
    block.maximum = (uint8_t)conv->maximum * 0x01010101u;
    block.plane_bytes = LP_LANES_INPUT_BYTES;
    block.plane_words = LP_LANES_WEIGHT_BYTES / 4;
    block.segment_fours = params->segment_fours;
    block.segment_bytes = LP_LANES_INPUT_BYTES * params->segment_fours;
    block.segments = (strip.fours - 1) / params->segment_fours;
    block.first_fours = strip.fours - block.segments * params->segment_fours;
    if (is_held) {
        (void)lp_unpack_lanes(params->weights, params->weight_bits, params->blocks * strip.fours, lanes);
    }
    for (int32_t left = conv->output_height; left > 0; left--, y += conv->stride_y) {
        const uint32_t *packed = params->weights;
        lp_strip_row(&strip, y);
        block.weights = lanes;
        for (int32_t channel = 0; channel < channels; channel += LP_LANES_CHANNELS) {
            if (!is_held) {
                packed = lp_unpack_lanes(packed, params->weight_bits, strip.fours, lanes);
            }
            for (int32_t x = 0; x < width; x += run) {
                block.inputs = lp_strip_windows(&strip, x);
                lp_lane_outputs(params, &block, channel, lp_minimum(width - x, run),
                                output + (x * channels + channel));
            }
            block.weights += is_held ? strip.fours * LP_LANES_WEIGHT_BYTES / 4 : 0;
        }
        output += width * channels;
    }
}
