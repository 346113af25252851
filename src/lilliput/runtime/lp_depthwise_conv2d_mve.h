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

/* Weights of a channel, and zeros before the first. */
#define WEIGHTS_BYTES 16
#define ZEROS 5

#if LP_MVE

/* What is done to some channels.  The assembly knows the place of every field. */
typedef struct {
    const int8_t *weights;
    const lp_profile_channel *channels;
    tiling tiles;
    const int8_t *weights_end;
    int8_t *output;
    int32_t zero_point;
    uint16_t inputs[8]; /* from a patch; less a channel */
    int32_t multiplier[4];
} group;

#define CHECK_GROUP(field, offset)                                                                           \
    typedef char field##_lies_at_##offset[__builtin_offsetof(group, field) == (offset) ? 1 : -1] LP_UNUSED
CHECK_GROUP(weights, 0);
CHECK_GROUP(channels, 4);
CHECK_GROUP(tiles, 8);
CHECK_GROUP(weights_end, 24);
CHECK_GROUP(output, 28);
CHECK_GROUP(zero_point, 32);
CHECK_GROUP(inputs, 36);
CHECK_GROUP(multiplier, 52);

/* Halves away from zero: one less where a negative number is shifted. */
#define LESSEN(sums)                                                                                         \
    "mvn         r2, #0                      \n"                                                             \
    "vpt.s32     lt, " sums ", zr            \n"                                                             \
    "vaddt.i32   " sums ", " sums ", r2      \n"
#define LEAVE(sums) ""

/* Sums become values.  The profile `lilliput` multiplies by a vector, which is kept in memory where there
 * are too few of them, but has registers left for the pointers. */
#if LP_TFLM
#define BEGIN ""
#define BEGIN_CHANNEL(weights, keep)                                                                         \
    "ldrd        r1, r2, [r9, #0]            \n"                                                             \
    "ldm         r2!, {r5, r7, r8}           \n" weights("r1") "strd        r1, r2, [r9, #0]            \n"
#define END_CHANNEL                                                                                          \
    "ldr         r0, [r9, #0]                \n"                                                             \
    "cmp         r0, r11                     \n"
#define END ""
#define LOAD_MULTIPLIER ""
#define KEEP_MULTIPLIER ""
#define SCALE(sums, multiplier, lessen)                                                                      \
    "vadd.i32    " sums ", " sums ", r5      \n"                                                             \
    "vqrdmulh.s32 " sums ", " sums ", r7     \n" lessen(sums) "vrshl.s32   " sums ", r8          \n"
#else
#define BEGIN "ldrd        r8, r7, [r9, #0]            \n"
#define BEGIN_CHANNEL(weights, keep) "ldm         r7!, {r5, r6}               \n" weights("r8") keep
#define END_CHANNEL "cmp         r8, r11                     \n"
#define END "strd        r8, r7, [r9, #0]            \n"
#define LOAD_MULTIPLIER "vldrw.u32   q7, [r9, #52]               \n"
#define KEEP_MULTIPLIER                                                                                      \
    "vdup.32     q7, r6                      \n"                                                             \
    "vstrw.32    q7, [r9, #52]               \n"
#define SCALE(sums, multiplier, lessen)                                                                      \
    "vadd.i32    " sums ", " sums ", r5      \n"                                                             \
    "vrmulh.s32  " sums ", " sums ", " multiplier " \n"
#endif

/* Values in the halves of q5 are put where q7 tells, everywhere or not. */
#define PUT_ALL                                                                                              \
    "vqadd.s16   q5, q5, r10                 \n"                                                             \
    "vqmovnb.s16 q5, q5                      \n"                                                             \
    "vstrb.16    q5, [r3, q7]                \n"
#define PUT_SOME                                                                                             \
    "vqadd.s16   q5, q5, r10                 \n"                                                             \
    "vqmovnb.s16 q5, q5                      \n"                                                             \
    "vpt.i16     ne, q7, zr                  \n"                                                             \
    "vstrbt.16   q5, [r3, q7]                \n"

#define SUMS_TO(sums)                                                                                        \
    "vmov        " sums "[2], " sums "[0], r0, r4 \n"                                                        \
    "vmov        " sums "[3], " sums "[1], r2, r6 \n"

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

/* Four outputs from four patches. */
#define SUM_FOUR(sums, other)                                                                                \
    "ldm         r12!, {r0, r2, r4, r6}      \n"                                                             \
    "vldrh.u16   " sums ", [r0, q0]          \n"                                                             \
    "vldrh.u16   " other ", [r2, q0]         \n"                                                             \
    "vmladav.s8  r0, " sums ", q1            \n"                                                             \
    "vldrh.u16   " sums ", [r4, q0]          \n"                                                             \
    "vmladav.s8  r2, " other ", q1           \n"                                                             \
    "vldrh.u16   " other ", [r6, q0]         \n"                                                             \
    "vmladav.s8  r4, " sums ", q1            \n"                                                             \
    "vmladav.s8  r6, " other ", q1           \n" SUMS_TO(sums)
