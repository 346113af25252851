#include "lp_add_tflm.h"

void lp_add_dsp_tflm_s8(const lp_add_tflm_params *params, const int8_t *input_1, const int8_t *input_2,
                        int8_t *output) {
    const lp_factor factor_2 = params->factor_2;
    const lp_factor output_factor = params->output_factor;
    const int32_t zero_point = params->output_zero_point;
    const int32_t minimum = params->minimum;
    const int32_t maximum = params->maximum;
    uint32_t left = params->elements;
#if LP_DSP
    const int32_t minus_zero_1 = -params->zero_point_1 & 0xFFFF;
    const int32_t minus_zero_2 = -params->zero_point_2 & 0xFFFF;
    const int32_t pair_zero_1 = minus_zero_1 | lp_shifted_left(minus_zero_1, 16);
    const int32_t pair_zero_2 = minus_zero_2 | lp_shifted_left(minus_zero_2, 16);
    const uint32_t minimum_4 = (uint8_t)minimum * 0x01010101u;
    const uint32_t maximum_4 = (uint8_t)maximum * 0x01010101u;
    for (; left >= 4; left -= 4, input_1 += 4, input_2 += 4, output += 4) {
        const uint32_t bytes_1 = lp_load_4(input_1);
        const uint32_t bytes_2 = lp_load_4(input_2);
        const int32_t even_1 = lp_add_even_bytes(pair_zero_1, bytes_1);
        const int32_t even_2 = lp_add_even_bytes(pair_zero_2, bytes_2);
        const int32_t odd_1 = lp_add_odd_bytes(pair_zero_1, bytes_1);
        const int32_t odd_2 = lp_add_odd_bytes(pair_zero_2, bytes_2);
        const int32_t sum_0 = lp_add_one(even_1, even_2, factor_2, output_factor, zero_point);
        const int32_t sum_1 = lp_add_one(odd_1, odd_2, factor_2, output_factor, zero_point);
        const int32_t sum_2 = lp_add_one(even_1 >> 16, even_2 >> 16, factor_2, output_factor, zero_point);
        const int32_t sum_3 = lp_add_one(odd_1 >> 16, odd_2 >> 16, factor_2, output_factor, zero_point);
        const uint32_t sums =
            lp_pack_4(lp_saturate_8(sum_0), lp_saturate_8(sum_1), lp_saturate_8(sum_2), lp_saturate_8(sum_3));
        lp_store_4(output, lp_smaller_4(lp_larger_4(sums, minimum_4), maximum_4));
    }
#endif
    for (; left > 0; left--) {
        const int32_t value = lp_add_one(*input_1++ - params->zero_point_1, *input_2++ - params->zero_point_2,
                                         factor_2, output_factor, zero_point);
        *output++ = (int8_t)lp_minimum(lp_maximum(value, minimum), maximum);
    }
}
