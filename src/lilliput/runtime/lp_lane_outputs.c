#define LP_TFLM 0
#include "lp_lanes.h"
#include "lp_packed_outputs.h"

void lp_lane_outputs(const lp_lanes_params *params, lp_lane_block *block, lp_lanes_multiply *multiply,
                     int32_t channel, int32_t pixels, int8_t *output) {
    const lp_conv2d_params *conv = &params->conv;
    const int32_t step = conv->output_channels;
    block->output = output;
    block->offsets[0] = pixels > 1 ? step : 0;
    block->offsets[1] = pixels > 2 ? 2 * step : block->offsets[0];
    block->offsets[2] = pixels > 3 ? 3 * step : block->offsets[1];
    if (channel + LP_LANES_CHANNELS <= step && conv->shift == 32) {
        block->channels = lp_channels(conv->channels) + channel;
        multiply(block);
    } else {
        block->channels = 0;
        multiply(block);
        lp_write_sums(conv, channel, block->sums, pixels, output);
    }
}
