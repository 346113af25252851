/* Depthwise convolution of some channels on cores with Helium, eight outputs after eight.
 *
 * Inputs of a channel lie in scratch memory so that a vector gathers a patch of eight halfwords of it.  A
 * window is one product of vectors.
 */
#ifndef LP_MVE_GROUP_H
#define LP_MVE_GROUP_H

#include "lp_mve.h"

/* Channels side by side. */
#define GROUP 8

/* Weights of a channel. */
#define WEIGHTS_BYTES 16

#if LP_MVE

#define TILE 8

/* Where the patches of eight outputs lie, and where the outputs go: how far behind a byte before the first
 * one of the channel, or 0 for nowhere.  Outputs of the first half are at even places. */
typedef struct {
    const int8_t *patches[TILE];
    uint16_t outputs[TILE];
} tile_in_twos;

/* Tiles, whether the first half of another follows, and columns of four behind that. */
typedef struct {
    void *first;
    int32_t count, columns, has_half;
} tiling;

/* Where the outputs of half a tile go that does not exist. */
LP_INLINE void put_nowhere(uint16_t *outputs) {
    for (int32_t i = 1; i < TILE; i += 2) {
        outputs[i] = 0;
    }
}

/* What is done to some channels.  The assembly knows the place of every field. */
typedef struct {
    const int8_t *weights;
    const lp_profile_channel *channels;
    tiling tiles;
    const int8_t *weights_end;
    int8_t *output;
    int32_t zero_point;
    uint16_t inputs[8]; /* from a patch; less a channel */
    int32_t multiplier[4];
} group;

#define CHECK_GROUP(field, offset)                                                                           \
    typedef char field##_lies_at_##offset[__builtin_offsetof(group, field) == (offset) ? 1 : -1] LP_UNUSED
CHECK_GROUP(weights, 0);
CHECK_GROUP(channels, 4);
CHECK_GROUP(tiles, 8);
CHECK_GROUP(weights_end, 24);
CHECK_GROUP(output, 28);
CHECK_GROUP(zero_point, 32);
CHECK_GROUP(inputs, 36);
CHECK_GROUP(multiplier, 52);

/* Halves away from zero: one less where a negative number is shifted.  Takes q7. */
#define LESSEN(sums)                                                                                         \
    "vshr.s32    q7, " sums ", #31           \n"                                                             \
    "vadd.i32    " sums ", " sums ", q7      \n"
#define LEAVE(sums) ""

/* Sums become values.  The profile `lilliput` multiplies by a vector, which is kept in memory where there
 * are too few of them, but has registers left for the pointers. */
#if LP_TFLM
#define BEGIN ""
#define BEGIN_CHANNEL(weights, keep)                                                                         \
    "ldrd        r1, r2, [r9, #0]            \n"                                                             \
    "ldm         r2!, {r5, r7, r8}           \n" weights("r1") "strd        r1, r2, [r9, #0]            \n"
#define END_CHANNEL                                                                                          \
    "ldr         r0, [r9, #0]                \n"                                                             \
    "cmp         r0, r11                     \n"
#define END ""
#define LOAD_MULTIPLIER ""
#define KEEP_MULTIPLIER ""
#define SCALE(sums, multiplier, lessen)                                                                      \
    "vadd.i32    " sums ", " sums ", r5      \n"                                                             \
    "vqrdmulh.s32 " sums ", " sums ", r7     \n" lessen(sums) "vrshl.s32   " sums ", r8          \n"
#else
#define BEGIN "ldrd        r8, r7, [r9, #0]            \n"
#define BEGIN_CHANNEL(weights, keep) "ldm         r7!, {r5, r6}               \n" weights("r8") keep
#define END_CHANNEL "cmp         r8, r11                     \n"
#define END "strd        r8, r7, [r9, #0]            \n"
#define LOAD_MULTIPLIER "vldrw.u32   q7, [r9, #52]               \n"
#define KEEP_MULTIPLIER                                                                                      \
    "vdup.32     q7, r6                      \n"                                                             \
    "vstrw.32    q7, [r9, #52]               \n"
#define SCALE(sums, multiplier, lessen)                                                                      \
    "vadd.i32    " sums ", " sums ", r5      \n"                                                             \
    "vrmulh.s32  " sums ", " sums ", " multiplier " \n"
#endif

/* Values in the halves of q5 are put where q7 tells, everywhere or not. */
#define PUT_ALL                                                                                              \
    "vqadd.s16   q5, q5, r10                 \n"                                                             \
    "vqmovnb.s16 q5, q5                      \n"                                                             \
    "vstrb.16    q5, [r3, q7]                \n"
