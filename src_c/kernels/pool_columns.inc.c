/* pool_columns.inc.c: the second half of a pooling window, over width: one run of cells, lanes = outputs.
 *
 *     out[i] = reduction over tap < taps of run[i * stride + tap * step],  i < n,  for each of `rows` runs
 *
 * A run may be many rows one after the other: outputs whose window crosses from one row into the next are garbage
 * that the caller drops. Runs have room to read POOL_SLACK elements past the last window. */

enum { POOL_SLACK = 4 * LANES };

typedef struct {
    int64_t taps, step, stride;
    int64_t n, rows;          /* outputs of a run, and runs */
    int64_t pitch, out_pitch; /* elements from one to the next */
} window_columns;

/* Where finished windows go; indices is NULL unless indexed. Sums are divided by size * sizes[i]. */
typedef struct {
    T *value;
    int64_t *indices;
    T size;
    T inverse;      /* of size, where it is exact, else 0 */
    const T *sizes; /* NULL: all 1 */
} pool_result;

/* 1 / size if size is a power of two: then a product is the quotient, and cheaper. */
static T exact_inverse(T size) {
    int exponent;
    return frexp((double)size, &exponent) == 0.5 ? 1 / size : 0;
}

VEC_INLINE vec divide_sums(const pool_result *out, int64_t i, vec sums, int64_t n) {
    if (out->sizes) return sums / (load_before(out->sizes + i, out->sizes + i + n) * out->size);
    return out->inverse != 0 ? sums * splat(out->inverse) : sums / splat(out->size);
}

typedef int64_t wide_positions __attribute__((vector_size(8 * LANES)));
typedef int64_t wide_positions_unaligned __attribute__((vector_size(8 * LANES), aligned(sizeof(int64_t)), may_alias));

/* The first n lanes of c as out[i...]. */
VEC_INLINE void put_cells(const int kind, const int indexed, const pool_result *out, int64_t i, cells c, int64_t n) {
    if (kind == POOL_SUM) c.value = divide_sums(out, i, c.value, n);
    if (indexed) {
        c.value = choose(c.at < 0, splat((T)NAN), c.value);
        wide_positions wide = __builtin_convertvector(c.at ^ (c.at < 0), wide_positions);
        if (n >= LANES) *(wide_positions_unaligned *)(out->indices + i) = wide;
        else
            for (int64_t lane = 0; lane < n; lane++) out->indices[i + lane] = wide[lane];
    }
    store_first(out->value + i, c.value, n);
}

/* Calls put for all n outputs; the last vector overlaps the one before. */
#define EACH_OUTPUT(n, i, cell) \
    do { \
        for (int64_t i = 0; i < (n) - LANES; i += LANES) put_cells(kind, indexed, out, i, cell, LANES); \
        int64_t i = max_i64((n) - LANES, 0); \
        put_cells(kind, indexed, out, i, cell, min_i64(n, LANES)); \
    } while (0)

VEC_INLINE cells few_taps(const int kind, const int indexed, const int64_t taps, const int stride, cell_run run,
                          int64_t i, int64_t step) {
    cells a = stride == 2 ? load_even_cells(indexed, run, 2 * i) : load_cells(indexed, run, i);
    FC_UNROLL for (int64_t tap = 1; tap < taps; tap++) {
        int64_t from = stride * i + tap * step;
        a = better(kind, indexed, a,
                   stride == 2 ? load_even_cells(indexed, run, from) : load_cells(indexed, run, from));
    }
    return stride == 2 ? unmix_cells(indexed, a) : a;
}

VEC_INLINE pool_result next_result(const int indexed, const pool_result *out, int64_t step) {
    pool_result next = *out;
    next.value += step;
    if (indexed) next.indices += step;
    return next;
}

VEC_INLINE void reduce_few(const int kind, const int indexed, const int64_t taps, const int stride,
                           const window_columns *w, cell_run run, const pool_result *result) {
    for (int64_t row = 0; row < w->rows; row++) {
        const pool_result local = next_result(indexed, result, row * w->out_pitch), *out = &local;
        cell_run at = run_from(indexed, run, row * w->pitch);
        EACH_OUTPUT(w->n, i, few_taps(kind, indexed, taps, stride, at, i, w->step));
    }
}

/* into[i] = a[i] (+) b[i + shift], i < n; vectors whole. into may be a. */
VEC_INLINE void merge_runs(const int kind, const int indexed, cell_run into, cell_run a, cell_run b, int64_t shift,
                           int64_t n) {
    for (int64_t i = 0; i < n; i += LANES)
        store_cells(indexed, into, i,
                    better(kind, indexed, load_cells(indexed, a, i), load_cells(indexed, b, i + shift)));
}

/* So few taps are reduced one by one: into `spare`, or at stride 1, where that is all, straight to the result. */
enum { DIRECT_TAPS = 6, DIRECT_EXTREMES = 11, DIRECT_SUMS = 16 };

