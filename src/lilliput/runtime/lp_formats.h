/* Kernels for numbers other than int8: floats, 16-bit integers, and weights of less than a byte.
 *
 * What lp.h says of its functions holds here too.  The end of a name tells what flows: f32 is float, s16
 * int16_t, s8 int8_t.  Where s16 is followed by w16, weights have 16 bits, otherwise 8.
 */
#ifndef LP_FORMATS_H
#define LP_FORMATS_H

#include "lp.h"
#include "lp_part_functions.h"

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
 * on; a single bit says whether a weight is -1, and not 1.  `conv.weights` is not read. */
typedef struct {
    lp_conv2d_params conv;
    const uint8_t *weights;
    uint8_t weight_bits;
} lp_packed_params;

/* Weights of 2 or 4 bits as lp_lanes.h or lp_nibbles.h says, for four channels at a time, filled up with
 * zeros. `segment_fours` fours of inputs, in a band of lp_nibbles.h planes of three, are summed at a time,
 * and `pass_segments` times those of lp_lanes.h, whose convolutions take `multiply`; `blocks` times four
 * pixels are made of one unpacking of weights. */
typedef struct {
    lp_conv2d_params conv;
    const uint32_t *weights;
    lp_lanes_function *multiply;
    uint16_t segment_fours, pass_segments, blocks;
    uint8_t weight_bits;
} lp_lanes_params;

/* Weights of 1 to 7 bits in planes (lp_planes.h), those that are unpacked at a time by themselves: of
 * convolutions `chunk_channels` channels, whose weights come in the order that the kernel for those of a byte
 * has them in, as `channel_words` words of each; of depthwise convolutions all, as if of one channel. */
typedef struct {
    lp_conv2d_params conv;
    const uint32_t *weights;
    lp_unpack_function *unpack; /* lp_unpack_planes_N() */
    uint16_t chunk_channels, channel_words;
    uint8_t doublings; /* of weights, only for depthwise convolutions */
} lp_planes_params;

/* The same of matrix products: each row by itself, filled up to words as if with the least weight. */
typedef struct {
    lp_conv2d_params conv;
    const uint32_t *weights;
    lp_row_function *multiply; /* lp_multiply_planes_N() */
    uint16_t row_words;
    uint8_t weight_bits;
} lp_row_planes_params;

/* Weights of 2 to 7 bits as lp_pixel_lanes.h says, aligned to 4.  `segment_eights` eights of inputs of
 * `input_bits` bits are summed at a time in words of 2 or 4 `lanes`.  Biases have what inputs, counted from
 * the least that their type has, add to sums. */
typedef struct {
    lp_conv2d_params conv;
    const uint8_t *weights;
    lp_pixels_function *multiply; /* lp_multiply_pixels_N() */
    uint16_t segment_eights;
    uint8_t weight_bits, input_bits, lanes;
} lp_eights_params;

/* Weights of 1 to 7 bits as lp_row_lanes.h says; `upper` multiplies by those of up to four bits and the upper
 * part of others, `lower` by their lower part: lp_multiply_row_pair_N().  `segment_eights` are those of the
 * former. */
typedef struct {
    lp_conv2d_params conv;
    const uint32_t *weights;
    lp_row_pair_function *upper, *lower;
    uint16_t segment_eights;
    uint8_t weight_bits, input_bits;
} lp_row_pairs_params;

/* Weights of -1 and 1, inputs of -1 and 0.  For each output channel the weights of a window, from bit 0 of
 * each word on: a bit says whether a weight is -1.  Inputs count as 0 and 1, and `conv.input_zero_point` is
 * what padding counts as.  `conv.weights` is not read. */
typedef struct {
    lp_conv2d_params conv;
    const uint32_t *weights;
} lp_binary_params;

/* Rows of sums of one output channel; lp_slots.h has it. */

