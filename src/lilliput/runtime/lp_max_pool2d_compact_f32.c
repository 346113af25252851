#define LP_FLOAT 1
#include "lp_wide.h"

LP_SMALL void lp_max_pool2d_compact_f32(const lp_pool_f32_params *params, const void *input, void *output) {
    lp_slide_f32(&params->windows, (const float *)input, (float *)output, 0, 0, params->minimum,
                 params->maximum);
}
