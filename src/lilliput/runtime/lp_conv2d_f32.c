#define LP_FLOAT 1
#include "lp_wide.h"

/* Adds what a pixel of the input contributes to all output channels, whose weights for it begin `step` after
 * one another.  Four channels are summed side by side; where fewer are left, one is, four times. */
static LP_NOINLINE void add_pixel(const lp_windows *windows, const float *from, const float *weights,
                                  int32_t step, float *output) {
    const float *const end = from + windows->input_channels;
    for (int32_t left = windows->output_channels; left > 0;) {
        const int32_t next = left < 4 ? 0 : 1;
        const int32_t apart = left < 4 ? 0 : step;
        const float *a = weights;
        const float *b = a + apart;
        const float *c = b + apart;
        const float *d = c + apart;
        float sum_a = output[0];
        float sum_b = output[next];
        float sum_c = output[2 * next];
        float sum_d = output[3 * next];
        weights = d + step;
        for (const float *value = from; value < end; value++) {
            sum_a += *value * *a++;
            sum_b += *value * *b++;
            sum_c += *value * *c++;
            sum_d += *value * *d++;
        }
        output[0] = sum_a;
        output[next] = sum_b;
        output[2 * next] = sum_c;
        output[3 * next] = sum_d;
        output += 3 * next + 1;
        left -= 3 * next + 1;
    }
}

void lp_conv2d_f32(const lp_weighted_f32_params *params, const void *input, void *to) {
    const lp_windows *windows = &params->windows;
    const int32_t step = windows->kernel_height * windows->kernel_width * windows->input_channels;
    float *output = (float *)to;
    int32_t top = -windows->padding_top;
    for (int32_t row = windows->output_height; row > 0; row--, top += windows->stride_y) {
        int32_t left = -windows->padding_left;
        for (int32_t column = windows->output_width; column > 0; column--, left += windows->stride_x) {
            for (int32_t channel = 0; channel < windows->output_channels; channel++) {
                output[channel] = params->biases[channel];
            }
            const float *weights = params->weights;
            int32_t y = top;
            for (int32_t tall = windows->kernel_height; tall > 0; tall--, y += windows->dilation_y) {
                int32_t x = left;
                for (int32_t wide = windows->kernel_width; wide > 0; wide--, x += windows->dilation_x) {
                    if ((uint32_t)y < windows->input_height && (uint32_t)x < windows->input_width) {
                        const int32_t at = (y * windows->input_width + x) * windows->input_channels;
                        add_pixel(windows, (const float *)input + at, weights, step, output);
                    }
                    weights += windows->input_channels;
                    /* Sizes are loaded anew, since registers are short. */
                    LP_OPAQUE(windows);
                }
            }
            for (int32_t channel = windows->output_channels; channel > 0; channel--, output++) {
                *output = lp_cut(*output, params->minimum, params->maximum);
            }
        }
    }
}
