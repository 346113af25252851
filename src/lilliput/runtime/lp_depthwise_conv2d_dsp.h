/* Depthwise convolution without dilation, channel by channel.
 *
 * The rows of one channel under the windows of some rows of outputs lie densely in scratch memory, with the
 * zero point around them; a word then holds four neighbours.  Weights lie channel by channel, (kernel height,
 * kernel width) each.
 */
#ifndef LP_DEPTHWISE_CONV2D_DSP_H
#define LP_DEPTHWISE_CONV2D_DSP_H

#include "lp_depthwise.h"

/* Rows of outputs that are made before the next rows of input are taken. */
#define STRIP_ROWS 8

/* One side of the image, and what lies along it. */
typedef struct {
    int32_t input, output; /* elements */
    int32_t kernel, stride, padding;
    int32_t input_step, output_step; /* bytes from element to element */
} side;

/* The rows of one channel under a strip of outputs.  `down` is the image's height and `along` its width, or
 * the other way round if it is transposed. */
typedef struct {
    const lp_conv2d_params *params;
    side down, along;
    int8_t *memory;
    int32_t row_bytes;
    int32_t columns; /* of the image that lie in a row */
    int16_t *taps;
} strip;

/* Windows of four neighbouring outputs.  The assembly knows the place of every field. */
typedef struct {
    const int16_t *taps;
    int32_t fours; /* of taps in a row of the window */
    int32_t rows;
    int32_t stride;
    int32_t to_next_row; /* from behind the last four of a row */
} windows;

/* Densely packed elements from elements `step` bytes apart. */
typedef struct {
    int32_t columns, count;
    int32_t step, from_advance, to_advance;
} thinning;

#if LP_DSP

#define CHECK_WINDOWS(field, offset)                                                                         \
    typedef char field##_lies_at_##offset[__builtin_offsetof(windows, field) == (offset) ? 1 : -1] LP_UNUSED
#define CHECK_OFFSET(field, offset)                                                                          \
    typedef char field##_lies_at_##offset[__builtin_offsetof(thinning, field) == (offset) ? 1 : -1] LP_UNUSED
CHECK_OFFSET(columns, 0);
CHECK_OFFSET(count, 4);
CHECK_OFFSET(step, 8);
CHECK_OFFSET(from_advance, 12);
CHECK_OFFSET(to_advance, 16);

LP_NAKED static void thin_out(const int8_t *from LP_UNUSED, int8_t *to LP_UNUSED,
                              const thinning *all LP_UNUSED) {
    __asm__ volatile("push    {r3-r11, lr}            \n"
                     "ldmia.w r2, {r3, r4, r5, r6, r7} \n"
                     "str     r4, [sp, #0]            \n"
                     "add.w   r8, r5, r5, lsl #1      \n"
                     "1:                              \n" /* a row */
                     "mov     r9, r0                  \n"
                     "mov     r10, r1                 \n"
                     "subs.w  r11, r3, #4             \n"
                     "blt     3f                      \n"
                     ".balign 4                       \n"
                     "2:                              \n" /* four elements */
                     "ldrb.w  r12, [r9]               \n"
                     "ldrb.w  lr, [r9, r5]            \n"
                     "ldrb.w  r2, [r9, r5, lsl #1]    \n"
                     "ldrb.w  r4, [r9, r8]            \n"
                     "add.w   r9, r9, r5, lsl #2      \n"
                     "orr.w   r12, r12, lr, lsl #8    \n"
                     "orr.w   r2, r2, r4, lsl #8      \n"
                     "orr.w   r12, r12, r2, lsl #16   \n"
                     "subs.w  r11, r11, #4            \n"
                     "str     r12, [r10], #4          \n"
                     "bge     2b                      \n"
                     "3:                              \n"
                     "adds.w  r11, r11, #4            \n"
                     "beq     5f                      \n"
                     "4:                              \n" /* one element */
                     "ldrb.w  r12, [r9]               \n"
                     "add.w   r9, r9, r5              \n"
                     "subs.w  r11, r11, #1            \n"
                     "strb    r12, [r10], #1          \n"
                     "bne     4b                      \n"
                     "5:                              \n"
                     "ldr     r4, [sp, #0]            \n"
                     "add     r0, r0, r6              \n"
                     "add     r1, r1, r7              \n"
                     "subs    r4, r4, #1              \n"
                     "str     r4, [sp, #0]            \n"
                     "bne     1b                      \n"
                     "pop     {r3-r11, pc}            \n");
}

