/* The portable path of lp_multiply_lanes.h and lp_multiply_lanes_small.h. */
#ifndef LP_LANES_PORTABLE_H
#define LP_LANES_PORTABLE_H

#define LP_TFLM 0
#include "lp_lanes.h"
#include "lp_profile.h"

/* Lanes of one pair of channels times four inputs. */
LP_INLINE int32_t four_products(const int32_t *weights, const int16_t *inputs) {
    return (int16_t)weights[0] * inputs[0] + (weights[0] >> 16) * inputs[1] +
           (int16_t)weights[2] * inputs[2] + (weights[2] >> 16) * inputs[3];
}

/* Sums of two channels for a pixel, [0] and [4]. */
static void sum_pixel(const lp_lane_block *block, const int32_t *weights, const int16_t *inputs,
                      int32_t *sums) {
    const int32_t shift = LP_LANE_BITS_FREE;
    int32_t fours = block->first_fours;
    sums[0] = sums[4] = 0;
    for (int32_t left = block->segments; left >= 0; left--, fours = block->segment_fours) {
        int32_t sum = 0;
        for (int32_t i = 0; i < fours; i++) {
#if LP_LANES_BAND
            for (int32_t column = 0; column < 3; column++, weights += 4) {
                sum += four_products(weights, inputs + 4 * column);
            }
            inputs += block->plane_bytes / 2;
#else
            sum += four_products(weights, inputs);
            weights += 4;
            inputs += 4 * LP_LANES_PIXELS;
#endif
        }
        const int32_t low = (int32_t)((uint32_t)sum << (32 - shift)) >> (32 - shift);
        sums[0] += low;
        sums[4] += (sum - low) >> shift;
    }
}

static void multiply_pixels(const lp_lane_block *block) {
    int32_t sums[LP_LANES_PIXELS * LP_LANES_CHANNELS];
    int32_t count = 1; /* pixels that are not missing */
    while (count < LP_LANES_PIXELS &&
           block->offsets[count - 1] > (count == 1 ? 0 : block->offsets[count - 2])) {
        count++;
    }
    for (int32_t i = 0; i < 8; i++) {
        if (i % 4 < count) {
            sum_pixel(block, block->weights + i / 4, block->inputs + 4 * (i % 4), &sums[8 * (i / 4) + i % 4]);
        }
    }
    for (int32_t i = 0; i < LP_LANES_CHANNELS * LP_LANES_PIXELS; i++) {
        const int32_t pixel = i % 4;
        if (pixel >= count) {
            continue;
        }
        if (block->channels) {
            const lp_channel *channel = &block->channels[i / 4];
            block->output[(pixel == 0 ? 0 : block->offsets[pixel - 1]) + i / 4] =
                lp_requantize(sums[i] + channel->bias, channel->multiplier, 32, block->zero_point,
                              (int8_t)(block->minimum & 0xFFu), (int8_t)(block->maximum & 0xFFu));
        } else {
            block->sums[i] = sums[i];
        }
    }
}

static void multiply(lp_lane_block *block) {
    multiply_pixels(block);
    for (int32_t left = block->channels ? block->blocks : 0; left > 0; left--) {
        block->inputs += block->input_step / (int32_t)sizeof *block->inputs;
        block->output += block->output_step;
        if (left > 1) {
            multiply_pixels(block);
        }
    }
}

#endif
