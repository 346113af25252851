/* Small windows on cores with Helium: two channels of four pixels at a time.
 *
 * The weights of both stay in registers.  Windows lie side by side in scratch memory, filled to 8, 16 or 32
 * bytes.  Weights are filled like them; where two windows share a vector, they lie behind eight zeros, so
 * that eight bytes further are those of the first window.
 */
#ifndef LP_MVE_PAIRS_H
#define LP_MVE_PAIRS_H

#include "lp_mve.h"

/* The Python code knows these numbers: what is a small window, and about so much memory windows are held in.
 */
#define LARGEST_SMALL_WINDOW 32
#define SMALL_WINDOWS_BYTES 1024
#define TILE_PIXELS 4

/* Bytes from one to the next. */
LP_INLINE int32_t small_window_bytes(int32_t elements) {
    return elements <= 8 ? 8 : elements <= 16 ? 16 : 32;
}

LP_INLINE int32_t small_weights_bytes(int32_t window_bytes) {
    return lp_maximum(window_bytes, 16);
}

#if LP_MVE

/* What is multiplied.  The assembly knows the place of every field. */
typedef struct {
    const int8_t *weights;
    const lp_profile_channel *channels;
    int32_t second;    /* from the weights of the first channel to those of the second */
    int32_t next;      /* to those of the next two */
    const int8_t *end; /* of weights */
    int8_t *output;
    const int8_t *windows;
    int32_t tiles;
    int32_t zero_point;
    int32_t advance; /* of the output, for a tile */
    uint16_t outputs[8];
    int32_t multipliers[2][4];
} channel_pairs;

#define CHECK_PAIRS(field, offset)                                                                           \
    typedef char                                                                                             \
        pairs_##field##_at_##offset[__builtin_offsetof(channel_pairs, field) == (offset) ? 1 : -1] LP_UNUSED
CHECK_PAIRS(weights, 0);
CHECK_PAIRS(channels, 4);
CHECK_PAIRS(second, 8);
CHECK_PAIRS(next, 12);
CHECK_PAIRS(end, 16);
CHECK_PAIRS(output, 20);
CHECK_PAIRS(windows, 24);
CHECK_PAIRS(tiles, 28);
CHECK_PAIRS(zero_point, 32);
CHECK_PAIRS(advance, 36);
CHECK_PAIRS(outputs, 40);
CHECK_PAIRS(multipliers, 56);

/* Weights of the first channel at r1, of the second at r2; those of the former are in q1 and q2. */
#define PAIR_WEIGHTS_8                                                                                       \
    "vldrb.u8    q1, [r1, #8]                \n"                                                             \
    "vldrb.u8    q2, [r1]                    \n"                                                             \
    "vldrb.u8    q3, [r2, #8]                \n"                                                             \
    "vldrb.u8    q4, [r2]                    \n"
#define PAIR_WEIGHTS_16                                                                                      \
    "vldrb.u8    q1, [r1]                    \n"                                                             \
    "vldrb.u8    q3, [r2]                    \n"
#define PAIR_WEIGHTS_32                                                                                      \
    "vldrb.u8    q1, [r1]                    \n"                                                             \
    "vldrb.u8    q2, [r1, #16]               \n"                                                             \
    "vldrb.u8    q3, [r2]                    \n"                                                             \
    "vldrb.u8    q4, [r2, #16]               \n"

/* Two pixels: the first channel's sums go to r0 and r2, the second's to r4 and r6. */
#define PAIR_SUMS_8                                                                                          \
    "vldrb.u8    q6, [r1], #16               \n"                                                             \
    "vmladav.s8  r0, q6, q1                  \n"                                                             \
    "vmladav.s8  r2, q6, q2                  \n"                                                             \
    "vmladav.s8  r4, q6, q3                  \n"                                                             \
    "vmladav.s8  r6, q6, q4                  \n"
#define PAIR_SUMS_16                                                                                         \
    "vldrb.u8    q6, [r1], #16               \n"                                                             \
    "vldrb.u8    q4, [r1], #16               \n"                                                             \
    "vmladav.s8  r0, q6, q1                  \n"                                                             \
    "vmladav.s8  r2, q4, q1                  \n"                                                             \
    "vmladav.s8  r4, q6, q3                  \n"                                                             \
    "vmladav.s8  r6, q4, q3                  \n"