/* Weights of 2 to 7 bits for words of two slots, of 2 to 4 bits for words of three, of 2 bits for words of
 * four (lp_slots.h).  A row of the kernel from its last column on falls into words of `slots` weights, the
 * last of which may have less.  In flash those of an output channel lie by the place of their word in its
 * row, from place to place (kernel height, input channels), or where lines are columns, from the last place
 * on (input channels, kernel height from the last row on), each weight with 2**(weight_bits - 1) added, one
 * behind the other from bit 0 of each byte on, and 25 bits from the first of the last word on may be read.
 *
 * Sums of `segment_steps` steps keep to their slots if accumulators begin at `begin`; `rows` rows of outputs
 * are made of one unpacking of weights. */
typedef struct lp_slots_params {
    lp_conv2d_params conv;
    const uint8_t *weights;
    lp_slots_function *multiply; /* those for `slots` */
    void (*take)(const int8_t *from, int32_t depth, int32_t across, int32_t *to, int32_t word_step,
                 int32_t channel_step);
    void (*unpack)(const struct lp_slots_params *params, int32_t channel, int32_t *words);
    uint32_t begin[2]; /* lower half first */
    uint16_t segment_steps, rows;
    uint8_t weight_bits, slots, taps, lines_are_columns;
} lp_slots_params;

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

/* The same of little code, and max pooling too: both slide a window over an image.  Without weights
 * lp_slide_f32() takes the largest element of each channel. */
void lp_conv2d_compact_f32(const lp_weighted_f32_params *params, const void *input, void *output);
void lp_max_pool2d_compact_f32(const lp_pool_f32_params *params, const void *input, void *output);
void lp_slide_f32(const lp_windows *windows, const float *input, float *output, const float *weights,
                  const float *biases, float minimum, float maximum);

/* The same for cores with packed 16-bit arithmetic.  `scratch`, aligned to 4, holds a window of inputs,
 * filled up as its weights are; it is not used where images are of one pixel, and windows need no filling. */
void lp_conv2d_dsp_s16(const lp_fours_s16_params *params, const void *input, void *output, void *scratch);
void lp_conv2d_dsp_s16_w16(const lp_fours_s16_params *params, const void *input, void *output, void *scratch);

/* The same of int8; the input's zero point is folded into the bias.  `scratch` holds
 * kernel_height * kernel_width * input_channels bytes. */
void lp_conv2d_packed_s8(const lp_packed_params *params, const int8_t *input, int8_t *output, void *scratch);

/* The same of single bits.  `scratch`, aligned to 4, holds two words for each 32 elements of a window, of
 * which the last may be incomplete. */
void lp_conv2d_binary_s8(const lp_binary_params *params, const int8_t *input, int8_t *output, void *scratch);

/* The same for cores with packed 16-bit arithmetic.  `scratch`, aligned to 4, holds for each four of a
 * window's elements, of which the last may be incomplete, 20 bytes and 32 for each of the blocks. */
void lp_conv2d_packed_dsp_s8(const lp_lanes_params *params, const int8_t *input, int8_t *output,
                             void *scratch);

/* The same of weights of 4 bits that lie as lp_nibbles.h says; `scratch` holds 20 bytes for each four. */
void lp_conv2d_nibbles_dsp_s8(const lp_lanes_params *params, const int8_t *input, int8_t *output,
                              void *scratch);

/* The same for cores that multiply 32 by 32 bits to 32 at most.  `scratch`, aligned to 4, holds 128 bytes for
 * each eight of a window's elements, of which the last may be incomplete. */
void lp_conv2d_packed_pixels_s8(const lp_eights_params *params, const int8_t *input, int8_t *output,
                                void *scratch);

/* The same for kernels three columns wide, a step of one column, input channels that are a multiple of four,
 * at least four output columns, no dilation and one segment; inputs in the order of lp_band.h.  `blocks` is
 * the rows of outputs that are made of one unpacking; `scratch` holds 16 bytes for each four of a window and
 * two for each input of (blocks - 1) * stride_y + kernel_height rows of output_width + 2 pixels. */
void lp_conv2d_packed_rows_dsp_s8(const lp_lanes_params *params, const int8_t *input, int8_t *output,
                                  void *scratch);

