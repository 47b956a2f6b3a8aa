/* vec.h: one vector type for every instruction set, in GCC/Clang vector extensions.
 * Included once per element type T; VECTOR_BYTES comes from the ISA's build flags. */

#include <math.h>

#if defined(__AVX__)
#include <immintrin.h>
#elif defined(__SSE4_1__)
#include <smmintrin.h>
#endif

#define FC_UNROLL _Pragma("GCC unroll 16")
#define FC_UNROLL_2 _Pragma("GCC unroll 2")

#define LANES (VECTOR_BYTES / T_BYTES)
#define VEC_INLINE static inline __attribute__((always_inline, unused))

/* Keeps a vector that is used several times in a register: GCC would load it again for each use. */
#if defined(__x86_64__) && VECTOR_BYTES == 64 && defined(__AVX512F__)
#define FC_KEEP(v) __asm__("" : "+v"(v))
#elif defined(__x86_64__) && (VECTOR_BYTES == 16 || (VECTOR_BYTES == 32 && defined(__AVX__)))
#define FC_KEEP(v) __asm__("" : "+x"(v))
#else
#define FC_KEEP(v) (void)0
#endif

/* Keeps a pointer of a loop in a register of its own: GCC would keep one for each place that is read from it. */
#define FC_KEEP_POINTER(p) __asm__("" : "+r"(p))

/* In a loop of loads and stores: keeps it from becoming a call of memcpy, which is slow for short rows. */
#define FC_KEEP_LOOP __asm__ volatile("")

typedef T vec __attribute__((vector_size(VECTOR_BYTES)));
typedef T vec_unaligned __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(T)), may_alias));

VEC_INLINE vec load(const T *p) { return *(const vec_unaligned *)p; }
VEC_INLINE void store(T *p, vec v) { *(vec_unaligned *)p = v; }
VEC_INLINE vec splat(T x) { return x - (vec){0}; }

/* Integers as wide as the elements: what comparisons give, and positions of elements. */
#if T_BYTES == 4
typedef int32_t position;
#define POSITION_MAX INT32_MAX
#else
typedef int64_t position;
#define POSITION_MAX INT64_MAX
#endif
typedef position positions __attribute__((vector_size(VECTOR_BYTES)));

/* x86's instruction of a name for a whole vector. */
#if defined(__AVX512F__) && VECTOR_BYTES == 64 && T_BYTES == 4
typedef __m512 x86_vec;
#define X86(name) _mm512_##name##_ps
#define X86_MASK _mm512_movepi32_mask
#define X86_COMPARE _mm512_cmp_ps_mask
#elif defined(__AVX512F__) && VECTOR_BYTES == 64
typedef __m512d x86_vec;
#define X86(name) _mm512_##name##_pd
#define X86_MASK _mm512_movepi64_mask
#define X86_COMPARE _mm512_cmp_pd_mask
#elif defined(__AVX__) && VECTOR_BYTES == 32 && T_BYTES == 4
typedef __m256 x86_vec;
#define X86(name) _mm256_##name##_ps
#elif defined(__AVX__) && VECTOR_BYTES == 32
typedef __m256d x86_vec;
#define X86(name) _mm256_##name##_pd
#elif defined(__SSE4_1__) && VECTOR_BYTES == 16 && T_BYTES == 4
typedef __m128 x86_vec;
#define X86(name) _mm_##name##_ps
#elif defined(__SSE4_1__) && VECTOR_BYTES == 16
typedef __m128d x86_vec;
#define X86(name) _mm_##name##_pd
#endif

/* mask ? a : b, lane by lane; mask lanes are 0 or -1. */
VEC_INLINE vec choose(positions mask, vec a, vec b) {
#if defined(X86_MASK)
    return (vec)X86(mask_mov)((x86_vec)b, X86_MASK((__m512i)mask), (x86_vec)a);
#elif defined(X86)
    return (vec)X86(blendv)((x86_vec)b, (x86_vec)a, (x86_vec)mask);
#else
    return (vec)((mask & (positions)a) | (~mask & (positions)b));
#endif
}

/* a < b ? a : b and a > b ? a : b, lane by lane: b where either is NaN. */
#if defined(X86)
VEC_INLINE vec lesser(vec a, vec b) { return (vec)X86(min)((x86_vec)a, (x86_vec)b); }
VEC_INLINE vec greater(vec a, vec b) { return (vec)X86(max)((x86_vec)a, (x86_vec)b); }
#else
VEC_INLINE vec lesser(vec a, vec b) { return choose(a < b, a, b); }
VEC_INLINE vec greater(vec a, vec b) { return choose(a > b, a, b); }
#endif

