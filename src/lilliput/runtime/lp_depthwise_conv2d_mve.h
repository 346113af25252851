/* Depthwise 3x3 convolution on cores with Helium, eight channels by eight channels.
 *
 * Rows of eight channels are copied to scratch memory, with the zero point around them, so that two columns
 * of a channel are a halfword: (row, pair of columns, channel, column).  A vector gathers eight of them: in
 * steps of one a patch of 4x4 inputs, over which lie four windows, in steps of two 3x4 inputs, over which
 * lies one.  A window is one product of vectors, with weights that are zero outside of it.  Eight outputs
 * are a tile; where its patches lie and where its outputs go is listed once for all channels.  Rows that the
 * next lines need, too, are moved to the front.
 *
 * Weights lie channel by channel, sixteen bytes each: zeros, then (3, 4) with a zero at the end of a row.  So
 * those of the windows of a patch lie one byte, four and five bytes before those of the first.
 */
#ifndef LP_DEPTHWISE_CONV2D_MVE_H
#define LP_DEPTHWISE_CONV2D_MVE_H

#include "lp_mve_tiles.h"

/* Zeros before the weights of a channel. */
#define ZEROS 5

#if LP_MVE

/* 2x2 outputs, line by line, from the patch at `address`. */
#define SUM_PATCH(sums, address)                                                                             \
    "vldrh.u16   " sums ", [" address ", q0] \n"                                                             \
    "vmladav.s8  r0, " sums ", q1            \n"                                                             \
    "vmladav.s8  r2, " sums ", q2            \n"                                                             \
    "vmladav.s8  r4, " sums ", q3            \n"                                                             \
    "vmladav.s8  r6, " sums ", q4            \n" SUMS_TO(sums)
#define WEIGHTS_IN_ONES(weights)                                                                             \
    "vldrb.u8    q2, [" weights ", #-1]      \n"                                                             \
    "vldrb.u8    q3, [" weights ", #-4]      \n"                                                             \
    "vldrb.u8    q4, [" weights ", #-5]      \n"                                                             \
    "vldrb.u8    q1, [" weights "], #16      \n"
#define TILE_IN_ONES "ldrd        r1, r11, [r12], #8          \n" SUM_PATCH("q5", "r1") SUM_PATCH("q6", "r11")
#define HALF_IN_ONES "ldr         r1, [r12], #8               \n" SUM_PATCH("q5", "r1")

#define COLUMNS(lessen)                                                                                      \
    "ldr         r4, [r9, #16]               \n"                                                             \
    "wls         lr, r4, 6f                  \n"                                                             \
    "5:                                      \n" SUM_FOUR("q5", "q6")                                        \
        LOAD_MULTIPLIER SCALE("q5", "q7", lessen) "vqmovnb.s32 q5, q5                      \n"               \
                                                  "vldrh.u16   q7, [r12], #16              \n" PUT_SOME      \
                                                  "le          lr, 5b                      \n"               \
                                                  "6:                                      \n"

#define PUT_IN_ONES(columns, put, lessen)                                                                    \
    PUT_GROUP(WEIGHTS_IN_ONES, TILE_IN_ONES, HALF_IN_ONES, columns, put, KEEP_MULTIPLIER, LOAD_MULTIPLIER,   \
              "q7", lessen)

/* All outputs of some channels in steps of one, and the same where tiles are not full. */
LP_NAKED static void put_in_ones(group *all LP_UNUSED) {
    __asm__ volatile(PUT_IN_ONES("", PUT_ALL, LESSEN));
}

LP_NAKED static void put_odd(group *all LP_UNUSED) {
    __asm__ volatile(PUT_IN_ONES(COLUMNS(LESSEN), PUT_SOME, LESSEN));
}

#if LP_TFLM
/* The same where nobody sees how negative numbers are rounded. */
LP_NAKED static void put_in_ones_rectified(group *all LP_UNUSED) {
    __asm__ volatile(PUT_IN_ONES("", PUT_ALL, LEAVE));
}

LP_NAKED static void put_odd_rectified(group *all LP_UNUSED) {
    __asm__ volatile(PUT_IN_ONES(COLUMNS(LEAVE), PUT_SOME, LEAVE));
}
#else
#define put_in_ones_rectified put_in_ones
#define put_odd_rectified put_odd
#endif

