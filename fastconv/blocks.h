/* blocks.h: memory of large results, kept for the next result of that size.
 *
 * A fresh block of the system's costs a page fault for every 4 KB that is written to it first, more than many an
 * operation on it; a training step frees and asks for the same sizes again and again. So blocks of freed arrays wait
 * in lists by size, up to a share of the machine's memory. Arrays own their blocks through NumPy's allocation handler:
 * a block comes back only when nothing refers to its array any more. Blocks begin at a cache line. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#if defined(_WIN32)
#include <malloc.h>
#else
#include <unistd.h>
#endif

enum { BLOCK_LINE = 64, BLOCK_STEPS = 8, BLOCK_CLASSES = 64 * BLOCK_STEPS };

/* Stands one cache line before the array's data. */
typedef struct block {
    size_t bytes;
    struct block *next;
} block;

static struct {
    block *waiting[BLOCK_CLASSES];
    size_t kept, limit;
    char lock;
} blocks;

static void blocks_lock(void) {
    while (__atomic_test_and_set(&blocks.lock, __ATOMIC_ACQUIRE)) {}
}

static void blocks_unlock(void) { __atomic_clear(&blocks.lock, __ATOMIC_RELEASE); }

/* Rounds a size up to a multiple of an eighth of the power of two below it; returns the number of its list. */
static int block_class(size_t *bytes) {
    int power = 63 - __builtin_clzll((unsigned long long)(*bytes | BLOCK_STEPS * BLOCK_LINE));
    size_t step = (size_t)1 << (power - 3), steps = (*bytes + step - 1) >> (power - 3);
    *bytes = steps << (power - 3);
    return power * BLOCK_STEPS + (int)(steps - BLOCK_STEPS);
}

static void *block_data(block *b) { return b ? (char *)b + BLOCK_LINE : NULL; }

static block *block_of(void *data) { return (block *)((char *)data - BLOCK_LINE); }

static block *block_from_system(size_t bytes) {
    void *base = NULL;
#if defined(_WIN32)
    base = _aligned_malloc(bytes + BLOCK_LINE, BLOCK_LINE);
#else
    if (posix_memalign(&base, BLOCK_LINE, bytes + BLOCK_LINE)) base = NULL;
#endif
    if (base) ((block *)base)->bytes = bytes;
    return base;
}

static void block_to_system(block *b) {
#if defined(_WIN32)
    _aligned_free(b);
#else
    free(b);
#endif
}

/* An eighth of the machine's memory, 1 GB at most; nothing under a sanitizer, which could not see into the lists. */
static size_t blocks_limit(void) {
#if defined(__SANITIZE_ADDRESS__)
    return 0;
#elif defined(_SC_PHYS_PAGES)
    double eighth = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE) / 8;
    return eighth < (1 << 30) ? (size_t)eighth : (size_t)1 << 30;
#else
    return (size_t)1 << 28;
#endif
}

static void *blocks_malloc(void *context, size_t bytes) {
    (void)context;
    if (bytes > SIZE_MAX / 2) return NULL;
    int list = block_class(&bytes);
    blocks_lock();
    block *b = blocks.waiting[list];
    if (b) {
        blocks.waiting[list] = b->next;
        blocks.kept -= b->bytes;
    }
    blocks_unlock();
    return block_data(b ? b : block_from_system(bytes));
}

static void *blocks_calloc(void *context, size_t count, size_t each) {
    if (each && count > SIZE_MAX / each) return NULL;
    void *data = blocks_malloc(context, count * each);
    return data ? memset(data, 0, count * each) : NULL;
}

static void blocks_free(void *context, void *data, size_t bytes) {
    (void)context;
    (void)bytes;
    if (!data) return;
    block *b = block_of(data);
    size_t size = b->bytes;
    int list = block_class(&size), keep;
    blocks_lock();
    if (!blocks.limit) blocks.limit = blocks_limit() + 1;
    keep = blocks.kept + size < blocks.limit;
    if (keep) {
        blocks.kept += size;
        b->next = blocks.waiting[list];
        blocks.waiting[list] = b;
    }
    blocks_unlock();
    if (!keep) block_to_system(b);
}

static void *blocks_realloc(void *context, void *data, size_t bytes) {
    if (data && bytes <= block_of(data)->bytes) return data;
    void *larger = blocks_malloc(context, bytes);
    if (larger && data) {
        memcpy(larger, data, block_of(data)->bytes);
        blocks_free(context, data, 0);
    }
    return larger;
}

static size_t blocks_kept(void) { return blocks.kept; }

static void blocks_release(void) {
    blocks_lock();
    for (int list = 0; list < BLOCK_CLASSES; list++)
        while (blocks.waiting[list]) {
            block *b = blocks.waiting[list];
            blocks.waiting[list] = b->next;
            block_to_system(b);
        }
    blocks.kept = 0;
    blocks_unlock();
}

static PyDataMem_Handler blocks_handler = {
    "fastconv_blocks", 1, {NULL, blocks_malloc, blocks_calloc, blocks_realloc, blocks_free}};

static PyObject *blocks_capsule(void) { return PyCapsule_New(&blocks_handler, "mem_handler", NULL); }
