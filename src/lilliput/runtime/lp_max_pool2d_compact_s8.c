#include "lp_compact.h"
#include "lp_dsp.h"

/* The largest values of the windows of neighbouring channels: of four, or of one, in the low byte. */
#if LP_DSP

#define LANES 4

LP_INLINE uint32_t load(const int8_t *from, int32_t lanes) {
    return lanes == LANES ? lp_load_4(from) : (uint8_t)*from;
}

LP_INLINE uint32_t larger(uint32_t a, uint32_t b) {
    return lp_larger_4(a, b);
}

LP_INLINE void store(int8_t *to, uint32_t values, const lp_max_pool2d_params *params, int32_t lanes) {
    values = lp_smaller_4(values, (uint8_t)params->maximum * 0x01010101u);
    if (lanes == LANES) {
        lp_store_4(to, values);
    } else {
        *to = (int8_t)values;
    }
}

#else

#define LANES 1

LP_INLINE uint32_t load(const int8_t *from, int32_t lanes) {
    (void)lanes;
    return (uint8_t)*from;
}

LP_INLINE uint32_t larger(uint32_t a, uint32_t b) {
    return (int8_t)a > (int8_t)b ? a : b;
}

LP_INLINE void store(int8_t *to, uint32_t values, const lp_max_pool2d_params *params, int32_t lanes) {
    (void)lanes;
    *to = (int8_t)lp_minimum((int8_t)values, params->maximum);
}

#endif

void lp_max_pool2d_compact_s8(const lp_max_pool2d_params *params, const int8_t *input, int8_t *output) {
    const int32_t depth = params->channels;
    const int32_t row_bytes = params->input_width * depth;
    int32_t y = params->output_height;
    do {
        const int8_t *window = input;
        int32_t x = params->output_width;
        do {
            int32_t channel = 0;
            do {
                const int32_t lanes = channel + LANES <= depth ? LANES : 1;
                uint32_t values = (uint8_t)params->minimum * 0x01010101u;
                const int8_t *row = window + channel;
                int32_t rows = params->pool_height;
                do {
                    const int8_t *from = row;
                    int32_t columns = params->pool_width;
                    do {
                        values = larger(load(from, lanes), values);
                        from += depth;
                    } while (--columns > 0);
                    row += row_bytes;
                } while (--rows > 0);
                store(output, values, params, lanes);
                output += lanes;
                channel += lanes;
            } while (channel < depth);
            window += params->stride_x * depth;
        } while (--x > 0);
        input += params->stride_y * row_bytes;
    } while (--y > 0);
}
