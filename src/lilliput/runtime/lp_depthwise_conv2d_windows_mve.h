/* Depthwise convolution of any window on cores with Helium.
 *
 * Rows of up to eight channels are copied to scratch memory as lp_mve_taps.h says, so that a vector gathers
 * eight pairs of taps of a window.  Where patches lie and where outputs go is listed once for all channels.
 *
 * Weights lie channel by channel, row by row in pairs: a zero fills an odd row, further ones fill vectors.
 */
#ifndef LP_DEPTHWISE_CONV2D_WINDOWS_MVE_H
#define LP_DEPTHWISE_CONV2D_WINDOWS_MVE_H

#include "lp_mve_taps.h"

#if LP_MVE

/* A channel whose windows are several vectors.  The assembly knows the place of every field. */
typedef struct {
    const int8_t *weights;
    const uint16_t *offsets; /* where the pairs of a window lie */
    int32_t further;         /* vectors after the first; not 0 */
    const void *tiles;
    int32_t halves; /* of tiles */
    int8_t *output; /* less a byte */
    int32_t zero_point;
    int32_t bias;
    int32_t multipliers[4];
    int32_t scale;
} many_vectors;

#define CHECK_MANY(field, offset)                                                                            \
    typedef char                                                                                             \
        many_##field##_at_##offset[__builtin_offsetof(many_vectors, field) == (offset) ? 1 : -1] LP_UNUSED
CHECK_MANY(weights, 0);
CHECK_MANY(offsets, 4);
CHECK_MANY(further, 8);
CHECK_MANY(tiles, 12);
CHECK_MANY(halves, 16);
CHECK_MANY(output, 20);
CHECK_MANY(zero_point, 24);
CHECK_MANY(bias, 28);
CHECK_MANY(multipliers, 32);
CHECK_MANY(scale, 48);

/* Sixteen taps of four windows at r1, r3, r5 and r7. */
#define SUM_TAPS(multiply)                                                                                   \
    "vldrh.u16   q0, [r10], #16              \n"                                                             \
    "vldrb.u8    q1, [r8], #16               \n"                                                             \
    "vldrh.u16   q2, [r1, q0]                \n"                                                             \
    "vldrh.u16   q3, [r3, q0]                \n" multiply " r0, q2, q1 \n"                                   \
    "vldrh.u16   q2, [r5, q0]                \n" multiply " r2, q3, q1 \n"                                   \
    "vldrh.u16   q3, [r7, q0]                \n" multiply " r4, q2, q1 \n" multiply " r6, q3, q1 \n"
#define SUM_MANY(sums)                                                                                       \
    "ldm         r12!, {r1, r3, r5, r7}      \n"                                                             \
    "ldrd        r8, r10, [r9, #0]           \n"                                                             \
    "dls         lr, r11                     \n" SUM_TAPS(                                                   \
        "vmladav.s8 ") "2:                                      \n" SUM_TAPS("vmladava.s8") "le          "   \
                                                                                            "lr, 2b        " \
                                                                                            "              " \
                                                                                            "\n" SUMS_TO(    \
                                                                                                sums)

#if LP_TFLM
#define SCALE_MANY                                                                                           \
    "ldrd        r0, r1, [r9, #28]           \n"                                                             \
    "ldr         r4, [r9, #48]               \n"                                                             \
    "vadd.i32    q5, q5, r0                  \n"                                                             \
    "vadd.i32    q6, q6, r0                  \n"                                                             \
    "vqrdmulh.s32 q5, q5, r1                 \n"                                                             \
    "vqrdmulh.s32 q6, q6, r1                 \n" LESSEN("q5")                                                \
        LESSEN("q6") "vrshl.s32   q5, r4                      \n"                                            \
                     "vrshl.s32   q6, r4                      \n"
#else
#define SCALE_MANY                                                                                           \
    "ldr         r0, [r9, #28]               \n"                                                             \
    "vldrw.u32   q0, [r9, #32]               \n"                                                             \
    "vadd.i32    q5, q5, r0                  \n"                                                             \
    "vadd.i32    q6, q6, r0                  \n"                                                             \
    "vrmulh.s32  q5, q5, q0                  \n"                                                             \
    "vrmulh.s32  q6, q6, q0                  \n"
