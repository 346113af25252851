/* Rows under some lines of outputs in scratch memory, padding included, and windows gathered of them: for
 * windows of short rows, and of columns that are apart.
 */
#ifndef LP_MVE_LINES_H
#define LP_MVE_LINES_H

#include "lp_mve.h"

typedef struct {
    int8_t *memory;
    int32_t row_bytes;
    int32_t lines; /* of outputs, at most */
    int32_t begin; /* the first line whose rows are there */
    int32_t window_bytes;
    int32_t pixel_bytes; /* from window to window of a line, or of a column if there is only one */
#if LP_MVE
    int32_t vectors; /* of places of elements that are gathered at once */
    int32_t is_near; /* whether those are bytes, else halfwords */
    int32_t copied;  /* bytes of a row of a window, if windows are copied row by row, else 0 */
    uint16_t *places;
#endif
} lp_mve_lines;

LP_INLINE int32_t rows_under_lines(const lp_conv2d_params *params, int32_t lines) {
    return (lines - 1) * params->stride_y + (params->kernel_height - 1) * params->dilation_y + 1;
}

/* Where element `k` of a window lies. */
LP_INLINE int32_t place_in_lines(const lp_mve_lines *all, const lp_conv2d_params *params, int32_t k) {
    const int32_t depth = params->input_channels;
    const int32_t length = params->kernel_width * depth;
    const int32_t x = k % length / depth * params->dilation_x;
    return k / length * params->dilation_y * all->row_bytes + x * depth + k % depth;
}

#if LP_MVE

#define NEAREST 256

/* Bytes of a row of a window, if fewer instructions copy rows than gather elements; else 0. */
LP_INLINE int32_t copied_row(const lp_mve_lines *all, const lp_conv2d_params *params) {
    const int32_t length = params->kernel_width * params->input_channels;
    const int32_t copies = params->kernel_height * (length <= 16 ? 5 : 7);
    const int32_t is_dense = params->dilation_x == 1 && params->dilation_y == 1 && length <= 32;
    return is_dense && copies < 4 * all->vectors ? length : 0;
}

/* Notes the places of the elements of a window.  Further ones meet weights of zero.  A vector of bytes holds
 * two windows of eight, and another one a window twice. */
static LP_NOINLINE void note_places(lp_mve_lines *all, const lp_conv2d_params *params, int32_t elements) {
    const int32_t window_bytes = all->window_bytes;
    const int32_t depth = params->input_channels;
    const int32_t is_half = window_bytes == 8;
    const int32_t further = is_half ? all->pixel_bytes : 0;
    uint16_t *const places = all->places;
    uint8_t *const near = (uint8_t *)places;
    all->is_near = place_in_lines(all, params, elements - 1) + further < NEAREST;
    all->vectors = all->is_near ? (window_bytes + 8) / 16 : window_bytes / 8;
    all->copied = copied_row(all, params);
    if (all->copied) {
        return;
    }
    int32_t k = 0;
    for (int32_t y = 0; y < params->kernel_height; y++) {
        for (int32_t x = 0; x < params->kernel_width; x++) {
            const int32_t place = y * params->dilation_y * all->row_bytes + x * params->dilation_x * depth;
            for (int32_t c = 0; c < depth; c++, k++) {
                if (all->is_near) {
                    near[k] = (uint8_t)(place + c);
                } else {
                    places[k] = (uint16_t)(place + c);
                }
            }
        }
    }
    for (; k < window_bytes; k++) {
        if (all->is_near) {
            near[k] = 0;
        } else {
            places[k] = 0;
        }
    }
    if (all->is_near && is_half) {
        for (k = 0; k < 8; k++) {
            near[8 + k] = (uint8_t)(near[k] + further);
            near[16 + k] = near[24 + k] = near[k];
        }
    }
}

