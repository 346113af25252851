#define LP_FLOAT 1
#include "lp_wide.h"

/* Adds the products of `count` inputs to all output channels, four of them side by side; where fewer are
 * left, the last one takes the places of the others. */
static LP_NOINLINE void add_run(const lp_windows *windows, const float *from, int32_t count,
                                const float *weights, float *output) {
    const int32_t step = windows->kernel_height * windows->kernel_width * windows->input_channels;
    const float *const end = from + count;
    for (int32_t left = windows->output_channels; left > 0; left -= 4) {
        const float *a = weights;
        const float *b = left > 1 ? a + step : a;
        const float *c = left > 2 ? b + step : b;
        const float *d = left > 3 ? c + step : c;
        float *const to_b = left > 1 ? output + 1 : output;
        float *const to_c = left > 2 ? to_b + 1 : to_b;
        float *const to_d = left > 3 ? to_c + 1 : to_c;
        float sum_a = *output;
        float sum_b = *to_b;
        float sum_c = *to_c;
        float sum_d = *to_d;
        weights = d + step;
        for (const float *value = from; value < end; value++) {
            sum_a += *value * *a++;
            sum_b += *value * *b++;
            sum_c += *value * *c++;
            sum_d += *value * *d++;
        }
        *output = sum_a;
        *to_b = sum_b;
        *to_c = sum_c;
        *to_d = sum_d;
        output = to_d + 1;
    }
}

/* Adds the window that begins at (y, x), in runs of columns that lie side by side. */
static LP_NOINLINE void add_window(const lp_weighted_f32_params *params, const float *input, int32_t y,
                                   int32_t x, float *output) {
    const lp_windows *windows = &params->windows;
    const float *weights = params->weights;
    const int32_t length = windows->dilation_x == 1 ? windows->kernel_width : 1;
    for (int32_t row = windows->kernel_height; row > 0; row--, y += windows->dilation_y) {
        for (int32_t column = 0; column < windows->kernel_width; column += length) {
            const int32_t place = x + column * windows->dilation_x;
            const int32_t begin = lp_maximum(-place, 0);
            const int32_t end = lp_minimum(length, windows->input_width - place);
            const int32_t depth = windows->input_channels;
            if ((uint32_t)y < windows->input_height && begin < end) {
                const float *from = input + (y * windows->input_width + place + begin) * depth;
                add_run(windows, from, (end - begin) * depth, weights + begin * depth, output);
            }
            weights += length * depth;
            LP_OPAQUE(windows); /* sizes are loaded anew, since registers are short */
        }
    }
}

void lp_conv2d_f32(const lp_weighted_f32_params *params, const void *input, void *to) {
    const lp_windows *windows = &params->windows;
    float *output = (float *)to;
    int32_t y = -windows->padding_top;
    for (int32_t row = windows->output_height; row > 0; row--, y += windows->stride_y) {
        int32_t x = -windows->padding_left;
        for (int32_t column = windows->output_width; column > 0; column--, x += windows->stride_x) {
            for (int32_t channel = 0; channel < windows->output_channels; channel++) {
                output[channel] = params->biases[channel];
            }
            add_window(params, (const float *)input, y, x, output);
            for (int32_t channel = windows->output_channels; channel > 0; channel--, output++) {
                *output = lp_cut(*output, params->minimum, params->maximum);
            }
        }
    }
}
