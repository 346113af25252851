/* Called by the emulator for every basic block: counts how often each was entered from which other, for each
   layer of the network.  In C, since Python would take ten times as long as the emulation itself. */
#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint32_t previous, current, size_bytes, layer;
    uint64_t count;
} lp_edge;

typedef struct {
    const uint16_t
        *entries;       /* for every halfword of code: 0 nothing begins, 1 no layer any more, n layer n - 2 */
    lp_edge *edges;     /* hash table, all zero at first */
    uint64_t unaligned; /* accesses that a core without unaligned accesses would refuse */
    uint32_t entry_count;
    uint32_t edge_mask; /* edges - 1, a power of two */
    uint32_t used;
    uint32_t previous;
    uint32_t layer;
    uint32_t full; /* set when there are more different edges than places */
} lp_profile;

void lp_block_hook(void *emulator, uint64_t address, uint32_t size_bytes, void *user);
void lp_memory_hook(void *emulator, int type, uint64_t address, int size_bytes, int64_t value, void *user);

void lp_block_hook(void *emulator, uint64_t address, uint32_t size_bytes, void *user) {
    lp_profile *profile = user;
    const uint32_t current = (uint32_t)address;
    (void)emulator;
    if (current / 2u < profile->entry_count && profile->entries[current / 2u] != 0) {
        profile->layer = profile->entries[current / 2u] - 1u;
    }
    uint32_t place =
        (current * 0x9E3779B1u) ^ (profile->previous * 0x85EBCA6Bu) ^ (profile->layer * 0xC2B2AE35u);
    place ^= place >> 15;
    for (;; ++place) {
        lp_edge *edge = &profile->edges[place & profile->edge_mask];
        if (edge->count == 0) {
            if (profile->used + 1u > profile->edge_mask / 2u) {
                profile->full = 1;
                break;
            }
            ++profile->used;
            edge->previous = profile->previous;
            edge->current = current;
            edge->size_bytes = size_bytes;
            edge->layer = profile->layer;
            edge->count = 1;
            break;
        }
        if (edge->current == current && edge->previous == profile->previous &&
            edge->layer == profile->layer) {
            ++edge->count;
            break;
        }
    }
    profile->previous = current;
}

void lp_memory_hook(void *emulator, int type, uint64_t address, int size_bytes, int64_t value, void *user) {
    lp_profile *profile = user;
    (void)emulator;
    (void)type;
    (void)value;
    if ((address & (uint64_t)(size_bytes - 1)) != 0) {
        ++profile->unaligned;
    }
}