CHECK_WINDOWS(taps, 0);
CHECK_WINDOWS(fours, 4);
CHECK_WINDOWS(rows, 8);
CHECK_WINDOWS(stride, 12);
CHECK_WINDOWS(to_next_row, 16);

#define ONE_OUTPUT(address, sum)                                                                             \
    "ldr.w   r12, " address "                \n"                                                             \
    "sxtb16  lr, r12                         \n"                                                             \
    "sxtb16  r12, r12, ror #8                \n"                                                             \
    "smlad   " sum ", lr, r10, " sum "       \n"                                                             \
    "smlad   " sum ", r12, r11, " sum "      \n"

/* Sums of four neighbouring outputs; sums[0] begins as the bias of all. */
LP_NAKED static void multiply_four(const windows *all LP_UNUSED, const int8_t *input LP_UNUSED,
                                   int32_t *sums LP_UNUSED) {
    __asm__ volatile("push    {r0, r2, r4-r11, lr}    \n"
                     "ldr     r6, [r2, #0]            \n"
                     "ldr     r5, [r0, #0]            \n"
                     "ldr     r2, [r0, #8]            \n"
                     "ldr     r3, [r0, #12]           \n"
                     "mov     r7, r6                  \n"
                     "mov     r8, r6                  \n"
                     "mov     r9, r6                  \n"
                     "add.w   r4, r3, r3, lsl #1      \n"
                     "1:                              \n" /* a row of the window */
                     "ldr.w   r12, [sp, #0]           \n"
                     "ldr.w   r0, [r12, #4]           \n"
                     ".balign 4                       \n"
                     "2:                              \n" /* four taps */
                     "ldrd    r10, r11, [r5], #8      \n" ONE_OUTPUT("[r1, #0]", "r6")
                         ONE_OUTPUT("[r1, r3]", "r7") ONE_OUTPUT("[r1, r3, lsl #1]", "r8")
                             ONE_OUTPUT("[r1, r4]", "r9") "add.w   r1, r1, #4              \n"
                                                          "subs    r0, r0, #1              \n"
                                                          "bne     2b                      \n"
                                                          "ldr.w   r12, [sp, #0]           \n"
                                                          "ldr.w   r12, [r12, #16]         \n"
                                                          "subs    r2, r2, #1              \n"
                                                          "add.w   r1, r1, r12             \n"
                                                          "bne     1b                      \n"
                                                          "ldr.w   r12, [sp, #4]           \n"
                                                          "stmia.w r12, {r6-r9}            \n"
                                                          "add     sp, sp, #8              \n"
                                                          "pop     {r4-r11, pc}            \n");
}

#else

static void thin_out(const int8_t *from, int8_t *to, const thinning *all) {
    for (int32_t row = 0; row < all->count; row++, from += all->from_advance, to += all->to_advance) {
        for (int32_t i = 0; i < all->columns; i++) {
            to[i] = from[i * all->step];
        }
    }
}

static void multiply_four(const windows *all, const int8_t *input, int32_t *sums) {
    const int32_t stride = all->stride;
    const int32_t width = 4 * all->fours;
    const int16_t *taps = all->taps;
    sums[1] = sums[2] = sums[3] = sums[0];
    for (int32_t row = 0; row < all->rows; row++, input += width + all->to_next_row) {
        for (int32_t i = 0; i < width; i++, taps++) {
            sums[0] += *taps * input[i];
            sums[1] += *taps * input[stride + i];
            sums[2] += *taps * input[2 * stride + i];
            sums[3] += *taps * input[3 * stride + i];
        }
    }
}

#endif

/* Taps of each row of the window, filled to a multiple of four with zeros; on cores with packed arithmetic as
 * pairs 0 2 and 1 3 of each four. */
