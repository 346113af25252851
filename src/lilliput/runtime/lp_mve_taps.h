/* Rows of some channels in scratch memory, for depthwise convolution of any window on cores with Helium.
 *
 * Two taps of a row, which lie a dilation apart, are a halfword: (row, column of the first tap, channel,
 * tap).  In even steps no window begins at an odd column, and those are left out.  What lies outside of the
 * image is the zero point.  Where `is_transposed`, columns are taken as rows.
 */
#ifndef LP_MVE_TAPS_H
#define LP_MVE_TAPS_H

#include "lp_mve_group.h"

typedef struct {
    int8_t *memory; /* behind that of the pairs that begin before the first column */
    int32_t output_height, output_width, input_height;
    int32_t window_height, window_width;
    int32_t stride_y, stride_x, dilation_y, dilation_x, padding_top, padding_left;
    int32_t input_row, input_column, output_row, output_column; /* bytes from one to the next */
    int32_t zero_point;
    int32_t end;   /* of the columns of the image that windows reach, padding included */
    int32_t apart; /* columns from pair to pair */
    int32_t pair_bytes, row_bytes;
    int32_t lines; /* of outputs that are made at once, at most */
} taps;

LP_INLINE int32_t rows_under(const taps *all, int32_t lines) {
    return (lines - 1) * all->stride_y + (all->window_height - 1) * all->dilation_y + 1;
}

/* Pairs of taps of a row of a window. */
LP_INLINE int32_t pairs_of(const taps *all) {
    return (all->window_width + 1) / 2;
}

static LP_NOINLINE void begin_taps(taps *all, const lp_conv2d_params *params, int8_t *memory) {
    const int32_t is_transposed = params->is_transposed;
    const int32_t depth = params->input_channels;
    const int32_t outputs = params->output_channels;
    const int32_t input_width = is_transposed ? params->input_height : params->input_width;
    const int32_t input_row = depth * params->input_width;
    const int32_t output_row = outputs * params->output_width;
    all->output_height = is_transposed ? params->output_width : params->output_height;
    all->output_width = is_transposed ? params->output_height : params->output_width;
    all->input_height = is_transposed ? params->input_width : params->input_height;
    all->window_height = is_transposed ? params->kernel_width : params->kernel_height;
    all->window_width = is_transposed ? params->kernel_height : params->kernel_width;
    all->stride_y = is_transposed ? params->stride_x : params->stride_y;
    all->stride_x = is_transposed ? params->stride_y : params->stride_x;
    all->dilation_y = is_transposed ? params->dilation_x : params->dilation_y;
    all->dilation_x = is_transposed ? params->dilation_y : params->dilation_x;
    all->padding_top = is_transposed ? params->padding_left : params->padding_top;
    all->padding_left = is_transposed ? params->padding_top : params->padding_left;
    all->input_row = is_transposed ? depth : input_row;
    all->input_column = is_transposed ? input_row : depth;
    all->output_row = is_transposed ? outputs : output_row;
    all->output_column = is_transposed ? output_row : outputs;
    all->zero_point = params->input_zero_point;
    all->apart = 2 - all->stride_x % 2;
    all->pair_bytes = 2 * lp_minimum(depth, GROUP);
    const int32_t columns =
        (all->output_width - 1) * all->stride_x + (all->window_width - 1) * all->dilation_x + 1;
    all->row_bytes = (columns + all->apart - 1) / all->apart * all->pair_bytes;
    all->end = lp_minimum(columns, all->padding_left + input_width);
    all->lines = lp_minimum(params->strip_lines, all->output_height);
    all->memory = memory + (all->dilation_x * all->pair_bytes + 3) / 4 * 4;
}

/* Copies bytes of some columns of some rows. */
typedef struct {
    const int8_t *from;
    int8_t *to;
    int32_t rows, from_row, to_row;
    int32_t columns, from_column, to_column;
    int32_t further; /* from where a byte goes to where it goes again */
    int32_t channels;
} columns_taken;

#if LP_MVE

#define TAKE_COLUMNS(load, store)                                                                            \
    __asm__ volatile(                                                                                        \
        "vctp.16        %[channels]             \n"                                                          \
        "1:                                     \n"                                                          \
        "mov            %[source], %[from]      \n"                                                          \
        "mov            %[place], %[to]         \n"                                                          \
        "dls            lr, %[columns]          \n"                                                          \
        "2:                                     \n" load " q0, [%[source]] \n" store                         \
        " q0, [%[place], %q[places]] \n" store " q0, [%[place], %q[others]] \n"                              \
        "add            %[source], %[step]      \n"                                                          \
        "add            %[place], %[to_step]    \n"                                                          \
        "le             lr, 2b                  \n"                                                          \
        "add            %[from], %[from_row]    \n"                                                          \
        "add            %[to], %[to_row]        \n"                                                          \
        "subs           %[rows], #1             \n"                                                          \
        "bne            1b                      \n"                                                          \
        : [from] "+r"(from), [to] "+r"(to), [rows] "+r"(rows), [source] "=&l"(source), [place] "=&r"(place)  \
        : [channels] "r"(taken->channels), [columns] "r"(taken->columns), [step] "r"(taken->from_column),    \
          [to_step] "r"(taken->to_column), [from_row] "r"(taken->from_row), [to_row] "r"(taken->to_row),     \
          [places] "w"(places), [others] "w"(others)                                                         \
        : "lr", "q0", "cc", "memory")

#endif

