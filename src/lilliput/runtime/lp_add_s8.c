#include "lp_dsp.h"

void lp_add_s8(const lp_add_params *params, const int8_t *input_1, const int8_t *input_2, int8_t *output) {
    const int32_t multiplier_1 = params->multiplier_1;
    const int32_t multiplier_2 = params->multiplier_2;
    const int32_t offset = params->offset;
    const int32_t shift = params->shift;
    const int32_t minimum = params->minimum;
    const int32_t maximum = params->maximum;
    uint32_t left = params->elements;
#if LP_DSP
    const uint32_t minimum_4 = (uint8_t)minimum * 0x01010101u;
    const uint32_t maximum_4 = (uint8_t)maximum * 0x01010101u;
    for (; left >= 4; left -= 4, input_1 += 4, input_2 += 4, output += 4) {
        const uint32_t bytes_1 = lp_load_4(input_1);
        const uint32_t bytes_2 = lp_load_4(input_2);
        const int32_t even_1 = lp_even_bytes(bytes_1);
        const int32_t even_2 = lp_even_bytes(bytes_2);
        const int32_t odd_1 = lp_odd_bytes(bytes_1);
        const int32_t odd_2 = lp_odd_bytes(bytes_2);
        int32_t sum_0 = lp_multiply_low_low(even_1, multiplier_1, offset);
        int32_t sum_1 = lp_multiply_low_low(odd_1, multiplier_1, offset);
        int32_t sum_2 = lp_multiply_high_low(even_1, multiplier_1, offset);
        int32_t sum_3 = lp_multiply_high_low(odd_1, multiplier_1, offset);
        sum_0 = lp_saturate_8(lp_multiply_low_low(even_2, multiplier_2, sum_0) >> shift);
        sum_1 = lp_saturate_8(lp_multiply_low_low(odd_2, multiplier_2, sum_1) >> shift);
        sum_2 = lp_saturate_8(lp_multiply_high_low(even_2, multiplier_2, sum_2) >> shift);
        sum_3 = lp_saturate_8(lp_multiply_high_low(odd_2, multiplier_2, sum_3) >> shift);
        const uint32_t sums = lp_pack_4(sum_0, sum_1, sum_2, sum_3);
        lp_store_4(output, lp_smaller_4(lp_larger_4(sums, minimum_4), maximum_4));
    }
#endif
    for (; left > 0; left--) {
        const int32_t sum = *input_1++ * multiplier_1 + *input_2++ * multiplier_2 + offset;
        *output++ = (int8_t)lp_minimum(lp_maximum(sum >> shift, minimum), maximum);
    }
}
