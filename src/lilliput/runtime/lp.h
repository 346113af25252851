/* Lilliput's kernels: int8 operators for generated networks.
 *
 * Every function is reentrant, allocates nothing, keeps no state and calls no library.  Images are (height,
 * width, channels), channels densest.  `output` never overlaps an input or scratch memory, except where a
 * function says that it works in place.  Numbers: see `lp_requantize()` in lp_internal.h.
 */
#ifndef LP_H
#define LP_H

#include <stdint.h>

/* Generated code refuses a runtime of another version: 10000 * major + 100 * minor + patch. */
#define LP_VERSION 100

#if defined(__GNUC__) || defined(__clang__)
#define LP_ALIGNED_4 __attribute__((aligned(4)))
#define LP_ALIGNED_8 __attribute__((aligned(8)))
#define LP_NOINLINE __attribute__((noinline))
#else
#define LP_ALIGNED_4
#define LP_ALIGNED_8
#define LP_NOINLINE
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* What one output channel adds and by what it is scaled. */
typedef struct {
    int32_t bias;
    int32_t multiplier;
} lp_channel;

/* The same in the profile `tflm`: the factor is multiplier * 2**(scale - 31).  For functions with `dsp` or
 * `compact` in their name, whose scales are -31 to -1, `multiplier` is twice that less 2**32, and `scale`
 * -2**(32 + scale).  For convolutions with `relu`, whose minimum is not less than the zero point, `bias` is
 * 256 times what it would be, less what lp_multiply_block.h says, `multiplier` as it is, and `scale`
 * 2**(25 + scale), scales being -15 to -1; depthwise ones have them as those without. */
typedef struct {
    int32_t bias;
    int32_t multiplier;
    int32_t scale;
} lp_tflm_channel;

/* Where the input's elements meet the kernel's, and how sums become int8. */
typedef struct {
    const int8_t *weights;
    const void *channels; /* lp_channel or lp_tflm_channel, one for each output channel */
    uint16_t input_height, input_width, input_channels;
    uint16_t output_height, output_width, output_channels;
    uint16_t kernel_height, kernel_width;
    uint16_t stride_y, stride_x;
    uint16_t dilation_y, dilation_x;
    uint16_t padding_top, padding_left;
    int8_t input_zero_point, output_zero_point;
    int8_t minimum, maximum;
    uint8_t shift;
    uint8_t is_transposed; /* only for depthwise ones with `dsp` or `windows`: columns are taken as rows */
    uint8_t shared_factor_bytes; /* only for lp_conv2d_compact_s8() */
    uint8_t strip_lines;         /* only for lp_helium.h: of outputs whose rows are held at once */
} lp_conv2d_params;

typedef struct {
    const int8_t *weights;
    const void *channels; /* lp_channel or lp_tflm_channel, one for each output */
    uint16_t inputs, outputs;
    int8_t output_zero_point;
    int8_t minimum, maximum;
    uint8_t shift;
} lp_fully_connected_params;

/* A matrix product on cores with packed 16-bit arithmetic. */
typedef struct {
    const int8_t *weights;
    const int32_t *channels; /* as lp_fully_connected_outputs.h says */
    uint16_t inputs, outputs;
    int8_t output_zero_point;
    int8_t minimum, maximum;
    uint8_t shift;
    uint8_t shares_factor; /* whether all outputs have the same one */
} lp_fully_connected_dsp_params;

typedef struct {
    uint16_t input_height, input_width, channels;
    uint16_t output_height, output_width;
    uint16_t pool_height, pool_width;
    uint16_t stride_y, stride_x;
    uint16_t padding_top, padding_left;
    int8_t minimum, maximum;
} lp_max_pool2d_params;

/* A factor in the profile `tflm`: multiplier * 2**(scale - 31). */
typedef struct {
    int32_t multiplier;
    int32_t scale;
} lp_factor;

/* The scale of a mean over `count` elements; in the profile `tflm` its factor is multiplier * 2**(shift -
 * 31). */
typedef struct {
    int32_t multiplier;
    uint16_t count;
    int8_t shift;
} lp_pool_scale;

