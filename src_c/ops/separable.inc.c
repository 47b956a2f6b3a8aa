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

/* What becomes of a sum: it is divided by `divisor` unless that is 1, and *lost gets NaN if the quotient is not finite.
 */
typedef struct {
    T divisor, inverse;
    vec lost;
} separable_end;

VEC_INLINE vec separable_finish(separable_end *end, vec sum) {
    if (end->divisor != 1) { /* with the remainder, as divisions are rounded */
        vec quotient = sum * end->inverse;
        sum = quotient + (sum - quotient * end->divisor) * end->inverse;
    }
    end->lost += sum * 0;
    return sum;
}

typedef struct {
    const fc_correlation *f;
    int64_t rows, row_blocks, columns, column_blocks;
    int64_t line; /* elements from line to line */
    int64_t pointer_bytes, line_bytes, thread_bytes;
    const T *x, *weights[2];
    T *y;
    char *scratch;
    int *not_finite;
} separable_job;

static separable_job plan_separable(const fc_correlation *f) {
    separable_job job = {.f = f};
    int64_t R = f->taps[0], S = f->taps[1], P = f->result[0], Q = f->result[1];
    int64_t fit = SEPARABLE_BYTES / T_BYTES / (R + SEPARABLE_LINES);
    fit = max_i64(clamp_i64(fit, 16 * LANES, SEPARABLE_COLUMNS), S); /* not fewer than are read beside them */
    job.columns = ceil_div(ceil_div(Q, ceil_div(Q, fit)), LANES) * LANES;
    job.column_blocks = ceil_div(Q, job.columns);
    int64_t worth = SEPARABLE_WORK / (min_i64(Q, job.columns) * (R + S));
    job.rows = min_i64(P, ceil_div(max_i64(worth, 2 * R), SEPARABLE_LINES) * SEPARABLE_LINES);
    job.row_blocks = ceil_div(P, job.rows);
    job.line = job.columns + S + LANES;
    job.pointer_bytes = line_bytes((R + SEPARABLE_LINES) * (int64_t)sizeof(T *));
    job.line_bytes = line_bytes((SEPARABLE_LINES + 1) * job.line * (int64_t)sizeof(T));
    job.thread_bytes = job.pointer_bytes + job.line_bytes;
    return job;
}

static int64_t separable_scratch(const fc_correlation *f, int threads) {
    return plan_separable(f).thread_bytes * threads;
}

/* c[i * c_line + l] = sum over r < taps of w[r] * row[i + r][l] for i < m, l < n vectors, or some elements of one;
 * m <= taps. */
VEC_INLINE void separable_down(const int m, const int n, const T *const *row, int64_t at, const T *w, int64_t taps,
                               T *c, int64_t c_line, int64_t some, separable_end *end) {
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
        store_some(c + i * c_line + v * LANES, separable_finish(end, acc[i][v]), some);
}

VEC_INLINE void separable_lines(const int m, const T *const *row, const T *w, int64_t taps, T *c, int64_t c_line,
                                int64_t count, separable_end *end) {
    int64_t at = 0, wide = SEPARABLE_VECS * LANES;
    for (; at + wide <= count; at += wide)
        separable_down(m, SEPARABLE_VECS, row, at, w, taps, c + at, c_line, LANES, end);
    for (; at < count; at += LANES)
        separable_down(m, 1, row, at, w, taps, c + at, c_line, min_i64(LANES, count - at), end);
}

/* The same along a line: c[l] = sum over s < taps of w[s] * x[s + l]. */
VEC_INLINE void separable_along(const int n, const T *x, const T *w, int64_t taps, T *c, int64_t some,
                                separable_end *end) {
    vec acc[SEPARABLE_VECS];
    FC_UNROLL for (int v = 0; v < n; v++) acc[v] = splat(w[0]) * load(x + v * LANES);
    for (int64_t s = 1; s < taps; s++) {
        vec weight = splat(w[s]);
        FC_UNROLL for (int v = 0; v < n; v++) acc[v] += weight * load(x + s + v * LANES);
    }
    FC_UNROLL for (int v = 0; v < n; v++) store_some(c + v * LANES, separable_finish(end, acc[v]), some);
}

/* The source row under tap r of row p is row_at(f, p + r). */
static inline int64_t row_at(const fc_correlation *f, int64_t e) { return f->at[0] ? f->at[0][e] : e; }

