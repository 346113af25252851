/* Weights of less than a byte in planes, from which words of four weights come with few instructions.
 *
 * 2**(bits - 1) is added to each weight; what that makes falls into parts of 4, 2 and 1 bits, as the binary
 * number `bits` has them, the highest bits first.  Byte k of word i of eight words that are unpacked has
 * weight 4 * i + k; a plane has their parts of 4 bits in four words, those of 2 bits in two, those of one bit
 * in one: word i of the eight lies in word i / 2, i / 4 or 0 from bit 4 * (i % 2), 2 * (i % 4) or i of each
 * byte on.  Planes follow each other, then come the next eight words; of the last ones there may be fewer,
 * with planes no longer than they have to be.  A weight of one bit is -1 or 1, and its part whether it is 1.
 *
 * What is unpacked are bytes, or halfwords 256 * b + a of which a is the lower byte: the guard says which.
 * Weights may be doubled some times, as long as they keep to 7 bits.
 */
#ifndef LP_PLANES_H
#define LP_PLANES_H

#include "lp_formats.h"
#include "lp_internal.h"

/* The highest bit of each field that is unpacked, which it has spare until 2**(bits - 1) is taken off. */
#define LP_GUARD_BYTES 0x80808080u
#define LP_GUARD_HALVES 0x80008000u

#ifdef LP_BITS

/* What unpacked fields are made with. */
typedef struct {
    uint32_t guard, offset; /* the guard less what was added to weights, doubled as often as these */
    int32_t doublings;
} unpacking;

/* A word, of the lowest bits of planes. */
LP_INLINE uint32_t unpacked_word(const unpacking *all, uint32_t four, uint32_t two, uint32_t one) {
    uint32_t fields = LP_BITS & 1 ? (one & 0x01010101u) << (LP_BITS == 1) : 0;
    fields |= LP_BITS & 2 ? (two & 0x03030303u) << (LP_BITS & 1) : 0;
    fields |= LP_BITS & 4 ? (four & 0x0F0F0F0Fu) << (LP_BITS & 3) : 0;
    return ((fields << all->doublings) + all->offset) ^ all->guard;
}

/* Where planes of so many words lie, up to eight. */
#define FOURS weights
#define TWOS(words) (FOURS + (LP_BITS & 4 ? ((words) + 1) / 2 : 0))
#define ONES(words) (TWOS(words) + (LP_BITS & 2 ? ((words) + 3) / 4 : 0))

#define UNPACK(i, words)                                                                                     \
    unpacked_word(&all, LP_BITS & 4 ? FOURS[(i) / 2] >> 4 * ((i) % 2) : 0,                                   \
                  LP_BITS & 2 ? TWOS(words)[(i) / 4] >> 2 * ((i) % 4) : 0,                                   \
                  LP_BITS & 1 ? *ONES(words) >> (i) : 0)

LP_INLINE const uint32_t *unpack_planes(const uint32_t *LP_RESTRICT weights, int32_t words, uint32_t guard,
                                        int32_t doublings, uint32_t *LP_RESTRICT to) {
    const unpacking all = {guard, guard - (0x01010101u << (LP_BITS - 1) << doublings), doublings};
    for (; words >= 8; words -= 8, to += 8, weights = ONES(8) + (LP_BITS & 1)) {
        to[0] = UNPACK(0, 8);
        to[1] = UNPACK(1, 8);
        to[2] = UNPACK(2, 8);
        to[3] = UNPACK(3, 8);
        to[4] = UNPACK(4, 8);
        to[5] = UNPACK(5, 8);
        to[6] = UNPACK(6, 8);
        to[7] = UNPACK(7, 8);
    }
    for (int32_t i = 0; i < words; i++) {
        to[i] = UNPACK(i, words);
    }
    return words > 0 ? ONES(words) + (LP_BITS & 1) : weights;
}

#endif

#endif
