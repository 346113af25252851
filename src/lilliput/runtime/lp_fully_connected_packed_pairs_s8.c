#define LP_TFLM 0
#include "lp_row_lanes.h"

/* Inputs counted from the least, a word each, filled up to `filled` with zeros; their sum. */
static uint32_t take_inputs(const int8_t *input, int32_t count, int32_t filled, uint32_t added,
                            uint32_t *words) {
    uint32_t sum = 0;
    for (int32_t left = count; left > 0; left--) {
        const uint32_t value = (uint8_t)((uint8_t)*input++ + added);
        sum += value;
        *words++ = value;
    }
    for (int32_t left = filled - count; left > 0; left--) {
        *words++ = 0;
        LP_OPAQUE(words);
    }
    return sum;
}

/* Begins rows of a part of so many bits, of which lanes hold the products of `segment` eights. */
static void begin(lp_row_pair *rows, int32_t bits, int32_t eights, int32_t segment, const uint32_t *inputs) {
    const int32_t words = bits & 1 ? (eights + 1) / 2 * bits : eights * bits / 2;
    const int32_t segment_words = bits & 1 ? segment / 2 * bits : segment * bits / 2;
    rows->inputs = inputs;
    rows->bytes = 4 * words;
    rows->first_bytes = 4 * ((words - 1) % segment_words + 1);
    rows->segment_bytes = 4 * segment_words;
}

void lp_fully_connected_packed_pairs_s8(const lp_row_pairs_params *params, const int8_t *input,
                                        int8_t *output, void *scratch) {
    const lp_conv2d_params *conv = &params->conv;
    const int32_t bits = params->weight_bits;
    const int32_t lower_bits = lp_maximum(bits - 4, 0);
    const int32_t count = conv->input_channels;
    const int32_t eights = (count + 7) / 8;
    const int32_t filled = bits & 1 ? (eights + 1) / 2 * 16 : eights * 8;
    const uint32_t added = (uint32_t)1 << (params->input_bits - 1);
    const uint32_t *const inputs = (const uint32_t *)scratch;
    const lp_channel *channel = lp_channels(conv->channels);
    const uint32_t too_much = take_inputs(input, count, filled, added, (uint32_t *)scratch) << (bits - 1);
    lp_row_pair upper;
    lp_row_pair lower;
    uint32_t sums[2] = {0, 0};
    begin(&upper, bits - lower_bits, eights, params->segment_eights, inputs);
    if (lower_bits > 0) {
        /* Where four bits are 15 at most, these are 1, 3 or 7. */
        const int32_t times = lower_bits == 1 ? 15 : lower_bits == 2 ? 5 : 2;
        begin(&lower, lower_bits, eights, times * params->segment_eights, inputs);
    }
    upper.weights = params->weights;
    for (int32_t k = 0; k < conv->output_channels; k++, channel++) {
        if (k % 2 == 0) {
            params->upper(&upper);
            sums[0] = upper.sums[0] << (lower_bits + (bits == 1));
            sums[1] = upper.sums[1] << (lower_bits + (bits == 1));
            if (lower_bits > 0) {
                lower.weights = upper.weights;
                params->lower(&lower);
                upper.weights = lower.weights;
                sums[0] += lower.sums[0];
                sums[1] += lower.sums[1];
            }
        }
        const int32_t found = (int32_t)(sums[k % 2] - too_much) + channel->bias;
        *output++ =
            lp_output(channel, found, conv->shift, conv->output_zero_point, conv->minimum, conv->maximum);
    }
}
