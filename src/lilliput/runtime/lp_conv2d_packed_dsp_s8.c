#define LP_WINDOW_STEP 16 /* four pixels */
#define LP_WINDOW_SUMS 0
#include "lp_lanes.h"
#include "lp_window.h"

void lp_conv2d_packed_dsp_s8(const lp_lanes_params *params, const int8_t *input, int8_t *output,
                             void *scratch) {
    const lp_conv2d_params *conv = &params->conv;
    const int32_t elements = (int32_t)conv->kernel_height * conv->kernel_width * conv->input_channels;
    const int32_t fours = (elements + 3) / 4;
    const int32_t step = 4 * LP_LANES_PIXELS * fours; /* elements of the inputs of four pixels */
    int32_t *const lanes = (int32_t *)scratch;
    int16_t *const inputs = (int16_t *)(lanes + 4 * fours);
    lp_window window;
    lp_lane_block block;
    int32_t sums[LP_LANES_PIXELS * LP_LANES_CHANNELS];
    lp_window_begin(&window, conv, input, (int8_t *)(inputs + params->blocks * step));
    block.weights = lanes;
    block.sums = sums;
    block.input_step = LP_LANES_INPUT_BYTES * fours;
    block.zero_point = conv->output_zero_point;
    block.minimum = (uint8_t)conv->minimum * 0x01010101u;
    block.maximum = (uint8_t)conv->maximum * 0x01010101u;
    block.plane_bytes = LP_LANES_INPUT_BYTES;
    block.plane_words = LP_LANES_WEIGHT_BYTES / 4;
    block.segment_fours = params->segment_fours;
    block.segment_bytes = LP_LANES_INPUT_BYTES * params->segment_fours;
    block.segments = (fours - 1) / params->segment_fours;
    block.first_fours = fours - block.segments * params->segment_fours;
    for (int32_t left = conv->output_height * conv->output_width; left > 0;) {
        const int32_t pixels = lp_minimum(left, params->blocks * LP_LANES_PIXELS);
        for (int32_t pixel = 0; pixel < pixels; pixel++) { /* those that are missing keep what was there */
            lp_window_expand(&window, inputs + pixel / LP_LANES_PIXELS * step + pixel % LP_LANES_PIXELS * 4);
        }
        const uint32_t *packed = params->weights;
        for (int32_t channel = 0; channel < conv->output_channels; channel += LP_LANES_CHANNELS) {
            packed = lp_unpack_lanes(packed, params->weight_bits, fours, lanes);
            block.inputs = inputs;
            lp_lane_outputs(params, &block, channel, pixels, output + channel);
        }
        output += pixels * conv->output_channels;
        left -= pixels;
    }
}
