#define LP_TFLM 1
#include "lp_depthwise_3x3.h"

#if LP_DSP

void lp_depthwise_3x3_tflm(const lp_depthwise_rows *all, int32_t stride) {
    depthwise_3x3(all, stride);
}

#else

/* An empty file is not C. */
typedef int lp_depthwise_3x3_tflm_is_not_here;

#endif