/* The same without dilation by way of a strip of windows (lp_strip.h), in whose order inputs come.  `blocks`
 * is 1, or the fours of output channels, all of whose lanes are then kept.  `scratch`, aligned to 4, holds
 * that strip and `blocks` times 16 bytes for each four of a window. */
void lp_conv2d_packed_strip_dsp_s8(const lp_lanes_params *params, const int8_t *input, int8_t *output,
                                   void *scratch);

/* The same for steps of one and no dilation, rows of inputs in words of slots (lp_slots.h).  A row has
 * `across` words, the most of (output_width + kernel_width - 1) / slots, rounded up, and `first` + 2 with
 * `first` = max(kernel_width / slots - 1, 0).  `scratch`, aligned to 4, holds the words of (rows - 1 +
 * kernel_height) * input_channels rows, if kernel_width is no multiple of the slots and not below them one
 * more for each that is a line's first, across * slots bytes a channel, filled up to a multiple of four,
 * words of weights of an output channel, and max(rows, 2) times two bytes for each of slots * (across -
 * first) sums and four where lines are columns. */
void lp_conv2d_slots_dsp_s8(const lp_slots_params *params, const int8_t *input, int8_t *output,
                            void *scratch);

/* What `take` may be: `across` words of each of `depth` channels of a row of pixels. */
void lp_take_slots_22(const int8_t *from, int32_t depth, int32_t across, int32_t *to, int32_t word_step,
                      int32_t channel_step);
void lp_take_slots_23(const int8_t *from, int32_t depth, int32_t across, int32_t *to, int32_t word_step,
                      int32_t channel_step);
void lp_take_slots_33(const int8_t *from, int32_t depth, int32_t across, int32_t *to, int32_t word_step,
                      int32_t channel_step);
void lp_take_slots_44(const int8_t *from, int32_t depth, int32_t across, int32_t *to, int32_t word_step,
                      int32_t channel_step);

/* What `unpack` may be: words of weights of an output channel in the order of steps. */
void lp_unpack_slots_22(const lp_slots_params *params, int32_t channel, int32_t *words);
void lp_unpack_slots_23(const lp_slots_params *params, int32_t channel, int32_t *words);
void lp_unpack_slots_33(const lp_slots_params *params, int32_t channel, int32_t *words);
void lp_unpack_slots_44(const lp_slots_params *params, int32_t channel, int32_t *words);

/* Matrix times vector with weights as lp_conv2d_packed_dsp_s8() has them; `scratch` holds 8 bytes for each
 * four, and 4 for each four fours, of which the last may be incomplete. */
void lp_fully_connected_packed_dsp_s8(const lp_lanes_params *params, const int8_t *input, int8_t *output,
                                      void *scratch);

/* The same for cores that multiply 32 by 32 bits to 32 at most, in words of two lanes; `scratch`, aligned to
 * 4, holds 32 bytes for each eight of inputs, of which the last may be incomplete; for weights of an odd
 * number of bits 64 for each sixteen. */
void lp_fully_connected_packed_pairs_s8(const lp_row_pairs_params *params, const int8_t *input,
                                        int8_t *output, void *scratch);

/* As lp_conv2d_nibbles_dsp_s8() for a matrix product, whose inputs are expanded 1024 at a time at most.
 * `scratch`, aligned to 4, holds 8 bytes for each four of those, and four for each output, which are filled
 * to a multiple of four. */
void lp_fully_connected_nibbles_dsp_s8(const lp_lanes_params *params, const int8_t *input, int8_t *output,
                                       void *scratch);

/* As the kernels for int8 of that name for weights in planes, all of which are unpacked in one chunk, but for
 * lp_conv2d_dsp_planes_s8() and those with `pairs` in their names.  `scratch` begins with the words of a
 * chunk; windows of pairs are filled to fours. */
void lp_conv2d_dsp_planes_s8(const lp_planes_params *params, const int8_t *input, int8_t *output,
                             void *scratch);
