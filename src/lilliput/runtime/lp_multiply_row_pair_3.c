#define LP_TFLM 0
#define LP_BITS 3
#include "lp_multiply_row_pair.h"

void lp_multiply_row_pair_3(lp_row_pair *rows) {
    multiply_row_pair(rows);
}
