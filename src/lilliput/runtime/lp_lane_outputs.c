#define LP_TFLM 0
#include "lp_lanes.h"
#include "lp_packed_outputs.h"

/* Blocks of so many pixels each. */
static void multiply_blocks(const lp_lanes_params *params, lp_lane_block *block, lp_lanes_multiply *multiply,
                            int32_t channel, int32_t pixels, int8_t *output) {
    const lp_conv2d_params *conv = &params->conv;
    const int32_t step = conv->output_channels;
    if (channel + LP_LANES_CHANNELS <= step && conv->shift == 32) {
        block->channels = lp_channels(conv->channels) + channel;
        block->output = output;
        block->output_step = pixels * step;
        block->offsets[0] = pixels > 1 ? step : 0;
        block->offsets[1] = pixels > 2 ? 2 * step : block->offsets[0];
        block->offsets[2] = pixels > 3 ? 3 * step : block->offsets[1];
        multiply(block);
        return;
    }
    block->channels = 0;
    for (int32_t left = block->blocks; left > 0; left--, output += pixels * step) {
        block->offsets[0] = pixels > 1;
        block->offsets[1] = block->offsets[0] + (pixels > 2);
        block->offsets[2] = block->offsets[1] + (pixels > 3);
        multiply(block);
        lp_write_sums(conv, channel, block->sums, pixels, output);
        block->inputs += block->input_step / (int32_t)sizeof *block->inputs;
    }
}

void lp_lane_outputs(const lp_lanes_params *params, lp_lane_block *block, lp_lanes_multiply *multiply,
                     int32_t channel, int32_t pixels, int8_t *output) {
    const int32_t whole = pixels / LP_LANES_PIXELS;
    if (whole > 0) {
        block->blocks = whole;
        multiply_blocks(params, block, multiply, channel, LP_LANES_PIXELS, output);
        pixels -= whole * LP_LANES_PIXELS;
        output += whole * LP_LANES_PIXELS * params->conv.output_channels;
    }
    if (pixels > 0) {
        block->blocks = 1;
        multiply_blocks(params, block, multiply, channel, pixels, output);
    }
}