#define PUT_SOME                                                                                             \
    "vqadd.s16   q5, q5, r10                 \n"                                                             \
    "vqmovnb.s16 q5, q5                      \n"                                                             \
    "vpt.i16     ne, q7, zr                  \n"                                                             \
    "vstrbt.16   q5, [r3, q7]                \n"

#define SUMS_TO(sums)                                                                                        \
    "vmov        " sums "[2], " sums "[0], r0, r4 \n"                                                        \
    "vmov        " sums "[3], " sums "[1], r2, r6 \n"

/* Four outputs from four patches. */
#define SUM_FOUR(sums, other)                                                                                \
    "ldm         r12!, {r0, r2, r4, r6}      \n"                                                             \
    "vldrh.u16   " sums ", [r0, q0]          \n"                                                             \
    "vldrh.u16   " other ", [r2, q0]         \n"                                                             \
    "vmladav.s8  r0, " sums ", q1            \n"                                                             \
    "vldrh.u16   " sums ", [r4, q0]          \n"                                                             \
    "vmladav.s8  r2, " other ", q1           \n"                                                             \
    "vldrh.u16   " other ", [r6, q0]         \n"                                                             \
    "vmladav.s8  r4, " sums ", q1            \n"                                                             \
    "vmladav.s8  r6, " other ", q1           \n" SUMS_TO(sums)
#define WEIGHTS_IN_TWOS(weights) "vldrb.u8    q1, [" weights "], #16      \n"
#define TILE_IN_TWOS SUM_FOUR("q5", "q6") SUM_FOUR("q6", "q4")
#define HALF_IN_TWOS                                                                                         \
    SUM_FOUR("q5", "q6")                                                                                     \
    "adds        r12, #16                    \n"

#if LP_TFLM
#define KEEP_IN_TWOS ""
#else
#define KEEP_IN_TWOS "vdup.32     q3, r6                      \n"
#endif

#define PUT_GROUP(weights, tile, half, columns, put, keep, load, multiplier, lessen)                         \
    "push        {r4-r11, lr}                \n"                                                             \
    "vpush       {d8-d15}                    \n"                                                             \
    "mov         r9, r0                      \n"                                                             \
    "ldrd        r3, r10, [r9, #28]          \n"                                                             \
    "vldrw.u32   q0, [r9, #36]               \n"                                                             \
    "subs        r3, #2                      \n" BEGIN                                                       \
    "1:                                      \n" /* a channel */                                             \
        BEGIN_CHANNEL(                                                                                       \
            weights,                                                                                         \
            keep) "ldrd        r12, r4, [r9, #8]           \n"                                               \
                  "movs        r0, #2                      \n"                                               \
                  "adds        r3, #1                      \n"                                               \
                  "vadd.i16    q0, q0, r0                  \n"                                               \
                  "wls         lr, r4, 3f                  \n"                                               \
                  "2:                                      \n" tile load SCALE("q5", multiplier, lessen)     \
                      SCALE("q6", multiplier,                                                                \
                            lessen) "vqmovnb.s32 q5, q5                      \n"                             \
                                    "vqmovnt.s32 q5, q6                      \n"                             \
                                    "vldrh.u16   q7, [r12], #16              \n" put                         \
                                    "le          lr, 2b                      \n"                             \
                                    "3:                                      \n"                             \
                                    "ldrd        r0, r11, [r9, #20]          \n"                             \
                                    "cbz         r0, 4f                      \n" half load SCALE(            \
                                        "q5", multiplier,                                                    \
                                        lessen) "vqmovnb.s32 q5, q5                      \n"                 \
                                                "vldrh.u16   q7, [r12], #16              \n" PUT_SOME        \
                                                "4:                                      "                   \
                                                "\n" columns END_CHANNEL                                     \
                                                "bne         1b                          \n" END             \
                                                "vpop        {d8-d15}                    \n"                 \
                                                "pop         {r4-r11, pc}                \n"

#define PUT_IN_TWOS(lessen)                                                                                  \
    PUT_GROUP(WEIGHTS_IN_TWOS, TILE_IN_TWOS, HALF_IN_TWOS, "", PUT_ALL, KEEP_IN_TWOS, "", "q3", lessen)

/* One window a patch. */
LP_NAKED static void put_in_twos(group *all LP_UNUSED) {
    __asm__ volatile(PUT_IN_TWOS(LESSEN));
}
#if LP_TFLM
/* The same where nobody sees how negative numbers are rounded. */
LP_NAKED static void put_in_twos_rectified(group *all LP_UNUSED) {
    __asm__ volatile(PUT_IN_TWOS(LEAVE));
}
#else
#define put_in_twos_rectified put_in_twos
#endif

typedef void (*put_function)(group *all);

#endif

#endif
