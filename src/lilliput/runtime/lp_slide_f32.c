#define LP_FLOAT 1
#include "lp_wide.h"

/* Adds what the window that begins at (y, left) makes for one output channel; gives the end of its weights.
 */
static LP_NOINLINE LP_SMALL const float *take_window(const lp_windows *windows, const float *input, int32_t y,
                                                     int32_t left, const float *weights, float *output) {
    float result = *output;
    for (int32_t row = windows->kernel_height; row > 0; row--, y += windows->dilation_y) {
        int32_t x = left;
        for (int32_t column = windows->kernel_width; column > 0; column--, x += windows->dilation_x) {
            const int32_t depth = windows->input_channels;
            const float *value = input + (y * windows->input_width + x) * depth;
            const float *const end = value + depth;
            const int is_inside = (uint32_t)y < windows->input_height && (uint32_t)x < windows->input_width;
            if (!weights) {
                if (is_inside && *value > result) {
                    result = *value;
                }
                continue;
            }
            const float *weight = weights;
            weights += depth;
            if (is_inside) {
                do {
                    result += *value++ * *weight++;
                } while (value < end);
            }
        }
    }
    *output = result;
    return weights;
}

LP_SMALL void lp_slide_f32(const lp_windows *windows, const float *input, float *output, const float *weights,
                           const float *biases, float minimum, float maximum) {
    int32_t y = -windows->padding_top;
    for (int32_t row = windows->output_height; row > 0; row--, y += windows->stride_y) {
        int32_t x = -windows->padding_left;
        for (int32_t column = windows->output_width; column > 0; column--, x += windows->stride_x) {
            const float *window = weights;
            for (int32_t channel = 0; channel < windows->output_channels; channel++, output++) {
                *output = weights ? biases[channel] : minimum;
                window = take_window(windows, weights ? input : input + channel, y, x, window, output);
                *output = lp_cut(*output, minimum, maximum);
            }
        }
    }
}