/* Two vectors as one run: its even and odd elements, and the halves of their interleaving. */
#if LANES == 16
#define EVENS 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30
#define ODDS 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31
#define ZIP_LOW 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define ZIP_HIGH 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#elif LANES == 8
#define EVENS 0, 2, 4, 6, 8, 10, 12, 14
#define ODDS 1, 3, 5, 7, 9, 11, 13, 15
#define ZIP_LOW 0, 8, 1, 9, 2, 10, 3, 11
#define ZIP_HIGH 4, 12, 5, 13, 6, 14, 7, 15
#elif LANES == 4
#define EVENS 0, 2, 4, 6
#define ODDS 1, 3, 5, 7
#define ZIP_LOW 0, 4, 1, 5
#define ZIP_HIGH 2, 6, 3, 7
#elif LANES == 2
#define EVENS 0, 2
#define ODDS 1, 3
#define ZIP_LOW 0, 2
#define ZIP_HIGH 1, 3
#endif
VEC_INLINE vec evens(vec a, vec b) { return __builtin_shufflevector(a, b, EVENS); }
VEC_INLINE vec odds(vec a, vec b) { return __builtin_shufflevector(a, b, ODDS); }
VEC_INLINE vec zip_low(vec a, vec b) { return __builtin_shufflevector(a, b, ZIP_LOW); }
VEC_INLINE vec zip_high(vec a, vec b) { return __builtin_shufflevector(a, b, ZIP_HIGH); }

#define FIRST_LANES(n) ((1u << (n)) - 1)

/* The even and the odd ones of 2 * LANES cells. Where a vector has two halves they are placed so that shuffles stay
 * within them, which takes half as many. */
VEC_INLINE void split_pairs(const T *x, vec *even, vec *odd) {
#if VECTOR_BYTES == 32
    typedef T half __attribute__((vector_size(16), aligned(sizeof(T)), may_alias));
    half part[4];
    FC_UNROLL for (int i = 0; i < 4; i++) part[i] = *(const half *)(x + i * LANES / 2);
#if T_BYTES == 4
    vec left = __builtin_shufflevector(part[0], part[2], 0, 1, 2, 3, 4, 5, 6, 7);
    vec right = __builtin_shufflevector(part[1], part[3], 0, 1, 2, 3, 4, 5, 6, 7);
    *even = __builtin_shufflevector(left, right, 0, 2, 8, 10, 4, 6, 12, 14);
    *odd = __builtin_shufflevector(left, right, 1, 3, 9, 11, 5, 7, 13, 15);
#else
    vec left = __builtin_shufflevector(part[0], part[2], 0, 1, 2, 3);
    vec right = __builtin_shufflevector(part[1], part[3], 0, 1, 2, 3);
    *even = __builtin_shufflevector(left, right, 0, 4, 2, 6);
    *odd = __builtin_shufflevector(left, right, 1, 5, 3, 7);
#endif
#else
    vec low = load(x), high = load(x + LANES);
    *even = evens(low, high);
    *odd = odds(low, high);
#endif
}

#if defined(X86_MASK)
/* Lane i of the result is that lane of a and b, one after the other, which place[i] says modulo their number. */
VEC_INLINE vec choose_lanes(vec a, vec b, positions place) {
    return (vec)X86(permutex2var)((x86_vec)a, (__m512i)place, (x86_vec)b);
}
#endif

/* n < LANES elements, n >= 1: two overlapping moves of the largest power of two that fits. (What a masked store wrote
 * could not be loaded at once.) */
