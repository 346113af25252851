#define LP_TFLM 0
#include "lp_conv2d.h"
#include "lp_formats.h"

/* One output channel of the whole image; its weights are int8 by now. */
static void one_channel(const lp_conv2d_params *params, int32_t channel, const int8_t *weights,
                        const int8_t *input, int8_t *output) {
    const lp_channel *constants = lp_channels(params->channels) + channel;
    const int32_t row_bytes = (int32_t)params->input_width * params->input_channels;
    const int32_t weights_row = (int32_t)params->kernel_width * params->input_channels;
    output += channel;
    for (int32_t y = 0; y < params->output_height; y++) {
        const lp_span rows = lp_inside(y * params->stride_y - params->padding_top, params->kernel_height,
                                       params->dilation_y, params->input_height);
        for (int32_t x = 0; x < params->output_width; x++, output += params->output_channels) {
            const lp_span columns = lp_inside(x * params->stride_x - params->padding_left,
                                              params->kernel_width, params->dilation_x, params->input_width);
            int32_t sum = constants->bias;
            for (int32_t row = 0; row < params->kernel_height; row++) {
                const int8_t *taps = weights + row * weights_row;
                if (row < rows.begin || row >= rows.end) {
                    sum += lp_sum_s8(taps, weights_row) * params->input_zero_point;
                } else {
                    const int8_t *line = input + (rows.start + row * params->dilation_y) * row_bytes;
                    sum += kernel_row(params, taps, line, columns);
                }
            }
            *output = lp_output(constants, sum, params->shift, params->output_zero_point, params->minimum,
                                params->maximum);
        }
    }
}

void lp_conv2d_packed_s8(const lp_packed_params *params, const int8_t *input, int8_t *output, void *scratch) {
    const lp_conv2d_params *conv = &params->conv;
    const uint32_t taps = (uint32_t)conv->kernel_height * conv->kernel_width * conv->input_channels;
    int8_t *weights = (int8_t *)scratch;
    for (int32_t channel = 0; channel < conv->output_channels; channel++) {
        lp_unpack(params->weights, params->weight_bits, (uint32_t)channel * taps, taps, weights);
        one_channel(conv, channel, weights, input, output);
    }
}
