#define LP_TFLM 0
#define LP_BITS 2
#define LP_MULTIPLY lp_multiply_pixels_2
#include "lp_multiply_pixels.h"
