/* Convolution four pixels at a time: their inputs are gathered, expanded to int16, and meet all weights at
 * once.
 *
 * A window is gathered run by run, a run being what lies side by side in the image: a row of the window, or a
 * single element of it where there is dilation.  Fours of a run come first, as pairs 0 2 and 1 3, which is
 * how SXTB16 leaves them; what remains of all runs follows behind the last four.  The weights have the same
 * order.
 */
#include "lp_dsp.h"

/* Where the next elements of a pixel go. */
typedef struct {
    int16_t *fours;
    int16_t *rest;
    int32_t rest_is_odd;
} place;

static void put_rest(place *to, int32_t value) {
    *to->rest = (int16_t)value;
    to->rest += to->rest_is_odd ? LP_PAIR_STEP - 1 : 1;
    to->rest_is_odd ^= 1;
}

/* A run that lies wholly inside the image. */
static void gather_inside(const int8_t *from, int32_t length, place *to) {
    int16_t *fours = to->fours;
    int32_t left = length;
    for (; left >= 8; left -= 8, from += 8, fours += 4 * LP_PAIR_STEP) {
        lp_expand_4(from, fours, LP_PAIR_STEP);
        lp_expand_4(from + 4, fours + 2 * LP_PAIR_STEP, LP_PAIR_STEP);
    }
    if (left >= 4) {
        lp_expand_4(from, fours, LP_PAIR_STEP);
        fours += 2 * LP_PAIR_STEP;
        from += 4;
        left -= 4;
    }
    to->fours = fours;
    for (; left > 0; left--) {
        put_rest(to, *from++);
    }
}

/* A run of which only the elements from `begin` to `end` lie inside; `row` + `start` is where its element 0
 * would be. */
static void gather_across(const int8_t *row, int32_t start, int32_t begin, int32_t end, int32_t length,
                          int8_t zero_point, place *to) {
    int32_t i = 0;
    for (; i + 4 <= length; i += 4, to->fours += 2 * LP_PAIR_STEP) {
        if (i >= begin && i + 4 <= end) {
            lp_expand_4(row + (start + i), to->fours, LP_PAIR_STEP);
        } else {
            int8_t four[4];
            for (int32_t k = 0; k < 4; k++) {
                four[k] = i + k >= begin && i + k < end ? row[start + i + k] : zero_point;
            }
            lp_expand_4(four, to->fours, LP_PAIR_STEP);
        }
    }
    for (; i < length; i++) {
        put_rest(to, i >= begin && i < end ? row[start + i] : zero_point);
    }
}

/* The window of the output pixel in row `y`, column `x`. */
static void gather_pixel(const lp_conv2d_params *params, const int8_t *input, int32_t y, int32_t x,
                         place *to) {
    const int32_t depth = params->input_channels;
    const int32_t runs = params->dilation_x == 1 ? 1 : params->kernel_width;
    const int32_t run_width = params->dilation_x == 1 ? params->kernel_width : 1;
    const int32_t run_length = run_width * depth;
    const int32_t row_bytes = params->input_width * depth;
    const int32_t first_column = x * params->stride_x - params->padding_left;
    int32_t image_y = y * params->stride_y - params->padding_top;
    for (int32_t row = 0; row < params->kernel_height; row++, image_y += params->dilation_y) {
        const int32_t is_inside = image_y >= 0 && image_y < params->input_height;
        const int8_t *image_row = input + (is_inside ? image_y * row_bytes : 0);
        int32_t column = first_column;
        for (int32_t run = 0; run < runs; run++, column += params->dilation_x) {
            const int32_t begin = column < 0 ? -column * depth : 0;
            const int32_t end =
                is_inside ? lp_minimum(run_length, (params->input_width - column) * depth) : 0;
            if (begin == 0 && end == run_length) {
                gather_inside(image_row + column * depth, run_length, to);
            } else {
                gather_across(image_row, column * depth, begin, end, run_length, params->input_zero_point,
                              to);
            }
        }
    }
}

/* Elements of a window that are gathered in fours. */
static int32_t elements_in_fours(const lp_conv2d_params *params) {
    const int32_t depth = params->input_channels;
    if (params->dilation_x == 1) {
        return params->kernel_height * (params->kernel_width * depth / 4 * 4);
    }
    return params->kernel_height * params->kernel_width * (depth / 4 * 4);
}

void lp_conv2d_dsp_s8(const lp_conv2d_params *params, const int8_t *input, int8_t *output, void *scratch) {
    const int32_t elements = (int32_t)params->kernel_height * params->kernel_width * params->input_channels;
    const int32_t rest = elements_in_fours(params) / 2 * LP_PAIR_STEP;
    const int32_t channels = params->output_channels;
    int16_t *const inputs = (int16_t *)scratch;
    int32_t y = 0;
    int32_t x = 0;
    lp_block block;
    lp_block_begin(&block, params, inputs, elements);
    for (int32_t left = (int32_t)params->output_height * params->output_width; left > 0;
         left -= LP_BLOCK_PIXELS) {
        const int32_t count = lp_minimum(left, LP_BLOCK_PIXELS);
        for (int32_t pixel = 0; pixel < LP_BLOCK_PIXELS; pixel++) {
            int16_t *const first = inputs + pixel * LP_PIXEL_STEP(elements);
            place to = {first, first + rest, 0};
            gather_pixel(params, input, y, x, &to);
            if (pixel < count - 1) {
                x++;
                if (x == params->output_width) {
                    x = 0;
                    y++;
                }
            }
        }
        x++;
        if (x == params->output_width) {
            x = 0;
            y++;
        }
        lp_block_pixels(&block, count, channels);
        lp_multiply_block(&block, output);
        output += count * channels;
    }
}
