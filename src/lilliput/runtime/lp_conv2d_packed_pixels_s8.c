#define LP_TFLM 0
#include "lp_pixel_lanes.h"

/* Bytes of an element of the windows of all pixels. */
#define ELEMENT_BYTES (4 * LP_LANE_WORDS)

/* Inputs that go to the lanes of a pixel: `rows` times `count` of them. */
typedef struct {
    const int8_t *from;
    uint8_t *to;
    int32_t from_step, to_step; /* from row to row */
    int32_t rows, count;
    uint32_t added; /* to an input that is not to be negative */
} lane_rows;

LP_INLINE void put(uint32_t value, int32_t are_bytes, uint8_t *to) {
    if (are_bytes) {
        *to = (uint8_t)value;
    } else {
        *(uint16_t *)(void *)to = (uint8_t)value;
    }
}

static void fill(uint32_t value, int32_t count, int32_t are_bytes, uint8_t *to) {
    if (are_bytes) {
        for (; count > 0; count--, to += ELEMENT_BYTES) {
            put(value, 1, to);
        }
    } else {
        for (; count > 0; count--, to += ELEMENT_BYTES) {
            put(value, 0, to);
        }
    }
}

LP_INLINE void put_rows(const lane_rows *all, int32_t are_bytes) {
    const uint32_t added = all->added;
    const int32_t count = all->count;
    const int8_t *from = all->from;
    uint8_t *to = all->to;
    for (int32_t rows = all->rows; rows > 0; rows--) {
        const int8_t *next = from;
        uint8_t *place = to;
        int32_t left = count;
        for (; left >= 4; left -= 4, next += 4, place += 4 * ELEMENT_BYTES) {
            put((uint8_t)next[0] + added, are_bytes, place);
            put((uint8_t)next[1] + added, are_bytes, place + ELEMENT_BYTES);
            put((uint8_t)next[2] + added, are_bytes, place + 2 * ELEMENT_BYTES);
            put((uint8_t)next[3] + added, are_bytes, place + 3 * ELEMENT_BYTES);
        }
        for (; left > 0; left--, place += ELEMENT_BYTES) {
            put((uint8_t)*next++ + added, are_bytes, place);
        }
        from += all->from_step;
        to += all->to_step;
    }
}

static LP_NOINLINE void put_bytes(const lane_rows *all) {
    put_rows(all, 1);
}

static LP_NOINLINE void put_halves(const lane_rows *all) {
    put_rows(all, 0);
}

/* What is the same for all windows. */
typedef struct {
    const lp_eights_params *params;
    const int8_t *input;
    int32_t last_y, last_x; /* where whole windows begin at most */
    lane_rows whole;        /* a window that lies in the image, rows being runs of neighbours */
} windows;

static void begin(windows *all, const lp_eights_params *params, const int8_t *input) {
    const lp_conv2d_params *conv = &params->conv;
    all->params = params;
    all->input = input;
    all->last_y = conv->input_height - 1 - (conv->kernel_height - 1) * conv->dilation_y;
    all->last_x = conv->dilation_x > 1 ? -1 : conv->input_width - conv->kernel_width;
    all->whole.count = conv->kernel_width * conv->input_channels;
    all->whole.rows = conv->kernel_height;
    all->whole.from_step = conv->dilation_y * conv->input_width * conv->input_channels;
    all->whole.to_step = all->whole.count * ELEMENT_BYTES;
    all->whole.added = (uint32_t)1 << (params->input_bits - 1);
}

LP_INLINE void put_all(const lane_rows *all, int32_t are_bytes) {
    if (are_bytes) {
        put_bytes(all);
    } else {
        put_halves(all);
    }
}

/* The window whose first element lies at (y, x), some of it perhaps outside the image. */
static LP_NOINLINE void put_border(const windows *all, int32_t y, int32_t x, uint8_t *to) {
    const lp_conv2d_params *conv = &all->params->conv;
    const int32_t are_bytes = all->params->lanes == 4;
    const int32_t depth = conv->input_channels;
    const int32_t column_step = conv->dilation_x * depth;
    const lp_span rows = lp_inside(y, conv->kernel_height, conv->dilation_y, conv->input_height);
    const lp_span columns = lp_inside(x, conv->kernel_width, conv->dilation_x, conv->input_width);
    const lane_rows *whole = &all->whole;
    int32_t runs = columns.end - columns.begin;
    lane_rows part;
    fill((uint8_t)conv->input_zero_point + whole->added, whole->rows * whole->count, are_bytes, to);
    part.from = all->input + (y * conv->input_width + x) * depth + rows.begin * whole->from_step +
                columns.begin * column_step;
    part.to = to + (rows.begin * whole->count + columns.begin * depth) * ELEMENT_BYTES;
    part.from_step = whole->from_step;
    part.to_step = whole->to_step;
    part.rows = rows.end - rows.begin;
    part.count = depth;
    part.added = whole->added;
    if (conv->dilation_x == 1) {
        part.count *= runs;
        runs = 1;
    }
    for (; runs > 0; runs--) {
        put_all(&part, are_bytes);
        part.from += column_step;
        part.to += depth * ELEMENT_BYTES;
    }
}