static void take_taps(const strip *rows, const int8_t *weights) {
    static const uint8_t places[4] = {0, LP_DSP ? 2 : 1, LP_DSP ? 1 : 2, 3};
    const int32_t width = rows->along.kernel;
    int16_t *to = rows->taps;
    for (int32_t row = 0; row < rows->down.kernel; row++, weights += width) {
        for (int32_t i = 0; i < width; i += 4, to += 4) {
            for (int32_t k = 0; k < 4; k++) {
                to[places[k]] = i + k < width ? weights[i + k] : 0;
            }
        }
    }
}

/* Rows of outputs of one channel, whatever the window. */
static void multiply_rows(const strip *rows, const lp_depthwise_rows *all,
                          const lp_profile_channel *channel) {
    const int32_t step = all->step;
    const int32_t shift = rows->params->shift;
    const int32_t zero_point = all->zero_point;
    const int32_t minimum = rows->params->minimum;
    const int32_t maximum = rows->params->maximum;
    windows window;
    window.taps = rows->taps;
    window.fours = (rows->along.kernel + 3) / 4;
    window.rows = rows->down.kernel;
    window.stride = rows->along.stride;
    window.to_next_row = rows->row_bytes - 4 * window.fours;
    for (int32_t y = 0; y < all->rows; y++) {
        const int8_t *input = all->input + y * all->input_advance;
        int8_t *output = all->output + y * all->output_advance;
        for (int32_t left = rows->along.output; left > 0; left -= 4, input += 4 * window.stride) {
            int32_t sums[4];
            sums[0] = channel->bias;
            multiply_four(&window, input, sums);
            for (int32_t i = 0; i < lp_minimum(left, 4); i++, output += step) {
                *output = lp_dsp_output(channel, sums[i], shift, zero_point, minimum, maximum);
            }
        }
    }
}

static void fill(int8_t *to, int32_t bytes, int8_t value) {
    int8_t *const end = to + bytes;
#if LP_DSP
    for (; to + 4 <= end; to += 4) {
        lp_store_4(to, (uint8_t)value * 0x01010101u);
        LP_OPAQUE(to);
    }
#endif
    while (to < end) {
        *to++ = value;
        LP_OPAQUE(to);
    }
}

/* Rows `from` to `to` of the channel that begins at `image`; what lies left and right of them is in memory
 * already. */
static void take_rows(const strip *rows, const int8_t *image, int32_t from, int32_t to, int8_t *memory) {
    const int8_t zero_point = rows->params->input_zero_point;
    thinning all;
    all.columns = rows->columns;
    all.step = rows->along.input_step;
    all.from_advance = rows->down.input_step;
    all.to_advance = rows->row_bytes;
    memory += rows->along.padding;
    for (; from < to && from < 0; from++, memory += rows->row_bytes) {
        fill(memory, rows->columns, zero_point);
    }
    all.count = lp_minimum(to, rows->down.input) - from;
    if (all.count > 0) {
        if (all.columns > 0) {
            thin_out(image + from * all.from_advance, memory, &all);
        }
        from += all.count;
        memory += all.count * rows->row_bytes;
    }
    for (; from < to; from++, memory += rows->row_bytes) {
        fill(memory, rows->columns, zero_point);
    }
}

static void begin(strip *rows, const lp_conv2d_params *params, void *scratch) {
    const side height = {params->input_height,
                         params->output_height,
                         params->kernel_height,
                         params->stride_y,
                         params->padding_top,
                         params->input_width * params->input_channels,
                         params->output_width * params->output_channels};
    const side width = {params->input_width,    params->output_width, params->kernel_width,
                        params->stride_x,       params->padding_left, params->input_channels,
                        params->output_channels};
    rows->params = params;
    rows->down = params->is_transposed ? width : height;
    rows->along = params->is_transposed ? height : width;
    const int32_t outputs = (rows->along.output + 3) / 4 * 4;
    const int32_t strip_rows = lp_minimum(rows->down.output, STRIP_ROWS);
    const int32_t input_rows = (strip_rows - 1) * rows->down.stride + rows->down.kernel;
    rows->memory = (int8_t *)scratch;
    rows->row_bytes = ((outputs - 1) * rows->along.stride + (rows->along.kernel + 3) / 4 * 4 + 3) / 4 * 4;
    rows->columns = lp_maximum(lp_minimum(rows->along.input, rows->row_bytes - rows->along.padding), 0);
    rows->taps = (int16_t *)(void *)(rows->memory + input_rows * rows->row_bytes);
    fill(rows->memory, input_rows * rows->row_bytes, params->input_zero_point);
}

