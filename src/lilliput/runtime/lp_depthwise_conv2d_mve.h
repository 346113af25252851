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

#include "lp_mve.h"

/* Channels side by side, and bytes of two columns of them. */
#define GROUP 8
#define PAIR_BYTES 16

/* Weights of a channel, and zeros before the first. */
#define WEIGHTS_BYTES 16
#define ZEROS 5

/* The rows of some channels under some lines of outputs. */
typedef struct {
    int8_t *memory;
    int32_t row_bytes;
    int32_t taken;  /* columns of the input that windows reach */
    int32_t stride; /* of windows */
    int32_t lines;  /* of outputs, at most; in steps of one they are made in twos */
    int32_t output_width;
} strip;

LP_INLINE void begin_strip(strip *all, const lp_conv2d_params *params, int8_t *memory) {
    const int32_t stride = params->stride_x;
    const int32_t width = params->output_width;
    const int32_t height = params->output_height;
    const int32_t pairs = (stride == 1 ? (width + 1) / 2 : width) + 1;
    const int32_t unit = 3 - stride; /* lines that are made together; the rows that neighbours share, too */
    all->memory = memory;
    all->row_bytes = pairs * PAIR_BYTES;
    all->taken = lp_minimum(params->input_width, 2 * pairs - params->padding_left);
    all->stride = stride;
    all->lines = lp_minimum(params->strip_lines, (height + unit - 1) / unit * unit);
    all->output_width = width;
}

/* Rows under `lines` lines. */
LP_INLINE int32_t rows_under(const strip *all, int32_t lines) {
    return all->stride == 1 ? (lines + 1) / 2 * 2 + 2 : 2 * lines + 1;
}

#if LP_MVE

#define TILE 8

/* Where the patches of eight outputs lie, and where the outputs go: how far behind a byte before the first
 * one of the channel, or 0 for nowhere.  Outputs of the first half are at even places. */
typedef struct {
    const int8_t *patches[2];
    uint16_t outputs[TILE];
} tile_in_ones;

typedef struct {
    const int8_t *patches[TILE];
    uint16_t outputs[TILE];
} tile_in_twos;

/* Four of a column that has no neighbour, in steps of one: outputs at even places. */
typedef struct {
    const int8_t *patches[TILE / 2];
    uint16_t outputs[TILE];
} column_of_four;

/* Tiles, whether the first half of another follows, and columns of four behind that. */
typedef struct {
    void *first;
    int32_t count, columns, has_half;
} tiling;

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

/* Where the outputs of half a tile go that does not exist. */
LP_INLINE void put_nowhere(uint16_t *outputs) {
    for (int32_t i = 1; i < TILE; i += 2) {
        outputs[i] = 0;
    }
}

/* The last column, if it has no neighbour: the last output is put again where a four is not full. */
LP_INLINE int8_t *plan_column(tiling *tiles, const strip *all, int32_t lines, int32_t depth, int8_t *memory) {
    const int32_t x = all->output_width - 1;
    column_of_four *four = (column_of_four *)(void *)memory;
    tiles->columns = (lines + TILE / 2 - 1) / (TILE / 2);
    for (int32_t i = 0; i < tiles->columns; i++, four++) {
        for (int32_t j = 0; j < TILE / 2; j++) {
            const int32_t y = lp_minimum(TILE / 2 * i + j, lines - 1);
            four->patches[j] = all->memory + y * all->row_bytes + x / 2 * PAIR_BYTES;
            four->outputs[2 * j] = (uint16_t)((y * all->output_width + x) * depth + 1);
        }
        put_nowhere(four->outputs);
    }
    return (int8_t *)four;
}

/* Tiles of `lines` lines in steps of one: patches in twos.  The last line is made twice where it has no
 * neighbour below.  Returns where memory goes on. */
static int8_t *plan_ones(tiling *tiles, const strip *all, int32_t lines, int32_t depth, int8_t *memory) {
    const int32_t width = all->output_width;
    const int32_t below = lines > 1 ? width * depth : 0;
    tile_in_ones *tile = (tile_in_ones *)(void *)memory;
    int32_t place = 0;
    for (int32_t i = 0; i < lines; i += 2) {
        const int32_t y = lp_maximum(lp_minimum(i, lines - 2), 0);
        const int8_t *patch = all->memory + y * all->row_bytes;
        int32_t output = y * width * depth + 1;
        for (int32_t left = width / 2; left > 0; left--, patch += PAIR_BYTES, output += 2 * depth) {
            uint16_t *outputs = tile->outputs + place;
            tile->patches[place] = patch;
            outputs[0] = (uint16_t)output;
            outputs[2] = (uint16_t)(output + depth);
            outputs[4] = (uint16_t)(below ? output + below : 0);
            outputs[6] = (uint16_t)(below ? output + below + depth : 0);
            tile += place;
            place = 1 - place;
        }
    }
    tiles->first = memory;
    tiles->count = (int32_t)(tile - (tile_in_ones *)(void *)memory);
    tiles->has_half = place;
    tiles->columns = 0;
    if (place) {
        put_nowhere(tile->outputs);
    }
    memory = (int8_t *)(tile + place);
    return width % 2 ? plan_column(tiles, all, lines, depth, memory) : memory;
}