/* The same, perhaps all of it in the image. */
LP_INLINE void put_window(windows *all, int32_t y, int32_t x, uint8_t *to) {
    const lp_conv2d_params *conv = &all->params->conv;
    if (y < 0 || x < 0 || y > all->last_y || x > all->last_x) {
        put_border(all, y, x, to);
    } else {
        all->whole.from = all->input + (y * conv->input_width + x) * conv->input_channels;
        all->whole.to = to;
        put_all(&all->whole, all->params->lanes == 4);
    }
}

/* The sum of each pixel, less than it by what lanes begin at. */
LP_INLINE void take_apart(const uint32_t *lanes, int32_t are_bytes, int32_t least, int32_t *sums) {
    for (const uint32_t *end = lanes + 2 * LP_LANE_WORDS; lanes != end; lanes += 2) {
        if (are_bytes) {
            sums[0] = least + (int32_t)(lanes[0] & 0xFFFF);
            sums[1] = least + (int32_t)(lanes[1] & 0xFFFF);
            sums[2] = least + (int32_t)(lanes[0] >> 16);
            sums[3] = least + (int32_t)(lanes[1] >> 16);
            sums += 4;
        } else {
            sums[0] = least + (int32_t)lanes[0];
            sums[1] = least + (int32_t)lanes[1];
            sums += 2;
        }
    }
}

/* All output channels of pixels side by side. */
static void multiply_pixels(const lp_eights_params *params, const uint32_t *inputs, lp_pairs_scale *scale,
                            int32_t count, int8_t *output) {
    const lp_conv2d_params *conv = &params->conv;
    const int32_t elements = (int32_t)conv->kernel_height * conv->kernel_width * conv->input_channels;
    const int32_t eights = (elements + 7) / 8;
    const int32_t are_bytes = params->lanes == 4;
    const int32_t half = are_bytes ? 0x80 : 0x8000;
    const lp_channel *channel = lp_channels(conv->channels);
    const uint8_t *weights = params->weights;
    lp_lane_sums lanes;
    lanes.start = are_bytes ? 0x80808080u : 0x80008000u;
    lanes.mask = are_bytes ? 0x00FF00FFu : 0x0000FFFFu;
    lanes.bits = are_bytes ? 8 : 16;
    for (int32_t i = conv->output_channels; i > 0; i--, channel++, output++) {
        const uint32_t *next = inputs;
        int32_t sums[LP_LANE_PIXELS];
        int32_t least = 0;
        for (int32_t k = 0; k < 2 * LP_LANE_WORDS; k++) {
            lanes.sums[k] = 0;
            LP_OPAQUE(next);
        }
        for (int32_t left = eights; left > 0; least -= half) {
            const int32_t some = lp_minimum(left, params->segment_eights);
            params->multiply(weights, next, some, &lanes);
            weights += some * params->weight_bits;
            next += some * 8 * LP_LANE_WORDS;
            left -= some;
        }
        take_apart(lanes.sums, are_bytes, least, sums);
        lp_pairs_output(scale, channel, conv->shift, sums, count, output);
    }
}

void lp_conv2d_packed_pixels_s8(const lp_eights_params *params, const int8_t *input, int8_t *output,
                                void *scratch) {
    const lp_conv2d_params *conv = &params->conv;
    const int32_t end_x = conv->output_width * conv->stride_x - conv->padding_left;
    const int32_t lane_bytes = params->lanes == 4 ? 1 : 2;
    const int32_t pixels = LP_LANE_WORDS * params->lanes;
    int32_t y = -conv->padding_top;
    int32_t x = -conv->padding_left;
    lp_pairs_scale scale;
    windows all;
    lp_pairs_scale_begin(&scale, conv, conv->output_channels);
    begin(&all, params, input);
    for (int32_t left = conv->output_height * conv->output_width; left > 0; left -= pixels) {
        const int32_t count = lp_minimum(left, pixels);
        for (int32_t pixel = 0; pixel < count; pixel++) {
            put_window(&all, y, x, (uint8_t *)scratch + pixel * lane_bytes);
            x += conv->stride_x;
            if (x == end_x) {
                x = -conv->padding_left;
                y += conv->stride_y;
            }
        }
        multiply_pixels(params, (const uint32_t *)scratch, &scale, count, output);
        output += count * conv->output_channels;
    }
}