#define PIXEL_SUMS_32(first, second)                                                                         \
    "vldrb.u8    q6, [r1], #16               \n"                                                             \
    "vmladav.s8  " first ", q6, q1           \n"                                                             \
    "vmladav.s8  " second ", q6, q3          \n"                                                             \
    "vldrb.u8    q6, [r1], #16               \n"                                                             \
    "vmladava.s8 " first ", q6, q2           \n"                                                             \
    "vmladava.s8 " second ", q6, q4          \n"
#define PAIR_SUMS_32 PIXEL_SUMS_32("r0", "r4") PIXEL_SUMS_32("r2", "r6")

/* Halves away from zero: one less where a negative number is shifted. */
#define PAIR_LESSEN                                                                                          \
    "mvn         r0, #0                      \n"                                                             \
    "vpt.s32     lt, q5, zr                  \n"                                                             \
    "vaddt.i32   q5, q5, r0                  \n"                                                             \
    "vpt.s32     lt, q0, zr                  \n"                                                             \
    "vaddt.i32   q0, q0, r0                  \n"

/* Sums in q5 and q0 become values. */
#if LP_TFLM
#define PAIR_CONSTANTS "ldm         r0!, {r5, r7, r8, r9, r11, r12} \n"
#define PAIR_KEEP ""
#define PAIR_SCALE(lessen)                                                                                   \
    "vadd.i32    q5, q5, r5                  \n"                                                             \
    "vadd.i32    q0, q0, r9                  \n"                                                             \
    "vqrdmulh.s32 q5, q5, r7                 \n"                                                             \
    "vqrdmulh.s32 q0, q0, r11                \n" lessen "vrshl.s32   q5, r8                      \n"         \
    "vrshl.s32   q0, r12                     \n"                                                             \
    "ldrd        r0, r10, [sp, #4]           \n"
#define PAIR_ZERO_POINT "r0"
#else
#define PAIR_CONSTANTS "ldm         r0!, {r5, r6, r7, r8}       \n"
#define PAIR_KEEP                                                                                            \
    "vdup.32     q5, r6                      \n"                                                             \
    "vdup.32     q6, r8                      \n"                                                             \
    "mov         r9, r4                      \n"                                                             \
    "vstrw.32    q5, [r4, #56]               \n"                                                             \
    "ldrd        r8, r10, [r4, #32]          \n"                                                             \
    "vstrw.32    q6, [r4, #72]               \n"
#define PAIR_SCALE(lessen)                                                                                   \
    "vldrw.u32   q6, [r9, #56]               \n"                                                             \
    "vadd.i32    q5, q5, r5                  \n"                                                             \
    "vrmulh.s32  q5, q5, q6                  \n"                                                             \
    "vldrw.u32   q6, [r9, #72]               \n"                                                             \
    "vadd.i32    q0, q0, r7                  \n"                                                             \
    "vrmulh.s32  q0, q0, q6                  \n"
#define PAIR_ZERO_POINT "r8"
#endif

