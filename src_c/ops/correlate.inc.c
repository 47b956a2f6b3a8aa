/* correlate.inc.c: what separable.inc.c and dense.inc.c share: planes cut into blocks, their rows continued beyond the
 * edges, and whether results are finite. */

/* Blocks of rows and columns of the results, and lines of cells that a block's columns see. */
typedef struct {
    const fc_correlation *f;
    int64_t rows, row_blocks, columns, column_blocks;
    int64_t line; /* elements from line to line, with a vector to read beyond */
    int64_t thread_bytes;
    const T *x, *weights[2];
    T *y;
    char *scratch;
    int *not_finite;
} correlation_job;

/* Cuts columns into blocks of at most `fit`, or as many as are seen beside them, but whole vectors. */
static correlation_job cut_columns(const fc_correlation *f, int64_t fit) {
    correlation_job job = {.f = f};
    int64_t Q = f->result[1], S = f->taps[1];
    job.columns = ceil_div(ceil_div(Q, ceil_div(Q, max_i64(fit, S))), LANES) * LANES;
    job.column_blocks = ceil_div(Q, job.columns);
    job.line = job.columns + S + LANES;
    return job;
}

static void cut_rows(correlation_job *job, int64_t rows) {
    job->rows = min_i64(job->f->result[0], rows);
    job->row_blocks = ceil_div(job->f->result[0], job->rows);
}

/* Runs the blocks of a job, which its context begins with. Returns whether every result is finite. */
static int run_correlation(correlation_job *job, const void *x, void *y, void *scratch, fc_task block, int threads) {
    int not_finite = 0;
    job->x = x;
    job->y = y;
    job->scratch = scratch;
    job->not_finite = &not_finite;
    fc_parallel_for(job->f->outer * job->row_blocks * job->column_blocks, threads, block, job);
    return !not_finite;
}

/* A task's block: result rows [first, last) and `columns` columns from q on, whose first is at y; x is the plane.
 * Its lines have `cells` cells, of which [low, high) are the source's own from column `from` + low on. */
typedef struct {
    int64_t first, last, q, columns;
    int64_t from, cells, low, high;
    const T *x;
    T *y;
} correlation_block;

static correlation_block block_at(const correlation_job *job, int64_t task) {
    const fc_correlation *f = job->f;
    int64_t P = f->result[0], Q = f->result[1], W = f->source[1], rest = task / job->column_blocks;
    correlation_block b = {.first = rest % job->row_blocks * job->rows, .q = task % job->column_blocks * job->columns};
    b.last = min_i64(P, b.first + job->rows);
    b.columns = min_i64(job->columns, Q - b.q);
    b.from = f->start + b.q;
    b.cells = b.columns + f->taps[1] - 1;
    b.low = clamp_i64(-b.from, 0, b.cells);
    b.high = clamp_i64(W - b.from, b.low, b.cells);
    b.x = job->x + rest / job->row_blocks * f->source[0] * W;
    b.y = job->y + rest / job->row_blocks * P * Q + b.q;
    return b;
}

/* Cells e of a line that are not the source's own; they are those of column at[1][q + e]. */
#define FOR_CELLS_BEYOND(b, e) \
    for (int64_t e = (b)->low > 0 ? 0 : (b)->high; e < (b)->cells; e = e + 1 == (b)->low ? (b)->high : e + 1)

/* The source row under tap r of row p is row_at(f, p + r). */
static inline int64_t row_at(const fc_correlation *f, int64_t e) { return f->at[0] ? f->at[0][e] : e; }

/* What becomes of a sum: it is divided by `divisor` unless that is 1, and `lost` gets NaN if the quotient is not
 * finite. */
typedef struct {
    T divisor, inverse;
    vec lost;
} correlation_end;

static correlation_end end_of(T divisor) { return (correlation_end){divisor, 1 / divisor, {0}}; }

VEC_INLINE vec finish_sums(correlation_end *end, vec sum) {
    if (end->divisor != 1) { /* with the remainder, as divisions are rounded */
        vec quotient = sum * end->inverse;
        sum = quotient + (sum - quotient * end->divisor) * end->inverse;
    }
    end->lost += sum * 0;
    return sum;
}

static void note_lost(const correlation_job *job, vec lost) {
    if (sum_of_lanes(lost) != 0) __atomic_store_n(job->not_finite, 1, __ATOMIC_RELAXED);
}