VEC_INLINE cells direct_taps(const int kind, const window_columns *w, cell_run run, int64_t i) {
    cells a = load_cells(0, run, i);
    for (int64_t tap = 1; tap < w->taps; tap++) a = better(kind, 0, a, load_cells(0, run, i + tap * w->step));
    return a;
}

VEC_INLINE void put_direct(const int kind, const window_columns *w, cell_run run, const pool_result *out) {
    const int indexed = 0;
    EACH_OUTPUT(w->n, i, direct_taps(kind, w, run, i));
}

/* All m windows at stride 1. Few taps go to `spare` one by one. Many go by doubling, in place: reductions of 1, 2, 4,
 * ... taps, of which extremes overlap two and a sum adds those of its binary digits. Returns the run with the result.
 */
VEC_INLINE cell_run reduce_dense(const int kind, const int indexed, const window_columns *w, cell_run run,
                                 cell_run spare, int64_t m) {
    if (!indexed && w->taps <= DIRECT_TAPS) {
        for (int64_t i = 0; i < m; i += LANES) store(spare.value + i, direct_taps(kind, w, run, i).value);
        return spare;
    }
    int64_t valid = m + (w->taps - 1) * w->step, width = 1, summed = 0;
    for (;; width *= 2) {
        if (kind == POOL_SUM && (w->taps & width)) {
            if (summed) merge_runs(kind, indexed, spare, spare, run, summed * w->step, m);
            else
                for (int64_t i = 0; i < m; i += LANES) store(spare.value + i, load(run.value + i));
            summed += width;
        }
        if (2 * width > w->taps) break;
        valid -= width * w->step;
        merge_runs(kind, indexed, run, run, run, width * w->step, valid);
    }
    if (kind == POOL_SUM) return spare;
    if (width < w->taps) merge_runs(kind, indexed, run, run, run, (w->taps - width) * w->step, m);
    return run;
}

/* out[i] = run[i * stride]; wide strides are closed up in place first. */
VEC_INLINE void pick_outputs(const int kind, const int indexed, const window_columns *w, cell_run run,
                             const pool_result *out) {
    if (w->stride == 2) {
        reduce_few(kind, indexed, 1, 2, w, run, out);
        return;
    }
    for (int64_t i = 1; i < w->n && w->stride > 2; i++) {
        run.value[i] = run.value[i * w->stride];
        if (indexed) run.at[i] = run.at[i * w->stride];
    }
    reduce_few(kind, indexed, 1, 1, w, run, out);
}

VEC_INLINE void reduce_columns(const int kind, const int indexed, const window_columns *window, cell_run run,
                               cell_run spare, const pool_result *out) {
    const window_columns w = *window;
    if (w.n <= 0) return;
    if (w.stride == 1) switch (w.taps) {
        case 1: reduce_few(kind, indexed, 1, 1, &w, run, out); return;
        case 2: reduce_few(kind, indexed, 2, 1, &w, run, out); return;
        case 3: reduce_few(kind, indexed, 3, 1, &w, run, out); return;
        }
    if (w.stride == 2) switch (w.taps) {
        case 1: reduce_few(kind, indexed, 1, 2, &w, run, out); return;
        case 2: reduce_few(kind, indexed, 2, 2, &w, run, out); return;
        case 3: reduce_few(kind, indexed, 3, 2, &w, run, out); return;
        }
    window_columns one = w;
    one.rows = 1;
    for (int64_t row = 0; row < w.rows; row++) {
        cell_run at = run_from(indexed, run, row * w.pitch);
        pool_result result = next_result(indexed, out, row * w.out_pitch);
        if (!indexed && w.stride == 1 && w.taps <= (kind == POOL_SUM ? DIRECT_SUMS : DIRECT_EXTREMES)) {
            put_direct(kind, &w, at, &result);
            continue;
        }
        if (w.taps > 1) at = reduce_dense(kind, indexed, &w, at, spare, (w.n - 1) * w.stride + 1);
        pick_outputs(kind, indexed, &one, at, &result);
    }
}

/* One window of n neighbouring cells, for windows of irregular length: out[i]. */
VEC_INLINE void reduce_one(const int kind, const int indexed, cell_run run, int64_t n, const pool_result *out,
                           int64_t i) {
    T best = run.value[0];
    position at = indexed ? run.at[0] : 0;
    for (int64_t k = 1; k < n; k++) {
        T x = run.value[k];
        if (kind == POOL_SUM) {
            best += x;
            continue;
        }
        int take = (kind == POOL_MAX ? x > best : x < best) || (indexed ? x == best && run.at[k] < at : x != x);
        if (take) best = x;
        if (take && indexed) at = run.at[k];
    }
    if (kind == POOL_SUM) best /= out->size * out->sizes[i];
    out->value[i] = indexed && at < 0 ? (T)NAN : best;
    if (indexed) out->indices[i] = at < 0 ? -1 - at : at;
}
