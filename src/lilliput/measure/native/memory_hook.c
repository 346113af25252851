/* Called by the emulator for every instruction: what flash and unaligned accesses make the core wait for, for
   each layer of the network. */
#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint32_t *tags; /* number of the line that each place holds; all ones at first */
    uint32_t *ages; /* when it was last used */
    uint32_t lines; /* 0 where there is no cache */
    uint32_t ways;  /* places that a line may lie in */
    uint32_t clock;
} lp_cache;

typedef struct {
    uint8_t loads, size_bytes, count, shift; /* size 0: the instruction touches no memory */
    int16_t base, index;                     /* registers, -1 for none */
    int32_t offset;
} lp_access;

typedef struct {
    uint64_t splits; /* transfers that unaligned accesses take beyond their first */
    uint64_t data_misses;
    uint64_t instruction_misses;
} lp_waits;

typedef struct {
    const uint16_t
        *entries; /* for every halfword of code: 0 nothing begins, 1 no layer any more, n layer n - 2 */
    const lp_access *accesses; /* for every halfword of code */
    int (*read_register)(void *emulator, int number, void *value);
    lp_waits *waits; /* first outside of all layers, then for each layer */
    lp_cache instructions, data;
    uint32_t entry_count;
    uint32_t flash_end;
    uint32_t line_shift; /* line of an address: address >> line_shift */
    uint32_t unified;    /* data share the cache of instructions */
    uint32_t layer;
    uint32_t line; /* that was fetched last */
} lp_memory;

void lp_memory_model_hook(void *emulator, uint64_t address, uint32_t size_bytes, void *user);

/* Whether the line is missing; it is there afterwards, in place of the one that was not used for longest. */
static uint64_t misses(lp_cache *cache, uint32_t line) {
    if (cache->lines == 0) {
        return 1;
    }
    const uint32_t first = line % (cache->lines / cache->ways) * cache->ways;
    uint32_t oldest = first;
    ++cache->clock;
    for (uint32_t place = first; place < first + cache->ways; ++place) {
        if (cache->tags[place] == line) {
            cache->ages[place] = cache->clock;
            return 0;
        }
        if (cache->ages[place] < cache->ages[oldest]) {
            oldest = place;
        }
    }
    cache->tags[oldest] = line;
    cache->ages[oldest] = cache->clock;
    return 1;
}

static uint32_t register_value(const lp_memory *memory, void *emulator, int16_t number) {
    uint32_t value = 0;
    if (number >= 0) {
        memory->read_register(emulator, number, &value);
    }
    return value;
}

static void fetch(lp_memory *memory, uint32_t address, uint32_t size_bytes) {
    const uint32_t last = (address + size_bytes - 1u) >> memory->line_shift;
    for (uint32_t line = address >> memory->line_shift; line <= last; ++line) {
        if (line != memory->line) {
            memory->waits[memory->layer].instruction_misses += misses(&memory->instructions, line);
            memory->line = line;
        }
    }
}

static void touch(lp_memory *memory, uint32_t start, const lp_access *access) {
    lp_waits *waits = &memory->waits[memory->layer];
    if (access->count == 1 && (start & (access->size_bytes - 1u)) != 0) {
        /* A word at an odd address goes as a byte, a halfword and a byte. */
        waits->splits += access->size_bytes == 4 && (start & 1u) != 0 ? 2u : 1u;
    }
    if (access->loads != 0 && start < memory->flash_end) {
        lp_cache *cache = memory->unified != 0 ? &memory->instructions : &memory->data;
        for (uint32_t k = 0; k < access->count; ++k) {
            waits->data_misses += misses(cache, (start + k * access->size_bytes) >> memory->line_shift);
        }
    }
}

void lp_memory_model_hook(void *emulator, uint64_t address, uint32_t size_bytes, void *user) {
    lp_memory *memory = user;
    const uint32_t current = (uint32_t)address, place = current / 2u;
    const int known = place < memory->entry_count;
    if (known && memory->entries[place] != 0) {
        memory->layer = memory->entries[place] - 1u;
    }
    fetch(memory, current, size_bytes);
    if (known && memory->accesses[place].size_bytes != 0) {
        const lp_access *access = &memory->accesses[place];
        const uint32_t index = register_value(memory, emulator, access->index) << access->shift;
        touch(memory, (uint32_t)access->offset + register_value(memory, emulator, access->base) + index,
              access);
    }
}
