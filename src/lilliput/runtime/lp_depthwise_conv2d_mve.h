/* Depthwise 3x3 convolution on cores with Helium, channel by channel.
 *
 * A channel is copied to scratch memory, with the zero point around it.  A vector holds a patch of it, over
 * which lie four windows in steps of one, or two in steps of two; each of them is one product of vectors,
 * with the weights where the window is and zeros elsewhere.  Outputs are made in tiles of 2x4.  The last
 * tiles of a line overlap the one before.  Weights lie channel by channel, (3, 3) each.
 */
#ifndef LP_DEPTHWISE_CONV2D_MVE_H
#define LP_DEPTHWISE_CONV2D_MVE_H

#include "lp_mve.h"

/* Outputs of a tile. */
#define TILE_LINES 2
#define TILE_LENGTH 4

/* One side of the image. */
typedef struct {
    int32_t input, output; /* elements */
    int32_t taken;         /* of those that windows may reach, the padding among them */
    int32_t padding;
    int32_t unit;        /* bytes from element to element of the channel in scratch memory */
    int32_t output_unit; /* the same in the output */
} side;

LP_INLINE void begin_side(side *one, int32_t input, int32_t output, int32_t least, int32_t stride,
                          int32_t padding) {
    one->input = input;
    one->output = output;
    one->taken = (lp_maximum(output, least) - 1) * stride + 3;
    one->padding = padding;
}

LP_INLINE int32_t tiles(int32_t length, int32_t lines) {
    return (length + TILE_LENGTH - 1) / TILE_LENGTH * ((lines + TILE_LINES - 1) / TILE_LINES);
}

/* Whether tiles are long downwards: where that takes fewer. */
LP_INLINE int32_t is_upright(const lp_conv2d_params *params) {
    return tiles(params->output_height, params->output_width) <
           tiles(params->output_width, params->output_height);
}

#if LP_MVE

/* Tiles one behind the other; none where all are done. */
typedef struct {
    const int8_t *input;
    int32_t output; /* from the channel's first output */
    int32_t count;
} run;

/* What is done to a channel.  The assembly knows the place of every field. */
typedef struct {
    const run *runs;
    int8_t *output;
    int32_t zero_point, bias, multiplier, scale;
    int32_t steps[2]; /* between patches: by turns */
    int32_t advance;  /* of the output, from tile to tile */
    uint32_t active;  /* bits of the lanes that are put out */
    uint8_t inputs[16];
    uint16_t outputs[8];
    const int8_t *weights;
    uint8_t taps[16];
    struct {
        uint32_t lanes; /* bits of those under the window */
        int32_t tap;    /* of the first window, where this one begins */
    } windows[4];
} plane;

#define CHECK_PLANE(field, offset)                                                                           \
    typedef char field##_lies_at_##offset[__builtin_offsetof(plane, field) == (offset) ? 1 : -1] LP_UNUSED
CHECK_PLANE(runs, 0);
CHECK_PLANE(output, 4);
CHECK_PLANE(zero_point, 8);
CHECK_PLANE(bias, 12);
CHECK_PLANE(multiplier, 16);
CHECK_PLANE(scale, 20);
CHECK_PLANE(steps, 24);
CHECK_PLANE(advance, 32);
CHECK_PLANE(active, 36);
CHECK_PLANE(inputs, 40);
CHECK_PLANE(outputs, 56);
CHECK_PLANE(weights, 72);
CHECK_PLANE(taps, 76);
CHECK_PLANE(windows, 92);

/* Weights of a window where it lies over the patch. */
#define LOAD_WEIGHTS(vector, place)                                                                          \
    "ldrd        r2, r3, [r9, #" place "]    \n"                                                             \
    "vmsr        p0, r2                      \n"                                                             \
    "subs        r3, r1, r3                  \n"                                                             \
    "vpst                                    \n"                                                             \
    "vldrbt.u8   " vector ", [r3, q0]        \n"

/* Sums of 2x2 outputs, line by line, from one patch, or from one for each line. */
#define SUM_FOUR(sums)                                                                                       \
    "vldrb.u8    " sums ", [r1, q0]          \n"                                                             \
    "add         r1, r10                     \n"                                                             \
    "vmladav.s8  r0, " sums ", q1            \n"                                                             \
    "vmladav.s8  r2, " sums ", q2            \n"                                                             \
    "vmladav.s8  r4, " sums ", q3            \n"                                                             \
    "vmladav.s8  r6, " sums ", q4            \n"                                                             \
    "vmov        " sums "[2], " sums "[0], r0, r4 \n"                                                        \
    "vmov        " sums "[3], " sums "[1], r2, r6 \n"
