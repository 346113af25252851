#define LP_SLOTS 2
#define LP_SLOT_WORDS 3
#include "lp_multiply_slots.h"

void lp_multiply_slots_2_3(lp_slot_row *row) {
    multiply(row);
}