VEC_INLINE void copy_short(T *dst, const T *src, int64_t n) {
#define COPY_OVERLAPPED(m) \
    if ((m) < LANES && n >= (m)) { \
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
    for (int64_t i = 0; i < n - LANES; i += LANES) {
        FC_KEEP_LOOP;
        store(dst + i, load(src + i));
    }
    store(dst + n - LANES, load(src + n - LANES));
}

/* Fetches n elements from x on into cache; returns where they end. */
VEC_INLINE const T *fetch(const T *x, int64_t n) {
    for (int64_t i = 0; i < n; i += 64 / T_BYTES) __builtin_prefetch(x + i);
    return x + n;
}

/* The same of rows that will be written. */
VEC_INLINE void fetch_rows(const T *x, int64_t step, int64_t rows, int64_t n) {
    for (; rows > 0; rows--, x += step)
        for (int64_t i = 0; i < n; i += 64 / T_BYTES) __builtin_prefetch(x + i, 1);
}

/* The lanes of which a bit is set, the other lanes 0 and not read. */
#if defined(X86_MASK)
#define MASKED_LOADS
VEC_INLINE vec load_lanes(const T *p, uint32_t lanes) { return (vec)X86(maskz_loadu)(lanes, p); }
#elif defined(__AVX2__) && VECTOR_BYTES == 32
#define MASKED_LOADS
#if T_BYTES == 4
VEC_INLINE vec load_where(const T *p, positions mask) { return (vec)_mm256_maskload_ps(p, (__m256i)mask); }
#define LANE_BITS 1, 2, 4, 8, 16, 32, 64, 128
#define LANE_NUMBERS 0, 1, 2, 3, 4, 5, 6, 7
#else
VEC_INLINE vec load_where(const T *p, positions mask) { return (vec)_mm256_maskload_pd(p, (__m256i)mask); }
#define LANE_BITS 1, 2, 4, 8
#define LANE_NUMBERS 0, 1, 2, 3
#endif
VEC_INLINE vec load_lanes(const T *p, uint32_t lanes) {
    const positions bits = {LANE_BITS};
    return load_where(p, ((position)lanes & bits) == bits);
}
#endif

/* n elements, 1 <= n <= LANES, the other lanes 0. */
VEC_INLINE vec load_part(const T *p, int64_t n) {
#if defined(X86_MASK)
    return load_lanes(p, FIRST_LANES(n));
#elif defined(MASKED_LOADS)
    return load_where(p, (positions){LANE_NUMBERS} < (position)n);
#else
    if (n == LANES) return load(p);
    T lanes[LANES] = {0};
    copy_short(lanes, p, n);
    return load(lanes);
#endif
}
VEC_INLINE void store_part(T *p, vec v, int64_t n) {
#if defined(X86_MASK)
    X86(mask_storeu)(p, FIRST_LANES(n), (x86_vec)v);
#else
    T lanes[LANES];
    store(lanes, v);
    copy_short(p, lanes, n);
#endif
}

/* p[2 * i] = v[i] for i < n, 1 <= n <= LANES; what lies between stays. */
VEC_INLINE void store_apart(T *p, vec v, int64_t n) {
    const vec low = zip_low(v, v), high = zip_high(v, v);
#if defined(X86_MASK)
    const uint32_t mask = 0x55555555u & (uint32_t)((1ull << 2 * n) - 1), all = FIRST_LANES(LANES);
    X86(mask_storeu)(p, mask & all, (x86_vec)low);
    X86(mask_storeu)(p + LANES, mask >> LANES & all, (x86_vec)high);
#elif defined(__AVX2__) && VECTOR_BYTES == 32 && T_BYTES == 4
    const positions place = {0, 99, 2, 99, 4, 99, 6, 99}, end = (position)(2 * n) - (positions){0};
    _mm256_maskstore_ps(p, (__m256i)(place < end), (__m256)low);
    _mm256_maskstore_ps(p + LANES, (__m256i)(place + LANES < end), (__m256)high);
#elif defined(__AVX2__) && VECTOR_BYTES == 32
    const positions place = {0, 99, 2, 99}, end = (position)(2 * n) - (positions){0};
    _mm256_maskstore_pd(p, (__m256i)(place < end), (__m256d)low);
    _mm256_maskstore_pd(p + LANES, (__m256i)(place + LANES < end), (__m256d)high);
#else
    (void)low;
    (void)high;
    for (int64_t lane = 0; lane < n; lane++) p[2 * lane] = v[lane];
#endif
}

/* A part for 1 <= n <= LANES, and a loop over n elements in vectors: i is the first, m how many. */
VEC_INLINE vec load_some(const T *p, int64_t n) { return n == LANES ? load(p) : load_part(p, n); }
VEC_INLINE void store_some(T *p, vec v, int64_t n) {
    if (n == LANES) store(p, v);
    else store_part(p, v, n);
}
#define FOR_LANES(i, m, n) for (int64_t i = 0, m; i < (n) && (m = (n) - i < LANES ? (n) - i : LANES, 1); i += LANES)

/* y[j][lane] = run[lane][at + j] for j < count, 4 <= count <= 16; y has room for whole vectors. Up to eight lanes are
 * taken in fours: quarters of vectors are placed so that shuffles stay within four elements, which takes half as many
 * of them; sixteen in eights. */
#if LANES == 4 || LANES == 8
#if LANES == 8
#define IN_FOURS(a, b, c, d) a, b, c, d, a + 4, b + 4, c + 4, d + 4
#else
#define IN_FOURS(a, b, c, d) a, b, c, d
#endif
VEC_INLINE void take_four(const T *const *run, int64_t at, vec y[4]) {
    typedef T four __attribute__((vector_size(4 * T_BYTES), aligned(sizeof(T)), may_alias));
    vec a[4];
    FC_UNROLL for (int i = 0; i < 4; i++) {
        four left = *(const four *)(run[i] + at);
#if LANES == 8
        a[i] = __builtin_shufflevector(left, *(const four *)(run[i + 4] + at), 0, 1, 2, 3, 4, 5, 6, 7);
#else
        a[i] = left;
#endif
    }
    vec low = __builtin_shufflevector(a[0], a[1], IN_FOURS(0, LANES, 1, LANES + 1));
    vec low_next = __builtin_shufflevector(a[2], a[3], IN_FOURS(0, LANES, 1, LANES + 1));
    vec high = __builtin_shufflevector(a[0], a[1], IN_FOURS(2, LANES + 2, 3, LANES + 3));
    vec high_next = __builtin_shufflevector(a[2], a[3], IN_FOURS(2, LANES + 2, 3, LANES + 3));
    y[0] = __builtin_shufflevector(low, low_next, IN_FOURS(0, 1, LANES, LANES + 1));
    y[1] = __builtin_shufflevector(low, low_next, IN_FOURS(2, 3, LANES + 2, LANES + 3));
    y[2] = __builtin_shufflevector(high, high_next, IN_FOURS(0, 1, LANES, LANES + 1));
    y[3] = __builtin_shufflevector(high, high_next, IN_FOURS(2, 3, LANES + 2, LANES + 3));
}
VEC_INLINE void take_some(const T *const run[LANES], int64_t at, int64_t count, int64_t j, vec *y) {
    take_four(run, at + min_i64(j, count - 4), y + min_i64(j, count - 4));
}
#define COLUMNS_AT_ONCE 4
#elif LANES == 16
#define ZIP_HALVES(a, b, first) \
    __builtin_shufflevector(a, b, first, first + 16, first + 1, first + 17, first + 2, first + 18, first + 3, \
                            first + 19, first + 8, first + 24, first + 9, first + 25, first + 10, first + 26, \
                            first + 11, first + 27)
/* Eight columns, or fewer. */
VEC_INLINE void take_eight(const T *const *run, int64_t at, int64_t count, vec y[8]) {
    typedef T half __attribute__((vector_size(8 * T_BYTES), aligned(sizeof(T)), may_alias));
    vec b[8];
    FC_UNROLL for (int i = 0; i < 8; i++) {
        const T *low = run[i] + at, *high = run[i + 8] + at;
        if (count < 8)
            y[i] = __builtin_shufflevector(load_part(low, count), load_part(high, count), 0, 1, 2, 3, 4, 5, 6, 7, 16,
                                           17, 18, 19, 20, 21, 22, 23);
        else
            y[i] = __builtin_shufflevector(*(const half *)low, *(const half *)high, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
                                           11, 12, 13, 14, 15);
    }
    FC_UNROLL for (int round = 0; round < 3; round++) {
        FC_UNROLL for (int i = 0; i < 4; i++) {
            b[2 * i] = ZIP_HALVES(y[i], y[i + 4], 0);
            b[2 * i + 1] = ZIP_HALVES(y[i], y[i + 4], 4);
        }
        FC_UNROLL for (int i = 0; i < 8; i++) y[i] = b[i];
    }
}
#undef ZIP_HALVES
VEC_INLINE void take_some(const T *const run[LANES], int64_t at, int64_t count, int64_t j, vec *y) {
    int64_t first = max_i64(0, min_i64(j, count - 8));
    take_eight(run, at + first, min_i64(8, count), y + first);
}
#define COLUMNS_AT_ONCE 8

#else
VEC_INLINE void take_some(const T *const run[LANES], int64_t at, int64_t count, int64_t j, vec *y) {
    (void)count;
    y[j] = (vec){run[0][at + j], run[1][at + j]};
}
#define COLUMNS_AT_ONCE 1
#endif
/* Loops over a number that is known are unrolled; others would be copied many times over. */
VEC_INLINE void take_columns(const T *const run[LANES], int64_t at, int64_t count, vec *y) {
    if (__builtin_constant_p(count))
        FC_UNROLL for (int64_t j = 0; j < count; j += COLUMNS_AT_ONCE) take_some(run, at, count, j, y);
    else
        for (int64_t j = 0; j < count; j += COLUMNS_AT_ONCE) take_some(run, at, count, j, y);
}
#undef COLUMNS_AT_ONCE

/* The same in memory, for any number of columns. */
VEC_INLINE void take_all_columns(const T *const run[LANES], int64_t count, T *y) {
    vec columns[LANES < 4 ? 4 : LANES];
    int64_t some = min_i64(count, LANES), at = 0;
    for (; some >= 4 && at < count; at += LANES) {
        int64_t first = min_i64(at, count - some); /* the last ones overlap those before */
        take_columns(run, first, some, columns);
        for (int64_t j = 0; j < some; j++) store(y + (first + j) * LANES, columns[j]);
    }
    for (; at < count; at++)
        for (int lane = 0; lane < LANES; lane++) y[at * LANES + lane] = run[lane][at];
}

/* The same of 4 * LANES cells: y[j][lane] is cell 4 * lane + j of x for j < count, which is 2 or 4. */
#if LANES == 4 || LANES == 8
VEC_INLINE void split_four(const T *x, const int count, vec y[4]) {
    const T *run[LANES];
    FC_UNROLL for (int lane = 0; lane < LANES; lane++) run[lane] = x + 4 * lane;
    (void)count; /* the compiler leaves out what is not used */
    take_four(run, 0, y);
}
#else
VEC_INLINE void split_vectors(const vec x[4], const int count, vec y[4]) {
    vec even_a = evens(x[0], x[1]), even_b = evens(x[2], x[3]);
    vec odd_a = odds(x[0], x[1]), odd_b = odds(x[2], x[3]);
    y[0] = evens(even_a, even_b);
    y[1] = evens(odd_a, odd_b);
    if (count == 2) return;
    y[2] = odds(even_a, even_b);
    y[3] = odds(odd_a, odd_b);
}
VEC_INLINE void split_four(const T *x, const int count, vec y[4]) {
    vec cells[4];
    FC_UNROLL for (int i = 0; i < 4; i++) cells[i] = load(x + i * LANES);
    split_vectors(cells, count, y);
}
#endif

VEC_INLINE T sum_of_lanes(vec v) {
    FC_UNROLL for (int lanes = LANES; lanes > 1; lanes /= 2) v = evens(v, v) + odds(v, v);
    return v[0];
}

/* The sum of a[i] * b[i], in four chains of vectors. */
VEC_INLINE T dot_run(const T *a, const T *b, int64_t n) {
    vec sum[4] = {{0}};
    int64_t i = 0;
    for (; i + 4 * LANES <= n; i += 4 * LANES)
        FC_UNROLL for (int v = 0; v < 4; v++) sum[v] += load(a + i + v * LANES) * load(b + i + v * LANES);
    for (; i < n; i += LANES)
        sum[0] += load_part(a + i, min_i64(LANES, n - i)) * load_part(b + i, min_i64(LANES, n - i));
    return sum_of_lanes((sum[0] + sum[1]) + (sum[2] + sum[3]));
}

VEC_INLINE void fill_run(T *dst, T value, int64_t n) {
    if (n < LANES) {
        for (int64_t i = 0; i < n; i++) dst[i] = value;
        return;
    }
    for (int64_t i = 0; i < n - LANES; i += LANES) store(dst + i, splat(value));
    store(dst + n - LANES, splat(value));
}
VEC_INLINE void zero_run(T *dst, int64_t n) { fill_run(dst, 0, n); }

/* dst[i] += x[i]. */
VEC_INLINE void add_run(T *dst, const T *x, int64_t n) {
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) store(dst + i, load(dst + i) + load(x + i));
    for (; i < n; i++) dst[i] += x[i];
}

/* y[j][i] = x[i][j] for LANES x LANES elements. Of fewer than LANES rows of x the last one is repeated. */
VEC_INLINE void transpose_square(const T *x, int64_t x_row, int64_t rows, T *y, int64_t y_row) {
    const T *run[LANES];
    vec column[LANES];
    FC_UNROLL for (int i = 0; i < LANES; i++) run[i] = x + (i < rows ? i : rows - 1) * x_row;
    take_columns(run, 0, LANES, column);
    FC_UNROLL for (int i = 0; i < LANES; i++) store(y + i * y_row, column[i]);
}