/* Moves the rows that the next strip needs too to the front. */
static void keep_rows(const strip *rows, int32_t first, int32_t count) {
    const int8_t *from = rows->memory + first * rows->row_bytes;
    lp_copy_rows(from, rows->memory, 1, (uint32_t)(count * rows->row_bytes), 0);
}

#if LP_DSP

static int32_t is_3x3(const strip *rows) {
    return rows->down.kernel == 3 && rows->along.kernel == 3 && rows->along.stride <= 2 &&
           rows->along.output >= 4 && LP_PROFILE(rows->params->shift == 32, 1);
}

/* Two taps as a pair. */
static int32_t pair_of(int32_t low, int32_t high) {
    return (low & 0xFFFF) | (int32_t)((uint32_t)high << 16);
}

static void multiply_3x3(const strip *rows, lp_depthwise_rows *all, const int8_t *weights,
                         const lp_profile_channel *channel) {
    for (int32_t i = 0; i < 3; i++) {
        all->outer_taps[i] = pair_of(weights[3 * i], weights[3 * i + 2]);
    }
    all->inner_taps[0] = pair_of(weights[1], weights[4]);
    all->inner_taps[1] = weights[7];
    all->bias = channel->bias;
    all->multiplier = channel->multiplier;
    all->scale = LP_PROFILE(0, channel->scale);
    LP_PROFILE(lp_depthwise_3x3, lp_depthwise_3x3_tflm)(all, rows->along.stride);
}

#endif

static void multiply_strip(const strip *rows, lp_depthwise_rows *all, const int8_t *weights,
                           const lp_profile_channel *channel) {
#if LP_DSP
    if (is_3x3(rows)) {
        multiply_3x3(rows, all, weights, channel);
        return;
    }
#endif
    take_taps(rows, weights);
    multiply_rows(rows, all, channel);
}

LP_INLINE void depthwise_conv2d_dsp(const lp_conv2d_params *params, const int8_t *input, int8_t *output,
                                    void *scratch) {
    const int32_t multiplier = params->output_channels / params->input_channels;
    const int32_t window = params->kernel_height * params->kernel_width;
    strip rows;
    lp_depthwise_rows all;
    begin(&rows, params, scratch);
    const int32_t overlap = lp_maximum(rows.down.kernel - rows.down.stride, 0);
    all.step = rows.along.output_step;
    all.zero_point = params->output_zero_point;
    all.input = rows.memory;
    all.row_bytes = rows.row_bytes;
    all.input_advance = rows.row_bytes * rows.down.stride;
    all.output_advance = rows.down.output_step;
    all.fours = rows.along.output / 4;
    all.repeated = -rows.along.output & 3;
    for (int32_t channel = 0; channel < params->input_channels; channel++) {
        int32_t kept = 0;
        for (int32_t y = 0; y < rows.down.output; y += STRIP_ROWS) {
            const int32_t top = y * rows.down.stride - rows.down.padding;
            all.rows = lp_minimum(rows.down.output - y, STRIP_ROWS);
            const int32_t bottom = top + (all.rows - 1) * rows.down.stride + rows.down.kernel;
            if (kept > 0) {
                keep_rows(&rows, STRIP_ROWS * rows.down.stride, kept);
            }
            take_rows(&rows, input + channel, top + kept, bottom, rows.memory + kept * rows.row_bytes);
            kept = overlap;
            for (int32_t i = channel * multiplier; i < (channel + 1) * multiplier; i++) {
                all.output = output + y * all.output_advance + i;
                multiply_strip(&rows, &all, params->weights + i * window, lp_channels(params->channels) + i);
            }
        }
    }
#if LP_DSP
    if (is_3x3(&rows) && (params->minimum > -128 || params->maximum < 127)) {
        lp_limit_outputs(output,
                         (int32_t)params->output_height * params->output_width * params->output_channels,
                         params->minimum, params->maximum);
    }
#endif
}

#endif
