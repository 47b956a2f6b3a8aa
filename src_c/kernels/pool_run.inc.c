/* pool_run.inc.c: the reduction of whole planes, each a run of n cells. */

enum { RUN_VECTORS = 4, RUN_BLOCK = 64 }; /* vectors side by side, and their rounds in one partial sum */

VEC_INLINE vec merge_vectors(const int kind, vec a, vec b) {
    return better(kind, 0, (cells){a, {0}}, (cells){b, {0}}).value;
}

/* The last cells of a run of at least a vector, fewer than one; other lanes hold none. */
VEC_INLINE vec last_cells(const int kind, const T *x, int64_t n, int64_t count) {
    positions inside = (positions){LANES_COUNTED} >= splat_position((position)(LANES - count));
    return choose(inside, load(x + n - LANES), no_cells(kind).value);
}

/* A vector whose lanes reduce to the run's value. Sums are made of partial sums of a few hundred cells, so their error
 * grows with the logarithm of n more than with n. */
VEC_INLINE vec reduce_run(const int kind, const T *x, int64_t n) {
    vec none = no_cells(kind).value, total = none;
    if (n < LANES) {
        T lanes[LANES];
        store(lanes, none);
        copy_short(lanes, x, n);
        return load(lanes);
    }
    int64_t i = 0;
    while (i + RUN_VECTORS * LANES <= n) {
        vec part[RUN_VECTORS];
        FC_UNROLL for (int v = 0; v < RUN_VECTORS; v++) part[v] = load(x + i + v * LANES);
        int64_t end = min_i64(n, i + RUN_BLOCK * RUN_VECTORS * LANES);
        for (i += RUN_VECTORS * LANES; i + RUN_VECTORS * LANES <= end; i += RUN_VECTORS * LANES)
            FC_UNROLL for (int v = 0; v < RUN_VECTORS; v++) part[v] =
                merge_vectors(kind, part[v], load(x + i + v * LANES));
        vec halves = merge_vectors(kind, merge_vectors(kind, part[0], part[1]), merge_vectors(kind, part[2], part[3]));
        total = merge_vectors(kind, total, halves);
    }
    for (; i + LANES <= n; i += LANES) total = merge_vectors(kind, total, load(x + i));
    if (i < n) total = merge_vectors(kind, total, last_cells(kind, x, n, n - i));
    return total;
}

/* Lane i of the result reduces all lanes of rows[i]; LANES rows, which are overwritten. */
VEC_INLINE vec reduce_lanes(const int kind, vec *rows) {
    FC_UNROLL for (int count = (int)LANES; count > 1; count /= 2) FC_UNROLL for (int i = 0; i < count / 2; i++) {
        vec a = rows[2 * i], b = rows[2 * i + 1];
        rows[i] = merge_vectors(kind, evens(a, b), odds(a, b));
    }
    return rows[0];
}

/* rows[i] reduces to the value of run i, of LANES to a few times as many cells: all runs side by side, in the order of
 * reduce_run. */
VEC_INLINE void reduce_short_runs(const int kind, const T *const run[LANES], int64_t n, vec *rows) {
    FC_UNROLL for (int i = 0; i < LANES; i++) rows[i] = no_cells(kind).value;
    int64_t j = 0;
    for (; j + LANES <= n; j += LANES)
        FC_UNROLL for (int i = 0; i < LANES; i++) rows[i] = merge_vectors(kind, rows[i], load(run[i] + j));
    if (j < n)
        FC_UNROLL for (int i = 0; i < LANES; i++) rows[i] =
            merge_vectors(kind, rows[i], last_cells(kind, run[i], n, n - j));
}

/* result[i] = reduction of plane i, of n cells at x + i * n, for i < planes; sums divided by size. */
VEC_INLINE void reduce_planes(const int kind, const T *x, int64_t planes, int64_t n, T size, T *result) {
    for (int64_t plane = 0; plane < planes; plane += LANES) {
        const T *run[LANES];
        vec rows[LANES];
        FC_UNROLL for (int i = 0; i < LANES; i++) run[i] = x + min_i64(plane + i, planes - 1) * n;
        if (n >= LANES && n < RUN_VECTORS * LANES) reduce_short_runs(kind, run, n, rows);
        else
            for (int i = 0; i < LANES; i++) rows[i] = reduce_run(kind, run[i], n);
        vec total = reduce_lanes(kind, rows);
        if (kind == POOL_SUM) total /= splat(size);
        store_first(result + plane, total, planes - plane);
    }
}
