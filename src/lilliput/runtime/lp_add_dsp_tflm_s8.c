#include "lp_dsp.h"

/* Inputs are multiplied by 2**20 and halved, as the first one's factor says. */
#define LEFT_SHIFT 20

/* x * 2**by, of which the upper bits are lost. */
LP_INLINE int32_t shifted_left(int32_t x, int32_t by) {
    return (int32_t)((uint32_t)x << by);
}

/* An output, not yet cut to its range, from differences to the zero points in the low halves. */
LP_INLINE int32_t add_one(int32_t pair_1, int32_t pair_2, lp_factor factor_2, lp_factor output_factor,
                          int32_t zero_point) {
    const int32_t second = lp_scale_twice_tflm(shifted_left(pair_2, LEFT_SHIFT), factor_2.multiplier,
                                               factor_2.scale, shifted_left(pair_1, LEFT_SHIFT - 1));
    return lp_scale_twice_tflm(second, output_factor.multiplier, output_factor.scale, zero_point);
}

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
    const int32_t pair_zero_1 = minus_zero_1 | shifted_left(minus_zero_1, 16);
    const int32_t pair_zero_2 = minus_zero_2 | shifted_left(minus_zero_2, 16);
    const uint32_t minimum_4 = (uint8_t)minimum * 0x01010101u;
    const uint32_t maximum_4 = (uint8_t)maximum * 0x01010101u;
    for (; left >= 4; left -= 4, input_1 += 4, input_2 += 4, output += 4) {
        const uint32_t bytes_1 = lp_load_4(input_1);
        const uint32_t bytes_2 = lp_load_4(input_2);
        const int32_t even_1 = lp_add_even_bytes(pair_zero_1, bytes_1);
        const int32_t even_2 = lp_add_even_bytes(pair_zero_2, bytes_2);
        const int32_t odd_1 = lp_add_odd_bytes(pair_zero_1, bytes_1);
        const int32_t odd_2 = lp_add_odd_bytes(pair_zero_2, bytes_2);
        const int32_t sum_0 = add_one(even_1, even_2, factor_2, output_factor, zero_point);
        const int32_t sum_1 = add_one(odd_1, odd_2, factor_2, output_factor, zero_point);
        const int32_t sum_2 = add_one(even_1 >> 16, even_2 >> 16, factor_2, output_factor, zero_point);
        const int32_t sum_3 = add_one(odd_1 >> 16, odd_2 >> 16, factor_2, output_factor, zero_point);
        const uint32_t sums =
            lp_pack_4(lp_saturate_8(sum_0), lp_saturate_8(sum_1), lp_saturate_8(sum_2), lp_saturate_8(sum_3));
        lp_store_4(output, lp_smaller_4(lp_larger_4(sums, minimum_4), maximum_4));
    }
#endif
    for (; left > 0; left--) {
        const int32_t value = add_one(*input_1++ - params->zero_point_1, *input_2++ - params->zero_point_2,
                                      factor_2, output_factor, zero_point);
        *output++ = (int8_t)lp_minimum(lp_maximum(value, minimum), maximum);
    }
}