#define WEIGHTS_IN_TWOS(weights) "vldrb.u8    q1, [" weights "], #16      \n"
#define TILE_IN_TWOS SUM_FOUR("q5", "q6") SUM_FOUR("q6", "q4")
#define HALF_IN_TWOS                                                                                         \
    SUM_FOUR("q5", "q6")                                                                                     \
    "adds        r12, #16                    \n"

#if LP_TFLM
#define KEEP_IN_TWOS ""
#else
#define KEEP_IN_TWOS "vdup.32     q3, r6                      \n"
#endif

#define PUT_GROUP(weights, tile, half, columns, put, keep, load, multiplier, lessen)                         \
    "push        {r4-r11, lr}                \n"                                                             \
    "vpush       {d8-d15}                    \n"                                                             \
    "mov         r9, r0                      \n"                                                             \
    "ldrd        r3, r10, [r9, #28]          \n"                                                             \
    "vldrw.u32   q0, [r9, #36]               \n"                                                             \
    "subs        r3, #2                      \n" BEGIN                                                       \
    "1:                                      \n" /* a channel */                                             \
        BEGIN_CHANNEL(                                                                                       \
            weights,                                                                                         \
            keep) "ldrd        r12, r4, [r9, #8]           \n"                                               \
                  "movs        r0, #2                      \n"                                               \
                  "adds        r3, #1                      \n"                                               \
                  "vadd.i16    q0, q0, r0                  \n"                                               \
                  "wls         lr, r4, 3f                  \n"                                               \
                  "2:                                      \n" tile load SCALE("q5", multiplier, lessen)     \
                      SCALE("q6", multiplier,                                                                \
                            lessen) "vqmovnb.s32 q5, q5                      \n"                             \
                                    "vqmovnt.s32 q5, q6                      \n"                             \
                                    "vldrh.u16   q7, [r12], #16              \n" put                         \
                                    "le          lr, 2b                      \n"                             \
                                    "3:                                      \n"                             \
                                    "ldrd        r0, r11, [r9, #20]          \n"                             \
                                    "cbz         r0, 4f                      \n" half load SCALE(            \
                                        "q5", multiplier,                                                    \
                                        lessen) "vqmovnb.s32 q5, q5                      \n"                 \
                                                "vldrh.u16   q7, [r12], #16              \n" PUT_SOME        \
                                                "4:                                      "                   \
                                                "\n" columns END_CHANNEL                                     \
                                                "bne         1b                          \n" END             \
                                                "vpop        {d8-d15}                    \n"                 \
                                                "pop         {r4-r11, pc}                \n"

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
#define PUT_IN_TWOS(lessen)                                                                                  \
    PUT_GROUP(WEIGHTS_IN_TWOS, TILE_IN_TWOS, HALF_IN_TWOS, "", PUT_ALL, KEEP_IN_TWOS, "", "q3", lessen)

/* All outputs of some channels in steps of one, the same where tiles are not full, and in steps of two. */
LP_NAKED static void put_in_ones(group *all LP_UNUSED) {
    __asm__ volatile(PUT_IN_ONES("", PUT_ALL, LESSEN));
}

LP_NAKED static void put_odd(group *all LP_UNUSED) {
    __asm__ volatile(PUT_IN_ONES(COLUMNS(LESSEN), PUT_SOME, LESSEN));
}

LP_NAKED static void put_in_twos(group *all LP_UNUSED) {
    __asm__ volatile(PUT_IN_TWOS(LESSEN));
}

#if LP_TFLM
/* The same where nobody sees how negative numbers are rounded. */
LP_NAKED static void put_in_ones_rectified(group *all LP_UNUSED) {
    __asm__ volatile(PUT_IN_ONES("", PUT_ALL, LEAVE));
}

LP_NAKED static void put_odd_rectified(group *all LP_UNUSED) {
    __asm__ volatile(PUT_IN_ONES(COLUMNS(LEAVE), PUT_SOME, LEAVE));
}

LP_NAKED static void put_in_twos_rectified(group *all LP_UNUSED) {
    __asm__ volatile(PUT_IN_TWOS(LEAVE));
}
#else
#define put_in_ones_rectified put_in_ones
#define put_odd_rectified put_odd
#define put_in_twos_rectified put_in_twos
#endif

typedef void (*put_function)(group *all);

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
