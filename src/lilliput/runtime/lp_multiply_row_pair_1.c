#define LP_TFLM 0
#define LP_BITS 1
#include "lp_multiply_row_pair.h"

void lp_multiply_row_pair_1(lp_row_pair *rows) {
    multiply_row_pair(rows);
}
