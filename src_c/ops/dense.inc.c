/* dense.inc.c: correlation of planes with a whole kernel of few taps, weights (R, S), continued beyond their edges as
 * in separable.inc.c; cells beyond the last axis's edge have its constant.
 *
 * The rows that a block sees are laid into a strip, edges filled in, each just before a tile first reads it; tiles are
 * those of kernels/slide_tile.inc.c. */

#if TILE_ROWS * TILE_VECS > 12
enum { DENSE_ROWS = 6, DENSE_VECS = 3 };
#else
enum { DENSE_ROWS = 5, DENSE_VECS = 2 };
#endif
enum { DENSE_TAPS = 3, DENSE_BYTES = 192 * 1024, DENSE_COLUMNS = 2048 };

typedef struct {
    const fc_correlation *f;
    int64_t rows, row_blocks, columns, column_blocks;
    int64_t pitch, strip_bytes, stage_bytes, step_bytes, column_bytes, thread_bytes;
    const T *x, *weights;
    T *y;
    char *scratch;
    int *not_finite;
} dense_job;

static dense_job plan_dense(const fc_correlation *f) {
    dense_job job = {.f = f};
    int64_t R = f->taps[0], S = f->taps[1], P = f->result[0], Q = f->result[1];
    job.columns = ceil_div(ceil_div(Q, ceil_div(Q, max_i64(DENSE_COLUMNS, S))), LANES) * LANES;
    job.column_blocks = ceil_div(Q, job.columns);
    job.pitch = job.columns + S + LANES;
    int64_t fit = DENSE_BYTES / (job.pitch * T_BYTES) - R;
    job.rows = min_i64(P, max_i64(fit / DENSE_ROWS, 1) * DENSE_ROWS);
    job.row_blocks = ceil_div(P, job.rows);
    job.strip_bytes = line_bytes((job.rows + R - 1) * job.pitch * (int64_t)sizeof(T));
    job.stage_bytes = line_bytes(DENSE_ROWS * DENSE_VECS * (int64_t)sizeof(vec));
    job.step_bytes = line_bytes(ceil_div(R, DENSE_TAPS) * (int64_t)sizeof(slide_step));
    job.column_bytes = line_bytes(S * (int64_t)sizeof(int64_t));
    job.thread_bytes = job.strip_bytes + job.stage_bytes + job.step_bytes + job.column_bytes;
    return job;
}

static int64_t dense_scratch(const fc_correlation *f, int threads) { return plan_dense(f).thread_bytes * threads; }

/* Row e of a continued plane from column q on. */
static void lay_line(const fc_correlation *f, const T *x, int64_t e, int64_t q, int64_t cells, T *line) {
    int64_t W = f->source[1], from = f->start + q, row = row_at(f, e);
    if (row < 0) {
        fill_run(line, (T)f->constant[0], cells);
        return;
    }
    int64_t low = clamp_i64(-from, 0, cells), high = clamp_i64(W - from, low, cells);
    x += row * W;
    if (high > low) copy_run(line + low, x + from + low, high - low);
    for (int64_t i = low > 0 ? 0 : high; i < cells; i = i + 1 == low ? high : i + 1) {
        int64_t column = f->at[1][q + i];
        line[i] = column < 0 ? (T)f->constant[1] : x[column];
    }
}

static void dense_task(const void *context, int64_t task, int thread) {
    const dense_job *job = context;
    const fc_correlation *f = job->f;
    int64_t R = f->taps[0], S = f->taps[1], P = f->result[0], Q = f->result[1];
    int64_t q = task % job->column_blocks * job->columns, columns = min_i64(job->columns, Q - q);
    int64_t first = task / job->column_blocks % job->row_blocks * job->rows, last = min_i64(P, first + job->rows);
    int64_t plane = task / job->column_blocks / job->row_blocks, cells = columns + S - 1;
    const T *x = job->x + plane * f->source[0] * f->source[1];
    T *y = job->y + plane * P * Q + q;

    char *scratch = job->scratch + thread * job->thread_bytes;
    T *strip = take(&scratch, job->strip_bytes), *stage = take(&scratch, job->stage_bytes);
    slide_step *steps = take(&scratch, job->step_bytes);
    int64_t *column = take(&scratch, job->column_bytes), parts = ceil_div(R, DENSE_TAPS);
    for (int64_t s = 0; s < S; s++) column[s] = s;
    for (int64_t part = 0; part < parts; part++) {
        int64_t r = part_start(R, parts, part);
        steps[part] = (slide_step){r * job->pitch, r, part_start(R, parts, part + 1) - r};
    }
    slide_arguments t = {.channels = 1,
                         .step = steps,
                         .end = steps + parts,
                         .column = column,
                         .count = S,
                         .a = job->weights,
                         .a_row = S,
                         .x_row = job->pitch};
    separable_end end = {1, 1, {0}};
    for (int64_t p = first, laid = first, m; p < last; p += m) {
        m = min_i64(DENSE_ROWS, last - p);
        for (; laid < p + m + R - 1; laid++) {
            T *line = strip + (laid - first) * job->pitch;
            lay_line(f, x, laid, q, cells, line);
            zero_run(line + cells, LANES);
        }
        for (int64_t l = 0, n; l < columns; l += n * LANES) {
            n = min_i64(DENSE_VECS, ceil_div(columns - l, LANES));
            int64_t inside = min_i64(n * LANES, columns - l);
            int staged = inside < n * LANES;
            t.x = strip + (p - first) * job->pitch + l;
            t.c = staged ? stage : y + p * Q + l;
            t.c_row = staged ? n * LANES : Q;
            slide_tiles[m - 1][n - 1](&t);
            for (int64_t i = 0; i < m; i++) {
                T *c = y + (p + i) * Q + l;
                if (staged) copy_run(c, stage + i * n * LANES, inside);
                FOR_LANES(j, some, inside) separable_finish(&end, load_some(c + j, some));
            }
        }
    }
    if (sum_of_lanes(end.lost) != 0) __atomic_store_n(job->not_finite, 1, __ATOMIC_RELAXED);
}

/* Returns whether every result is finite. */
static int dense(const fc_correlation *f, const void *x, const void *weights, void *y, void *scratch, int threads) {
    int not_finite = 0;
    dense_job job = plan_dense(f);
    job.x = x;
    job.weights = weights;
    job.y = y;
    job.scratch = scratch;
    job.not_finite = &not_finite;
    fc_parallel_for(f->outer * job.row_blocks * job.column_blocks, threads, dense_task, &job);
    return !not_finite;
}