void lp_conv2d_1x1_dsp_planes_s8(const lp_planes_params *params, const int8_t *input, int8_t *output,
                                 void *scratch);
void lp_conv2d_colour_dsp_planes_s8(const lp_planes_params *params, const int8_t *input, int8_t *output,
                                    void *scratch);
void lp_conv2d_rows_dsp_planes_s8(const lp_planes_params *params, const int8_t *input, int8_t *output,
                                  void *scratch);
void lp_conv2d_strip_dsp_planes_s8(const lp_planes_params *params, const int8_t *input, int8_t *output,
                                   void *scratch);
void lp_conv2d_pairs_planes_s8(const lp_planes_params *params, const int8_t *input, int8_t *output,
                               void *scratch);
void lp_conv2d_1x1_pairs_planes_s8(const lp_planes_params *params, const int8_t *input, int8_t *output,
                                   void *scratch);

/* Matrix times vector for weights in planes.  Up to three bytes behind the inputs are read. */
void lp_fully_connected_planes_dsp_s8(const lp_row_planes_params *params, const int8_t *input,
                                      int8_t *output);

/* As lp_conv2d_nibbles_dsp_s8() for kernels three columns wide, a step of one column, input channels that are
 * a multiple of four, at least two output columns and no dilation; inputs in the order of lp_band.h.
 * `scratch` holds for each of kernel_height * (output_width + 2) inputs' pixels two bytes a channel, and four
 * more. */
void lp_conv2d_nibbles_rows_dsp_s8(const lp_lanes_params *params, const int8_t *input, int8_t *output,
                                   void *scratch);

/* Depthwise convolution, output_channels / input_channels outputs for each input channel; weights (kernel
 * height, kernel width, output channels). */
void lp_depthwise_conv2d_f32(const lp_weighted_f32_params *params, const void *input, void *output);
void lp_depthwise_conv2d_s16(const lp_weighted_s16_params *params, const void *input, void *output);
void lp_depthwise_conv2d_s16_w16(const lp_weighted_s16_params *params, const void *input, void *output);

/* The same for cores with packed 16-bit arithmetic, four channels at least, one output for each input
 * channel, columns without dilation; multipliers are fractions of 2**32, whatever `shift` says. */
void lp_depthwise_conv2d_dsp_s16(const lp_weighted_s16_params *params, const void *input, void *output);
void lp_depthwise_conv2d_dsp_s16_w16(const lp_weighted_s16_params *params, const void *input, void *output);

/* The same of int8.  `scratch` holds kernel_height * kernel_width * output_channels bytes. */
void lp_depthwise_conv2d_packed_s8(const lp_packed_params *params, const int8_t *input, int8_t *output,
                                   void *scratch);

/* As the kernels for int8 of that name for weights in planes.  `scratch` begins with all weights, a byte
 * each, filled to a multiple of four. */
void lp_depthwise_conv2d_dsp_planes_s8(const lp_planes_params *params, const int8_t *input, int8_t *output,
                                       void *scratch);
void lp_depthwise_conv2d_fours_dsp_planes_s8(const lp_planes_params *params, const int8_t *input,
                                             int8_t *output, void *scratch);
void lp_depthwise_conv2d_taps_dsp_planes_s8(const lp_planes_params *params, const int8_t *input,
                                            int8_t *output, void *scratch);
void lp_depthwise_conv2d_pairs_planes_s8(const lp_planes_params *params, const int8_t *input, int8_t *output,
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

/* Element by element: cut to bounds, 1 / (1 + exp(-x)), tanh(x), x min(max(x + 3, 0), 6) / 6, and
 * alpha x where x is negative; `output` may be `input`. */
void lp_clamp_f32(const void *input, void *output, uint32_t elements, float minimum, float maximum);
void lp_logistic_f32(const void *input, void *output, uint32_t elements);
void lp_tanh_f32(const void *input, void *output, uint32_t elements);
void lp_hard_swish_f32(const void *input, void *output, uint32_t elements);
void lp_leaky_relu_f32(const void *input, void *output, uint32_t elements, float alpha);

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
