/* Convolutions whose windows lie in a strip.  C99; no allocation, no libraries, no mutable statics.
 */
#ifndef LP_CONV2D_STRIP_H
#define LP_CONV2D_STRIP_H

#include "lp.h"

#ifdef __cplusplus
extern "C" {
#endif

/* As lp_conv2d_dsp_s8() without dilation, by way of a strip of windows (lp_strip.h), in whose order weights
 * lie; `scratch`, aligned to 4, holds that strip. */
void lp_conv2d_strip_dsp_s8(const lp_conv2d_params *params, const int8_t *input, int8_t *output,
                            void *scratch);

/* The same in the profile `tflm`, and where no output is less than the zero point. */
void lp_conv2d_strip_dsp_tflm_s8(const lp_conv2d_params *params, const int8_t *input, int8_t *output,
                                 void *scratch);
void lp_conv2d_strip_dsp_relu_tflm_s8(const lp_conv2d_params *params, const int8_t *input, int8_t *output,
                                      void *scratch);

#ifdef __cplusplus
}
#endif

#endif
