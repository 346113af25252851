/* Where the patches of a strip lie, and where their outputs go, eight outputs a tile: for all channels. */
#ifndef LP_MVE_TILES_H
#define LP_MVE_TILES_H

#include "lp_mve_strip.h"

#if LP_MVE

/* Outputs of the first half are at even places. */
typedef struct {
    const int8_t *patches[2];
    uint16_t outputs[TILE];
} tile_in_ones;

/* Four of a column that has no neighbour, in steps of one: outputs at even places. */
typedef struct {
    const int8_t *patches[TILE / 2];
    uint16_t outputs[TILE];
} column_of_four;

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

/* Tiles of patches side by side.  Returns the next one. */
LP_INLINE tile_in_ones *plan_row(tile_in_ones *tile, int32_t tiles, const int8_t *patch, int32_t output,
                                 int32_t depth, int32_t below) {
    const uint16x8_t lanes = vidupq_n_u16(0, 1); /* bits: patch, column, line */
    const uint16x8_t one = vdupq_n_u16(1);
    const uint16x8_t columns =
        vaddq_u16(vmulq_n_u16(vandq_u16(lanes, one), 2), vandq_u16(vshrq_n_u16(lanes, 1), one));
    const uint16x8_t lines = vmulq_n_u16(vshrq_n_u16(lanes, 2), (uint16_t)below);
    uint16x8_t outputs = vaddq_n_u16(vmlaq_n_u16(lines, columns, (uint16_t)depth), (uint16_t)output);
    for (; tiles > 0; tiles--, tile++, patch += 2 * PAIR_BYTES) {
        tile->patches[0] = patch;
        tile->patches[1] = patch + PAIR_BYTES;
        vst1q_u16(tile->outputs, outputs);
        outputs = vaddq_n_u16(outputs, (uint16_t)(4 * depth));
    }
    return tile;
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
        int32_t left = width / 2;
        if (below && width % 4 == 0) { /* tiles are full */
            tile = plan_row(tile, width / 4, patch, output, depth, below);
            left = 0;
        }
        for (; left > 0; left--, patch += PAIR_BYTES, output += 2 * depth) {
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

#endif

#endif
