#define LP_TFLM 1
#include "lp_multiply_block.h"

void lp_multiply_block_tflm(lp_block *block, int8_t *output) {
    multiply_block(block, output);
}
