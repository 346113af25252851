/* Weights of less than a byte in planes, from which words of four weights come with few instructions.
 *
 * 2**(bits - 1) is added to each weight; what that makes falls into parts of 4, 2 and 1 bits, as the binary
 * number `bits` has them, the highest bits first.  Byte k of word i of eight words that are unpacked has
 * weight 4 * i + k; a plane has their parts of 4 bits in four words, those of 2 bits in two, those of one bit
 * in one: word i of the eight lies in word i / 2, i / 4 or 0 from bit 4 * (i % 2), 2 * (i % 4) or i of each
 * byte on.  Planes follow each other, then come the next eight words; of the last ones there may be fewer,
 * with planes no longer than they have to be.  A weight of one bit is -1 or 1, and its part whether it is 1.
 *
 * What is unpacked are bytes, or halfwords 256 * b + a of which a is the lower byte.  There b is stored less
 * one where a is negative, since no weight but that of one bit is -2**(bits - 1); so both are unpacked alike,
 * byte by byte.  For weights of one bit the guard says which they are.  Weights may be doubled some times, as
 * long as they keep to 7 bits.
 */
#ifndef LP_PLANES_H
#define LP_PLANES_H

#include "lp_formats.h"
#include "lp_internal.h"

/* The highest bit of each field that is unpacked, which it has spare until what was added is taken off. */
#define LP_GUARD_BYTES 0x80808080u
#define LP_GUARD_HALVES 0x80008000u

#ifdef LP_BITS

/* Where planes of so many words lie, up to eight. */
#define FOURS weights
#define TWOS(words) (FOURS + (LP_BITS & 4 ? ((words) + 1) / 2 : 0))
#define ONES(words) (TWOS(words) + (LP_BITS & 2 ? ((words) + 3) / 4 : 0))

/* What unpacked fields are made with: a field in each byte, as often doubled as weights are, and what was
 * added to weights. */
typedef struct {
    uint32_t four, two, one, added, guard;
} unpacking;

/* Turned right; compilers make of it and a mask in a register one instruction. */
LP_INLINE uint32_t turned(uint32_t word, uint32_t bits) {
    return word >> (bits & 31) | word << (-bits & 31);
}

/* Four weights with what was added to them, from the lowest bits of planes. */
LP_INLINE uint32_t fields_of(const unpacking *all, uint32_t four, uint32_t two, uint32_t one) {
    uint32_t fields = LP_BITS & 1 ? (one & all->one) << (LP_BITS == 1) : 0;
    fields |= LP_BITS & 2 ? (two & all->two) << (LP_BITS & 1) : 0;
    fields |= LP_BITS & 4 ? (four & all->four) << (LP_BITS & 3) : 0;
    return fields;
}

/* The fields without that. */
LP_INLINE uint32_t unpacked(const unpacking *all, uint32_t fields) {
#if LP_DSP && LP_BITS > 1
    uint32_t bytes;
    __asm__("ssub8 %0, %1, %2" : "=r"(bytes) : "r"(fields), "r"(all->added));
    return bytes;
#else
    return (fields + (all->guard - all->added)) ^ all->guard;
#endif
}

/* A word of planes, its fields where masks have them; opaque, else compilers put this turn and the next into
 * one instruction, and take another for the mask. */
LP_INLINE uint32_t plane(const uint32_t *word, uint32_t left) {
    uint32_t fields = turned(*word, -left);
    LP_OPAQUE(fields);
    return fields;
}

#define UNPACK(i, words)                                                                                     \
    unpacked(&all, fields_of(&all, LP_BITS & 4 ? turned(plane(&FOURS[(i) / 2], left), 4 * ((i) % 2)) : 0,    \
                             LP_BITS & 2 ? turned(plane(&TWOS(words)[(i) / 4], left), 2 * ((i) % 4)) : 0,    \
                             LP_BITS & 1 ? turned(plane(ONES(words), left), (i)) : 0))
#define UNPACK_8(i, four, two)                                                                               \
    unpacked(&all,                                                                                           \
             fields_of(&all, LP_BITS & 4 ? turned(four, 4 * ((i) % 2)) : 0,                                  \
                       LP_BITS & 2 ? turned(two, 2 * ((i) % 4)) : 0, LP_BITS & 1 ? turned(one, i) : 0))

LP_INLINE const uint32_t *unpack_planes(const uint32_t *LP_RESTRICT weights, int32_t words, uint32_t guard,
                                        int32_t doublings, uint32_t *LP_RESTRICT to) {
    unpacking all = {0x0F0F0F0Fu << doublings, 0x03030303u << doublings, 0x01010101u << doublings,
                     0x01010101u << (LP_BITS - 1) << doublings, LP_BITS > 1 ? LP_GUARD_BYTES : guard};
    LP_OPAQUE(all.four);
    LP_OPAQUE(all.two);
    LP_OPAQUE(all.one);
    const uint32_t left = (uint32_t)doublings; /* that fields are turned, as masks are */
    (void)guard;
    for (; words >= 8; words -= 8, to += 8, weights = ONES(8) + (LP_BITS & 1)) {
        const uint32_t one = LP_BITS & 1 ? plane(ONES(8), left) : 0;
        uint32_t two = LP_BITS & 2 ? plane(&TWOS(8)[0], left) : 0;
        uint32_t four = LP_BITS & 4 ? plane(&FOURS[0], left) : 0;
        to[0] = UNPACK_8(0, four, two);
        to[1] = UNPACK_8(1, four, two);
        four = LP_BITS & 4 ? plane(&FOURS[1], left) : 0;
        to[2] = UNPACK_8(2, four, two);
        to[3] = UNPACK_8(3, four, two);
        two = LP_BITS & 2 ? plane(&TWOS(8)[1], left) : 0;
        four = LP_BITS & 4 ? plane(&FOURS[2], left) : 0;
        to[4] = UNPACK_8(4, four, two);
        to[5] = UNPACK_8(5, four, two);
        four = LP_BITS & 4 ? plane(&FOURS[3], left) : 0;
        to[6] = UNPACK_8(6, four, two);
        to[7] = UNPACK_8(7, four, two);
    }
    for (uint32_t i = 0; i < (uint32_t)words; i++) {
        to[i] = UNPACK(i, (uint32_t)words);
    }
    return words > 0 ? ONES(words) + (LP_BITS & 1) : weights;
}

#endif

#endif
