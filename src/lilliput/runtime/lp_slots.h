/* Rows of a convolution as products of polynomials: several products in one long multiplication.
 *
 * `slots` neighbouring inputs of a row of one channel share a word, sum(x[i] << bits * i), and so do `taps`
 * weights of a row of the kernel, the last one first.  Words of a row follow each other at `slots` columns;
 * where they have more weights, those of later words are in the upper slots.  The product of both words has
 * in slot n the sum of all x[i] * w[n - i], which is what a convolution adds up.  An accumulator takes a word
 * of inputs and those before it times the words of the kernel's row, for every row of the kernel and every
 * channel.  Its lower slots, and what the accumulator before it in its row has above its own, are
 * neighbouring outputs.
 *
 * Accumulators are computed in lines.  Where lines are rows, words lie (row, channel, word of the row), and a
 * step is a row of the kernel of a channel.  Where they are columns, words lie (word of the row, channel,
 * row), and a step is a column of words of the kernel of a channel.  In both, a step has neighbouring words
 * of inputs and of weights, which accumulators beside each other share, and steps are one distance apart.
 *
 * Inputs and weights have signs; accumulators begin at a constant in each lower slot that keeps sums from
 * being negative.  For how many steps a sum keeps to its slot, a segment, `lilliput.targets.slots` proves
 * from the weights.
 */
#ifndef LP_SLOTS_H
#define LP_SLOTS_H

#include "lp_dsp.h"
#include "lp_formats.h"

/* Bits of a slot. */
#define LP_SLOT_BITS(slots, taps) ((slots) == 4 ? 8 : (taps) == 3 ? 13 : 16)

/* Words of a row of the kernel. */
#define LP_KERNEL_WORDS(width, slots, taps)                                                                  \
    ((width) <= (taps) ? 1 : 1 + ((width) - (taps) + (slots) - 1) / (slots))

/* Steps that a loop takes at once. */
#define LP_SLOT_STEPS(lines_are_columns) ((lines_are_columns) ? 8 : 5)

/* Accumulators of a block of a line's rest. */
#define LP_SLOT_REST(lines_are_columns, words) (!(lines_are_columns) && (words) == 2 ? 4 : 2)

/* A segment of some rows of one output channel.  The assembly knows the place of every field. */
struct lp_slot_lines {
    const int32_t *words;   /* of inputs: the first that the first accumulator takes */
    const int32_t *weights; /* words of each step, the one for the last word of inputs first */
    int32_t pitch;          /* bytes from the words of a step to those of the next */
    const int32_t *end;     /* of the weights */
    uint32_t begin[2];      /* what accumulators begin at, lower half first */
    uint16_t *sums;         /* of each slot, row by row */
    int32_t threes, rests;  /* of a line: blocks of three accumulators, then of LP_SLOT_REST */
    int32_t skipped;        /* steps that a multiple of LP_SLOT_STEPS would have more */
    int32_t adds;           /* whether sums are added to those that are there */
    int32_t lines;
    int32_t line_step;  /* bytes of inputs from line to line */
    int32_t *above;     /* where lines are columns: what is above the slots of each row, at first 0 */
    int32_t sums_pitch; /* the same: bytes of sums from row to row */
};

#endif
