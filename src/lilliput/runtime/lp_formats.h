/* Kernels for numbers other than int8: floats, 16-bit integers, and weights of less than a byte.
 *
 * What lp.h says of its functions holds here too.  The end of a name tells what flows: f32 is float, s16
 * int16_t, s8 int8_t.  Where s16 is followed by w16, weights have 16 bits, otherwise 8.
 */
#ifndef LP_FORMATS_H
#define LP_FORMATS_H

#include "lp.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Images before and after a window slides over them, and the window. */
typedef struct {
    uint16_t input_height, input_width, input_channels;
    uint16_t output_height, output_width, output_channels;
    uint16_t kernel_height, kernel_width;
    uint16_t stride_y, stride_x;
    uint16_t dilation_y, dilation_x;
    uint16_t padding_top, padding_left;
} lp_windows;

typedef struct {
    const float *weights, *biases;
    lp_windows windows;
    float minimum, maximum;
} lp_weighted_f32_params;

/* All zero points are 0. */
typedef struct {
    const void *weights; /* int8_t or int16_t */
    const lp_channel *channels;
    lp_windows windows;
    int16_t minimum, maximum;
    uint8_t shift;
} lp_weighted_s16_params;

/* Weights as lp_wide_conv2d_dsp.h has them.  `channels` holds a bias for each output channel, then their
 * multipliers, or one that serves all; both are filled up to a multiple of four.  A sum is multiplied and
 * divided by 2**32. */
typedef struct {
    const void *weights;
    const int32_t *channels;
    lp_windows windows;
    int16_t minimum, maximum;
    uint16_t window_fours; /* fours of inputs */
    uint8_t
        run_length; /* windows with so many columns to the end of a row are read where they lie; 0: none */
    uint8_t multiplier_bytes; /* from one multiplier to the next: 4, or 0 */
} lp_fours_s16_params;

/* As int8 weights, but `weight_bits` a weight, two's complement, one behind the other from bit 0 of each byte
 * on.  `conv.weights` is not read. */
typedef struct {
    lp_conv2d_params conv;
    const uint8_t *weights;
    uint8_t weight_bits;
} lp_packed_params;

/* Weights of 2 or 4 bits as lp_lanes.h says, for four channels at a time, filled up with zeros.
 * `segment_fours` fours of inputs are summed at a time, `blocks` times four pixels are made of one unpacking
 * of weights. */
typedef struct {
    lp_conv2d_params conv;
    const uint32_t *weights;
    uint16_t segment_fours, blocks;
    uint8_t weight_bits;
} lp_lanes_params;

typedef struct {
    lp_windows windows;
    float minimum, maximum;
} lp_pool_f32_params;

/* `scales` is 0 for the largest element. */
typedef struct {
    const lp_pool_scale *scales;
    lp_windows windows;
    int16_t minimum, maximum;
} lp_pool_s16_params;

/* Of two tensors one, `whole`, has the output's shape; element k of the other is k / step % period.  Signs
 * are 1 or -1. */
typedef struct {
    uint32_t elements, step, period;
    float whole_sign, other_sign;
    float minimum, maximum;
} lp_pair_f32_params;

/* A product takes `whole_multiplier` alone. */
typedef struct {
    uint32_t elements, step, period;
    int32_t whole_multiplier, other_multiplier;
    int16_t minimum, maximum;
    uint8_t shift;
} lp_pair_s16_params;

typedef struct {
    uint16_t input_height, input_width, channels;
    uint16_t top, bottom, left, right;
    float value;
} lp_pad_f32_params;

typedef struct {
    uint16_t input_height, input_width, channels;
    uint16_t top, bottom, left, right;
    int16_t value;
} lp_pad_s16_params;

typedef struct {
    float beta;
    uint16_t rows, columns;
} lp_softmax_f32_params;

/* Convolution; weights (out, kernel height, kernel width, in).  With images of one pixel: matrix times
 * vector.
 */
void lp_conv2d_f32(const lp_weighted_f32_params *params, const void *input, void *output);
void lp_conv2d_s16(const lp_weighted_s16_params *params, const void *input, void *output);
void lp_conv2d_s16_w16(const lp_weighted_s16_params *params, const void *input, void *output);

/* The same for cores with packed 16-bit arithmetic.  `scratch`, aligned to 4, holds a window of inputs,
 * filled up as its weights are; it is not used where images are of one pixel, and windows need no filling. */
void lp_conv2d_dsp_s16(const lp_fours_s16_params *params, const void *input, void *output, void *scratch);
void lp_conv2d_dsp_s16_w16(const lp_fours_s16_params *params, const void *input, void *output, void *scratch);

/* The same of int8; the input's zero point is folded into the bias.  `scratch` holds
 * kernel_height * kernel_width * input_channels bytes. */
void lp_conv2d_packed_s8(const lp_packed_params *params, const int8_t *input, int8_t *output, void *scratch);

/* The same for cores with packed 16-bit arithmetic.  `scratch`, aligned to 4, holds for each four of a
 * window's elements, of which the last may be incomplete, 20 bytes and 32 for each of the blocks. */
void lp_conv2d_packed_dsp_s8(const lp_lanes_params *params, const int8_t *input, int8_t *output,
                             void *scratch);

/* The same of weights of 4 bits that lie as lp_nibbles.h says; `scratch` holds 20 bytes for each four. */
void lp_conv2d_nibbles_dsp_s8(const lp_packed_params *params, const int8_t *input, int8_t *output,
                              void *scratch);

