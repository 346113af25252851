#define LP_SLOTS 3
#define LP_SLOT_WORDS 1
#include "lp_multiply_slots.h"

void lp_multiply_slots_3_1(lp_slot_row *row) {
    multiply(row);
}