/* `scales` holds an entry for every count that occurs, or is 0 in the profile `tflm` where none is wanted. */
typedef struct {
    const lp_pool_scale *scales;
    uint16_t input_height, input_width, channels;
    uint16_t output_height, output_width;
    uint16_t pool_height, pool_width;
    uint16_t stride_y, stride_x;
    uint16_t padding_top, padding_left;
    int8_t input_zero_point, output_zero_point;
    int8_t minimum, maximum;
} lp_average_pool2d_params;

typedef struct {
    int32_t multiplier_1, multiplier_2, offset;
    uint32_t elements;
    int8_t minimum, maximum;
    uint8_t shift;
} lp_add_params;

/* Inputs are first multiplied by 2**20.  All scales are at most 0.  lp_add_dsp_tflm_s8() and
 * lp_add_compact_tflm_s8() take the first factor to be a half, and the others as it is said of
 * lp_tflm_channel. */
typedef struct {
    lp_factor factor_1, factor_2, output_factor;
    uint32_t elements;
    int8_t zero_point_1, zero_point_2, output_zero_point;
    int8_t minimum, maximum;
} lp_add_tflm_params;

/* Of two tensors one, `whole`, has the output's shape; element k of the other is k / step % period.
 * Multipliers have 16 bits and a sign. */
typedef struct {
    int32_t whole_multiplier, other_multiplier, offset;
    uint32_t elements, step, period;
    int8_t minimum, maximum;
    uint8_t shift;
} lp_add_spread_params;

/* The same in the profile `tflm`; signs are 1 or -1, of the inputs once they are scaled.  Functions with
 * `dsp` or `compact` in their name take the factor of at least one input to be a half, which is then {0, 0},
 * and the others as it is said of lp_tflm_channel. */
typedef struct {
    lp_factor whole_factor, other_factor, output_factor;
    uint32_t elements, step, period;
    int8_t whole_zero_point, other_zero_point, output_zero_point;
    int8_t whole_sign, other_sign;
    int8_t minimum, maximum;
} lp_add_spread_tflm_params;

/* In the profile `tflm` the factor is multiplier * 2**(shift - 31), else multiplier / 2**shift.  Functions
 * with `dsp` or `compact` in their name have it as it is said of the multiplier and the scale of
 * lp_tflm_channel, else as multiplier / 2**32. */
typedef struct {
    int32_t multiplier, shift;
    uint32_t elements, step, period;
    int8_t whole_zero_point, other_zero_point, output_zero_point;
    int8_t minimum, maximum;
} lp_mul_params;

/* `extents[0]` by `extents[1]` by `extents[2]` runs of bytes, `strides` bytes apart. */
typedef struct {
    uint32_t extents[3], strides[3];
    uint32_t run_bytes;
} lp_gather_params;

/* For each row and column of the output, which one of the input it is. */
typedef struct {
    const uint16_t *rows, *columns;
    uint16_t input_width, channels, output_height, output_width;
} lp_resize_nearest_params;

/* Bounds are wider than int8 since the output may be uint8. */
typedef struct {
    int32_t multiplier, offset;
    uint32_t elements;
    int16_t minimum, maximum;
    uint8_t shift;
} lp_requantize_params;

typedef struct {
    uint16_t input_height, input_width, channels;
    uint16_t top, bottom, left, right;
    int8_t value;
} lp_pad_params;

typedef struct {
    const uint16_t *table; /* 256 entries: exp(-beta * scale * distance) * 32768 */
    uint16_t rows, columns;
} lp_softmax_params;

/* Powers are int32 without integer bits. */
typedef struct {
    const int32_t *table; /* 256 entries: exp(-beta * scale * distance) * 2**31, 0 where it does not count */
    uint16_t rows, columns;
} lp_softmax_tflm_params;

/* Convolution; weights (out, kernel height, kernel width, in); the input's zero point is folded into the
 * bias. */
void lp_conv2d_s8(const lp_conv2d_params *params, const int8_t *input, int8_t *output);

/* Convolution by a 1x1 kernel, stride 1, no padding; otherwise as lp_conv2d_s8(). */
void lp_conv2d_1x1_s8(const lp_conv2d_params *params, const int8_t *input, int8_t *output);

/* As lp_conv2d_s8(), for cores with packed 16-bit arithmetic.  Weights lie as lp_multiply_block.c says;
 * `scratch` holds 8 bytes for each element of a window, filled to a multiple of four, and where
 * input_channels is no such multiple, a byte more; it is aligned to 4. */
