#define LP_NIBBLES_BAND 0
#include "lp_multiply_nibbles.h"

void lp_multiply_nibbles(const lp_nibble_block *block) {
    multiply_nibbles(block);
}
