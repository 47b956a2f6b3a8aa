/* separable.inc.c: correlation along the two axes of planes, with one vector of weights each: y (outer, P, Q) of x
 * (outer, H, W), both axes continued beyond their edges as two lists of cells say, -1 for a constant.
 *
 *     line[p][w] = sum over r of  weights[0][r] * x[at[0][p + r]][w] / divisor[0]
 *     y[p][q]    = sum over s of  weights[1][s] * line[p][at[1][q + s]] / divisor[1]
 *
 * A few lines at a time, which stay in cache: memory is read and written once. Each sum is one chain in the order of
 * its taps. Without weights[1] lines are results. */

/* Lines taken together, which share the loads of their rows, and vectors of each. */
enum { SEPARABLE_LINES = 4, SEPARABLE_VECS = TILE_ROWS * TILE_VECS > 12 ? 4 : 2 };

/* Bytes of what a block sees of its rows at a time, for the second-level cache; columns of a block; taps of a task. */
enum { SEPARABLE_BYTES = 256 * 1024, SEPARABLE_COLUMNS = 2048, SEPARABLE_WORK = 512 * 1024 };

static int64_t separable_pointer_bytes(const fc_correlation *f) {
    return line_bytes((f->taps[0] + SEPARABLE_LINES) * (int64_t)sizeof(T *));
}

FC_PLAN correlation_job plan_separable(const fc_correlation *f) {
    int64_t R = f->taps[0], fit = SEPARABLE_BYTES / T_BYTES / (R + SEPARABLE_LINES);
    correlation_job job = cut_columns(f, clamp_i64(fit, 16 * LANES, SEPARABLE_COLUMNS));
    int64_t worth = SEPARABLE_WORK / (min_i64(f->result[1], job.columns) * (R + f->taps[1]));
    cut_rows(&job, ceil_div(max_i64(worth, 2 * R), SEPARABLE_LINES) * SEPARABLE_LINES);
    job.thread_bytes = separable_pointer_bytes(f) + line_bytes((SEPARABLE_LINES + 1) * job.line * (int64_t)sizeof(T));
    return job;
}

static int64_t separable_scratch(const fc_correlation *f, int threads) {
    return plan_separable(f).thread_bytes * threads;
}

/* c[i * c_line + l] = sum over r < taps of w[r] * row[i + r][l] for i < m, l < n vectors, or some elements of one;
 * m <= taps. */
VEC_INLINE void separable_down(const int m, const int n, const T *const *row, int64_t at, const T *w, int64_t taps,
                               T *c, int64_t c_line, int64_t some, correlation_end *end) {
    vec acc[SEPARABLE_LINES][SEPARABLE_VECS], lanes;
    FC_UNROLL for (int y = 0; y < m; y++) FC_UNROLL for (int v = 0; v < n; v++) {
        lanes = load_some(row[y] + at + v * LANES, some);
        FC_KEEP(lanes);
        FC_UNROLL for (int i = 0; i < y; i++) acc[i][v] += splat(w[y - i]) * lanes;
        acc[y][v] = splat(w[0]) * lanes;
    }
    for (int64_t r = m; r < taps; r++) FC_UNROLL for (int v = 0; v < n; v++) {
            lanes = load_some(row[r] + at + v * LANES, some);
            FC_KEEP(lanes);
            FC_UNROLL for (int i = 0; i < m; i++) acc[i][v] += splat(w[r - i]) * lanes;
        }
    FC_UNROLL for (int y = 1; y < m; y++) FC_UNROLL for (int v = 0; v < n; v++) {
        lanes = load_some(row[taps - 1 + y] + at + v * LANES, some);
        FC_KEEP(lanes);
        FC_UNROLL for (int i = y; i < m; i++) acc[i][v] += splat(w[taps - 1 + y - i]) * lanes;
    }
    FC_UNROLL for (int i = 0; i < m; i++) FC_UNROLL for (int v = 0; v < n; v++)
        store_some(c + i * c_line + v * LANES, finish_sums(end, acc[i][v]), some);
}

VEC_INLINE void separable_lines(const int m, const T *const *row, const T *w, int64_t taps, T *c, int64_t c_line,
                                int64_t count, correlation_end *end) {
    int64_t at = 0, wide = SEPARABLE_VECS * LANES;
    for (; at + wide <= count; at += wide)
        separable_down(m, SEPARABLE_VECS, row, at, w, taps, c + at, c_line, LANES, end);
    for (; at < count; at += LANES)
        separable_down(m, 1, row, at, w, taps, c + at, c_line, min_i64(LANES, count - at), end);
}