/* The cells of the line of row p beyond [low, high), of `cells`; cell e is the one that at[1][q + e] says. */
static void continue_line(const separable_job *job, const T *x, int64_t p, int64_t q, int64_t from, int64_t low,
                          int64_t high, int64_t cells, T *line) {
    const fc_correlation *f = job->f;
    const T *w = job->weights[0];
    for (int64_t e = low > 0 ? 0 : high; e < cells; e = e + 1 == low ? high : e + 1) {
        int64_t column = f->at[1][q + e];
        if (column < 0) {
            line[e] = (T)f->constant[1];
        } else if (column >= from + low && column < from + high) {
            line[e] = line[column - from];
        } else { /* of another block */
            T sum = 0;
            for (int64_t r = 0; r < f->taps[0]; r++) {
                int64_t at = row_at(f, p + r);
                sum += (w ? w[r] : 1) * (at < 0 ? (T)f->constant[0] : x[at * f->source[1] + column]);
            }
            line[e] = sum / (T)f->divisor[0];
        }
    }
}

static void separable_task(const void *context, int64_t task, int thread) {
    const separable_job *job = context;
    const fc_correlation *f = job->f;
    int64_t R = f->taps[0], S = f->taps[1], W = f->source[1], line = job->line;
    int64_t q = task % job->column_blocks * job->columns, columns = min_i64(job->columns, f->result[1] - q);
    int64_t first = task / job->column_blocks % job->row_blocks * job->rows;
    int64_t last = min_i64(f->result[0], first + job->rows), plane = task / job->column_blocks / job->row_blocks;
    const T *x = job->x + plane * f->source[0] * W, *w = job->weights[0], *v = job->weights[1];
    T *y = job->y + plane * f->result[0] * f->result[1] + q, one = 1;

    char *scratch = job->scratch + thread * job->thread_bytes;
    const T **row = take(&scratch, job->pointer_bytes);
    T *lines = take(&scratch, job->line_bytes), *constant = lines + SEPARABLE_LINES * line;
    fill_run(constant, (T)f->constant[0], line);
    /* Cells [0, cells) of a line, of which [low, high) are those of source columns from `from` + low on. */
    int64_t cells = columns + S - 1, from = f->start + q;
    int64_t low = clamp_i64(-from, 0, cells), high = clamp_i64(W - from, low, cells);
    separable_end end[2];
    for (int axis = 0; axis < 2; axis++)
        end[axis] = (separable_end){(T)f->divisor[axis], (T)(1 / f->divisor[axis]), {0}};

    for (int64_t p = first, m; p < last; p += m) {
        m = min_i64(min_i64(SEPARABLE_LINES, R), last - p);
        for (int64_t r = 0; r < m + R - 1; r++) {
            int64_t at = row_at(f, p + r);
            row[r] = at < 0 ? constant : x + at * W + from + low;
        }
        T *to = v ? lines + low : y + p * W;
        int64_t to_line = v ? line : W;
        switch (m) {
        case 1: separable_lines(1, row, w ? w : &one, R, to, to_line, high - low, &end[0]); break;
        case 2: separable_lines(2, row, w, R, to, to_line, high - low, &end[0]); break;
        case 3: separable_lines(3, row, w, R, to, to_line, high - low, &end[0]); break;
        default: separable_lines(SEPARABLE_LINES, row, w, R, to, to_line, high - low, &end[0]);
        }
        if (!v) continue;
        for (int64_t i = 0; i < m; i++) {
            T *cell = lines + i * line;
            continue_line(job, x, p + i, q, from, low, high, cells, cell);
            zero_run(cell + cells, LANES);
            int64_t l = 0, wide = SEPARABLE_VECS * LANES;
            T *c = y + (p + i) * f->result[1];
            for (; l + wide <= columns; l += wide)
                separable_along(SEPARABLE_VECS, cell + l, v, S, c + l, LANES, &end[1]);
            for (; l < columns; l += LANES)
                separable_along(1, cell + l, v, S, c + l, min_i64(LANES, columns - l), &end[1]);
        }
    }
    if (sum_of_lanes(end[v != NULL].lost) != 0) __atomic_store_n(job->not_finite, 1, __ATOMIC_RELAXED);
}

/* Returns whether every result is finite. */
static int separable(const fc_correlation *f, const void *x, const void *down, const void *along, void *y,
                     void *scratch, int threads) {
    int not_finite = 0;
    separable_job job = plan_separable(f);
    job.x = x;
    job.y = y;
    job.weights[0] = down;
    job.weights[1] = along;
    job.scratch = scratch;
    job.not_finite = &not_finite;
    fc_parallel_for(f->outer * job.row_blocks * job.column_blocks, threads, separable_task, &job);
    return !not_finite;
}
