#define LP_TFLM 0
#include "lp_nibbles.h"
#include "lp_packed_outputs.h"

void lp_nibble_pixels(const lp_packed_params *params, lp_nibble_block *block, lp_nibbles_multiply *multiply,
                      int32_t pixels, int8_t *output) {
    const lp_conv2d_params *conv = &params->conv;
    const int32_t in_groups = conv->shift == 32 ? conv->output_channels / LP_NIBBLES_CHANNELS : 0;
    block->weights = (const uint32_t *)(const void *)params->weights;
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
        multiply(block);
        lp_write_sums(conv, channel, block->sums, pixels, output + channel);
    }
}
