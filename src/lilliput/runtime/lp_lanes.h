/* Two output channels in one multiplication: weights of 2 or 4 bits that share a halfword.
 *
 * A lane is the halfword 2**k * b + a of weights a, b of two channels, k = 16 - weight_bits.  SMLAD
 * multiplies two lanes by two inputs, so that a sum is 2**k * B + A with the sums A, B of both channels.  A
 * fits its k bits for as many inputs as `lilliput.targets.lanes` proves from the weights: a segment.  After
 * each the sum is taken apart.  Where B could leave what remains, so many segments are a pass, and the sums
 * of passes are added up.
 *
 * In flash, fields of a lane lie at its ends, those of further lanes in what is free between them: a word
 * turned right by 0, 8 (4 bits) or 0, 4, 8, 12 bits (2 bits) and masked gives two lanes each.  b is in two's
 * complement, a has LP_LANES_ADDED added, which no lane wraps from.
 */
#ifndef LP_LANES_H
#define LP_LANES_H

#include "lp_dsp.h"
#include "lp_formats.h"

#define LP_LANES_PIXELS 4
#define LP_LANES_CHANNELS 4
/* Bytes of four inputs of four pixels, and of what multiplies them: lanes of four channels. */
#define LP_LANES_INPUT_BYTES 32
#define LP_LANES_WEIGHT_BYTES 16

#define LP_LANES_ADDED(bits) ((1 << ((bits) - 1)) - 1)

/* Two fields of each halfword: two lanes of a word, with what is added. */
#define LP_LANE_FIELDS_2 0xC003C003u
#define LP_LANE_FIELDS_4 0xF00FF00Fu

/* The same from a word that is turned right. */
LP_INLINE int32_t lp_lane_fields(uint32_t word, uint32_t turn, int32_t bits) {
    const uint32_t mask = bits == 2 ? LP_LANE_FIELDS_2 : LP_LANE_FIELDS_4;
    return (int32_t)((turn == 0 ? word : word >> turn | word << (32 - turn)) & mask);
}

/* Two lanes. */
LP_INLINE int32_t lp_lanes(uint32_t word, uint32_t turn, int32_t bits) {
    const int32_t fields = lp_lane_fields(word, turn, bits);
    const int32_t added = LP_LANES_ADDED(bits) * 0x00010001;
#if LP_DSP
    int32_t lanes;
    __asm__("ssub16 %0, %1, %2" : "=r"(lanes) : "r"(fields), "r"(added));
    return lanes;
#else
    return (int32_t)(((uint32_t)fields & 0xFFFF0000u) - ((uint32_t)added & 0xFFFF0000u)) |
           (int32_t)(((uint32_t)fields - (uint32_t)added) & 0xFFFFu);
#endif
}

/* Four pixels times four output channels.  The assembly knows the place of every field.
 *
 * Four inputs of a pixel are two words, inputs 0, 2 and 1, 3; those of four pixels lie side by side.  Lanes
 * of channels 0, 1 and 2, 3 take turns in the same way.  Segments but the first have a multiple of four
 * fours. */
struct lp_lane_block {
    const int32_t *weights;
    const int16_t *inputs;
    const lp_channel *channels; /* 0 to write sums */
    int8_t *output;
    int32_t offsets[3]; /* of the outputs of pixels 1, 2, 3; of those that are missing, as of the last */
    int32_t zero_point; /* of the output */
    uint32_t minimum, maximum; /* four times */
    int32_t first_fours;       /* of inputs in the first segment */
    int32_t segment_fours;     /* in every further one */
    int32_t segments;          /* beyond the first */
    int32_t *sums;             /* [pixel + 4 * channel], without biases */
    int32_t plane_bytes;   /* of inputs, from one of those fours to the next; in a band those count that are
                            * planes of three */
    int32_t segment_bytes; /* of inputs, from the begin of a further segment to its end */
    int32_t blocks;        /* of pixels, one after the other; 1 to write sums */
    int32_t input_step;    /* bytes of inputs from one to the next */
    int32_t output_step;   /* the same of outputs */
    int32_t plane_words;   /* of weights, from one of those fours to the next */
};

/* Four channels of pixels side by side by `params->multiply`: blocks whose inputs lie `input_step` apart. */
void lp_lane_outputs(const lp_lanes_params *params, lp_lane_block *block, int32_t channel, int32_t pixels,
                     int8_t *output);

/* The lanes of `fours` fours of inputs for four channels; returns where the next four channels begin. */
const uint32_t *lp_unpack_lanes(const uint32_t *packed, int32_t bits, int32_t fours, int32_t *lanes);

#endif
