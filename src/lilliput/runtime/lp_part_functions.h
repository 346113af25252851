/* What kernels for weights of few bits are given to unpack weights, or to multiply by them: functions of one
 * type for each number of bits, which their names say. */
#ifndef LP_PART_FUNCTIONS_H
#define LP_PART_FUNCTIONS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* `words` words of four weights in planes as fields with that guard (lp_planes.h); returns where weights go
 * on. */
typedef const uint32_t *lp_unpack_function(const uint32_t *weights, int32_t words, uint32_t guard,
                                           int32_t doublings, uint32_t *to);

/* The sum of the products of `count` inputs with a row of weights in planes, with what was added to them. */
typedef int32_t lp_row_function(const uint32_t *weights, const int8_t *inputs, int32_t count);

/* What lanes of pixels hold, and rows of two outputs; lp_pixel_lanes.h and lp_row_lanes.h have them. */
typedef struct lp_lane_sums lp_lane_sums;
typedef struct lp_row_pair lp_row_pair;

/* Adds the sums of `eights` eights of inputs, one at least; weights are aligned to the power of two in their
 * bits. */
typedef void lp_pixels_function(const uint8_t *weights, const uint32_t *inputs, int32_t eights,
                                lp_lane_sums *sums);

/* The sums of two outputs, and where the next weights begin. */
typedef void lp_row_pair_function(lp_row_pair *rows);

/* What lanes of channels are summed from, and lines of slots; lp_lanes.h and lp_slots.h have them. */
typedef struct lp_lane_block lp_lane_block;
typedef struct lp_slot_lines lp_slot_lines;

/* Outputs of blocks of pixels, or the sums of one: for weights of 2 or 4 bits, at most eight fours of inputs
 * and one segment, or inputs in a band.  `blocks`, `inputs` and `output` are then those behind the last. */
typedef void lp_lanes_function(lp_lane_block *block);

/* Lines of accumulators: for the number of slots, and the words of a row of the kernel, or where lines are
 * columns, three rows of the kernel. */
typedef void lp_slots_function(lp_slot_lines *lines);

lp_unpack_function lp_unpack_planes_1, lp_unpack_planes_2, lp_unpack_planes_3, lp_unpack_planes_4;
lp_unpack_function lp_unpack_planes_5, lp_unpack_planes_6, lp_unpack_planes_7;
lp_row_function lp_multiply_planes_1, lp_multiply_planes_2, lp_multiply_planes_3, lp_multiply_planes_4;
lp_row_function lp_multiply_planes_5, lp_multiply_planes_6, lp_multiply_planes_7;
lp_pixels_function lp_multiply_pixels_2, lp_multiply_pixels_3, lp_multiply_pixels_4;
lp_pixels_function lp_multiply_pixels_5, lp_multiply_pixels_6, lp_multiply_pixels_7;
lp_row_pair_function lp_multiply_row_pair_1, lp_multiply_row_pair_2, lp_multiply_row_pair_3,
    lp_multiply_row_pair_4;
lp_lanes_function lp_multiply_lanes_2, lp_multiply_lanes_4, lp_multiply_lanes_2_small;
lp_lanes_function lp_multiply_lanes_4_small, lp_multiply_lanes_2_band, lp_multiply_lanes_4_band;
lp_slots_function lp_multiply_slots_22_2, lp_multiply_slots_22_3, lp_multiply_slots_22_columns;
lp_slots_function lp_multiply_slots_23_2, lp_multiply_slots_23_columns, lp_multiply_slots_33_2;
lp_slots_function lp_multiply_slots_33_columns, lp_multiply_slots_44_2, lp_multiply_slots_44_columns;

#ifdef __cplusplus
}
#endif

#endif
