#define LP_TFLM 1
#include "lp_multiply_rows.h"

void lp_multiply_rows_tflm(const lp_row_block *block, int8_t *output) {
    multiply_rows(block, output);
}
