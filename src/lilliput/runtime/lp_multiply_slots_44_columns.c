#define LP_SLOTS 4
#define LP_TAPS 4
#define LP_STEP_WORDS 3
#define LP_SLOT_COLUMNS 1
#include "lp_multiply_slots.h"

void lp_multiply_slots_44_columns(lp_slot_lines *lines) {
    multiply(lines);
}