#define GATHER(load, gather, store)                                                                          \
    __asm__ volatile("cmp         %[vectors], #1              \n" load " q0, [%[places]]            \n"      \
                     "bne         2f                          \n"                                            \
                     "dls         lr, %[count]                \n"                                            \
                     "1:                                      \n" gather " q1, [%[from], q0] \n" store " \n" \
                     "add         %[from], %[step]            \n"                                            \
                     "le          lr, 1b                      \n"                                            \
                     "b           4f                          \n"                                            \
                     "2:                                      \n"                                            \
                     "mov         %[next], %[places]          \n"                                            \
                     "dls         lr, %[vectors]              \n"                                            \
                     "3:                                      \n" load " q0, [%[next]], #16 \n" gather       \
                     " q1, [%[from], q0] \n" store " \n"                                                     \
                     "le          lr, 3b                      \n"                                            \
                     "add         %[from], %[step]            \n"                                            \
                     "subs        %[count], #1                \n"                                            \
                     "bne         2b                          \n"                                            \
                     "4:                                      \n"                                            \
                     : [from] "+r"(from), [to] "+r"(to), [count] "+r"(count), [next] "=&r"(next)             \
                     : [places] "r"(places), [vectors] "r"(all->vectors), [step] "r"(step)                   \
                     : "lr", "q0", "q1", "cc", "memory")

#define COPY_ROWS(load, store)                                                                               \
    __asm__ volatile(                                                                                        \
        "1:                                     \n"                                                          \
        "mov         %[row], %[from]             \n"                                                         \
        "mov         %[place], %[to]             \n"                                                         \
        "dls         lr, %[rows]                 \n"                                                         \
        "2:                                      \n" load store "add         %[row], %[row_bytes]        \n" \
        "add         %[place], %[length]         \n"                                                         \
        "le          lr, 2b                      \n"                                                         \
        "add         %[from], %[step]            \n"                                                         \
        "add         %[to], %[window_bytes]      \n"                                                         \
        "subs        %[count], #1                \n"                                                         \
        "bne         1b                          \n"                                                         \
        : [from] "+r"(from), [to] "+r"(to), [count] "+r"(count), [row] "=&r"(row), [place] "=&r"(place)      \
        : [rows] "r"(rows), [row_bytes] "r"(all->row_bytes), [length] "r"(all->copied),                      \
          [step] "r"(all->pixel_bytes), [window_bytes] "r"(all->window_bytes)                                \
        : "lr", "q0", "q1", "cc", "memory")

/* The same row by row, which writes up to 15 bytes behind the last. */
static LP_NOINLINE void copy_windows(const lp_mve_lines *all, const int8_t *from, int32_t rows, int32_t count,
                                     int8_t *to) {
    const int8_t *row;
    int8_t *place;
    if (all->copied <= 16) {
        COPY_ROWS("vldrb.u8 q0, [%[row]] \n", "vstrb.8 q0, [%[place]] \n");
    } else {
        COPY_ROWS("vldrb.u8 q0, [%[row]] \n vldrb.u8 q1, [%[row], #16] \n",
                  "vstrb.8 q0, [%[place]] \n vstrb.8 q1, [%[place], #16] \n");
    }
}

/* What lies `step` bytes after `step` bytes, `count` times, which is not 0. */
static LP_NOINLINE void gather_windows(const lp_mve_lines *all, const int8_t *from, int32_t step,
                                       const void *places, int32_t count, int8_t *to) {
    const void *next;
    if (all->is_near) {
        GATHER("vldrb.u8", "vldrb.u8", "vstrb.8 q1, [%[to]], #16");
    } else {
        GATHER("vldrh.u16", "vldrb.u16", "vstrb.16 q1, [%[to]], #8");
    }
}

/* Windows of `count` pixels side by side; `from` is the first byte of the first one. */
LP_INLINE void take_windows_of_line(const lp_mve_lines *all, const lp_conv2d_params *params,
                                    const int8_t *from, int32_t count, int8_t *to) {
    if (all->copied) {
        copy_windows(all, from, params->kernel_height, count, to);
        return;
    }
    if (!all->is_near || all->window_bytes > 8) {
        gather_windows(all, from, all->pixel_bytes, all->places, count, to);
        return;
    }
    if (count >= 2) {
        gather_windows(all, from, 2 * all->pixel_bytes, all->places, count / 2, to);
    }
    if (count % 2) {
        gather_windows(all, from + (count - 1) * all->pixel_bytes, 0, all->places + 8, 1,
                       to + (count - 1) * 8);
    }
}

