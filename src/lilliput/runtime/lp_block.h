/* What convolutions share that compute four output pixels side by side. */
#ifndef LP_BLOCK_H
#define LP_BLOCK_H

#include "lp_expand.h"
#include "lp_profile.h"

/* Four output pixels times all output channels.  The assembly knows the place of the fields. */
typedef struct lp_block {
    const int8_t *weights;
    const lp_profile_channel *channels;
    int16_t *inputs;
    int32_t fours;         /* of inputs of a pixel */
    int32_t channel_pairs; /* output channels / 2 */
    int32_t offsets[3];    /* of the outputs of pixels 1, 2, 3 */
    int32_t zero_point;    /* of the output */
    int32_t doublings;     /* 32 - shift */
    int32_t is_limited;    /* whether outputs keep a range smaller than int8 */
    int32_t minimum, maximum;
    int32_t odd_channel; /* output channels % 2 */
    int32_t pixels;      /* that are wanted, 1 to 4 */
    int32_t blocks;      /* of four pixels that follow each other; as lp_block_run() has it */
    void (*take_next)(struct lp_block *block); /* puts the next block's inputs in place; 0: they lie
                                                * `step` bytes further on */
    const int8_t *from;                        /* that is the kernel's own */
    int32_t step, row_bytes;
} lp_block;

/* Fills a block for a convolution with so many fours of inputs for each output. */
LP_INLINE void lp_block_begin(lp_block *block, const lp_conv2d_params *params, int16_t *inputs,
                              int32_t fours) {
    block->weights = params->weights;
    block->channels = lp_channels(params->channels);
    block->inputs = inputs;
    block->fours = fours;
    block->channel_pairs = params->output_channels / 2;
    block->odd_channel = params->output_channels % 2;
    block->zero_point = params->output_zero_point;
    block->is_limited = params->minimum > -128 || params->maximum < 127;
    block->minimum = params->minimum;
    block->maximum = params->maximum;
    block->doublings = 32 - params->shift;
    block->blocks = 1;
}

#if LP_DSP

/* The assembly's view of lp_block; a wrong number does not compile. */
#define CHECK_OFFSET(field, offset)                                                                          \
    typedef char field##_lies_at_##offset[__builtin_offsetof(lp_block, field) == (offset) ? 1 : -1] LP_UNUSED
CHECK_OFFSET(weights, 0);
CHECK_OFFSET(channels, 4);
CHECK_OFFSET(inputs, 8);
CHECK_OFFSET(fours, 12);
CHECK_OFFSET(channel_pairs, 16);
CHECK_OFFSET(offsets, 20);
CHECK_OFFSET(zero_point, 32);
CHECK_OFFSET(doublings, 36);
CHECK_OFFSET(blocks, 60);
CHECK_OFFSET(take_next, 64);
CHECK_OFFSET(from, 68);
CHECK_OFFSET(step, 72);
CHECK_OFFSET(row_bytes, 76);

#endif

/* How many of `blocks` that follow each other one call may take. */
LP_INLINE int32_t lp_block_run(const lp_block *block, int32_t blocks) {
    return LP_DSP && !block->odd_channel && block->channel_pairs > 0 ? blocks : 1;
}

/* `count` pixels, 1 to 4; the last of them stands for those that are missing, and its outputs are written
 * again. */
LP_INLINE void lp_block_pixels(lp_block *block, int32_t count, int32_t output_channels) {
    block->pixels = count;
    for (int32_t i = 0; i < LP_BLOCK_PIXELS - 1; i++) {
        block->offsets[i] = lp_minimum(i + 1, count - 1) * output_channels;
    }
}

/* All output channels of four pixels. */
void lp_multiply_block(lp_block *block, int8_t *output);

/* The same in the profile `tflm`. */
void lp_multiply_block_tflm(lp_block *block, int8_t *output);

/* The same where no output is less than the zero point. */
void lp_multiply_block_relu_tflm(lp_block *block, int8_t *output);

/* An output from 256 times a sum of products, and what weights of two halves add to that (lp_expand.h). */
LP_INLINE int8_t lp_block_output(const lp_block *block, const lp_profile_channel *channel, int32_t products) {
    const int32_t low = block->minimum;
    const int32_t high = block->maximum;
#if LP_RELU
    return lp_rectified_output(channel, channel->bias + products, block->zero_point, low, high);
#else
    const int32_t sum = channel->bias + (products >> 8);
    return lp_dsp_output(channel, sum, 32 - block->doublings, block->zero_point, low, high);
#endif
}

#endif
