/* The windows of a row of outputs, expanded once: what those of neighbouring pixels share is there once.
 *
 * A four is four neighbouring elements of a row; a column is a four of each of the kernel's rows, one below
 * the other.  Side by side lie the fours of pixels 0 to 3, whose windows begin `stride` elements apart.  A
 * window is columns one behind the other, and those of pixels 4 to 7 begin `stride` columns later.  Where
 * that is no less than a window has columns, they share none, and windows lie one behind the other.
 *
 * The last elements of rows of 4 n + 1 elements, n no more than the stride, of four rows each make a four as
 * well, behind a window's columns.
 *
 * LP_STRIP_SPLIT 1: fours meet weights of two halves (lp_expand.h).  0: they are elements 0, 2 and 1, 3.
 */
#ifndef LP_STRIP_H
#define LP_STRIP_H

#include "lp_bytes.h"

#define LP_STRIP_PIXELS 4

typedef struct {
    const lp_conv2d_params *params;
    const int8_t *input;
    int16_t *inputs;
    int8_t *copy;       /* rows under the windows, where they reach beyond the image, in a ring */
    int32_t copy_bytes; /* of such a row */
    int32_t copied;     /* rows from the first on, those of the padding too, of which the last are there */
    int32_t stride;     /* from window to window, in elements */
    int32_t across;     /* columns of a window */
    int32_t ends;       /* fours of last elements behind them */
    int32_t fours;      /* of a window */
    int32_t runs;       /* of columns: one, or one for each four windows that share none */
    int32_t columns;    /* of a run */
    int32_t step;       /* bytes from the windows of four pixels to those of the next four */
    const int8_t *rows; /* the first one under the windows */
    int32_t row_bytes;  /* from one of them to the next */
    const int8_t *ring_end;
} lp_strip;

LP_INLINE void lp_strip_begin(lp_strip *strip, const lp_conv2d_params *params, const int8_t *input,
                              void *scratch) {
    const int32_t height = params->kernel_height;
    const int32_t length = params->kernel_width * params->input_channels;
    const int32_t stride = params->stride_x * params->input_channels;
    const int32_t has_ends = length % 4 == 1 && length / 4 <= stride;
    const int32_t across = has_ends ? length / 4 : (length + 3) / 4;
    const int32_t groups = (params->output_width + LP_STRIP_PIXELS - 1) / LP_STRIP_PIXELS;
    const int32_t is_apart = across <= stride;
    strip->params = params;
    strip->input = input;
    strip->inputs = (int16_t *)scratch;
    strip->copied = 0;
    strip->stride = stride;
    strip->across = across;
    strip->ends = has_ends ? (height + 3) / 4 : 0;
    strip->fours = across * height + strip->ends;
    strip->runs = is_apart ? groups : 1;
    strip->columns = is_apart ? across : (groups - 1) * stride + across;
    strip->step = 8 * LP_STRIP_PIXELS * (is_apart ? strip->fours : height * stride);
    strip->copy_bytes = 4 * (groups * stride + across);
    strip->copy =
        (int8_t *)scratch + 8 * LP_STRIP_PIXELS * strip->runs * (strip->columns * height + strip->ends);
}

/* The row at that place under the windows. */
LP_INLINE const int8_t *lp_strip_at(const lp_strip *strip, int32_t row) {
    const int8_t *at = strip->rows + row * strip->row_bytes;
    if (strip->ring_end && at >= strip->ring_end) {
        at -= strip->params->kernel_height * strip->row_bytes;
    }
    return at;
}

/* Finds the rows under the windows that begin in row `y`: copies with their padding, if need be, or if they
 * are read again when outputs of that row are written, which may lie over them. */
