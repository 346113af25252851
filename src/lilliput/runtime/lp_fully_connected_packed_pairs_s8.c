#define LP_TFLM 0
#include "lp_row_lanes.h"

void lp_fully_connected_packed_pairs_s8(const lp_eights_params *params, const int8_t *input, int8_t *output,
                                        void *scratch) {
    const lp_conv2d_params *conv = &params->conv;
    const int32_t bits = params->weight_bits;
    const int32_t count = conv->input_channels;
    const int32_t eights = (count + 7) / 8;
    const uint32_t added = (uint32_t)1 << (params->input_bits - 1);
    const lp_channel *channel = lp_channels(conv->channels);
    uint32_t *inputs = (uint32_t *)scratch;
    uint32_t sum = 0;
    for (int32_t left = count; left > 0; left--) {
        const uint32_t value = (uint8_t)((uint8_t)*input++ + added);
        sum += value;
        *inputs++ = value;
    }
    for (int32_t left = 8 * eights - count; left > 0; left--) {
        *inputs++ = 0;
        LP_OPAQUE(inputs);
    }
    lp_row_pair rows;
    rows.weights = (const uint32_t *)(const void *)params->weights;
    rows.inputs = (const uint32_t *)scratch;
    rows.bytes = 2 * bits * eights;
    rows.first_bytes = 2 * bits * ((eights - 1) % params->segment_eights + 1);
    rows.segment_bytes = 2 * bits * params->segment_eights;
    for (int32_t k = 0; k < conv->output_channels; k++, channel++) {
        if (k % 2 == 0) {
            if (bits == 2) {
                lp_multiply_row_pair_2(&rows);
            } else {
                lp_multiply_row_pair_4(&rows);
            }
        }
        const int32_t found = (int32_t)(rows.sums[k % 2] - (sum << (bits - 1))) + channel->bias;
        *output++ =
            lp_output(channel, found, conv->shift, conv->output_zero_point, conv->minimum, conv->maximum);
    }
}