/* No compiler keeps predicates across its calls, so that the assembly may change them. */
static LP_NOINLINE void take_columns(const columns_taken *taken) {
    const int8_t *from = taken->from;
    int8_t *to = taken->to;
#if LP_MVE
    const uint16x8_t places = vidupq_n_u16(0, 2);
    const uint16x8_t others = vaddq_n_u16(places, (uint16_t)taken->further);
    int32_t rows = taken->rows;
    const int8_t *source;
    int8_t *place;
    if (taken->channels == GROUP) {
        TAKE_COLUMNS("vldrb.u16", "vstrb.16");
    } else {
        TAKE_COLUMNS("vpsttt \n vldrbt.u16", "vstrbt.16");
    }
#else
    const int32_t width = taken->columns * taken->channels;
    for (int32_t i = 0; i < taken->rows * width; i++) {
        const int32_t row = i / width;
        const int32_t column = i % width / taken->channels;
        const int32_t c = i % taken->channels;
        int8_t *place = to + row * taken->to_row + column * taken->to_column + 2 * c;
        LP_OPAQUE(place);
        *place = from[row * taken->from_row + column * taken->from_column + c];
        place[taken->further] = *place;
    }
#endif
}

/* What lies inside the image of `rows` rows, not 0, of some channels, which begin at `from`. */
static LP_NOINLINE void take_rows(const taps *all, const int8_t *from, int8_t *to, int32_t rows,
                                  int32_t channels) {
    const int32_t apart = all->apart;
    const int32_t dilation = all->dilation_x;
    columns_taken taken;
    taken.rows = rows;
    taken.from_row = all->input_row;
    taken.to_row = all->row_bytes;
    taken.from_column = apart * all->input_column;
    taken.to_column = all->pair_bytes;
    taken.channels = channels;
    for (int32_t i = 0; i < apart; i++) { /* even columns, then odd ones */
        const int32_t begin = all->padding_left + (all->padding_left + i) % apart;
        const int32_t is_first = i == 0;
        const int32_t is_second = (begin - dilation) % apart == 0;
        const int32_t column = is_second ? begin - dilation : begin;
        taken.columns = (all->end - begin + apart - 1) / apart;
        taken.from = from + (begin - all->padding_left) * all->input_column;
        taken.to = to + column / apart * all->pair_bytes + is_second;
        taken.further = is_first && is_second ? dilation / apart * all->pair_bytes - 1 : 0;
        if (taken.columns > 0 && (is_first || is_second)) {
            take_columns(&taken);
        }
    }
}

/* Takes what the lines from `line` on need of some channels, which begin at `input`, and was not there yet.
 */
static LP_NOINLINE void take_lines(const taps *all, const int8_t *input, int32_t line, int32_t channels) {
    const int32_t row_bytes = all->row_bytes;
    const int32_t lines = lp_minimum(all->output_height - line, all->lines);
    const int32_t moved = all->lines * all->stride_y;
    const int32_t rows = rows_under(all, lines);
    const int32_t top = line * all->stride_y - all->padding_top;
    const int32_t kept = line ? lp_maximum(rows_under(all, all->lines) - moved, 0) : 0;
    lp_mve_copy(all->memory + moved * row_bytes, all->memory, lp_minimum(kept, rows) * row_bytes);
    if (kept >= rows) {
        return;
    }
    const lp_span inside = lp_inside(top + kept, rows - kept, 1, all->input_height);
    int8_t *const to = all->memory + kept * row_bytes;
    lp_mve_fill(to, all->zero_point, inside.begin * row_bytes);
    lp_mve_fill(to + inside.end * row_bytes, all->zero_point, (rows - kept - inside.end) * row_bytes);
    if (inside.begin < inside.end) {
        take_rows(all, input + (inside.start + inside.begin) * all->input_row, to + inside.begin * row_bytes,
                  inside.end - inside.begin, channels);
    }
}

#if LP_MVE

/* Notes where windows of a first channel lie in vectors of eight pairs; those of further ones lie two bytes
 * behind.  The last of a vector that is not full meet weights of zero.  Returns how many vectors they are. */
static int32_t note_offsets(const taps *all, uint16_t *offsets) {
    const int32_t step = 2 * all->dilation_x / all->apart * all->pair_bytes;
    int32_t count = 0;
    for (int32_t y = 0; y < all->window_height; y++) {
        int32_t offset = y * all->dilation_y * all->row_bytes;
        for (int32_t i = 0; i < pairs_of(all); i++, offset += step) {
            offsets[count++] = (uint16_t)offset;
        }
    }
    for (; count % 8; count++) {
        offsets[count] = 0;
    }
    return count / 8;
}

/* Tiles of `lines` lines: the last output is put again where half a tile is not full.  Returns where memory
 * goes on. */
static int8_t *note_tiles(tiling *tiles, const taps *all, int32_t lines, int8_t *memory) {
    const int32_t step = all->stride_x * all->pair_bytes / all->apart;
    const int32_t width = all->output_width;
    const int32_t halves = (lines * width + TILE / 2 - 1) / (TILE / 2);
    tile_in_twos *const first = (tile_in_twos *)(void *)memory;
    tile_in_twos *tile = first;
    int32_t place = 0;
    for (int32_t y = 0; y < lines; y++) {
        const int8_t *patch = all->memory + y * all->stride_y * all->row_bytes;
        int32_t output = y * all->output_row + 1;
        for (int32_t x = 0; x < width; x++, patch += step, output += all->output_column) {
            tile->patches[place] = patch;
            tile->outputs[place < TILE / 2 ? 2 * place : 2 * place - (TILE - 1)] = (uint16_t)output;
            if (++place == TILE) {
                place = 0;
                tile++;
            }
        }
    }
    for (; place % (TILE / 2); place++) {
        const int32_t second = place < TILE / 2 ? 0 : TILE - 1;
        tile->patches[place] = tile->patches[place - 1];
        tile->outputs[2 * place - second] = tile->outputs[2 * (place - 1) - second];
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

#endif

#endif
