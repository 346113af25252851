#define LP_SLOTS 4
#define LP_SLOT_WORDS 2
#include "lp_multiply_slots.h"

void lp_multiply_slots_4_2(lp_slot_row *row) {
    multiply(row);
}
