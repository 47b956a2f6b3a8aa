/* resample.inc.c: y (outer, rows, inner) = a sparse matrix applied along the middle axis of x (outer, cells, inner).
 *
 * Row r of the matrix has weights[e] in columns[e] for bounds[r] <= e < bounds[r + 1]; a sum is one chain in that
 * order. Lanes run along inner. Where that is 1, as many neighbours of outer as a vector has lanes are turned into it,
 * a stretch of cells at a time. */

typedef struct {
    int64_t outer, cells, rows, inner;
    int64_t units, units_per_task, parts; /* a unit is one of outer, or a vector of them; parts of its rows */
    const int64_t *bounds, *columns;
    const T *weights, *x;
    T *y;
} resample_job;

enum { RESAMPLE_WORK = 32 * 1024, RESAMPLE_SPAN = 256, RESAMPLE_ROWS = 128, RESAMPLE_VECS = 4 };

/* y[i] = sum of weights * x[column * x_row + i] for i < n vectors, or for i < some <= LANES with n = 1. */
VEC_INLINE void sum_entries(const resample_job *job, int64_t row, const T *x, int64_t x_row, T *y, const int n,
                            int64_t some) {
    int64_t e = job->bounds[row], end = job->bounds[row + 1];
    vec sum[RESAMPLE_VECS];
    FC_UNROLL for (int v = 0; v < n; v++) sum[v] = (vec){0};
    if (e < end) {
        const T *from = x + job->columns[e] * x_row;
        vec weight = splat(job->weights[e]);
        FC_UNROLL for (int v = 0; v < n; v++) sum[v] = weight * load_some(from + v * LANES, some);
    }
    for (e++; e < end; e++) {
        const T *from = x + job->columns[e] * x_row;
        vec weight = splat(job->weights[e]);
        FC_UNROLL for (int v = 0; v < n; v++) sum[v] += weight * load_some(from + v * LANES, some);
    }
    FC_UNROLL for (int v = 0; v < n; v++) store_some(y + v * LANES, sum[v], some);
}

/* Rows of one of outer. */
static void resample_rows(const resample_job *job, int64_t o, int64_t first, int64_t last) {
    enum { PIECE = RESAMPLE_VECS * LANES };
    const T *x = job->x + o * job->cells * job->inner;
    for (int64_t row = first; row < last; row++) {
        T *y = job->y + (o * job->rows + row) * job->inner;
        int64_t i = 0;
        for (; i + PIECE <= job->inner; i += PIECE)
            sum_entries(job, row, x + i, job->inner, y + i, RESAMPLE_VECS, LANES);
        for (; i + 2 * LANES <= job->inner; i += 2 * LANES) sum_entries(job, row, x + i, job->inner, y + i, 2, LANES);
        if (i + LANES <= job->inner) {
            sum_entries(job, row, x + i, job->inner, y + i, 1, LANES);
            i += LANES;
        }
        if (i < job->inner) sum_entries(job, row, x + i, job->inner, y + i, 1, job->inner - i);
    }
}

/* Rows [row, end) see cells [low, high): as many rows as see no more than RESAMPLE_SPAN, at least one. */
typedef struct {
    int64_t end, low, high;
} resample_stretch;

static resample_stretch stretch_at(const resample_job *job, int64_t row, int64_t last) {
    resample_stretch s = {row, job->cells, 0};
    for (last = min_i64(last, row + RESAMPLE_ROWS); s.end < last; s.end++) {
        int64_t low = s.low, high = s.high;
        for (int64_t e = job->bounds[s.end]; e < job->bounds[s.end + 1]; e++) {
            low = min_i64(low, job->columns[e]);
            high = max_i64(high, job->columns[e] + 1);
        }
        if (s.end > row && high - low > RESAMPLE_SPAN) break;
        s.low = low;
        s.high = high;
    }
    return s;
}

/* The same where inner is 1, of count <= LANES of outer. */
static void resample_columns(const resample_job *job, int64_t o, int64_t count, int64_t first, int64_t last) {
    T in[RESAMPLE_SPAN * LANES], out[RESAMPLE_ROWS * LANES];
    if (count < LANES) zero_run(in, RESAMPLE_SPAN * LANES);
    const T *x = job->x + o * job->cells;
    T *y = job->y + o * job->rows;
    int few = count < LANES / 4; /* are not worth turning */
    resample_stretch s;
    for (int64_t row = first; row < last; row = s.end) {
        s = few ? (resample_stretch){last, 0, job->cells} : stretch_at(job, row, last);
        if (few || s.high - s.low > RESAMPLE_SPAN) {
            for (int64_t i = 0; i < count; i++)
                for (int64_t r = row; r < s.end; r++) {
                    T sum = 0;
                    for (int64_t e = job->bounds[r]; e < job->bounds[r + 1]; e++)
                        sum += job->weights[e] * x[i * job->cells + job->columns[e]];
                    y[i * job->rows + r] = sum;
                }
            continue;
        }
        if (s.high > s.low) transpose_block(x + s.low, job->cells, count, s.high - s.low, in, LANES);
        for (int64_t r = row; r < s.end; r++)
            sum_entries(job, r, in - s.low * LANES, LANES, out + (r - row) * LANES, 1, LANES);
        transpose_block(out, LANES, s.end - row, count, y + row, job->rows);
    }
}

