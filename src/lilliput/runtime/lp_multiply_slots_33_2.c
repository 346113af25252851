#define LP_SLOTS 3
#define LP_TAPS 3
#define LP_STEP_WORDS 2
#define LP_SLOT_COLUMNS 0
#include "lp_multiply_slots.h"

void lp_multiply_slots_33_2(lp_slot_lines *lines) {
    multiply(lines);
}
