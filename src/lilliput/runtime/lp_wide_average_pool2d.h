#include "lp_wide.h"

#define LP_RESULT LP_NUMBER(float, int32_t)
#define LP_START 0
#define LP_TAKE(result, value) ((result) + (value))

#if LP_FLOAT
LP_INLINE float lp_end(const lp_pool_params *params, float result, int32_t count) {
    (void)params;
    return result / (float)count;
}
#else
LP_INLINE int64_t lp_end(const lp_pool_params *params, int32_t result, int32_t count) {
    const lp_pool_scale *scale = params->scales;
    while (scale->count != count) {
        scale++;
    }
    return lp_scaled(result, scale->multiplier, scale->shift);
}
#endif

#include "lp_wide_pool2d.h"
