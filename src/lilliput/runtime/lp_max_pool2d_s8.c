#include "lp_dsp.h"

/* Rows and columns of a window that lie inside the image, seen from its first element there. */
typedef struct {
    int32_t rows, columns;
    int32_t depth, row_step; /* from pixel to pixel, and from the end of a row of the window to its next */
} window;

#if LP_DSP
/* Four channels at a time; returns the number of channels done. */
static int32_t pool_fours(const window *inside, const int8_t *input, uint32_t minimum, uint32_t maximum,
                          int8_t *output) {
    const int32_t depth = inside->depth;
    int32_t channel = 0;
    for (; channel + 4 <= depth; channel += 4) {
        const int8_t *pixel = input + channel;
        uint32_t largest = minimum;
        for (int32_t row = inside->rows; row > 0; row--, pixel += inside->row_step) {
            for (int32_t column = inside->columns; column > 0; column--, pixel += depth) {
                largest = lp_larger_4(lp_load_4(pixel), largest);
            }
        }
        lp_store_4(output + channel, lp_smaller_4(largest, maximum));
    }
    return channel;
}
#endif

/* All channels from `first` on: the maxima gather in the output itself. */
static void pool_pixel(const window *inside, const int8_t *input, int32_t first, int8_t minimum,
                       int8_t maximum, int8_t *LP_RESTRICT output) {
    const int32_t depth = inside->depth;
    const int8_t *LP_RESTRICT pixel = input;
    for (int32_t i = first; i < depth; i++) {
        int8_t *place = output + i;
        LP_OPAQUE(place);
        *place = minimum;
    }
    for (int32_t row = inside->rows; row > 0; row--, pixel += inside->row_step) {
        for (int32_t column = inside->columns; column > 0; column--, pixel += depth) {
            for (int32_t i = first; i < depth; i++) {
                output[i] = pixel[i] > output[i] ? pixel[i] : output[i];
            }
        }
    }
    for (int32_t i = first; i < depth; i++) {
        output[i] = output[i] > maximum ? maximum : output[i];
    }
}

void lp_max_pool2d_s8(const lp_max_pool2d_params *params, const int8_t *input, int8_t *output) {
    const int32_t depth = params->channels;
    const int32_t row_bytes = params->input_width * depth;
    window inside;
    inside.depth = depth;
    for (int32_t y = 0; y < params->output_height; y++) {
        const lp_span rows = lp_inside(y * params->stride_y - params->padding_top, params->pool_height, 1,
                                       params->input_height);
        const int8_t *image_row = input + (rows.start + rows.begin) * row_bytes;
        inside.rows = rows.end - rows.begin;
        for (int32_t x = 0; x < params->output_width; x++, output += depth) {
            const lp_span columns = lp_inside(x * params->stride_x - params->padding_left, params->pool_width,
                                              1, params->input_width);
            const int8_t *pixel = image_row + (columns.start + columns.begin) * depth;
            int32_t done = 0;
            inside.columns = columns.end - columns.begin;
            inside.row_step = row_bytes - inside.columns * depth;
#if LP_DSP
            done = pool_fours(&inside, pixel, (uint8_t)params->minimum * 0x01010101u,
                              (uint8_t)params->maximum * 0x01010101u, output);
#endif
            if (done < depth) {
                pool_pixel(&inside, pixel, done, params->minimum, params->maximum, output);
            }
        }
    }
}