#define SUM_TWICE(sums)                                                                                      \
    "vldrb.u8    " sums ", [r1, q0]          \n"                                                             \
    "add         r1, r10                     \n"                                                             \
    "vmladav.s8  r0, " sums ", q1            \n"                                                             \
    "vmladav.s8  r2, " sums ", q2            \n"                                                             \
    "vldrb.u8    " sums ", [r1, q0]          \n"                                                             \
    "add         r1, r11                     \n"                                                             \
    "vmladav.s8  r4, " sums ", q1            \n"                                                             \
    "vmladav.s8  r6, " sums ", q2            \n"                                                             \
    "vmov        " sums "[2], " sums "[0], r0, r4 \n"                                                        \
    "vmov        " sums "[3], " sums "[1], r2, r6 \n"

/* Sums in q5 and q6 become values. */
#if LP_TFLM
#define SCALE                                                                                                \
    "vqrdmulh.s32 q5, q5, r7                 \n"                                                             \
    "vqrdmulh.s32 q6, q6, r7                 \n"
/* Halves away from zero: one less where a negative number is shifted. */
#define LESSEN                                                                                               \
    "mvn         r2, #0                      \n"                                                             \
    "ldr         r4, [r9, #36]               \n"                                                             \
    "vpt.s32     lt, q5, zr                  \n"                                                             \
    "vaddt.i32   q5, q5, r2                  \n"                                                             \
    "vpt.s32     lt, q6, zr                  \n"                                                             \
    "vaddt.i32   q6, q6, r2                  \n"                                                             \
    "vmsr        p0, r4                      \n"
#define SHIFT                                                                                                \
    "vrshl.s32   q5, r8                      \n"                                                             \
    "vrshl.s32   q6, r8                      \n"
#else
#define SCALE                                                                                                \
    "vdup.32     q7, r7                      \n"                                                             \
    "vrmulh.s32  q5, q5, q7                  \n"                                                             \
    "vrmulh.s32  q6, q6, q7                  \n"                                                             \
    "vldrw.u32   q7, [r9, #56]               \n"
#define LESSEN ""
#define SHIFT ""
#endif

#define PUT_CHANNEL(sum, lessen)                                                                             \
    "push        {r4-r11, lr}                \n"                                                             \
    "vpush       {d8-d15}                    \n"                                                             \
    "mov         r9, r0                      \n"                                                             \
    "ldr         r1, [r9, #72]               \n"                                                             \
    "vldrw.u32   q0, [r9, #76]               \n" LOAD_WEIGHTS("q1", "92") LOAD_WEIGHTS("q2", "100")          \
        LOAD_WEIGHTS("q3", "108")                                                                            \
            LOAD_WEIGHTS("q4", "116") "vldrw.u32   q0, [r9, #40]               \n"                           \
                                      "vldrw.u32   q7, [r9, #56]               \n"                           \
                                      "ldrd        r5, r7, [r9, #12]           \n"                           \
                                      "ldr         r8, [r9, #20]               \n"                           \
                                      "ldrd        r10, r11, [r9, #24]         \n"                           \
                                      "ldrd        r12, r2, [r9, #32]          \n"                           \
                                      "vmsr        p0, r2                      \n"                           \
                                      "1:                                      \n" /* a run */               \
                                      "ldr         r0, [r9, #0]                \n"                           \
                                      "ldr         r4, [r9, #4]                \n"                           \
                                      "ldm         r0!, {r1, r3, r6}           \n"                           \
                                      "str         r0, [r9, #0]                \n"                           \
                                      "add         r3, r4                      \n"                           \
                                      "wls         lr, r6, 3f                  \n"                           \
                                      "2:                                      \n" /* a tile */              \
        sum("q5") sum("q6") "ldr         r0, [r9, #8]                \n"                                     \
                            "vadd.i32    q5, q5, r5                  \n"                                     \
                            "vadd.i32    q6, q6, r5                  \n" SCALE lessen SHIFT                  \
                            "vqmovnb.s32 q5, q5                      \n"                                     \
                            "vqmovnt.s32 q5, q6                      \n"                                     \
                            "vqadd.s16   q5, q5, r0                  \n"                                     \
                            "vqmovnb.s16 q5, q5                      \n"                                     \
                            "vpst                                    \n"                                     \
                            "vstrbt.16   q5, [r3, q7]                \n"                                     \
                            "add         r3, r12                     \n"                                     \
                            "le          lr, 2b                      \n"                                     \
                            "b           1b                          \n"                                     \
                            "3:                                      \n"                                     \
                            "vpop        {d8-d15}                    \n"                                     \
                            "pop         {r4-r11, pc}                \n"