/* The same for kernels three columns wide, a step of one column, input channels that are a multiple of four,
 * at least four output columns, no dilation and one segment; inputs in the order of lp_band.h.  `blocks` is
 * the rows of outputs that are made of one unpacking; `scratch` holds 16 bytes for each four of a window and
 * two for each input of (blocks - 1) * stride_y + kernel_height rows of output_width + 2 pixels. */
void lp_conv2d_packed_rows_dsp_s8(const lp_lanes_params *params, const int8_t *input, int8_t *output,
                                  void *scratch);

/* The same without dilation by way of a strip of windows (lp_strip.h), in whose order inputs come.
 * `scratch`, aligned to 4, holds that strip and 16 bytes for each four of a window. */
void lp_conv2d_packed_strip_dsp_s8(const lp_lanes_params *params, const int8_t *input, int8_t *output,
                                   void *scratch);

/* Matrix times vector with weights as lp_conv2d_packed_dsp_s8() has them; `scratch` holds 8 bytes for each
 * four, and 4 for each four fours, of which the last may be incomplete. */
void lp_fully_connected_packed_dsp_s8(const lp_lanes_params *params, const int8_t *input, int8_t *output,
                                      void *scratch);

/* As lp_conv2d_nibbles_dsp_s8() for a matrix product, whose inputs are expanded 1024 at a time.  `scratch`
 * holds 4096 bytes, and four for each output, those filled to a multiple of four. */
void lp_fully_connected_nibbles_dsp_s8(const lp_packed_params *params, const int8_t *input, int8_t *output,
                                       void *scratch);

/* As lp_conv2d_nibbles_dsp_s8() for kernels three columns wide, a step of one column, input channels that are
 * a multiple of four, at least two output columns and no dilation; inputs in the order of lp_band.h.
 * `scratch` holds for each of kernel_height * (output_width + 2) inputs' pixels two bytes a channel, and four
 * more. */
void lp_conv2d_nibbles_rows_dsp_s8(const lp_packed_params *params, const int8_t *input, int8_t *output,
                                   void *scratch);

/* Depthwise convolution, output_channels / input_channels outputs for each input channel; weights (kernel
 * height, kernel width, output channels). */
void lp_depthwise_conv2d_f32(const lp_weighted_f32_params *params, const void *input, void *output);
void lp_depthwise_conv2d_s16(const lp_weighted_s16_params *params, const void *input, void *output);
void lp_depthwise_conv2d_s16_w16(const lp_weighted_s16_params *params, const void *input, void *output);

/* The same of int8.  `scratch` holds kernel_height * kernel_width * output_channels bytes. */
void lp_depthwise_conv2d_packed_s8(const lp_packed_params *params, const int8_t *input, int8_t *output,
                                   void *scratch);

/* Largest element, and mean, of each window over the elements inside the image. */
void lp_max_pool2d_f32(const lp_pool_f32_params *params, const void *input, void *output);
void lp_max_pool2d_s16(const lp_pool_s16_params *params, const void *input, void *output);
void lp_average_pool2d_f32(const lp_pool_f32_params *params, const void *input, void *output);
void lp_average_pool2d_s16(const lp_pool_s16_params *params, const void *input, void *output);

/* Sum, difference or product of two tensors, of which the second may be repeated; `output` may be `whole`,
 * and also `other` where that is not repeated. */
void lp_add_f32(const lp_pair_f32_params *params, const void *whole, const void *other, void *output);
void lp_add_s16(const lp_pair_s16_params *params, const void *whole, const void *other, void *output);
void lp_mul_f32(const lp_pair_f32_params *params, const void *whole, const void *other, void *output);
void lp_mul_s16(const lp_pair_s16_params *params, const void *whole, const void *other, void *output);

/* An image with a border of one value. */
void lp_pad_f32(const lp_pad_f32_params *params, const void *input, void *output);
void lp_pad_s16(const lp_pad_s16_params *params, const void *input, void *output);

/* Element by element: cut to bounds, 1 / (1 + exp(-x)), tanh(x), x min(max(x + 3, 0), 6) / 6; `output` may be
 * `input`. */
void lp_clamp_f32(const void *input, void *output, uint32_t elements, float minimum, float maximum);
void lp_logistic_f32(const void *input, void *output, uint32_t elements);
void lp_tanh_f32(const void *input, void *output, uint32_t elements);
void lp_hard_swish_f32(const void *input, void *output, uint32_t elements);

/* Softmax of each row; `output` may be `input`. */
void lp_softmax_f32(const lp_softmax_f32_params *params, const void *input, void *output);

/* Another scale, zero point or range, element by element, from and to integers of these types; `output` may
 * be `input` where both have the same size. */
void lp_requantize_s8_s16(const lp_requantize_params *params, const void *input, void *output);
void lp_requantize_u8_s16(const lp_requantize_params *params, const void *input, void *output);
void lp_requantize_s16(const lp_requantize_params *params, const void *input, void *output);
void lp_requantize_s16_s8(const lp_requantize_params *params, const void *input, void *output);

/* `count` weights of `bits` bits, the first of them number `first`, as int8. */
void lp_unpack(const uint8_t *weights, int32_t bits, uint32_t first, uint32_t count, int8_t *output);

#ifdef __cplusplus
}
#endif

#endif
