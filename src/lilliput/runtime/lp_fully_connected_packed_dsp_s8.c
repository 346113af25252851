#define LP_TFLM 0
#include "lp_lanes.h"
#include "lp_packed_outputs.h"

#if LP_DSP
#define MULTIPLY(lanes, pair, sum) lp_multiply_pairs(lanes, *(const lp_pair *)(const void *)(pair), sum)
#else
#define MULTIPLY(lanes, pair, sum) ((sum) + (int16_t)(lanes) * (pair)[0] + ((lanes) >> 16) * (pair)[1])
#endif

/* Sums of two pairs of channels over `fours` fours of inputs, from weights of 4 bits. */
LP_INLINE void sum_4(const uint32_t *weights, const int16_t *inputs, int32_t fours, int32_t *sums) {
    int32_t first = 0;
    int32_t second = 0;
    for (; fours > 0; fours--, weights += 2, inputs += 4) {
        const uint32_t even = weights[0];
        const uint32_t odd = weights[1];
        first = MULTIPLY(lp_lanes_4(even, 0), inputs, first);
        second = MULTIPLY(lp_lanes_4(even, 8), inputs, second);
        first = MULTIPLY(lp_lanes_4(odd, 0), inputs + 2, first);
        second = MULTIPLY(lp_lanes_4(odd, 8), inputs + 2, second);
    }
    sums[0] = first;
    sums[1] = second;
}

/* The same of weights of 2 bits. */
LP_INLINE void sum_2(const uint32_t *weights, const int16_t *inputs, int32_t fours, int32_t *sums) {
    int32_t first = 0;
    int32_t second = 0;
    for (; fours > 0; fours--, weights++, inputs += 4) {
        const uint32_t word = *weights;
        first = MULTIPLY(lp_lanes_2(word, 0), inputs, first);
        second = MULTIPLY(lp_lanes_2(word, 4), inputs, second);
        first = MULTIPLY(lp_lanes_2(word, 8), inputs + 2, first);
        second = MULTIPLY(lp_lanes_2(word, 12), inputs + 2, second);
    }
    sums[0] = first;
    sums[1] = second;
}

/* Inputs as int16, 0, 2 and 1, 3 of each four; those that fill the last up are zeros. */
static void expand(const int8_t *input, int32_t count, int16_t *to) {
    for (; count >= 4; count -= 4, input += 4, to += 4) {
        lp_expand_4(input, to, 2);
    }
    for (int32_t i = 0; i < 4 && count > 0; i++) {
        to[i % 2 * 2 + i / 2] = (int16_t)(i < count ? input[i] : 0);
    }
}

void lp_fully_connected_packed_dsp_s8(const lp_lanes_params *params, const int8_t *input, int8_t *output,
                                      void *scratch) {
    const lp_conv2d_params *conv = &params->conv;
    const int32_t bits = params->weight_bits;
    const int32_t fours = (conv->input_channels + 3) / 4;
    const int32_t segments = (fours - 1) / params->segment_fours;
    const uint32_t *weights = params->weights;
    int16_t *const inputs = (int16_t *)scratch;
    expand(input, conv->input_channels, inputs);
    for (int32_t channel = 0; channel < conv->output_channels; channel += LP_LANES_CHANNELS) {
        const int16_t *from = inputs;
        int32_t length = fours - segments * params->segment_fours;
        int32_t total[4 * LP_LANES_CHANNELS]; /* of one pixel of four */
        total[0] = total[4] = total[8] = total[12] = 0;
        for (int32_t left = segments; left >= 0; left--, length = params->segment_fours) {
            int32_t sums[2];
            if (bits == 2) {
                sum_2(weights, from, length, sums);
            } else {
                sum_4(weights, from, length, sums);
            }
            weights += length * bits / 2;
            from += 4 * length;
            for (int32_t pair = 0; pair < 2; pair++) {
                const int32_t low = (int32_t)((uint32_t)sums[pair] << (16 + bits)) >> (16 + bits);
                total[8 * pair] += low;
                total[8 * pair + 4] += (sums[pair] - low) >> (16 - bits);
            }
        }
        lp_write_sums(conv, channel, total, 1, output + channel);
    }
}
