#define LP_TFLM 0
#include "lp_lanes.h"
#include "lp_packed_outputs.h"

#if LP_DSP
#define MULTIPLY(lanes, pair, sum) lp_multiply_pairs(lanes, *(const lp_pair *)(const void *)(pair), sum)
#else
#define MULTIPLY(lanes, pair, sum) ((sum) + (int16_t)(lanes) * (pair)[0] + ((lanes) >> 16) * (pair)[1])
#endif

/* Adds products of four inputs with weights of 4 bits to the sums of two pairs of channels; lanes are taken
 * with what is added to them. */
LP_INLINE void add_four_4(const uint32_t *weights, const int16_t *inputs, int32_t *sums) {
    const uint32_t even = weights[0];
    const uint32_t odd = weights[1];
    sums[0] = MULTIPLY(lp_lane_fields(even, 0, 4), inputs, sums[0]);
    sums[1] = MULTIPLY(lp_lane_fields(even, 8, 4), inputs, sums[1]);
    sums[0] = MULTIPLY(lp_lane_fields(odd, 0, 4), inputs + 2, sums[0]);
    sums[1] = MULTIPLY(lp_lane_fields(odd, 8, 4), inputs + 2, sums[1]);
}

/* The same of weights of 2 bits. */
LP_INLINE void add_four_2(const uint32_t *weights, const int16_t *inputs, int32_t *sums) {
    const uint32_t word = *weights;
    sums[0] = MULTIPLY(lp_lane_fields(word, 0, 2), inputs, sums[0]);
    sums[1] = MULTIPLY(lp_lane_fields(word, 4, 2), inputs, sums[1]);
    sums[0] = MULTIPLY(lp_lane_fields(word, 8, 2), inputs + 2, sums[0]);
    sums[1] = MULTIPLY(lp_lane_fields(word, 12, 2), inputs + 2, sums[1]);
}

/* Inputs as int16, 0, 2 and 1, 3 of each four, and their sum; those that fill the last up are zeros. */
static int32_t expand(const int8_t *input, int32_t count, int16_t *to) {
    int32_t sum = 0;
    for (; count >= 4; count -= 4, input += 4, to += 4) {
        lp_expand_4(input, to, 2);
        sum += to[0] + to[1] + to[2] + to[3];
    }
    for (int32_t i = 0; i < 4 && count > 0; i++) {
        const int16_t value = (int16_t)(i < count ? input[i] : 0);
        to[i % 2 * 2 + i / 2] = value;
        sum += value;
    }
    return sum;
}

/* Inputs, and where each of their segments ends. */
typedef struct {
    const int16_t *inputs;
    const int32_t *sums;                          /* of the inputs of each segment */
    int32_t first_fours, segment_fours, segments; /* of the first segment, of each further one; of those */
} dense;

/* Sums of four channels, [0], [4], [8], [12]; returns where the weights of the next ones begin. */
LP_INLINE const uint32_t *sum_channels(const dense *all, int32_t bits, const uint32_t *weights,
                                       int32_t *total) {
    const int16_t *from = all->inputs;
    int32_t left = all->first_fours;
    total[0] = total[4] = total[8] = total[12] = 0;
    for (int32_t segment = 0; segment <= all->segments; segment++) {
        int32_t sums[2];
        sums[0] = sums[1] = -LP_LANES_ADDED(bits) * all->sums[segment];
        if (left & 1) {
            (bits == 2 ? add_four_2 : add_four_4)(weights, from, sums);
            weights += bits / 2;
            from += 4;
        }
        for (left >>= 1; left > 0; left--, weights += bits, from += 8) {
            (bits == 2 ? add_four_2 : add_four_4)(weights, from, sums);
            (bits == 2 ? add_four_2 : add_four_4)(weights + bits / 2, from + 4, sums);
        }
        for (int32_t pair = 0; pair < 2; pair++) {
            const int32_t low = (int32_t)((uint32_t)sums[pair] << (16 + bits)) >> (16 + bits);
            total[8 * pair] += low;
            total[8 * pair + 4] += (sums[pair] - low) >> (16 - bits);
        }
        left = all->segment_fours;
    }
    return weights;
}

static LP_NOINLINE const uint32_t *sum_channels_2(const dense *all, const uint32_t *weights, int32_t *total) {
    return sum_channels(all, 2, weights, total);
}

static LP_NOINLINE const uint32_t *sum_channels_4(const dense *all, const uint32_t *weights, int32_t *total) {
    return sum_channels(all, 4, weights, total);
}

void lp_fully_connected_packed_dsp_s8(const lp_lanes_params *params, const int8_t *input, int8_t *output,
                                      void *scratch) {
    const lp_conv2d_params *conv = &params->conv;
    const int32_t fours = (conv->input_channels + 3) / 4;
    const uint32_t *weights = params->weights;
    int16_t *const inputs = (int16_t *)scratch;
    int32_t *const sums = (int32_t *)(void *)(inputs + 4 * fours);
    dense all;
    all.inputs = inputs;
    all.sums = sums;
    all.segment_fours = params->segment_fours;
    all.segments = (fours - 1) / params->segment_fours;
    all.first_fours = fours - all.segments * params->segment_fours;
    for (int32_t segment = 0, begin = 0, end = all.first_fours; segment <= all.segments; segment++) {
        sums[segment] = expand(input + 4 * begin, lp_minimum(conv->input_channels, 4 * end) - 4 * begin,
                               inputs + 4 * begin);
        begin = end;
        end += params->segment_fours;
    }
    for (int32_t channel = 0; channel < conv->output_channels; channel += LP_LANES_CHANNELS) {
        int32_t total[4 * LP_LANES_CHANNELS]; /* of one pixel of four */
        if (params->weight_bits == 2) {
            weights = sum_channels_2(&all, weights, total);
        } else {
            weights = sum_channels_4(&all, weights, total);
        }
        lp_write_sums(conv, channel, total, 1, output + channel);
    }
}
