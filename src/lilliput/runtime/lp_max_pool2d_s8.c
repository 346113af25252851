#include "lp_dsp.h"

/* Rows and columns of a window that lie inside the image, seen from its first element there. */
typedef struct {
    int32_t rows, columns;
    int32_t depth, row_step; /* from pixel to pixel, and from the end of a row of the window to its next */
} window;

#if LP_DSP

/* Limits of what is put out, four times. */
typedef struct {
    uint32_t minimum, maximum;
} limits;

/* A row of outputs of windows of 2x2 that all lie inside, four channels at a time, of which there are at
 * least four; the last ones may be among those before. */
static LP_NOINLINE int8_t *pool_row_2x2(const lp_max_pool2d_params *params, const int8_t *input,
                                        const limits *between, int8_t *output) {
    const int32_t depth = params->channels;
    const int32_t step = params->stride_x * depth;
    const int32_t row_bytes = params->input_width * depth;
    const uint32_t minimum = between->minimum;
    const uint32_t maximum = between->maximum;
    for (int32_t left = params->output_width; left > 0; left--, input += step, output += depth) {
        for (int32_t begin = 0; begin < depth; begin += 4) {
            const int32_t channel = lp_minimum(begin, depth - 4);
            const int8_t *const upper = input + channel;
            const int8_t *const lower = upper + row_bytes;
            const uint32_t a = lp_load_4(upper);
            const uint32_t b = lp_load_4(upper + depth);
            const uint32_t c = lp_load_4(lower);
            const uint32_t d = lp_load_4(lower + depth);
            const uint32_t largest = lp_larger_4(lp_larger_4(a, b), lp_larger_4(c, d));
            lp_store_4(output + channel, lp_smaller_4(lp_larger_4(largest, minimum), maximum));
        }
    }
    return output;
}

/* The same of one window of any size. */
static LP_NOINLINE void pool_fours(const window *inside, const int8_t *input, const limits *between,
                                   int8_t *output) {
    const int32_t depth = inside->depth;
    for (int32_t begin = 0; begin < depth; begin += 4) {
        const int32_t channel = lp_minimum(begin, depth - 4);
        const int8_t *pixel = input + channel;
        uint32_t largest = between->minimum;
        for (int32_t row = inside->rows; row > 0; row--, pixel += inside->row_step) {
            for (int32_t column = inside->columns; column > 0; column--, pixel += depth) {
                largest = lp_larger_4(lp_load_4(pixel), largest);
            }
        }
        lp_store_4(output + channel, lp_smaller_4(largest, between->maximum));
    }
}

#endif

/* The maxima gather in the output itself. */
static LP_NOINLINE void pool_pixel(const window *inside, const int8_t *input, int8_t minimum, int8_t maximum,
                                   int8_t *LP_RESTRICT output) {
    const int32_t depth = inside->depth;
    const int8_t *LP_RESTRICT pixel = input;
    for (int32_t i = 0; i < depth; i++) {
        int8_t *place = output + i;
        LP_OPAQUE(place);
        *place = minimum;
    }
    for (int32_t row = inside->rows; row > 0; row--, pixel += inside->row_step) {
        for (int32_t column = inside->columns; column > 0; column--, pixel += depth) {
            for (int32_t i = 0; i < depth; i++) {
                output[i] = pixel[i] > output[i] ? pixel[i] : output[i];
            }
        }
    }
    for (int32_t i = 0; i < depth; i++) {
        output[i] = output[i] > maximum ? maximum : output[i];
    }
}

void lp_max_pool2d_s8(const lp_max_pool2d_params *params, const int8_t *input, int8_t *output) {
    const int32_t depth = params->channels;
    const int32_t row_bytes = params->input_width * depth;
    window inside;
    inside.depth = depth;
#if LP_DSP
    const int32_t is_plain = depth >= 4 && params->pool_width == 2 && params->padding_left == 0 &&
                             (params->output_width - 1) * params->stride_x + 2 <= params->input_width;
    const limits between = {(uint8_t)params->minimum * 0x01010101u, (uint8_t)params->maximum * 0x01010101u};
#endif
    for (int32_t y = 0; y < params->output_height; y++) {
        const lp_span rows = lp_inside(y * params->stride_y - params->padding_top, params->pool_height, 1,
                                       params->input_height);
        const int8_t *image_row = input + (rows.start + rows.begin) * row_bytes;
        inside.rows = rows.end - rows.begin;
#if LP_DSP
        if (is_plain && inside.rows == 2) {
            output = pool_row_2x2(params, image_row, &between, output);
            continue;
        }
#endif
        for (int32_t x = 0; x < params->output_width; x++, output += depth) {
            const lp_span columns = lp_inside(x * params->stride_x - params->padding_left, params->pool_width,
                                              1, params->input_width);
            const int8_t *pixel = image_row + (columns.start + columns.begin) * depth;
            inside.columns = columns.end - columns.begin;
            inside.row_step = row_bytes - inside.columns * depth;
#if LP_DSP
            if (depth >= 4) {
                pool_fours(&inside, pixel, &between, output);
                continue;
            }
#endif
            pool_pixel(&inside, pixel, params->minimum, params->maximum, output);
        }
    }
}
