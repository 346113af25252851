#ifndef LP_DEPTHWISE_CONV2D_MVE_H
#define LP_DEPTHWISE_CONV2D_MVE_H

#include "lp_mve_window.h"

#if LP_MVE

/* Channels that are summed side by side. */
#define BLOCK 16

/* Lanes are every fourth channel from 0, 1, 2 and 3 on. */
typedef struct {
    int32x4_t from_0, from_1, from_2, from_3;
} block_sums;

LP_INLINE block_sums add_products(block_sums sums, int16x8_t even, int16x8_t odd) {
    sums.from_0 = vaddq_s32(sums.from_0, vmovlbq_s16(even));
    sums.from_1 = vaddq_s32(sums.from_1, vmovlbq_s16(odd));
    sums.from_2 = vaddq_s32(sums.from_2, vmovltq_s16(even));
    sums.from_3 = vaddq_s32(sums.from_3, vmovltq_s16(odd));
    return sums;
}

/* Of sixteen channels those that are there. */
LP_INLINE int8x16_t load(const int8_t *from, int32_t is_whole, mve_pred16_t active) {
    return is_whole ? vldrbq_s8(from) : vldrbq_z_s8(from, active);
}

/* Outputs of every fourth of `count` channels. */
LP_INLINE void finish(int32x4_t sums, const lp_profile_channel *channel, int32_t count,
                      const lp_mve_range *range, int8_t *output) {
    const uint32x4_t lanes = vidupq_n_u32(0, 4);
    const uint32x4_t offsets = vmulq_n_u32(lanes, sizeof *channel);
    const mve_pred16_t there = vcmphiq_u32(vdupq_n_u32((uint32_t)lp_maximum(count, 0)), lanes);
    const int32x4_t bias = vldrwq_gather_offset_z_s32(&channel->bias, offsets, there);
    const int32x4_t multiplier = vldrwq_gather_offset_z_s32(&channel->multiplier, offsets, there);
    const int32x4_t scale =
        LP_PROFILE(multiplier, vldrwq_gather_offset_z_s32(&channel->scale, offsets, there));
    const int32x4_t values = lp_mve_requantize(vaddq_s32(sums, bias), multiplier, scale, range);
    vstrbq_scatter_offset_p_s32(output, lanes, values, there);
}

/* `count` channels of one output pixel; inputs and weights of successive taps are `step` apart. */
LP_INLINE void channels_of_pixel(const int8_t *input, const int8_t *weights, int32_t taps, int32_t step,
                                 const lp_profile_channel *channel, int32_t count, int32_t is_whole,
                                 const lp_mve_range *range, int8_t *output) {
    const mve_pred16_t active = vctp8q((uint32_t)count);
    const int32x4_t none = vdupq_n_s32(0);
    block_sums sums = {none, none, none, none};
    /* Two products of int8 fit in int16, since no weight is -128. */
    for (int32_t pairs = taps >> 1; pairs > 0; pairs--) {
        const int8x16_t first = load(input, is_whole, active);
        const int8x16_t first_weights = load(weights, is_whole, active);
        input += step;
        weights += step;
        const int8x16_t second = load(input, is_whole, active);
        const int8x16_t second_weights = load(weights, is_whole, active);
        input += step;
        weights += step;
        const int16x8_t even =
            vaddq_s16(vmullbq_int_s8(first, first_weights), vmullbq_int_s8(second, second_weights));
        const int16x8_t odd =
            vaddq_s16(vmulltq_int_s8(first, first_weights), vmulltq_int_s8(second, second_weights));
        sums = add_products(sums, even, odd);
    }
    if (taps & 1) {
        const int8x16_t last = load(input, is_whole, active);
        const int8x16_t last_weights = load(weights, is_whole, active);
        sums = add_products(sums, vmullbq_int_s8(last, last_weights), vmulltq_int_s8(last, last_weights));
    }
    finish(sums.from_0, channel, count, range, output);
    finish(sums.from_1, channel + 1, count - 1, range, output + 1);
    finish(sums.from_2, channel + 2, count - 2, range, output + 2);
    finish(sums.from_3, channel + 3, count - 3, range, output + 3);
}

#endif

/* The same from channel `first` on, one by one. */
LP_INLINE void channels_one_by_one(const lp_conv2d_params *params, const int8_t *window, int32_t first,
                                   int8_t *output) {
    const int32_t taps = (int32_t)params->kernel_height * params->kernel_width;
    const int32_t depth = params->input_channels;
    for (int32_t i = first; i < depth; i++) {
        const lp_profile_channel *channel = lp_channels(params->channels) + i;
        int32_t sum = channel->bias;
        for (int32_t tap = 0; tap < taps; tap++) {
            sum += params->weights[tap * depth + i] * window[tap * depth + i];
        }
        output[i] = lp_output(channel, sum, params->shift, params->output_zero_point, params->minimum,
                              params->maximum);
    }
}

LP_INLINE void depthwise_conv2d_mve(const lp_conv2d_params *params, const int8_t *input, int8_t *output,
                                    void *scratch) {
    const int32_t depth = params->input_channels;
    int8_t *const window = (int8_t *)scratch;
#if LP_MVE
    const int32_t taps = (int32_t)params->kernel_height * params->kernel_width;
    lp_mve_range range;
    lp_mve_range_begin(&range, params->output_zero_point, params->minimum, params->maximum);
#endif
    for (int32_t y = 0; y < params->output_height; y++) {
        for (int32_t x = 0; x < params->output_width; x++, output += depth) {
            int32_t first = 0;
            const lp_mve_place place = {y, x};
            lp_mve_take_window(params, input, &place, window);
#if LP_MVE
            for (; first < depth && LP_PROFILE(params->shift == 32, 1); first += BLOCK) {
                const lp_profile_channel *channel = lp_channels(params->channels) + first;
                const int8_t *weights = params->weights + first;
                const int32_t count = lp_minimum(BLOCK, depth - first);
                if (count == BLOCK) {
                    channels_of_pixel(window + first, weights, taps, depth, channel, BLOCK, 1, &range,
                                      output + first);
                } else {
                    channels_of_pixel(window + first, weights, taps, depth, channel, count, 0, &range,
                                      output + first);
                }
            }
#endif
            channels_one_by_one(params, window, first, output);
        }
    }
}

#endif
