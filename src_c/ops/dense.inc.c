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

static int64_t dense_stage_bytes(void) { return line_bytes(DENSE_ROWS * DENSE_VECS * (int64_t)sizeof(vec)); }
static int64_t dense_step_bytes(int64_t R) { return line_bytes(ceil_div(R, DENSE_TAPS) * (int64_t)sizeof(slide_step)); }

FC_PLAN correlation_job plan_dense(const fc_correlation *f) {
    int64_t R = f->taps[0];
    correlation_job job = cut_columns(f, DENSE_COLUMNS);
    int64_t fit = DENSE_BYTES / (job.line * T_BYTES) - R;
    cut_rows(&job, max_i64(fit / DENSE_ROWS, 1) * DENSE_ROWS);
    job.thread_bytes = dense_stage_bytes() + dense_step_bytes(R) + line_bytes(f->taps[1] * (int64_t)sizeof(int64_t)) +
                       line_bytes((job.rows + R - 1) * job.line * (int64_t)sizeof(T));
    return job;
}

static int64_t dense_scratch(const fc_correlation *f, int threads) { return plan_dense(f).thread_bytes * threads; }

/* Row e of a continued plane, as a block sees it. */
static void lay_line(const fc_correlation *f, const correlation_block *b, int64_t e, T *line) {
    int64_t at = row_at(f, e);
    if (at < 0) {
        fill_run(line, (T)f->constant[0], b->cells);
        return;
    }
    const T *row = b->x + at * f->source[1];
    if (b->high > b->low) copy_run(line + b->low, row + b->from + b->low, b->high - b->low);
    FOR_CELLS_BEYOND(b, i) {
        int64_t column = f->at[1][b->q + i];
        line[i] = column < 0 ? (T)f->constant[1] : row[column];
    }
}

static void dense_task(const void *context, int64_t task, int thread) {
    const correlation_job *job = context;
    const fc_correlation *f = job->f;
    correlation_block b = block_at(job, task);
    int64_t R = f->taps[0], S = f->taps[1], Q = f->result[1], parts = ceil_div(R, DENSE_TAPS);

    char *scratch = job->scratch + thread * job->thread_bytes;
    T *stage = take(&scratch, dense_stage_bytes());
    slide_step *steps = take(&scratch, dense_step_bytes(R));
    int64_t *column = take(&scratch, S * (int64_t)sizeof(int64_t));
    T *strip = (T *)(void *)scratch;
    for (int64_t s = 0; s < S; s++) column[s] = s;
    for (int64_t part = 0; part < parts; part++) {
        int64_t r = part_start(R, parts, part);
        steps[part] = (slide_step){r * job->line, r, part_start(R, parts, part + 1) - r};
    }
    slide_arguments t = {.channels = 1,
                         .step = steps,
                         .end = steps + parts,
                         .column = column,
                         .count = S,
                         .a = job->weights[0],
                         .a_row = S,
                         .x_row = job->line};
    correlation_end end = end_of(1);
    for (int64_t p = b.first, laid = b.first, m; p < b.last; p += m) {
        m = min_i64(DENSE_ROWS, b.last - p);
        for (; laid < p + m + R - 1; laid++) {
            T *line = strip + (laid - b.first) * job->line;
            lay_line(f, &b, laid, line);
            zero_run(line + b.cells, LANES);
        }
        for (int64_t l = 0, n; l < b.columns; l += n * LANES) {
            n = min_i64(DENSE_VECS, ceil_div(b.columns - l, LANES));
            int64_t inside = min_i64(n * LANES, b.columns - l);
            int staged = inside < n * LANES;
            t.x = strip + (p - b.first) * job->line + l;
            t.c = staged ? stage : b.y + p * Q + l;
            t.c_row = staged ? n * LANES : Q;
            slide_tiles[m - 1][n - 1](&t);
            for (int64_t i = 0; i < m; i++) {
                T *c = b.y + (p + i) * Q + l;
                if (staged) copy_run(c, stage + i * n * LANES, inside);
                FOR_LANES(j, some, inside) finish_sums(&end, load_some(c + j, some));
            }
        }
    }
    note_lost(job, end.lost);
}

/* Returns whether every result is finite. */
static int dense(const fc_correlation *f, const void *x, const void *weights, void *y, void *scratch, int threads) {
    correlation_job job = plan_dense(f);
    job.weights[0] = weights;
    return run_correlation(&job, x, y, scratch, dense_task, threads);
}