#endif

/* All outputs of a channel. */
LP_NAKED static void put_many(many_vectors *all LP_UNUSED) {
    __asm__ volatile("push        {r4-r11, lr}                \n"
                     "vpush       {d8-d15}                    \n"
                     "mov         r9, r0                      \n"
                     "ldrd        r11, r12, [r9, #8]          \n"
                     "1:                                      \n" /* a tile */
                     SUM_MANY("q5") "ldr         r0, [r9, #16]               \n"
                                    "subs        r0, #2                      \n"
                                    "str         r0, [r9, #16]               \n"
                                    "bge         3f                          \n"
                                    "adds        r12, #16                    \n"
                                    "b           4f                          \n"
                                    "3:                                      \n" SUM_MANY(
                                        "q6") "4:                                      \n" SCALE_MANY
                                              "ldrd        r3, r10, [r9, #20]          \n"
                                              "vqmovnb.s32 q5, q5                      \n"
                                              "vqmovnt.s32 q5, q6                      \n"
                                              "vldrh.u16   q7, [r12], #16              \n" PUT_SOME
                                              "ldr         r0, [r9, #16]               \n"
                                              "cmp         r0, #0                      \n"
                                              "bgt         1b                          \n"
                                              "vpop        {d8-d15}                    \n"
                                              "pop         {r4-r11, pc}                \n");
}

/* What is the same for all channels. */
typedef struct {
    const lp_conv2d_params *params;
    tiling whole, last;
    uint16_t *offsets;
    int32_t vectors;
    put_function put;
} windows;

LP_INLINE void begin_windows(windows *made, const lp_conv2d_params *params, const taps *all) {
    const int32_t height = all->output_height;
    const int32_t rest = height % all->lines;
    int8_t *const memory = all->memory + (rows_under(all, all->lines) * all->row_bytes + 3) / 4 * 4;
    made->params = params;
    made->offsets = (uint16_t *)(void *)memory;
    made->vectors = note_offsets(all, made->offsets);
    int8_t *const behind = note_tiles(&made->whole, all, all->lines, memory + 16 * made->vectors);
    made->last = made->whole;
    if (rest) {
        note_tiles(&made->last, all, rest, behind);
    }
    made->put = params->minimum >= params->output_zero_point ? put_in_twos_rectified : put_in_twos;
}

/* All outputs from channel `first` on, `several` of each of `inputs` channels in scratch memory, whose
 * windows are one vector each. */
static LP_NOINLINE void put_vectors(const windows *made, const tiling *tiles, int32_t first, int32_t inputs,
                                    int32_t several, int8_t *output) {
    const uint16x8_t offsets = vld1q_u16(made->offsets);
    const int32_t together = several == 1 ? inputs : 1;
    group channels;
    channels.weights = made->params->weights + WEIGHTS_BYTES * first;
    channels.weights_end = channels.weights;
    channels.channels = lp_channels(made->params->channels) + first;
    channels.tiles = *tiles;
    channels.zero_point = made->params->output_zero_point;
    for (int32_t i = 0; i < inputs; i += together) {
        for (int32_t j = 0; j < several; j++) {
            channels.weights_end += WEIGHTS_BYTES * together;
            channels.output = output++;
            vst1q_u16(channels.inputs, vaddq_n_u16(offsets, (uint16_t)(2 * i - 2)));
            made->put(&channels);
        }
    }
}

/* The same of one channel whose windows are several vectors, where the offsets tell. */
static LP_NOINLINE void put_several(const windows *made, const tiling *tiles, int32_t c, int8_t *output) {
    const lp_profile_channel *channel = lp_channels(made->params->channels) + c;
    many_vectors all;
    all.weights = made->params->weights + WEIGHTS_BYTES * made->vectors * c;
    all.offsets = made->offsets;
    all.further = made->vectors - 1;
    all.tiles = tiles->first;
    all.halves = 2 * tiles->count + tiles->has_half;
    all.output = output - 1;
    all.zero_point = made->params->output_zero_point;
    all.bias = channel->bias;
    all.scale = LP_PROFILE(0, channel->scale);
    vst1q_s32(all.multipliers, vdupq_n_s32(channel->multiplier));
    put_many(&all);
}