/* The same in steps of two: the last output is put again where half a tile is not full. */
static int8_t *plan_twos(tiling *tiles, const strip *all, int32_t lines, int32_t depth, int8_t *memory) {
    const int32_t width = all->output_width;
    const int32_t halves = (lines * width + TILE / 2 - 1) / (TILE / 2);
    const uint16_t last = (uint16_t)((lines * width - 1) * depth + 1);
    const uint16x8_t lanes = vidupq_n_u16(0, 1); /* 0, 4, 1, 5, ... become outputs */
    const uint16x8_t places = vmlaq_n_u16(vshrq_n_u16(lanes, 1), vandq_u16(lanes, vdupq_n_u16(1)), TILE / 2);
    tile_in_twos *const first = (tile_in_twos *)(void *)memory;
    tile_in_twos *tile = first;
    uint16x8_t outputs = vaddq_n_u16(vmulq_n_u16(places, (uint16_t)depth), 1);
    for (int32_t i = 0; i < (halves + 1) / 2; i++, outputs = vaddq_n_u16(outputs, (uint16_t)(TILE * depth))) {
        vst1q_u16(first[i].outputs, vminq_u16(outputs, vdupq_n_u16(last)));
    }
    const int8_t *patch = all->memory;
    int32_t place = 0;
    for (int32_t i = 0; i < lines; i++, patch += 2 * all->row_bytes - width * PAIR_BYTES) {
        for (int32_t left = width; left > 0;) {
            const int32_t end = lp_minimum(TILE, place + left);
            left -= end - place;
            for (; place < end; place++, patch += PAIR_BYTES) {
                tile->patches[place] = patch;
            }
            tile += end / TILE;
            place = end % TILE;
        }
    }
    for (; place % (TILE / 2); place++) {
        tile->patches[place] = tile->patches[place - 1];
    }
    tiles->first = memory;
    tiles->count = halves / 2;
    tiles->has_half = halves % 2;
    tiles->columns = 0;
    if (tiles->has_half) {
        put_nowhere(tile->outputs);
    }
    return (int8_t *)(first + (halves + 1) / 2);
}