#define PUT_PAIRS(weights, sums, lessen)                                                                     \
    "push        {r4-r11, lr}                \n"                                                             \
    "vpush       {d8-d15}                    \n"                                                             \
    "ldrd        r1, r2, [r0, #32]           \n"                                                             \
    "push        {r0, r1, r2, r3}            \n"                                                             \
    "vldrw.u32   q7, [r0, #40]               \n"                                                             \
    "mov         r4, r0                      \n"                                                             \
    "1:                                      \n" /* two channels */                                          \
    "ldrd        r1, r0, [r4, #0]            \n"                                                             \
    "ldrd        r2, r3, [r4, #8]            \n"                                                             \
    "adds        r2, r1                      \n"                                                             \
    "adds        r3, r1                      \n" weights PAIR_CONSTANTS                                      \
    "strd        r3, r0, [r4, #0]            \n"                                                             \
    "ldrd        r3, r1, [r4, #20]           \n"                                                             \
    "adds        r2, r3, #2                  \n"                                                             \
    "str         r2, [r4, #20]               \n"                                                             \
    "ldr         r0, [r4, #28]               \n" PAIR_KEEP "dls         lr, r0                      \n"      \
    "2:                                      \n" sums "vmov        q5[2], q5[0], r0, r2        \n"           \
    "vmov        q0[2], q0[0], r4, r6        \n" sums "vmov        q5[3], q5[1], r0, r2        \n"           \
    "vmov        q0[3], q0[1], r4, r6        \n" PAIR_SCALE(                                                 \
        lessen) "vqmovnb.s32 q5, q5                      \n"                                                 \
                "vqmovnt.s32 q5, q0                      \n"                                                 \
                "vqadd.s16   q5, q5, " PAIR_ZERO_POINT " \n"                                                 \
                "vqmovnb.s16 q5, q5                      \n"                                                 \
                "vstrb.16    q5, [r3, q7]                \n"                                                 \
                "add         r3, r10                     \n"                                                 \
                "le          lr, 2b                      \n"                                                 \
                "ldr         r4, [sp]                    \n"                                                 \
                "ldr         r1, [r4, #0]                \n"                                                 \
                "ldr         r0, [r4, #16]               \n"                                                 \
                "cmp         r1, r0                      \n"                                                 \
                "bne         1b                          \n"                                                 \
                "add         sp, #16                     \n"                                                 \
                "vpop        {d8-d15}                    \n"                                                 \
                "pop         {r4-r11, pc}                \n"

/* Tiles of channels two by two, for windows of each size. */
LP_NAKED static void put_pairs_8(channel_pairs *all LP_UNUSED) {
    __asm__ volatile(PUT_PAIRS(PAIR_WEIGHTS_8, PAIR_SUMS_8, PAIR_LESSEN));
}

LP_NAKED static void put_pairs_16(channel_pairs *all LP_UNUSED) {
    __asm__ volatile(PUT_PAIRS(PAIR_WEIGHTS_16, PAIR_SUMS_16, PAIR_LESSEN));
}

LP_NAKED static void put_pairs_32(channel_pairs *all LP_UNUSED) {
    __asm__ volatile(PUT_PAIRS(PAIR_WEIGHTS_32, PAIR_SUMS_32, PAIR_LESSEN));
}

#if LP_TFLM
/* The same where nobody sees how negative numbers are rounded. */
LP_NAKED static void put_rectified_pairs_8(channel_pairs *all LP_UNUSED) {
    __asm__ volatile(PUT_PAIRS(PAIR_WEIGHTS_8, PAIR_SUMS_8, ""));
}

LP_NAKED static void put_rectified_pairs_16(channel_pairs *all LP_UNUSED) {
    __asm__ volatile(PUT_PAIRS(PAIR_WEIGHTS_16, PAIR_SUMS_16, ""));
}

LP_NAKED static void put_rectified_pairs_32(channel_pairs *all LP_UNUSED) {
    __asm__ volatile(PUT_PAIRS(PAIR_WEIGHTS_32, PAIR_SUMS_32, ""));
}
#else
#define put_rectified_pairs_8 put_pairs_8
#define put_rectified_pairs_16 put_pairs_16
#define put_rectified_pairs_32 put_pairs_32
#endif

/* What is the same for all pixels. */
typedef struct {
    channel_pairs all;
    void (*put)(channel_pairs *all);
    int32_t window_bytes;
} small_windows;

LP_INLINE void begin_small(small_windows *small, const lp_conv2d_params *params, int32_t window_bytes) {
    const int32_t weights_bytes = small_weights_bytes(window_bytes);
    const int32_t is_rectified = params->minimum >= params->output_zero_point;
    small->window_bytes = window_bytes;
    small->all.second = params->output_channels > 1 ? weights_bytes : 0;
    small->all.next = 2 * weights_bytes;
    small->all.zero_point = params->output_zero_point;
    small->all.advance = TILE_PIXELS * params->output_channels;
    if (window_bytes == 8) {
        small->put = is_rectified ? put_rectified_pairs_8 : put_pairs_8;
    } else if (window_bytes == 16) {
        small->put = is_rectified ? put_rectified_pairs_16 : put_pairs_16;
    } else {
        small->put = is_rectified ? put_rectified_pairs_32 : put_pairs_32;
    }
}