static LP_NOINLINE void lp_strip_find(lp_strip *strip, int32_t y) {
    const lp_conv2d_params *params = strip->params;
    const int32_t height = params->kernel_height;
    const int32_t image_bytes = params->input_width * params->input_channels;
    const int32_t last = (y + height - 1) * image_bytes;
    const int32_t reach = (params->output_width - 1) * params->stride_x + params->kernel_width;
    strip->rows = strip->input + y * image_bytes;
    strip->row_bytes = image_bytes;
    strip->ring_end = 0;
    if (!LP_DSP || y < 0 || params->padding_left > 0 || reach > params->input_width ||
        last + strip->copy_bytes > params->input_height * image_bytes) {
        const int32_t left = lp_minimum(params->padding_left * params->input_channels, strip->copy_bytes);
        const int32_t count = lp_minimum(image_bytes, strip->copy_bytes - left);
        const int32_t first = y + params->padding_top;
        for (int32_t row = lp_maximum(first, strip->copied); row < first + height; row++) {
            const int32_t from = row - params->padding_top;
            int8_t *to = strip->copy + row % height * strip->copy_bytes;
            int32_t filled = strip->copy_bytes;
            if (from >= 0 && from < params->input_height) {
                to = lp_fill_bytes(to, params->input_zero_point, left);
                to = lp_copy_bytes(strip->input + from * image_bytes, to, count);
                filled -= left + count;
            }
            (void)lp_fill_bytes(to, params->input_zero_point, filled);
        }
        strip->copied = first + height;
        strip->rows = strip->copy + first % height * strip->copy_bytes;
        strip->row_bytes = strip->copy_bytes;
        strip->ring_end = strip->copy + height * strip->copy_bytes;
    }
}

#if LP_DSP

/* clang-format off */

#if LP_STRIP_SPLIT
#define ODD(word) "eor     " word ", " word ", #0x007F007F  \n"
#else
#define ODD(word) "sxtb16  " word ", " word ", ror #8       \n"
#endif
#define EXPAND(word, other, place)                                                                           \
    "sxtb16  " other ", " word "             \n"                                                             \
    ODD(word)                                                                                                \
    "str.w   " other ", [r1, #" place "]     \n"                                                             \
    "str.w   " word ", [r1, #" place "+4]    \n"

/* Fours of a row, each at its place in its column: `runs` times `columns`, four pixels `stride` apart.  From
 * behind one run to the next there are `from_step` and `to_step` bytes more. */
LP_NAKED static void lp_strip_expand(const int8_t *from LP_UNUSED, int16_t *to LP_UNUSED,
                                     int32_t stride LP_UNUSED, int32_t column_bytes LP_UNUSED,
                                     int32_t columns LP_UNUSED, int32_t runs LP_UNUSED,
                                     int32_t from_step LP_UNUSED, int32_t to_step LP_UNUSED) {
    __asm__ volatile(
        "push    {r4-r11, lr}                    \n"
        "ldr.w   r8, [sp, #36]                   \n"
        "ldr.w   r9, [sp, #40]                   \n"
        "lsl.w   r10, r2, #1                     \n"
        "add.w   r11, r10, r2                    \n"
        "1:                                      \n"
        "mov     r12, r8                         \n"
        "2:                                      \n"
        "ldr     r4, [r0]                        \n"
        "ldr     r5, [r0, r2]                    \n"
        "ldr.w   r6, [r0, r10]                   \n"
        "ldr.w   r7, [r0, r11]                   \n"
        "adds    r0, r0, #4                      \n"
        EXPAND("r4", "lr", "0") EXPAND("r5", "lr", "8") EXPAND("r6", "lr", "16") EXPAND("r7", "lr", "24")
        "subs.w  r12, r12, #1                    \n"
        "add     r1, r3                          \n"
        "bne     2b                              \n"
        "ldr     r4, [sp, #44]                   \n"
        "ldr     r5, [sp, #48]                   \n"
        "subs.w  r9, r9, #1                      \n"
        "add     r0, r4                          \n"
        "add     r1, r5                          \n"
        "bne     1b                              \n"
        "pop     {r4-r11, pc}                    \n");
}

#define END(place)                                                                                           \
    "ldrb.w  r8, [r0, r6]                    \n"                                                             \
    "ldrb.w  r9, [r2, r6]                    \n"                                                             \
    "ldrb.w  r10, [r3, r6]                   \n"                                                             \
    "ldrb.w  r11, [r4, r6]                   \n"                                                             \
    "add     r6, r5                          \n"                                                             \
    "orr.w   r8, r8, r9, lsl #8              \n"                                                             \
    "orr.w   r10, r10, r11, lsl #8           \n"                                                             \
    "orr.w   r8, r8, r10, lsl #16            \n"                                                             \
    EXPAND("r8", "r9", place)

/* A four of the elements at each of four rows for each pixel of `runs` fours of pixels, from one of which to
 * the next there are `to_step` bytes. */