LP_INLINE void move_offsets(const windows *made, int32_t by) {
    for (int32_t i = 0; i < 8 * made->vectors; i += 8) {
        vst1q_u16(made->offsets + i, vaddq_n_u16(vld1q_u16(made->offsets + i), (uint16_t)by));
    }
}

/* All outputs of `channels` channels from `c` on for the lines from `line` on. */
static LP_NOINLINE void put_lines(const windows *made, const taps *all, int32_t line, int32_t c,
                                  int32_t channels, int8_t *output) {
    const tiling *const tiles = all->output_height - line < all->lines ? &made->last : &made->whole;
    const int32_t several = made->params->output_channels / made->params->input_channels;
    if (made->vectors == 1) {
        put_vectors(made, tiles, c * several, channels, several, output);
        return;
    }
    for (int32_t i = 0; i < channels; i++) {
        for (int32_t j = 0; j < several; j++) {
            put_several(made, tiles, (c + i) * several + j, output + i * several + j);
        }
        move_offsets(made, 2);
    }
    move_offsets(made, -2 * channels);
}

#else

/* One output: of channel `c`, and of the `place`th in scratch memory. */
static LP_NOINLINE int8_t window_output(const lp_conv2d_params *params, const taps *all, int32_t c,
                                        const int8_t *patch) {
    const lp_profile_channel *channel = lp_channels(params->channels) + c;
    const int32_t row = 2 * pairs_of(all);
    const int32_t weights_bytes = (all->window_height * row + WEIGHTS_BYTES - 1) / WEIGHTS_BYTES;
    const int8_t *weights = params->weights + WEIGHTS_BYTES * weights_bytes * c;
    int32_t sum = channel->bias;
    for (int32_t i = 0; i < all->window_height * row; i++) {
        const int32_t pair = i % row / 2 * (2 * all->dilation_x / all->apart);
        sum +=
            weights[i] * patch[i / row * all->dilation_y * all->row_bytes + pair * all->pair_bytes + i % 2];
    }
    return lp_output(channel, sum, params->shift, params->output_zero_point, params->minimum,
                     params->maximum);
}

typedef struct {
    const lp_conv2d_params *params;
} windows;

LP_INLINE void begin_windows(windows *made, const lp_conv2d_params *params, const taps *all) {
    made->params = params;
    (void)all;
}

static LP_NOINLINE void put_lines(const windows *made, const taps *all, int32_t line, int32_t c,
                                  int32_t channels, int8_t *output) {
    const int32_t several = made->params->output_channels / made->params->input_channels;
    const int32_t step = all->stride_x * all->pair_bytes / all->apart;
    const int32_t lines = lp_minimum(all->output_height - line, all->lines);
    for (int32_t i = 0; i < lines * all->output_width; i++) {
        const int32_t y = i / all->output_width;
        const int32_t x = i % all->output_width;
        const int8_t *patch = all->memory + y * all->stride_y * all->row_bytes + x * step;
        for (int32_t j = 0; j < channels * several; j++) {
            output[y * all->output_row + x * all->output_column + j] =
                window_output(made->params, all, c * several + j, patch + 2 * (j / several));
        }
    }
}

#endif

LP_INLINE void depthwise_conv2d_windows_mve(const lp_conv2d_params *params, const int8_t *input,
                                            int8_t *output, void *scratch) {
    const int32_t depth = params->input_channels;
    const int32_t several = params->output_channels / depth;
    taps all;
    windows made;
    begin_taps(&all, params, (int8_t *)scratch);
    begin_windows(&made, params, &all);
    lp_mve_fill(all.memory, params->input_zero_point, rows_under(&all, all.lines) * all.row_bytes);
    for (int32_t c = 0; c < depth; c += GROUP) {
        const int32_t channels = lp_minimum(depth - c, GROUP);
        for (int32_t line = 0; line < all.output_height; line += all.lines) {
            take_lines(&all, input + c, line, channels);
            put_lines(&made, &all, line, c, channels, output + line * all.output_row + c * several);
        }
    }
#if LP_MVE
    lp_mve_limit(output, params->output_height * params->output_width * params->output_channels,
                 params->minimum, params->maximum);
#endif
}

#endif