void lp_conv2d_dsp_s8(const lp_conv2d_params *params, const int8_t *input, int8_t *output, void *scratch);

/* The same for kernels of 3x3 without dilation and three input channels.  Weights of an output channel are
 * the first eight of each of the kernel's rows, the ninth of each, and a zero; `scratch`, aligned to 4, holds
 * 224 bytes. */
void lp_conv2d_colour_dsp_s8(const lp_conv2d_params *params, const int8_t *input, int8_t *output,
                             void *scratch);

/* The same for kernels three columns wide without dilation, steps of one or two columns, input channels that
 * are a multiple of four and at least four output columns.  Weights lie as lp_multiply_rows.h says;
 * `scratch`, aligned to 4, holds 2 * kernel_height * input_channels * ((output_width - 1) * stride_x + 3 -
 * shared) bytes and 8 * shared more, `shared` being as many columns as there are in the padding both on the
 * left and on the right. */
void lp_conv2d_rows_dsp_s8(const lp_conv2d_params *params, const int8_t *input, int8_t *output,
                           void *scratch);

/* As lp_conv2d_1x1_s8(), in the same manner, in steps of any size. */
void lp_conv2d_1x1_dsp_s8(const lp_conv2d_params *params, const int8_t *input, int8_t *output, void *scratch);

/* As lp_conv2d_s8(), two pixels in one word: for cores that multiply 32 x 32 -> 32 bits in a cycle or a few.
 * Weights are -127 to 127: the first 4 * (elements / 4) of each output channel, then the rest of each.
 * `scratch`, aligned to 4, holds 8 bytes for each of the kernel_height *
 * kernel_width * input_channels elements, filled to an even number. */
void lp_conv2d_pairs_s8(const lp_conv2d_params *params, const int8_t *input, int8_t *output, void *scratch);

/* As lp_conv2d_1x1_s8(), in the same manner. */
void lp_conv2d_1x1_pairs_s8(const lp_conv2d_params *params, const int8_t *input, int8_t *output,
                            void *scratch);

/* Depthwise convolution, one output channel for each input channel; weights (kernel height, kernel width,
 * channels). */
void lp_depthwise_conv2d_s8(const lp_conv2d_params *params, const int8_t *input, int8_t *output);

/* Depthwise convolution, output_channels / input_channels outputs for each input channel. */
void lp_depthwise_conv2d_multiplier_s8(const lp_conv2d_params *params, const int8_t *input, int8_t *output);

/* Depthwise convolution without dilation, for cores with packed 16-bit arithmetic; weights (channels, kernel
 * height, kernel width), the input's zero point is folded into the bias.  `scratch`, aligned to 4, holds
 * (min(output_height, 8) - 1) * stride_y + kernel_height rows of
 * (4 * ceil(output_width / 4) - 1) * stride_x + 4 * ceil(kernel_width / 4) bytes, each filled to a multiple
 * of 4, then 8 * kernel_height * ceil(kernel_width / 4) bytes.  With `is_transposed`, height and width change
 * places in all of this. */
void lp_depthwise_conv2d_dsp_s8(const lp_conv2d_params *params, const int8_t *input, int8_t *output,
                                void *scratch);

/* The same for 3x3 kernels, steps of one or two both ways, and as many output channels as input channels, a
 * multiple of four; weights (kernel height, kernel width, channels).  `scratch`, aligned to 4, holds
 * n * stride_x + 1 times 16 * ((2 * ceil(output_width / 2) - 1) * stride_x + 3) bytes, n being the most that
 * fits 512 bytes and ceil(output_height / 2), but at least 1. */
void lp_depthwise_conv2d_fours_dsp_s8(const lp_conv2d_params *params, const int8_t *input, int8_t *output,
                                      void *scratch);

/* Depthwise convolution of any window for cores with packed 16-bit arithmetic, as many output channels as
 * input channels, at least four; weights (kernel height, kernel width, channels). */
void lp_depthwise_conv2d_taps_dsp_s8(const lp_conv2d_params *params, const int8_t *input, int8_t *output);

/* Depthwise convolution without dilation, two pixels in one word as in lp_conv2d_pairs_s8(); weights
 * (channels, kernel height, kernel width), -127 to 127; the input's zero point is folded into the bias.
 * `scratch`, aligned to 4, holds words: one for each element of the kernel; an even number of outputs of a
 * row; and (min(output_height, 8) - 1) * stride_y + kernel_height rows of (that number - 1) * stride_x +
 * kernel_width.
 */
