/* Weights of 4 bits and inputs of 8: four output channels share a halfword that is multiplied as it lies.
 *
 * A halfword is h = 4096 d + 256 c + 16 b + a, d a weight, a to c weights with 8 added.  With inputs x, four
 * sums are made of each halfword: of h x, of 256 c x, of (16 b + a) x, and of a x, for which one instruction
 * each masks two halfwords.  From their differences follow the sums of all channels; what the added eights
 * add is a multiple of the sum of all inputs, which sums begin with.  Sums count modulo 2**32, so only that
 * of d x matters, times 4096: `lilliput.targets.lanes` proves that it fits, for all inputs or segment by
 * segment of them.
 */
#ifndef LP_NIBBLES_H
#define LP_NIBBLES_H

#include "lp_dsp.h"
#include "lp_formats.h"

#define LP_NIBBLES_CHANNELS 4

/* Two pixels times groups of four output channels.  The assembly knows the place of every field.
 *
 * Four inputs of a pixel are two words, inputs 0, 2 and 1, 3; those of both pixels lie side by side. */
typedef struct {
    const uint32_t *weights;
    const int16_t *inputs;
    const lp_channel *channels; /* 0 to write sums, of one group */
    int8_t *output;
    int32_t offset;            /* of the outputs of pixel 1, 0 if there is none */
    int32_t zero_point;        /* of the output */
    uint32_t minimum, maximum; /* four times */
    int32_t fours;             /* of inputs; in a band, planes of three fours */
    int32_t groups;
    int32_t *sums; /* [pixel + 4 * channel], without biases */
    int32_t input_sums[2];
    int32_t plane_bytes; /* of inputs, from one of `fours` to the next */
    int32_t group_words; /* of weights of a group */
} lp_nibble_block;

void lp_multiply_nibbles(const lp_nibble_block *block);

/* The same of inputs in a band. */
void lp_multiply_nibbles_band(const lp_nibble_block *block);

/* All channels of one or two pixels by one of those. */
typedef void lp_nibbles_multiply(const lp_nibble_block *block);
void lp_nibble_pixels(const lp_lanes_params *params, lp_nibble_block *block, lp_nibbles_multiply *multiply,
                      int32_t pixels, int8_t *output);

#endif
