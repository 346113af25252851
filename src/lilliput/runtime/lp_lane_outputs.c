#define LP_TFLM 0
#include "lp_lanes.h"
#include "lp_packed_outputs.h"

/* The sums of one block, pass by pass. */
static void multiply_passes(const lp_lanes_params *params, lp_lane_block *block) {
    const int32_t pass_segments = params->pass_segments;
    const int32_t *const weights = block->weights;
    const int16_t *const inputs = block->inputs;
    const int32_t first_fours = block->first_fours;
    const int32_t further = block->segments;
    int32_t *const sums = block->sums;
    int32_t more[LP_LANES_PIXELS * LP_LANES_CHANNELS];
    for (int32_t left = further + 1; left > 0; left -= pass_segments) {
        const int32_t count = lp_minimum(left, pass_segments);
        const int32_t fours = block->first_fours + (count - 1) * block->segment_fours;
        block->segments = count - 1;
        params->multiply(block);
        for (int32_t i = 0; i < LP_LANES_PIXELS * LP_LANES_CHANNELS && block->sums == more; i++) {
            sums[i] += more[i];
        }
        block->sums = more;
        block->weights += fours * block->plane_words;
        block->inputs += fours * block->plane_bytes / (int32_t)sizeof *block->inputs;
        block->first_fours = block->segment_fours;
    }
    block->weights = weights;
    block->inputs = inputs;
    block->first_fours = first_fours;
    block->segments = further;
    block->sums = sums;
}

/* Blocks of so many pixels each. */
static void multiply_blocks(const lp_lanes_params *params, lp_lane_block *block, int32_t channel,
                            int32_t pixels, int8_t *output) {
    const lp_conv2d_params *conv = &params->conv;
    const int32_t step = conv->output_channels;
    const int32_t is_one_pass = params->pass_segments > block->segments;
    if (channel + LP_LANES_CHANNELS <= step && conv->shift == 32 && is_one_pass) {
        block->channels = lp_channels(conv->channels) + channel;
        block->output = output;
        block->output_step = pixels * step;
        block->offsets[0] = pixels > 1 ? step : 0;
        block->offsets[1] = pixels > 2 ? 2 * step : block->offsets[0];
        block->offsets[2] = pixels > 3 ? 3 * step : block->offsets[1];
        params->multiply(block);
        return;
    }
    block->channels = 0;
    for (int32_t left = block->blocks; left > 0; left--, output += pixels * step) {
        block->offsets[0] = pixels > 1;
        block->offsets[1] = block->offsets[0] + (pixels > 2);
        block->offsets[2] = block->offsets[1] + (pixels > 3);
        if (is_one_pass) {
            params->multiply(block);
        } else {
            multiply_passes(params, block);
        }
        lp_write_sums(conv, channel, block->sums, pixels, output);
        block->inputs += block->input_step / (int32_t)sizeof *block->inputs;
    }
}

void lp_lane_outputs(const lp_lanes_params *params, lp_lane_block *block, int32_t channel, int32_t pixels,
                     int8_t *output) {
    const int32_t whole = pixels / LP_LANES_PIXELS;
    if (whole > 0) {
        block->blocks = whole;
        multiply_blocks(params, block, channel, LP_LANES_PIXELS, output);
        pixels -= whole * LP_LANES_PIXELS;
        output += whole * LP_LANES_PIXELS * params->conv.output_channels;
    }
    if (pixels > 0) {
        block->blocks = 1;
        multiply_blocks(params, block, channel, pixels, output);
    }
}
