/* pool_cells.inc.c: what pooling does to a vector of cells, a value and, for argmax, its position.
 *
 * Positions are integers as wide as the values, flat in a channel plane. `better` orders cells by value, NaN above
 * all, then by the smaller position, of NaN the larger: associative, commutative and idempotent, so windows may be cut,
 * overlapped and reduced in any order and still give PyTorch's answer, the last NaN or else the first extreme. */

typedef position positions_unaligned __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(position)), may_alias));

VEC_INLINE positions load_positions(const position *p) { return *(const positions_unaligned *)p; }
VEC_INLINE void store_positions(position *p, positions v) { *(positions_unaligned *)p = v; }
VEC_INLINE positions splat_position(position x) { return x - (positions){0}; }

#if LANES == 2
#define LANES_COUNTED 0, 1
#elif LANES == 4
#define LANES_COUNTED 0, 1, 2, 3
#elif LANES == 8
#define LANES_COUNTED 0, 1, 2, 3, 4, 5, 6, 7
#else
#define LANES_COUNTED 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
#endif

/* Where a shuffle across halves of a vector is dear: even lanes in a mixed order, and the way back to the right one. */
#if defined(__AVX2__) && VECTOR_BYTES == 32 && T_BYTES == 4
VEC_INLINE vec even_lanes_mixed(vec a, vec b) { return __builtin_shufflevector(a, b, 0, 2, 8, 10, 4, 6, 12, 14); }
VEC_INLINE vec unmix_lanes(vec v) { return __builtin_shufflevector(v, v, 0, 1, 4, 5, 2, 3, 6, 7); }
#elif defined(__AVX2__) && VECTOR_BYTES == 32
VEC_INLINE vec even_lanes_mixed(vec a, vec b) { return __builtin_shufflevector(a, b, 0, 4, 2, 6); }
VEC_INLINE vec unmix_lanes(vec v) { return __builtin_shufflevector(v, v, 0, 2, 1, 3); }
#else
VEC_INLINE vec even_lanes_mixed(vec a, vec b) { return evens(a, b); }
VEC_INLINE vec unmix_lanes(vec v) { return v; }
#endif

enum { POOL_MAX = FC_POOL_MAX, POOL_MIN = FC_POOL_MIN, POOL_SUM = FC_POOL_MEAN };

/* max(a, x) or min(a, x), NaN if either is. */
VEC_INLINE vec extreme(const int kind, vec a, vec x) {
    vec m = kind == POOL_MAX ? greater(x, a) : lesser(x, a);
#if defined(X86_MASK)
    return (vec)X86(mask_mov)((x86_vec)m, X86_COMPARE((x86_vec)x, (x86_vec)x, _CMP_UNORD_Q), (x86_vec)x);
#else
    return choose(x != x, x, m);
#endif
}

typedef struct {
    vec value;
    positions at;
} cells;

/* What a window holds where it sees nothing. */
VEC_INLINE cells no_cells(const int kind) {
    T value = kind == POOL_SUM ? 0 : kind == POOL_MAX ? -(T)INFINITY : (T)INFINITY;
    return (cells){splat(value), splat_position(POSITION_MAX)};
}

/* NaN becomes the best value, its position p -1 - p: smaller than every other, and the smaller the later, so that
 * `better` needs no test for it. */
VEC_INLINE cells mark_nan(const int kind, const int indexed, cells c) {
    if (!indexed) return c;
    positions nan = c.value != c.value;
    c.value = choose(nan, splat(kind == POOL_MAX ? (T)INFINITY : -(T)INFINITY), c.value);
    c.at ^= nan;
    return c;
}

/* a with a value that comes later in the plane, both unmarked. */
VEC_INLINE cells then(const int kind, const int indexed, cells a, vec value, position at) {
    if (kind == POOL_SUM) return (cells){a.value + value, a.at};
    if (!indexed) return (cells){extreme(kind, a.value, value), a.at};
    positions take = (kind == POOL_MAX ? value > a.value : value < a.value) | (value != value);
    return (cells){choose(take, value, a.value), (positions)choose(take, (vec)splat_position(at), (vec)a.at)};
}

VEC_INLINE cells better(const int kind, const int indexed, cells a, cells x) {
    if (kind == POOL_SUM) return (cells){a.value + x.value, a.at};
    if (!indexed) return (cells){extreme(kind, a.value, x.value), a.at};
    positions beats = kind == POOL_MAX ? x.value > a.value : x.value < a.value;
    positions take = beats | ((x.value == a.value) & (x.at < a.at));
    return (cells){choose(take, x.value, a.value), (positions)choose(take, (vec)x.at, (vec)a.at)};
}

/* A run of cells in memory; `at` is not touched unless indexed. */
typedef struct {
    T *value;
    position *at;
} cell_run;

VEC_INLINE cell_run run_from(const int indexed, cell_run run, int64_t i) {
    return (cell_run){run.value + i, indexed ? run.at + i : NULL};
}

VEC_INLINE cells load_cells(const int indexed, cell_run run, int64_t i) {
    return (cells){load(run.value + i), indexed ? load_positions(run.at + i) : (positions){0}};
}

VEC_INLINE void store_cells(const int indexed, cell_run run, int64_t i, cells c) {
    store(run.value + i, c.value);
    if (indexed) store_positions(run.at + i, c.at);
}

/* Every second cell from i on, the lanes mixed. */
VEC_INLINE cells load_even_cells(const int indexed, cell_run run, int64_t i) {
    cells a = load_cells(indexed, run, i), b = load_cells(indexed, run, i + LANES);
    return (cells){even_lanes_mixed(a.value, b.value),
                   indexed ? (positions)even_lanes_mixed((vec)a.at, (vec)b.at) : (positions){0}};
}

VEC_INLINE cells unmix_cells(const int indexed, cells c) {
    return (cells){unmix_lanes(c.value), indexed ? (positions)unmix_lanes((vec)c.at) : c.at};
}

/* A vector from p of which no more than what lies before `end` is read. */
VEC_INLINE vec load_before(const T *p, const T *end) {
    if (end - p >= LANES) return load(p);
    T lanes[LANES] = {0};
    for (int64_t i = 0; i < end - p; i++) lanes[i] = p[i];
    return load(lanes);
}

/* The first n lanes of v, n <= LANES. */
VEC_INLINE void store_first(T *p, vec v, int64_t n) {
    if (n >= LANES) {
        store(p, v);
        return;
    }
    T lanes[LANES];
    store(lanes, v);
    if (n > 0) copy_short(p, lanes, n);
}

VEC_INLINE void store_first_cells(const int indexed, cell_run run, int64_t i, cells c, int64_t n) {
    store_first(run.value + i, c.value, n);
    if (indexed) store_first((T *)(void *)(run.at + i), (vec)c.at, n);
}