#else

LP_INLINE void take_windows_of_line(const lp_mve_lines *all, const lp_conv2d_params *params,
                                    const int8_t *from, int32_t count, int8_t *to) {
    const int32_t elements = (int32_t)params->kernel_height * params->kernel_width * params->input_channels;
    for (int32_t i = 0; i < count * elements; i++) {
        to[i / elements * all->window_bytes + i % elements] =
            from[i / elements * all->pixel_bytes + place_in_lines(all, params, i % elements)];
    }
}

#endif

/* Bytes between windows and lines: so many may be written behind the last window. */
#define BEHIND_WINDOWS 16

/* Lies behind windows, aligned to four. */
LP_INLINE void begin_lines(lp_mve_lines *all, const lp_conv2d_params *params, int8_t *memory,
                           int32_t window_bytes) {
    const int32_t columns =
        (params->output_width - 1) * params->stride_x + (params->kernel_width - 1) * params->dilation_x + 1;
    all->memory = memory + BEHIND_WINDOWS;
    all->row_bytes = columns * params->input_channels;
    all->lines = lp_minimum(params->strip_lines, params->output_height);
    all->begin = -1;
    all->window_bytes = window_bytes;
    all->pixel_bytes = params->output_width == 1 ? params->stride_y * all->row_bytes
                                                 : params->stride_x * params->input_channels;
    const int32_t bytes = rows_under_lines(params, all->lines) * all->row_bytes;
    lp_mve_fill(all->memory, params->input_zero_point, bytes);
#if LP_MVE
    all->places = (uint16_t *)(void *)(all->memory + (bytes + 3) / 4 * 4);
    note_places(all, params, (int32_t)params->kernel_height * params->kernel_width * params->input_channels);
#endif
}

/* Takes what the lines from `line` on need and was not there yet. */
static LP_NOINLINE void take_rows_of_lines(lp_mve_lines *all, const lp_conv2d_params *params,
                                           const int8_t *input, int32_t line) {
    const int32_t row_bytes = all->row_bytes;
    const int32_t depth = params->input_channels;
    const int32_t left = params->padding_left * depth;
    const int32_t input_row = params->input_width * depth;
    const int32_t length = lp_minimum(input_row, row_bytes - left);
    const int32_t rows = rows_under_lines(params, lp_minimum(params->output_height - line, all->lines));
    const int32_t moved = all->lines * params->stride_y;
    const int32_t kept = line ? lp_maximum(rows_under_lines(params, all->lines) - moved, 0) : 0;
    all->begin = line;
    lp_mve_copy(all->memory + moved * row_bytes, all->memory, lp_minimum(kept, rows) * row_bytes);
    if (kept >= rows) {
        return;
    }
    const lp_span inside =
        lp_inside(line * params->stride_y - params->padding_top + kept, rows - kept, 1, params->input_height);
    int8_t *const to = all->memory + kept * row_bytes;
    const int8_t *const from = input + (inside.start + inside.begin) * input_row;
    lp_mve_fill(to, params->input_zero_point, inside.begin * row_bytes);
    lp_mve_fill(to + inside.end * row_bytes, params->input_zero_point,
                (rows - kept - inside.end) * row_bytes);
    if (length == row_bytes && length == input_row) {
        lp_mve_copy(from, to + inside.begin * row_bytes, (inside.end - inside.begin) * row_bytes);
    } else if (length > 0) {
        for (int32_t i = 0; i < inside.end - inside.begin; i++) {
            lp_mve_copy(from + i * input_row, to + (inside.begin + i) * row_bytes + left, length);
        }
    }
}

#endif