LP_NAKED static void lp_strip_expand_ends(const int8_t *const *rows LP_UNUSED, int16_t *to LP_UNUSED,
                                          int32_t stride LP_UNUSED, int32_t to_step LP_UNUSED,
                                          int32_t runs LP_UNUSED) {
    __asm__ volatile(
        "push    {r4-r11, lr}                    \n"
        "ldr.w   r7, [sp, #36]                   \n"
        "mov     lr, r3                          \n"
        "mov     r5, r2                          \n"
        "movs    r6, #0                          \n"
        "ldr     r4, [r0, #12]                   \n"
        "ldr     r3, [r0, #8]                    \n"
        "ldr     r2, [r0, #4]                    \n"
        "ldr     r0, [r0, #0]                    \n"
        "1:                                      \n"
        END("0") END("8") END("16") END("24")
        "subs    r7, r7, #1                      \n"
        "add     r1, lr                          \n"
        "bne     1b                              \n"
        "pop     {r4-r11, pc}                    \n");
}

/* clang-format on */

/* Expands the rows under the windows; of last elements, the last row's stands for those that are missing. */
static LP_NOINLINE void lp_strip_expand_rows(const lp_strip *strip) {
    const int32_t height = strip->params->kernel_height;
    int16_t *to = strip->inputs;
    for (int32_t row = 0; row < height; row++, to += 4 * LP_STRIP_PIXELS) {
        const int8_t *from = lp_strip_at(strip, row);
        if (strip->stride == 1 && strip->columns == 1) { /* one behind the other */
            lp_strip_expand(from, to, 1, strip->step, strip->runs, 1, 0, 0);
        } else {
            lp_strip_expand(from, to, strip->stride, 8 * LP_STRIP_PIXELS * height, strip->columns,
                            strip->runs, 4 * (strip->stride - strip->columns),
                            8 * LP_STRIP_PIXELS * strip->ends);
        }
    }
    to += 4 * LP_STRIP_PIXELS * height * (strip->across - 1);
    for (int32_t end = 0; end < strip->ends; end++, to += 4 * LP_STRIP_PIXELS) {
        const int8_t *rows[4];
        for (int32_t i = 0; i < 4; i++) {
            rows[i] = lp_strip_at(strip, lp_minimum(4 * end + i, height - 1)) + 4 * strip->across;
        }
        lp_strip_expand_ends(rows, to, strip->stride, strip->step, strip->runs);
    }
}

/* Expands the windows of a row of outputs that begin in row `y`. */
LP_INLINE void lp_strip_row(lp_strip *strip, int32_t y) {
    lp_strip_find(strip, y);
    lp_strip_expand_rows(strip);
}

/* The windows of pixels from `pixel` on, a multiple of four. */
LP_INLINE int16_t *lp_strip_windows(const lp_strip *strip, int32_t pixel) {
    return strip->inputs + strip->step / 2 * (pixel / LP_STRIP_PIXELS);
}

#else

LP_INLINE void lp_strip_row(lp_strip *strip, int32_t y) {
    lp_strip_find(strip, y);
}

LP_INLINE void lp_strip_expand(const int8_t *from, int16_t *to) {
#if LP_STRIP_SPLIT
    static const uint8_t order[4] = {0, 1, 2, 3};
#else
    static const uint8_t order[4] = {0, 2, 1, 3};
#endif
    for (int32_t i = 0; i < 4; i++) {
        to[order[i]] = from[i];
    }
}

/* The same, which are gathered only now: where weights have two halves, in order from pixel to pixel. */
static LP_NOINLINE int16_t *lp_strip_windows(const lp_strip *strip, int32_t pixel) {
    const int32_t height = strip->params->kernel_height;
    const int32_t four_step = LP_STRIP_SPLIT ? 4 : 4 * LP_STRIP_PIXELS;
    for (int32_t i = 0; i < LP_STRIP_PIXELS; i++) {
        const int32_t at = (pixel + i) * strip->stride;
        int16_t *to = strip->inputs + (LP_STRIP_SPLIT ? 4 * strip->fours * i : 4 * i);
        for (int32_t four = 0; four < strip->fours - strip->ends; four++, to += four_step) {
            lp_strip_expand(lp_strip_at(strip, four % height) + at + four / height * 4, to);
        }
        for (int32_t end = 0; end < strip->ends; end++, to += four_step) {
            int8_t bytes[4];
            for (int32_t row = 0; row < 4; row++) {
                bytes[row] =
                    lp_strip_at(strip, lp_minimum(4 * end + row, height - 1))[at + 4 * strip->across];
            }
            lp_strip_expand(bytes, to);
        }
    }
    return strip->inputs;
}

#endif

#endif