LP_INLINE put_function put_for(const lp_conv2d_params *params) {
    const int32_t is_rectified = params->minimum >= params->output_zero_point;
    if (params->stride_x == 2) {
        return is_rectified ? put_in_twos_rectified : put_in_twos;
    }
    if (params->output_height % 2 || params->output_width % 2) {
        return is_rectified ? put_odd_rectified : put_odd;
    }
    return is_rectified ? put_in_ones_rectified : put_in_ones;
}

/* What is the same for all channels but the tiles. */
LP_INLINE void begin_group(group *channels, const lp_conv2d_params *params, const strip *all) {
    /* The last two in steps of two meet weights of zero. */
    const uint16x8_t place = vminq_u16(vidupq_n_u16(0, 1), vdupq_n_u16(all->stride == 1 ? 7 : 5));
    const uint16x8_t row = vmulq_n_u16(vshrq_n_u16(place, 1), (uint16_t)all->row_bytes);
    const uint16x8_t column = vmulq_n_u16(vandq_u16(place, vdupq_n_u16(1)), PAIR_BYTES);
    vst1q_u16(channels->inputs, vaddq_n_u16(vaddq_u16(row, column), (uint16_t)-2));
    channels->zero_point = params->output_zero_point;
}

#else

/* Outputs of `lines` lines of channel `c`, which is the `place`th in scratch memory. */
static LP_NOINLINE void put_channel(const lp_conv2d_params *params, const strip *all, int32_t c,
                                    int32_t place, int32_t lines, int8_t *output) {
    const lp_profile_channel *channel = lp_channels(params->channels) + c;
    for (int32_t i = 0; i < lines * all->output_width; i++) {
        const int32_t row = i / all->output_width * all->stride;
        const int32_t column = i % all->output_width * all->stride;
        int32_t sum = channel->bias;
        for (int32_t tap = 0; tap < 9; tap++) {
            const int32_t x = column + tap % 3;
            sum += params->weights[WEIGHTS_BYTES * c + ZEROS + tap / 3 * 4 + tap % 3] *
                   all->memory[(row + tap / 3) * all->row_bytes + x / 2 * PAIR_BYTES + 2 * place + x % 2];
        }
        output[i * params->output_channels] = lp_output(
            channel, sum, params->shift, params->output_zero_point, params->minimum, params->maximum);
    }
}

#endif

LP_INLINE void depthwise_conv2d_mve(const lp_conv2d_params *params, const int8_t *input, int8_t *output,
                                    void *scratch) {
    const int32_t depth = params->input_channels;
    const int32_t height = params->output_height;
    strip all;
    rows_taken taken;
    begin_strip(&all, params, (int8_t *)scratch);
    const int32_t rows = rows_under(&all, all.lines);
    const int32_t is_one = all.lines >= height; /* strip, around which nothing changes */
    fill_around(params, &all, rows, is_one);
#if LP_MVE
    const put_function put = put_for(params);
    tiling whole, last;
    group channels;
    begin_group(&channels, params, &all);
    begin_tiles(&whole, &last, params, &all, all.memory + rows * all.row_bytes);
#endif
    for (int32_t c = 0; c < depth; c += GROUP) {
        const int32_t count = lp_minimum(depth - c, GROUP);
        if (c == 0 || count < GROUP) {
            begin_rows(&taken, params, &all, count);
            aim_rows(&taken, params, &all, input + c, 0, 0, rows);
        }
        for (int32_t line = 0; line < height; line += all.lines) {
            int8_t *const to = output + line * all.output_width * depth + c;
            if (!is_one) {
                take_strip(&taken, params, &all, input + c, line);
            } else if (taken.rows > 0) {
                take_rows(&taken);
                taken.from += GROUP;
            }
#if LP_MVE
            channels.weights = params->weights + ZEROS + WEIGHTS_BYTES * c;
            channels.weights_end = channels.weights + WEIGHTS_BYTES * count;
            channels.channels = lp_channels(params->channels) + c;
            channels.output = to;
            channels.tiles = height - line < all.lines ? last : whole;
            put(&channels);
#else
            for (int32_t i = 0; i < count; i++) {
                put_channel(params, &all, c + i, i, lp_minimum(height - line, all.lines), to + i);
            }
#endif
        }
    }
#if LP_MVE
    lp_mve_limit(output, height * all.output_width * depth, params->minimum, params->maximum);
#endif
}

#endif
