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
 */
#ifndef LP_PLANES_H
#define LP_PLANES_H

#include "lp_formats.h"
#include "lp_internal.h"

/* The highest bit of each field that is unpacked, which it has spare until 2**(bits - 1) is taken off. */
#define LP_GUARD_BYTES 0x80808080u
#define LP_GUARD_HALVES 0x80008000u

#ifdef LP_BITS

LP_INLINE uint32_t *unpack_word(uint32_t four, uint32_t two, uint32_t one, uint32_t guard, uint32_t *to) {
    uint32_t fields = LP_BITS & 1 ? (one & 0x01010101u) << (LP_BITS == 1) : 0;
    fields |= LP_BITS & 2 ? (two & 0x03030303u) << (LP_BITS & 1) : 0;
    fields |= LP_BITS & 4 ? (four & 0x0F0F0F0Fu) << (LP_BITS & 3) : 0;
    *to++ = ((fields | guard) - (0x01010101u << (LP_BITS - 1))) ^ guard;
    LP_OPAQUE(to);
    return to;
}

LP_INLINE const uint32_t *unpack_planes(const uint32_t *weights, int32_t words, uint32_t guard,
                                        uint32_t *to) {
    for (; words > 0; words -= 8) {
        const int32_t count = lp_minimum(words, 8);
        const uint32_t *fours = weights;
        const uint32_t *twos = fours + (LP_BITS & 4 ? (count + 1) / 2 : 0);
        const uint32_t *ones = twos + (LP_BITS & 2 ? (count + 3) / 4 : 0);
        uint32_t one = LP_BITS & 1 ? *ones++ : 0;
        uint32_t two = 0;
        for (int32_t left = count; left > 0; left -= 2) {
            const uint32_t four = LP_BITS & 4 ? *fours++ : 0;
            two = LP_BITS & 2 ? (left % 4 == count % 4 ? *twos++ : two >> 4) : 0;
            to = unpack_word(four, two, one, guard, to);
            if (left > 1) {
                to = unpack_word(four >> 4, two >> 2, one >> 1, guard, to);
            }
            one >>= 2;
        }
        weights = ones;
    }
    return weights;
}

#endif

#endif
