#ifndef LP_AVERAGE_POOL2D_COMPACT_H
#define LP_AVERAGE_POOL2D_COMPACT_H

#include "lp_compact.h"
#include "lp_mean.h"

LP_INLINE void average_pool2d_compact(const lp_average_pool2d_params *params, const int8_t *input,
                                      int8_t *output) {
    const int32_t depth = params->channels;
    const int32_t row_bytes = params->input_width * depth;
    const int32_t elements = params->pool_height * params->pool_width;
    const lp_pool_scale *scale = find_scale(params, elements);
    int32_t y = params->output_height;
    do {
        const int8_t *window = input;
        int32_t x = params->output_width;
        do {
            int32_t left = depth;
            do {
                int32_t sum = -elements * params->input_zero_point;
                const int8_t *row = window++;
                int32_t rows = params->pool_height;
                do {
                    const int8_t *value = row;
                    int32_t columns = params->pool_width;
                    do {
                        sum += *value;
                        value += depth;
                    } while (--columns > 0);
                    row += row_bytes;
                } while (--rows > 0);
                *output++ = output_of(params, scale, sum, elements);
            } while (--left > 0);
            window += (params->stride_x - 1) * depth;
        } while (--x > 0);
        input += params->stride_y * row_bytes;
    } while (--y > 0);
}

#endif
