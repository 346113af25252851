#define LP_TFLM 0
#include "lp_multiply_rows.h"

void lp_multiply_rows(const lp_row_block *block, int8_t *output) {
    multiply_rows(block, output);
}