/* All outputs of a channel, in steps of one and of two. */
LP_NAKED static void put_in_ones(plane *channel LP_UNUSED) {
    __asm__ volatile(PUT_CHANNEL(SUM_FOUR, LESSEN));
}

LP_NAKED static void put_in_twos(plane *channel LP_UNUSED) {
    __asm__ volatile(PUT_CHANNEL(SUM_TWICE, LESSEN));
}

#if LP_TFLM
/* The same where nobody sees how negative numbers are rounded. */
LP_NAKED static void put_in_ones_rectified(plane *channel LP_UNUSED) {
    __asm__ volatile(PUT_CHANNEL(SUM_FOUR, ""));
}

LP_NAKED static void put_in_twos_rectified(plane *channel LP_UNUSED) {
    __asm__ volatile(PUT_CHANNEL(SUM_TWICE, ""));
}
#else
#define put_in_ones_rectified put_in_ones
#define put_in_twos_rectified put_in_twos
#endif

/* Which lanes of a patch lie under each window: of 4x4 inputs, 3x5, or upright 5x3. */
static const uint16_t lanes_of[2][2][4] = {
    {{0x0777, 0x0eee, 0x7770, 0xeee0}, {0x0777, 0x7770, 0x0eee, 0xeee0}},
    {{0x1ce7, 0x739c, 0, 0}, {0x01ff, 0x7fc0, 0, 0}},
};

/* Patches, windows and outputs of a tile. */
static void begin_plane(plane *all, const lp_conv2d_params *params, const side *along, const side *across) {
    const int32_t stride = params->stride_x;
    const int32_t upright = is_upright(params);
    const int32_t width = stride == 1 ? 4 : upright ? 3 : 5; /* of a patch */
    const int32_t height = stride == 1 ? 4 : upright ? 5 : 3;
    const int32_t row_bytes = upright ? along->unit : across->unit;
    int32_t lane = 0;
    for (int32_t row = 0; row < height; row++) {
        for (int32_t column = 0; column < width; column++, lane++) {
            all->inputs[lane] = (uint8_t)(row * row_bytes + column);
            all->taps[lane] = (uint8_t)(row * 3 + column);
        }
    }
    all->inputs[15] = stride == 1 ? all->inputs[15] : 0;
    all->taps[15] = stride == 1 ? all->taps[15] : 0;
    all->active = 0;
    for (int32_t i = 0; i < 4; i++) {
        const int32_t line = i / 2;
        const int32_t place = i % 2;
        all->windows[i].lanes = lanes_of[stride - 1][upright][i];
        all->windows[i].tap = stride * (upright ? 3 * place + line : 3 * line + place);
        for (int32_t j = 0; j < 2; j++) {
            const int32_t further = place + 2 * j;
            const int32_t is_there = line < across->output && further < along->output;
            all->outputs[2 * i + j] = (uint16_t)(line * across->output_unit + further * along->output_unit);
            all->active |= is_there ? 3u << (4 * i + 2 * j) : 0;
        }
    }
    all->steps[0] = stride == 1 ? 2 * along->unit : 2 * across->unit;
    all->steps[1] = 4 * along->unit - 2 * across->unit;
    all->advance = TILE_LENGTH * along->output_unit;
    all->zero_point = params->output_zero_point;
}

/* One or two runs for each pair of lines. */
LP_INLINE void plan_runs(run *next, const int8_t *memory, int32_t stride, const side *along,
                         const side *across) {
    const int32_t whole = along->output / TILE_LENGTH;
    const int32_t last = lp_maximum(along->output - TILE_LENGTH, 0);
    for (int32_t i = 0; i < across->output; i += TILE_LINES) {
        const int32_t line = lp_maximum(lp_minimum(i, across->output - TILE_LINES), 0);
        next->input = memory + line * stride * across->unit;
        next->output = line * across->output_unit;
        next->count = whole;
        if (whole) {
            next++;
        }
        if (whole * TILE_LENGTH < along->output) {
            next->input = memory + stride * (line * across->unit + last * along->unit);
            next->output = line * across->output_unit + last * along->output_unit;
            next->count = 1;
            next++;
        }
    }
    next->count = 0;
}

