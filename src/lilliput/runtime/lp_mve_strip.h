/* Rows of eight channels in scratch memory, for depthwise convolution on cores with Helium.
 *
 * Two columns of a channel are a halfword: (row, pair of columns, channel, column).  What lies outside of the
 * image is the zero point.
 */
#ifndef LP_MVE_STRIP_H
#define LP_MVE_STRIP_H

#include "lp_mve_group.h"

/* Bytes of two columns of a group. */
#define PAIR_BYTES 16

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

#endif
