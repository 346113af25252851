#define LP_NIBBLES_BAND 1
#include "lp_multiply_nibbles.h"

void lp_multiply_nibbles_band(const lp_nibble_block *block) {
    multiply_nibbles(block);
}