#endif

/* Copies rows of one of `depth` channels. */
static LP_NOINLINE void take_channel(const int8_t *input, int32_t depth, int32_t width, int32_t rows,
                                     int8_t *to, int32_t row_bytes) {
    const int32_t step = width * depth; /* all columns are taken, or what lies behind them never counts */
#if LP_MVE
    const uint16x8_t offsets = vmulq_n_u16(vidupq_n_u16(0, 1), (uint16_t)depth);
    for (int32_t left = width; left > 0; left -= 8, input += 8 * depth, to += 8) {
        const int8_t *source = input;
        int8_t *place = to;
        __asm__ volatile("vctp.16        %[left]                 \n"
                         "dls            lr, %[rows]             \n"
                         "1:                                     \n"
                         "vpstt                                  \n"
                         "vldrbt.u16     q0, [%[source], %q[offsets]] \n"
                         "vstrbt.16      q0, [%[place]]          \n"
                         "add            %[source], %[step]      \n"
                         "add            %[place], %[row_bytes]  \n"
                         "le             lr, 1b                  \n"
                         : [source] "+r"(source), [place] "+r"(place)
                         : [left] "r"(left), [rows] "r"(rows), [step] "r"(step), [row_bytes] "r"(row_bytes),
                           [offsets] "w"(offsets)
                         : "lr", "q0", "memory");
    }
#else
    for (int32_t i = 0; i < rows * width; i++) {
        to[i / width * row_bytes + i % width] = input[i / width * step + i % width * depth];
    }
#endif
}

LP_INLINE void depthwise_conv2d_mve(const lp_conv2d_params *params, const int8_t *input, int8_t *output,
                                    void *scratch) {
    const int32_t depth = params->input_channels;
    const int32_t stride = params->stride_x;
    const int32_t upright = is_upright(params);
    side down;
    side right;
    int8_t *const memory = (int8_t *)scratch;
    begin_side(&down, params->input_height, params->output_height, upright ? TILE_LENGTH : TILE_LINES, stride,
               params->padding_top);
    begin_side(&right, params->input_width, params->output_width, upright ? TILE_LINES : TILE_LENGTH, stride,
               params->padding_left);
    down.unit = lp_maximum(right.taken, right.padding + right.input);
    down.output_unit = right.output * depth;
    right.unit = 1;
    right.output_unit = depth;
    const int32_t rows = lp_minimum(down.input, down.taken - down.padding);
    int8_t *const inside = memory + down.padding * down.unit + right.padding;
    lp_mve_fill(memory, params->input_zero_point, down.taken * down.unit);
#if LP_MVE
    plane all;
    const side *const along = upright ? &down : &right;
    const side *const across = upright ? &right : &down;
    run *const runs = (run *)(void *)(memory + (down.taken * down.unit + 3) / 4 * 4);
    plan_runs(runs, memory, stride, along, across);
    begin_plane(&all, params, along, across);
    for (int32_t i = 0; i < depth; i++) {
        const lp_profile_channel *channel = lp_channels(params->channels) + i;
        take_channel(input + i, depth, right.input, rows, inside, down.unit);
        all.runs = runs;
        all.output = output + i;
        all.bias = channel->bias;
        all.multiplier = channel->multiplier;
        all.scale = LP_PROFILE(0, channel->scale);
        all.weights = params->weights + 9 * i;
        if (params->minimum >= params->output_zero_point) {
            (stride == 1 ? put_in_ones_rectified : put_in_twos_rectified)(&all);
        } else {
            (stride == 1 ? put_in_ones : put_in_twos)(&all);
        }
    }
    lp_mve_limit(output, down.output * right.output * depth, params->minimum, params->maximum);
#else
    for (int32_t i = 0; i < depth; i++) {
        const lp_profile_channel *channel = lp_channels(params->channels) + i;
        take_channel(input + i, depth, right.input, rows, inside, down.unit);
        for (int32_t pixel = 0; pixel < down.output * right.output; pixel++) {
            const int8_t *window =
                memory + (pixel / right.output * down.unit + pixel % right.output) * stride;
            int32_t sum = channel->bias;
            for (int32_t tap = 0; tap < 9; tap++) {
                sum += params->weights[9 * i + tap] * window[tap / 3 * down.unit + tap % 3];
            }
            output[pixel * depth + i] = lp_output(channel, sum, params->shift, params->output_zero_point,
                                                  params->minimum, params->maximum);
        }
    }
#endif
}

#endif
