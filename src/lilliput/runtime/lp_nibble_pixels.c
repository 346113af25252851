#define LP_TFLM 0
#include "lp_nibbles.h"
#include "lp_packed_outputs.h"

/* The sums of one group, where those of all inputs together could leave their bits. */
static void multiply_segments(lp_nibble_block *block, lp_nibbles_multiply *multiply, int32_t segment) {
    const uint32_t *const weights = block->weights;
    const int16_t *const inputs = block->inputs;
    const int32_t fours = block->fours;
    const int32_t words = block->group_words / fours;
    const int32_t input_sums[2] = {block->input_sums[0], block->input_sums[1]};
    int32_t *const sums = block->sums;
    int32_t more[4 * LP_NIBBLES_CHANNELS];
    block->fours = segment;
    multiply(block);
    block->sums = more;
    block->input_sums[0] = block->input_sums[1] = 0; /* the first segment takes off what all weights add */
    for (int32_t begin = segment; begin < fours; begin += segment) {
        block->weights = weights + begin * words;
        block->inputs = inputs + begin * block->plane_bytes / 2;
        block->fours = lp_minimum(segment, fours - begin);
        multiply(block);
        for (int32_t i = 0; i < 4 * LP_NIBBLES_CHANNELS; i += 4) {
            sums[i] += more[i];
            sums[i + 1] += more[i + 1];
        }
    }
    block->weights = weights;
    block->inputs = inputs;
    block->fours = fours;
    block->sums = sums;
    block->input_sums[0] = input_sums[0];
    block->input_sums[1] = input_sums[1];
}

void lp_nibble_pixels(const lp_lanes_params *params, lp_nibble_block *block, lp_nibbles_multiply *multiply,
                      int32_t pixels, int8_t *output) {
    const lp_conv2d_params *conv = &params->conv;
    const int32_t is_whole = params->segment_fours >= block->fours;
    const int32_t in_groups = conv->shift == 32 && is_whole ? conv->output_channels / LP_NIBBLES_CHANNELS : 0;
    block->weights = params->weights;
    block->channels = lp_channels(conv->channels);
    block->output = output;
    block->offset = (pixels - 1) * conv->output_channels;
    block->groups = in_groups;
    if (in_groups > 0) {
        multiply(block);
    }
    block->weights += in_groups * block->group_words;
    block->channels = 0;
    block->groups = 1;
    for (int32_t channel = LP_NIBBLES_CHANNELS * in_groups; channel < conv->output_channels;
         channel += LP_NIBBLES_CHANNELS, block->weights += block->group_words) {
        if (is_whole) {
            multiply(block);
        } else {
            multiply_segments(block, multiply, params->segment_fours);
        }
        lp_write_sums(conv, channel, block->sums, pixels, output + channel);
    }
}
