#define LP_TFLM 0
#include "lp_multiply_block.h"

void lp_multiply_block(lp_block *block, int8_t *output) {
    multiply_block(block, output);
}
