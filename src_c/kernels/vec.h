/* vec.h: one vector type for every instruction set, in GCC/Clang vector extensions.
 * Included once per element type T; VECTOR_BYTES comes from the ISA's build flags. */

#include <math.h>

#define FC_UNROLL _Pragma("GCC unroll 16")
#define FC_UNROLL_2 _Pragma("GCC unroll 2")

#define LANES ((int64_t)(VECTOR_BYTES / sizeof(T)))
#define VEC_INLINE static inline __attribute__((always_inline, unused))

typedef T vec __attribute__((vector_size(VECTOR_BYTES)));
typedef T vec_unaligned __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(T)), may_alias));


VEC_INLINE vec load(const T *p) { return *(const vec_unaligned *)p; }
VEC_INLINE void store(T *p, vec v) { *(vec_unaligned *)p = v; }
VEC_INLINE vec splat(T x) { return x - (vec){0}; }

/* n < LANES elements, n >= 1: two overlapping moves of the largest power of two that fits. */
VEC_INLINE void copy_short(T *dst, const T *src, int64_t n) {
#define COPY_OVERLAPPED(m) \
    if (n >= (m)) { \
        T first[m], last[m]; \
        __builtin_memcpy(first, src, sizeof first); \
        __builtin_memcpy(last, src + n - (m), sizeof last); \
        __builtin_memcpy(dst, first, sizeof first); \
        __builtin_memcpy(dst + n - (m), last, sizeof last); \
        return; \
    }
    COPY_OVERLAPPED(8)
    COPY_OVERLAPPED(4)
    COPY_OVERLAPPED(2)
    COPY_OVERLAPPED(1)
#undef COPY_OVERLAPPED
}

/* memcpy for the short runs of packing: never reads or writes past n. */
VEC_INLINE void copy_run(T *dst, const T *src, int64_t n) {
    if (n < LANES) {
        copy_short(dst, src, n);
        return;
    }
    for (int64_t i = 0; i < n - LANES; i += LANES) store(dst + i, load(src + i));
    store(dst + n - LANES, load(src + n - LANES));
}

VEC_INLINE void zero_run(T *dst, int64_t n) {
    if (n < LANES) {
        for (int64_t i = 0; i < n; i++) dst[i] = 0;
        return;
    }
    for (int64_t i = 0; i < n - LANES; i += LANES) store(dst + i, (vec){0});
    store(dst + n - LANES, (vec){0});
}
