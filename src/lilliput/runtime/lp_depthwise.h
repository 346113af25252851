/* What the parts of the depthwise convolution for cores with packed 16-bit arithmetic share. */
#ifndef LP_DEPTHWISE_H
#define LP_DEPTHWISE_H

#include "lp_dsp.h"
#include "lp_profile.h"

/* Rows of outputs of one channel.  The assembly knows the place of every field. */
typedef struct {
    int8_t *output;
    int32_t step; /* from output to output */
    int32_t bias, multiplier;
    int32_t scale; /* only in the profile `tflm` */
    int32_t zero_point;
    int32_t rows;
    const int8_t *input;
    int32_t row_bytes;      /* from row to row of the input */
    int32_t input_advance;  /* the same for windows of successive rows of outputs */
    int32_t output_advance; /* from row to row of the output */
    int32_t fours;          /* of outputs in a row, at least 1 */
    int32_t repeated;       /* outputs that fill the rest of a row to another four */
    int32_t outer_taps[3];  /* taps 0 and 2 of each row of a 3x3 window */
    int32_t inner_taps[2];  /* tap 1 of rows 0 and 1, tap 1 of row 2 */
} lp_depthwise_rows;

/* 3x3 windows `stride` (1 or 2) apart whose sums are requantized by a shift of 32; only where LP_DSP is 1. */
void lp_depthwise_3x3(const lp_depthwise_rows *all, int32_t stride);

/* The same in the profile `tflm`. */
void lp_depthwise_3x3_tflm(const lp_depthwise_rows *all, int32_t stride);

#endif
