/* Kernels for cores with Helium, Arm's vectors of 128 bits (MVE).
 *
 * What lp.h says of its functions holds here too.  Factors only shift right: by 32 in the profile `lilliput`.
 */
#ifndef LP_HELIUM_H
#define LP_HELIUM_H

#include "lp.h"

#ifdef __cplusplus
extern "C" {
#endif

/* As lp_conv2d_s8().  lp_conv2d_mve.h and, for small windows, lp_mve_pairs.h say how weights lie and what
 * `scratch`, aligned to 4, holds; lp_mve_lines.h does where `strip_lines` is not 0. */
void lp_conv2d_mve_s8(const lp_conv2d_params *params, const int8_t *input, int8_t *output, void *scratch);

/* The same for depthwise 3x3 in steps of one or two without dilation, which makes as many channels as there
 * are; see lp_depthwise_conv2d_mve.h. */
void lp_depthwise_conv2d_mve_s8(const lp_conv2d_params *params, const int8_t *input, int8_t *output,
                                void *scratch);

/* The same for any depthwise convolution; see lp_depthwise_conv2d_windows_mve.h. */
void lp_depthwise_conv2d_windows_mve_s8(const lp_conv2d_params *params, const int8_t *input, int8_t *output,
                                        void *scratch);

/* As lp_fully_connected_s8(). */
void lp_fully_connected_mve_s8(const lp_fully_connected_params *params, const int8_t *input, int8_t *output);

/* The same in the profile `tflm`. */
void lp_conv2d_mve_tflm_s8(const lp_conv2d_params *params, const int8_t *input, int8_t *output,
                           void *scratch);
void lp_depthwise_conv2d_mve_tflm_s8(const lp_conv2d_params *params, const int8_t *input, int8_t *output,
                                     void *scratch);
void lp_depthwise_conv2d_windows_mve_tflm_s8(const lp_conv2d_params *params, const int8_t *input,
                                             int8_t *output, void *scratch);
void lp_fully_connected_mve_tflm_s8(const lp_fully_connected_params *params, const int8_t *input,
                                    int8_t *output);

#ifdef __cplusplus
}
#endif

#endif