void lp_depthwise_conv2d_pairs_s8(const lp_conv2d_params *params, const int8_t *input, int8_t *output,
                                  void *scratch);

/* Matrix times vector; weights (outputs, inputs); the input's zero point is folded into the bias. */
void lp_fully_connected_s8(const lp_fully_connected_params *params, const int8_t *input, int8_t *output);

/* As lp_fully_connected_s8(), for cores with packed 16-bit arithmetic; weights as lp_fully_connected_dsp.h
 * says. Reads inputs up to the next multiple of four. */
void lp_fully_connected_dsp_s8(const lp_fully_connected_dsp_params *params, const int8_t *input,
                               int8_t *output);

/* The same for inputs of a zero point of -128, many of which have that value; at most 256 of them, outputs a
 * multiple of 8.  Weights are as lp_fully_connected_sparse_dsp.h says, the zero point is not folded into the
 * bias.  `scratch`, aligned to 4, holds 2 bytes for each input, filled to a multiple of 4, and 4 more;
 * `output` may be `input`. */
void lp_fully_connected_sparse_dsp_s8(const lp_fully_connected_dsp_params *params, const int8_t *input,
                                      int8_t *output, void *scratch);

/* Largest element of each window. */
void lp_max_pool2d_s8(const lp_max_pool2d_params *params, const int8_t *input, int8_t *output);

/* Mean of each window over the elements inside the image. */
void lp_average_pool2d_s8(const lp_average_pool2d_params *params, const int8_t *input, int8_t *output);

/* Sum, element by element; `output` may be either input. */
void lp_add_s8(const lp_add_params *params, const int8_t *input_1, const int8_t *input_2, int8_t *output);

/* Sum or difference of two tensors, of which the second may be repeated; `output` may be `whole`. */
void lp_add_spread_s8(const lp_add_spread_params *params, const int8_t *whole, const int8_t *other,
                      int8_t *output);

/* Product of two tensors, of which the second may be repeated; `output` may be `whole`. */
void lp_mul_s8(const lp_mul_params *params, const int8_t *whole, const int8_t *other, int8_t *output);

/* The same for cores with packed 16-bit arithmetic. */
void lp_add_spread_dsp_s8(const lp_add_spread_params *params, const int8_t *whole, const int8_t *other,
                          int8_t *output);
void lp_mul_dsp_s8(const lp_mul_params *params, const int8_t *whole, const int8_t *other, int8_t *output);

/* Runs of bytes that do not lie side by side: a part of a tensor, or its axes in another order. */
void lp_gather_s8(const lp_gather_params *params, const int8_t *input, int8_t *output);

/* An image of another size: each pixel is one of the input. */
void lp_resize_nearest_s8(const lp_resize_nearest_params *params, const int8_t *input, int8_t *output);

/* Another scale, zero point or range, element by element; `output` may be `input`, and may hold uint8 values.
 */
void lp_requantize_s8(const lp_requantize_params *params, const int8_t *input, int8_t *output);

/* The same from uint8; `output` may be `input`. */
void lp_requantize_u8(const lp_requantize_params *params, const uint8_t *input, int8_t *output);

/* uint8 to int8 of the same scale: `input` - 128; `output` may be `input`. */
void lp_u8_to_s8(const uint8_t *input, int8_t *output, uint32_t elements);

/* An image with a border of `value`. */
void lp_pad_s8(const lp_pad_params *params, const int8_t *input, int8_t *output);

/* Softmax of each row, scale 1/256, zero point -128; `output` may be `input`. */
void lp_softmax_s8(const lp_softmax_params *params, const int8_t *input, int8_t *output);

/* `rows` runs of `row_bytes`, placed `output_stride` bytes apart: one part of a concatenation. */
void lp_copy_rows(const int8_t *input, int8_t *output, uint32_t rows, uint32_t row_bytes,
                  uint32_t output_stride);

/* The same in the profile `tflm`: every byte is that of TensorFlow Lite Micro. */
void lp_conv2d_tflm_s8(const lp_conv2d_params *params, const int8_t *input, int8_t *output);
void lp_conv2d_1x1_tflm_s8(const lp_conv2d_params *params, const int8_t *input, int8_t *output);
void lp_conv2d_colour_dsp_tflm_s8(const lp_conv2d_params *params, const int8_t *input, int8_t *output,
                                  void *scratch);