static void resample_task(const void *context, int64_t task, int thread) {
    (void)thread;
    const resample_job *job = context;
    int64_t part = task % job->parts, first = task / job->parts * job->units_per_task;
    int64_t begin = part_start(job->rows, job->parts, part), end = part_start(job->rows, job->parts, part + 1);
    for (int64_t unit = first; unit < min_i64(job->units, first + job->units_per_task); unit++) {
        if (job->inner > 1) resample_rows(job, unit, begin, end);
        else resample_columns(job, unit * LANES, min_i64(LANES, job->outer - unit * LANES), begin, end);
    }
}

static void resample(int64_t outer, int64_t cells, int64_t rows, int64_t inner, const int64_t *bounds,
                     const int64_t *columns, const void *weights, const void *x, void *y, int threads) {
    int64_t width = inner > 1 ? inner : LANES, work = max_i64(max_i64(cells, rows), bounds[rows]) * width;
    resample_job job = {outer,
                        cells,
                        rows,
                        inner,
                        inner > 1 ? outer : ceil_div(outer, LANES),
                        max_i64(1, RESAMPLE_WORK / work),
                        clamp_i64(work / RESAMPLE_WORK, 1, rows),
                        bounds,
                        columns,
                        weights,
                        x,
                        y};
    fc_parallel_for(ceil_div(job.units, job.units_per_task) * job.parts, threads, resample_task, &job);
}

typedef struct {
    int64_t cells, rows, inner;
    int64_t width, block; /* of inner a task for x, rows a task for the weights */
    const int64_t *bounds, *columns;
    const T *weights, *x, *g;
    T *grad_x, *grad_weights;
} resample_grad_job;

/* What falls on a cell is added in the order of rows and entries. */
static void resample_cells_task(const void *context, int64_t task, int thread) {
    (void)thread;
    const resample_grad_job *job = context;
    int64_t first = task * job->width, width = min_i64(job->width, job->inner - first);
    T *sum = job->grad_x + first;
    for (int64_t cell = 0; cell < job->cells; cell++) zero_run(sum + cell * job->inner, width);
    for (int64_t row = 0; row < job->rows; row++) {
        if (row % RESAMPLE_WORK == 0 && fc_stopped()) return;
        const T *g = job->g + row * job->inner + first;
        for (int64_t e = job->bounds[row]; e < job->bounds[row + 1]; e++) {
            T *to = sum + job->columns[e] * job->inner;
            for (int64_t i = 0, n; i < width; i += n) {
                n = min_i64(LANES, width - i);
                store_some(to + i, load_some(to + i, n) + job->weights[e] * load_some(g + i, n), n);
            }
        }
    }
}

static void resample_weights_task(const void *context, int64_t task, int thread) {
    (void)thread;
    const resample_grad_job *job = context;
    int64_t first = task * job->block;
    for (int64_t row = first; row < min_i64(job->rows, first + job->block); row++)
        for (int64_t e = job->bounds[row]; e < job->bounds[row + 1]; e++)
            job->grad_weights[e] =
                dot_run(job->g + row * job->inner, job->x + job->columns[e] * job->inner, job->inner);
}

static void resample_grad(int64_t cells, int64_t rows, int64_t inner, const int64_t *bounds, const int64_t *columns,
                          const void *weights, const void *x, const void *g, void *grad_x, void *grad_weights,
                          int threads) {
    int64_t width = line_bytes(ceil_div(inner, 4) * T_BYTES) / T_BYTES;
    resample_grad_job job = {cells,  rows,        inner,   width, max_i64(1, RESAMPLE_WORK / inner),
                             bounds, columns,     weights, x,     g,
                             grad_x, grad_weights};
    if (grad_x) fc_parallel_for(ceil_div(inner, width), threads, resample_cells_task, &job);
    if (grad_weights) fc_parallel_for(ceil_div(rows, job.block), threads, resample_weights_task, &job);
}
