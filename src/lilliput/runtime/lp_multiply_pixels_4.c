#define LP_TFLM 0
#define LP_BITS 4
#define LP_MULTIPLY lp_multiply_pixels_4
#include "lp_multiply_pixels.h"