/* Tiles of whole strips, and of the last one. */
LP_INLINE void begin_tiles(tiling *whole, tiling *last, const lp_conv2d_params *params, const strip *all,
                           int8_t *memory) {
    int8_t *(*const plan)(tiling *, const strip *, int32_t, int32_t, int8_t *) =
        all->stride == 1 ? plan_ones : plan_twos;
    const int32_t height = params->output_height;
    const int32_t rest = height % all->lines;
    memory = plan(whole, all, lp_minimum(all->lines, height), params->input_channels, memory);
    *last = *whole;
    if (rest && rest < height) {
        plan(last, all, rest, params->input_channels, memory);
    }
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

/* Rows to copy.  The assembly knows the place of every field. */
typedef struct rows_taken {
    const int8_t *from;
    int8_t *to;
    int32_t rows; /* not 0 */
    int32_t step; /* from one to the next of what is taken together */
    int32_t from_step, to_step;
    int32_t count; /* of them in a row */
    int32_t edges; /* 1: a column before the pairs, which is the second of one; 2: one behind them; 4: a pair
                      that is left of fours of columns, if those are taken together */
    int32_t channels;
    uint16_t pair[8]; /* offsets; of bytes, two in each, where columns are near */
    uint16_t column[8];
    uint16_t next_pair[8];
    void (*take)(struct rows_taken *rows);
} rows_taken;

#define CHECK_ROWS(field, offset)                                                                            \
    typedef char field##_are_at_##offset[__builtin_offsetof(rows_taken, field) == (offset) ? 1 : -1] LP_UNUSED
CHECK_ROWS(from, 0);
CHECK_ROWS(to, 4);
CHECK_ROWS(rows, 8);
CHECK_ROWS(step, 12);
CHECK_ROWS(from_step, 16);
CHECK_ROWS(to_step, 20);
CHECK_ROWS(count, 24);
CHECK_ROWS(edges, 28);
CHECK_ROWS(channels, 32);
CHECK_ROWS(pair, 36);
CHECK_ROWS(column, 52);
CHECK_ROWS(next_pair, 68);

/* A pair becomes (channel, column). */
#define TAKE_PAIR                                                                                            \
    "vldrb.u8    q0, [r7, q2]                \n"                                                             \
    "vstrb.8     q0, [r8], #16               \n"
#define TAKE_TWO_PAIRS                                                                                       \
    "vldrb.u8    q0, [r7, q2]                \n"                                                             \
    "vldrb.u8    q1, [r7, q4]                \n"                                                             \
    "vstrb.8     q0, [r8], #16               \n"                                                             \
    "vstrb.8     q1, [r8], #16               \n"
#define TAKE_COLUMN                                                                                          \
    "vldrb.u16   q0, [r7]                    \n"                                                             \
    "vstrb.16    q0, [r8, q3]                \n"

/* The same of less channels, or where more lie between columns than a byte counts. */
#define TAKE_SOME_PAIR                                                                                       \
    "vpstt                                   \n"                                                             \
    "vldrbt.u16  q0, [r7]                    \n"                                                             \
    "vldrbt.u16  q1, [r7, q2]                \n"                                                             \
    "vsli.16     q0, q1, #8                  \n"                                                             \
    "vstrb.8     q0, [r8], #16               \n"
#define TAKE_SOME_COLUMN                                                                                     \
    "vpstt                                   \n"                                                             \
    "vldrbt.u16  q0, [r7]                    \n"                                                             \
    "vstrbt.16   q0, [r8, q3]                \n"

/* Two columns forth, if that is half of the step. */
#define TAKE_LAST_PAIR TAKE_PAIR "add         r7, r7, r4, lsr #1          \n"

#define TAKE_ROWS(pairs, last_pair, column, to_column)                                                       \
    "push        {r4-r11, lr}                \n"                                                             \
    "vpush       {d8-d9}                     \n"                                                             \
    "ldm         r0!, {r1-r6, r9-r11}        \n"                                                             \
    "vldrw.u32   q2, [r0]                    \n"                                                             \
    "vldrw.u32   q3, [r0, #16]               \n"                                                             \
    "vldrw.u32   q4, [r0, #32]               \n"                                                             \
    "vctp.16     r11                         \n"                                                             \
    "1:                                      \n" /* a row */                                                 \
    "mov         r7, r1                      \n"                                                             \
    "lsls        r12, r10, #31               \n" /* whether there is a first column is the sign */           \
    "mov         r8, r2                      \n"                                                             \
    "bpl         2f                          \n" column "add         r7, r7, r4, lsr #" to_column " \n"      \
    "add         r8, #15                     \n"                                                             \
    "2:                                      \n"                                                             \
    "wls         lr, r9, 4f                  \n"                                                             \
    "3:                                      \n" pairs "add         r7, r4                      \n"          \
    "le          lr, 3b                      \n"                                                             \
    "4:                                      \n"                                                             \
    "lsls        r12, r10, #30               \n" /* a last column is the sign, a pair the carry */           \
    "bcc         5f                          \n" last_pair "5:                                      \n"      \
    "bpl         6f                          \n" column "6:                                      \n"         \
    "add         r1, r5                      \n"                                                             \
    "add         r2, r6                      \n"                                                             \
    "subs        r3, #1                      \n"                                                             \
    "bne         1b                          \n"                                                             \
    "vpop        {d8-d9}                     \n"                                                             \
    "pop         {r4-r11, pc}                \n"

LP_NAKED static void take_fours(rows_taken *all LP_UNUSED) {
    __asm__ volatile(TAKE_ROWS(TAKE_TWO_PAIRS, TAKE_LAST_PAIR, TAKE_COLUMN, "2"));
}

LP_NAKED static void take_pairs(rows_taken *all LP_UNUSED) {
    __asm__ volatile(TAKE_ROWS(TAKE_PAIR, "", TAKE_COLUMN, "1"));
}

LP_NAKED static void take_some(rows_taken *all LP_UNUSED) {
    __asm__ volatile(TAKE_ROWS(TAKE_SOME_PAIR, "", TAKE_SOME_COLUMN, "1"));
}

LP_INLINE void begin_rows(rows_taken *rows, const lp_conv2d_params *params, const strip *all,
                          int32_t channels) {
    const int32_t depth = params->input_channels;
    const int32_t is_odd = params->padding_left % 2;
    const int32_t pairs = (all->taken - is_odd) / 2;
    const uint16x8_t channel = vidupq_n_u16(0, 1);
    const uint16x8_t bytes =
        vaddq_n_u16(vmulq_n_u16(channel, 0x101), (uint16_t)(depth << 8)); /* (0, depth) */
    rows->from_step = params->input_width * depth;
    rows->to_step = all->row_bytes;
    rows->channels = channels;
    rows->edges = is_odd + 2 * ((all->taken - is_odd) % 2);
    vst1q_u16(rows->column, vidupq_n_u16(0, 2));
    vst1q_u16(rows->pair, bytes);
    vst1q_u16(rows->next_pair, vaddq_n_u16(bytes, (uint16_t)(2 * depth * 0x101)));
    if (channels == GROUP && 3 * depth + GROUP <= 256) { /* bytes count as far */
        rows->take = take_fours;
        rows->step = 4 * depth;
        rows->count = pairs / 2;
        rows->edges += 4 * (pairs % 2);
        return;
    }
    rows->take = take_pairs;
    rows->step = 2 * depth;
    rows->count = pairs;
    if (channels < GROUP || depth + GROUP > 256) {
        rows->take = take_some;
        vst1q_u16(rows->pair, vaddq_n_u16(channel, (uint16_t)depth));
    }
}

LP_INLINE void take_rows(rows_taken *rows) {
    rows->take(rows);
}

#else

typedef struct {
    const int8_t *from;
    int8_t *to;
    int32_t rows, from_step, to_step;
    int32_t depth, columns, padding, channels;
} rows_taken;

LP_INLINE void begin_rows(rows_taken *rows, const lp_conv2d_params *params, const strip *all,
                          int32_t channels) {
    rows->from_step = params->input_width * params->input_channels;
    rows->to_step = all->row_bytes;
    rows->depth = params->input_channels;
    rows->columns = all->taken;
    rows->padding = params->padding_left % 2;
    rows->channels = channels;
}

/* The same column by column. */
static LP_NOINLINE void take_rows(const rows_taken *taken) {
    for (int32_t i = 0; i < taken->rows * taken->columns; i++) {
        const int32_t x = i % taken->columns;
        const int8_t *from = taken->from + i / taken->columns * taken->from_step + x * taken->depth;
        int8_t *to = taken->to + i / taken->columns * taken->to_step;
        for (int32_t c = 0; c < taken->channels; c++) {
            to[(taken->padding + x) / 2 * PAIR_BYTES + 2 * c + (taken->padding + x) % 2 - taken->padding] =
                from[c];
        }
    }
}

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

/* Which rows of a strip lie inside of the image: those from row `begin` on under `lines` lines from `line`
 * on. Returns them, and has them taken from `input`. */
LP_INLINE lp_span aim_rows(rows_taken *rows, const lp_conv2d_params *params, const strip *all,
                           const int8_t *input, int32_t line, int32_t begin, int32_t end) {
    const int32_t top = line * all->stride - params->padding_top;
    const lp_span inside = lp_inside(top + begin, end - begin, 1, params->input_height);
    const int32_t odd = params->padding_left % 2;
    rows->from = input + (inside.start + inside.begin) * params->input_width * params->input_channels;
    rows->to =
        all->memory + (begin + inside.begin) * all->row_bytes + params->padding_left / 2 * PAIR_BYTES + odd;
    rows->rows = inside.end - inside.begin;
    return inside;
}

/* Takes what the lines from `line` on need, and were not there yet. */
static LP_NOINLINE void take_strip(rows_taken *rows, const lp_conv2d_params *params, const strip *all,
                                   const int8_t *input, int32_t line) {
    const int32_t lines = lp_minimum(params->output_height - line, all->lines);
    const int32_t begin = line ? 3 - all->stride : 0; /* so many rows neighbours have in common */
    const int32_t end = rows_under(all, lines);
    const lp_span inside = aim_rows(rows, params, all, input, line, begin, end);
    int8_t *const memory = all->memory;
    const int32_t row_bytes = all->row_bytes;
    lp_mve_copy(memory + all->lines * all->stride * row_bytes, memory, begin * row_bytes);
    lp_mve_fill(memory + begin * row_bytes, params->input_zero_point, inside.begin * row_bytes);
    lp_mve_fill(memory + (begin + inside.end) * row_bytes, params->input_zero_point,
                (end - begin - inside.end) * row_bytes);
    if (rows->rows > 0) {
        take_rows(rows);
    }
}

/* Fills `rows` rows with the zero point, or only the pairs where columns outside of the image are. */
LP_INLINE void fill_around(const lp_conv2d_params *params, const strip *all, int32_t rows, int32_t whole) {
    const int32_t left = whole ? all->row_bytes : (params->padding_left + 1) / 2 * PAIR_BYTES;
    const int32_t right = (params->padding_left + all->taken) / 2 * PAIR_BYTES;
    for (int32_t i = 0; i < rows; i++) {
        int8_t *const row = all->memory + i * all->row_bytes;
        lp_mve_fill(row, params->input_zero_point, left);
        if (!whole) {
            lp_mve_fill(row + right, params->input_zero_point, all->row_bytes - right);
        }
    }
}

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
