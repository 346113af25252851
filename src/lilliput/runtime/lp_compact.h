/* Kernels of little code, for cores with packed 16-bit arithmetic.
 *
 * What lp.h says of its functions holds here too.  Weights and inputs are as they are, and an input's zero
 * point is not folded into the bias.
 */
#ifndef LP_COMPACT_H
#define LP_COMPACT_H

#include "lp.h"

#ifdef __cplusplus
extern "C" {
#endif

/* As lp_conv2d_s8(), without dilation.  A matrix product is the convolution of one pixel.  Where one factor
 * scales all sums, `channels` is that, as in a channel, then the biases; `shared_factor_bytes` says how large
 * it is, and 0 that channels have their own. */
void lp_conv2d_compact_s8(const lp_conv2d_params *params, const int8_t *input, int8_t *output);

/* As lp_depthwise_conv2d_s8(), without dilation. */
void lp_depthwise_conv2d_compact_s8(const lp_conv2d_params *params, const int8_t *input, int8_t *output);

/* As lp_max_pool2d_s8(), for windows that lie in the image. */
void lp_max_pool2d_compact_s8(const lp_max_pool2d_params *params, const int8_t *input, int8_t *output);

/* As lp_average_pool2d_s8(), for windows that lie in the image. */
void lp_average_pool2d_compact_s8(const lp_average_pool2d_params *params, const int8_t *input,
                                  int8_t *output);

/* As lp_add_s8(). */
void lp_add_compact_s8(const lp_add_params *params, const int8_t *input_1, const int8_t *input_2,
                       int8_t *output);

/* The same in the profile `tflm`. */
void lp_conv2d_compact_tflm_s8(const lp_conv2d_params *params, const int8_t *input, int8_t *output);
void lp_depthwise_conv2d_compact_tflm_s8(const lp_conv2d_params *params, const int8_t *input, int8_t *output);
void lp_average_pool2d_compact_tflm_s8(const lp_average_pool2d_params *params, const int8_t *input,
                                       int8_t *output);
void lp_add_compact_tflm_s8(const lp_add_tflm_params *params, const int8_t *input_1, const int8_t *input_2,
                            int8_t *output);
void lp_add_spread_compact_tflm_s8(const lp_add_spread_tflm_params *params, const int8_t *whole,
                                   const int8_t *other, int8_t *output);
void lp_mul_compact_tflm_s8(const lp_mul_params *params, const int8_t *whole, const int8_t *other,
                            int8_t *output);

#ifdef __cplusplus
}
#endif

#endif