void lp_conv2d_dsp_tflm_s8(const lp_conv2d_params *params, const int8_t *input, int8_t *output,
                           void *scratch);
void lp_conv2d_rows_dsp_tflm_s8(const lp_conv2d_params *params, const int8_t *input, int8_t *output,
                                void *scratch);
void lp_conv2d_1x1_dsp_tflm_s8(const lp_conv2d_params *params, const int8_t *input, int8_t *output,
                               void *scratch);
void lp_conv2d_colour_dsp_relu_tflm_s8(const lp_conv2d_params *params, const int8_t *input, int8_t *output,
                                       void *scratch);
void lp_conv2d_dsp_relu_tflm_s8(const lp_conv2d_params *params, const int8_t *input, int8_t *output,
                                void *scratch);
void lp_conv2d_1x1_dsp_relu_tflm_s8(const lp_conv2d_params *params, const int8_t *input, int8_t *output,
                                    void *scratch);
void lp_conv2d_pairs_tflm_s8(const lp_conv2d_params *params, const int8_t *input, int8_t *output,
                             void *scratch);
void lp_conv2d_1x1_pairs_tflm_s8(const lp_conv2d_params *params, const int8_t *input, int8_t *output,
                                 void *scratch);
void lp_depthwise_conv2d_tflm_s8(const lp_conv2d_params *params, const int8_t *input, int8_t *output);
void lp_depthwise_conv2d_multiplier_tflm_s8(const lp_conv2d_params *params, const int8_t *input,
                                            int8_t *output);
void lp_depthwise_conv2d_dsp_tflm_s8(const lp_conv2d_params *params, const int8_t *input, int8_t *output,
                                     void *scratch);
void lp_depthwise_conv2d_fours_dsp_tflm_s8(const lp_conv2d_params *params, const int8_t *input,
                                           int8_t *output, void *scratch);
void lp_depthwise_conv2d_fours_dsp_relu_tflm_s8(const lp_conv2d_params *params, const int8_t *input,
                                                int8_t *output, void *scratch);
void lp_depthwise_conv2d_taps_dsp_tflm_s8(const lp_conv2d_params *params, const int8_t *input,
                                          int8_t *output);
void lp_depthwise_conv2d_pairs_tflm_s8(const lp_conv2d_params *params, const int8_t *input, int8_t *output,
                                       void *scratch);
void lp_fully_connected_tflm_s8(const lp_fully_connected_params *params, const int8_t *input, int8_t *output);
void lp_fully_connected_dsp_tflm_s8(const lp_fully_connected_dsp_params *params, const int8_t *input,
                                    int8_t *output);
void lp_fully_connected_sparse_dsp_tflm_s8(const lp_fully_connected_dsp_params *params, const int8_t *input,
                                           int8_t *output, void *scratch);
void lp_average_pool2d_tflm_s8(const lp_average_pool2d_params *params, const int8_t *input, int8_t *output);
void lp_add_tflm_s8(const lp_add_tflm_params *params, const int8_t *input_1, const int8_t *input_2,
                    int8_t *output);
void lp_add_spread_tflm_s8(const lp_add_spread_tflm_params *params, const int8_t *whole, const int8_t *other,
                           int8_t *output);
void lp_mul_tflm_s8(const lp_mul_params *params, const int8_t *whole, const int8_t *other, int8_t *output);
void lp_add_dsp_tflm_s8(const lp_add_tflm_params *params, const int8_t *input_1, const int8_t *input_2,
                        int8_t *output);
void lp_add_spread_dsp_tflm_s8(const lp_add_spread_tflm_params *params, const int8_t *whole,
                               const int8_t *other, int8_t *output);
void lp_mul_dsp_tflm_s8(const lp_mul_params *params, const int8_t *whole, const int8_t *other,
                        int8_t *output);
void lp_softmax_tflm_s8(const lp_softmax_tflm_params *params, const int8_t *input, int8_t *output);

/* table[byte], element by element, whatever the types; `output` may be `input`. */
void lp_lookup(const uint8_t *table, const void *input, void *output, uint32_t elements);

#ifdef __cplusplus
}
#endif

#endif