/* The same along a line: c[l] = sum over s < taps of w[s] * x[s + l]. */
VEC_INLINE void separable_along(const int n, const T *x, const T *w, int64_t taps, T *c, int64_t some,
                                correlation_end *end) {
    vec acc[SEPARABLE_VECS];
    FC_UNROLL for (int v = 0; v < n; v++) acc[v] = splat(w[0]) * load(x + v * LANES);
    for (int64_t s = 1; s < taps; s++) {
        vec weight = splat(w[s]);
        FC_UNROLL for (int v = 0; v < n; v++) acc[v] += weight * load(x + s + v * LANES);
    }
    FC_UNROLL for (int v = 0; v < n; v++) store_some(c + v * LANES, finish_sums(end, acc[v]), some);
}

/* The cells of the line of row p that are not the source's own. */
static void continue_line(const correlation_job *job, const correlation_block *b, int64_t p, T *line) {
    const fc_correlation *f = job->f;
    const T *w = job->weights[0];
    FOR_CELLS_BEYOND(b, e) {
        int64_t column = f->at[1][b->q + e];
        if (column < 0) {
            line[e] = (T)f->constant[1];
        } else if (column >= b->from + b->low && column < b->from + b->high) {
            line[e] = line[column - b->from];
        } else { /* of another block */
            T sum = 0;
            for (int64_t r = 0; r < f->taps[0]; r++) {
                int64_t at = row_at(f, p + r);
                sum += (w ? w[r] : 1) * (at < 0 ? (T)f->constant[0] : b->x[at * f->source[1] + column]);
            }
            line[e] = sum / (T)f->divisor[0];
        }
    }
}

static void separable_task(const void *context, int64_t task, int thread) {
    const correlation_job *job = context;
    const fc_correlation *f = job->f;
    correlation_block b = block_at(job, task);
    int64_t R = f->taps[0], S = f->taps[1], W = f->source[1], line = job->line, inside = b.high - b.low;
    const T *w = job->weights[0], *v = job->weights[1], one = 1;

    char *scratch = job->scratch + thread * job->thread_bytes;
    const T **row = take(&scratch, separable_pointer_bytes(f));
    T *lines = (T *)(void *)scratch, *constant = lines + SEPARABLE_LINES * line;
    fill_run(constant, (T)f->constant[0], line);
    correlation_end end[2] = {end_of((T)f->divisor[0]), end_of((T)f->divisor[1])};

    for (int64_t p = b.first, m; p < b.last; p += m) {
        m = min_i64(min_i64(SEPARABLE_LINES, R), b.last - p);
        for (int64_t r = 0; r < m + R - 1; r++) {
            int64_t at = row_at(f, p + r);
            row[r] = at < 0 ? constant : b.x + at * W + b.from + b.low;
        }
        T *to = v ? lines + b.low : b.y + p * W;
        int64_t to_line = v ? line : W;
        switch (m) {
        case 1: separable_lines(1, row, w ? w : &one, R, to, to_line, inside, &end[0]); break;
        case 2: separable_lines(2, row, w, R, to, to_line, inside, &end[0]); break;
        case 3: separable_lines(3, row, w, R, to, to_line, inside, &end[0]); break;
        default: separable_lines(SEPARABLE_LINES, row, w, R, to, to_line, inside, &end[0]);
        }
        if (!v) continue;
        for (int64_t i = 0; i < m; i++) {
            T *cell = lines + i * line;
            continue_line(job, &b, p + i, cell);
            zero_run(cell + b.cells, LANES);
            int64_t l = 0, wide = SEPARABLE_VECS * LANES;
            T *c = b.y + (p + i) * f->result[1];
            for (; l + wide <= b.columns; l += wide)
                separable_along(SEPARABLE_VECS, cell + l, v, S, c + l, LANES, &end[1]);
            for (; l < b.columns; l += LANES)
                separable_along(1, cell + l, v, S, c + l, min_i64(LANES, b.columns - l), &end[1]);
        }
    }
    note_lost(job, end[v != NULL].lost);
}

/* Returns whether every result is finite. */
static int separable(const fc_correlation *f, const void *x, const void *down, const void *along, void *y,
                     void *scratch, int threads) {
    correlation_job job = plan_separable(f);
    job.weights[0] = down;
    job.weights[1] = along;
    return run_correlation(&job, x, y, scratch, separable_task, threads);
}