/* Channels `first` to `end`, whose constants are at `channels`. */
LP_INLINE void put_channels(small_windows *small, const lp_conv2d_params *params,
                            const lp_profile_channel *channels, int32_t first, int32_t end, int8_t *output) {
    const int32_t weights_bytes = small->all.next / 2;
    small->all.weights = params->weights + first * weights_bytes;
    small->all.end = params->weights + end * weights_bytes;
    small->all.channels = channels;
    small->all.output = output + first;
    small->put(&small->all);
}

/* All outputs of `tiles` tiles; the last pixels of each are one, where there are less than four. */
static LP_NOINLINE void put_tiles(small_windows *small, const lp_conv2d_params *params, const int8_t *windows,
                                  int32_t tiles, int32_t pixels, int8_t *output) {
    static const uint8_t order[TILE_PIXELS] = {0, 2, 1, 3};
    const int32_t outputs = params->output_channels;
    const lp_profile_channel *channels = lp_channels(params->channels);
    for (int32_t i = 0; i < TILE_PIXELS; i++) {
        const int32_t place = lp_minimum(order[i], pixels - 1) * outputs;
        small->all.outputs[2 * i] = (uint16_t)place;
        small->all.outputs[2 * i + 1] = (uint16_t)(place + (outputs > 1));
    }
    small->all.windows = windows;
    small->all.tiles = tiles;
    if (outputs > 1) {
        put_channels(small, params, channels, 0, outputs / 2 * 2, output);
    }
    if (outputs % 2) { /* the last two, or twice the only one */
        const int32_t first = lp_maximum(outputs - 2, 0);
        const lp_profile_channel last[2] = {channels[first], channels[outputs - 1]};
        put_channels(small, params, last, first, first + 2, output);
    }
}

/* All outputs of the pixels whose windows are there.  Fours are filled with copies of the last window. */
LP_INLINE void put_small(small_windows *small, const lp_conv2d_params *params, int8_t *windows,
                         int32_t pixels, int8_t *output) {
    const int32_t bytes = small->window_bytes;
    const int32_t whole = pixels / TILE_PIXELS * TILE_PIXELS;
    if (whole) {
        put_tiles(small, params, windows, whole / TILE_PIXELS, TILE_PIXELS, output);
    }
    if (whole < pixels) {
        for (int32_t i = pixels; i < whole + TILE_PIXELS; i++) {
            lp_mve_copy(windows + (pixels - 1) * bytes, windows + i * bytes, bytes);
        }
        put_tiles(small, params, windows + whole * bytes, 1, pixels - whole,
                  output + whole * params->output_channels);
    }
    lp_mve_limit(output, pixels * params->output_channels, params->minimum, params->maximum);
}

#else

typedef struct {
    int32_t window_bytes;
} small_windows;

LP_INLINE void begin_small(small_windows *small, const lp_conv2d_params *params, int32_t window_bytes) {
    small->window_bytes = window_bytes;
    (void)params;
}

LP_INLINE void put_small(const small_windows *small, const lp_conv2d_params *params, const int8_t *windows,
                         int32_t pixels, int8_t *output) {
    const int32_t outputs = params->output_channels;
    const int32_t elements = (int32_t)params->kernel_height * params->kernel_width * params->input_channels;
    const int8_t *weights = params->weights + (small->window_bytes == 8 ? 8 : 0);
    for (int32_t i = 0; i < pixels * outputs; i++) {
        const lp_profile_channel *channel = lp_channels(params->channels) + i % outputs;
        const int32_t sum =
            lp_dot_s8(windows + i / outputs * small->window_bytes,
                      weights + i % outputs * small_weights_bytes(small->window_bytes), elements);
        output[i] = lp_output(channel, channel->bias + sum, params->shift, params->output_zero_point,
                              params->minimum, params->maximum);
    }
}

#endif

#endif
