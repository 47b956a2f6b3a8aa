/* transpose_weight.inc.c: the weight as input gradients read it: input channels first, the taps of a phase together. */

/* The matrix of a phase, matrix[g, c, k * taps + t] = weight[g, k, c, tap[t]]. */
typedef struct {
    int64_t taps;
    const int64_t *tap; /* flat kernel indices */
    T *matrix;
    int64_t row; /* elements from channel to channel */
} phase_matrix;

typedef struct {
    const fc_conv_geometry *g;
    const T *weight;
    const phase_matrix *phases;
    int64_t count;
} transpose_job;

/* Writes the matrices of all phases in one pass over the weight; a task is a block of input channels of one group, or
 * several narrow groups. */
enum { TRANSPOSE_CHANNELS = 16, TRANSPOSE_PAIRS = 1024, TRANSPOSE_CELLS = 256 };

static int64_t transpose_parts(const fc_conv_geometry *g) { return ceil_div(g->C / g->G, TRANSPOSE_CHANNELS); }

static int64_t transpose_groups(const fc_conv_geometry *g) {
    return transpose_parts(g) > 1 ? 1 : max_i64(1, TRANSPOSE_PAIRS / (g->C / g->G * (g->K / g->G)));
}

/* row[lane * taps + t] = columns[tap[t]][lane] for a number of taps that is a power of two. */
VEC_INLINE void zip_columns(const T *columns, const int64_t *tap, const int taps, T *row) {
    vec x[8], y[8];
    FC_UNROLL for (int t = 0; t < taps; t++) x[t] = load(columns + tap[t] * LANES);
    FC_UNROLL for (int round = 1; round < taps; round *= 2) {
        FC_UNROLL for (int t = 0; t < taps / 2; t++) {
            y[2 * t] = zip_low(x[t], x[t + taps / 2]);
            y[2 * t + 1] = zip_high(x[t], x[t + taps / 2]);
        }
        FC_UNROLL for (int t = 0; t < taps; t++) x[t] = y[t];
    }
    FC_UNROLL for (int t = 0; t < taps; t++) store(row + t * LANES, x[t]);
}

/* The same for any taps and `lanes` lanes of cells that lie lane_step and cell_step apart. */
static void join_taps(const T *cells, int64_t lane_step, int64_t cell_step, int64_t lanes, const phase_matrix *p,
                      T *row) {
    if (lane_step == 1 && lanes == LANES) switch (p->taps) {
        case 1: zip_columns(cells, p->tap, 1, row); return;
        case 2: zip_columns(cells, p->tap, 2, row); return;
        case 4: zip_columns(cells, p->tap, 4, row); return;
        case 8: zip_columns(cells, p->tap, 8, row); return;
        }
    for (int64_t t = 0; t < p->taps; t++)
        for (int64_t lane = 0; lane < lanes; lane++)
            row[lane * p->taps + t] = cells[lane * lane_step + p->tap[t] * cell_step];
}

/* Output channels [k, k + rows) of one group and input channels [channel, channel + channels), whose weights start at
 * `weight`. Rows of weights often lie a multiple of a page apart, where so many lines of one cache set would drive one
 * another out: each is read to its end before the next, or sixteen of them are turned in squares. */
static void transpose_channels(const transpose_job *job, int64_t channel, int64_t channels, int64_t k, int64_t rows,
                               const T *weight) {
    const fc_conv_geometry *g = job->g;
    int64_t all = volume(g->kernel), weight_row = g->C / g->G * all;
    int turned = 0, turns = rows > LANES / 2 && channels * all <= TRANSPOSE_CELLS;
    T columns[TRANSPOSE_CELLS * LANES];
    for (const phase_matrix *p = job->phases; p < job->phases + job->count; p++) {
        T *block = p->matrix + channel * p->row + k * p->taps;
        if (p->taps > 2 && p->tap[p->taps - 1] - p->tap[0] == p->taps - 1) { /* neighbours */
            for (int64_t i = 0; i < rows; i++)
                for (int64_t c = 0; c < channels; c++)
                    copy_run(block + c * p->row + i * p->taps, weight + i * weight_row + c * all + p->tap[0], p->taps);
            continue;
        }
        if (turns && !turned++) {
            const T *run[LANES];
            for (int64_t lane = 0; lane < LANES; lane++) run[lane] = weight + min_i64(lane, rows - 1) * weight_row;
            take_all_columns(run, channels * all, columns);
        }
        for (int64_t c = 0; c < channels; c++)
            join_taps(turns ? columns + c * all * LANES : weight + c * all, turns ? 1 : weight_row, turns ? LANES : 1,
                      rows, p, block + c * p->row);
    }
}

static void transpose_weight(const void *context, int64_t task, int thread) {
    (void)thread;
    const transpose_job *job = context;
    const fc_conv_geometry *g = job->g;
    int64_t C = g->C / g->G, K = g->K / g->G, all = volume(g->kernel), parts = transpose_parts(g);
    int64_t first = task % parts * TRANSPOSE_CHANNELS, end = min_i64(C, first + TRANSPOSE_CHANNELS);
    int64_t group = task / parts * transpose_groups(g), groups = min_i64(g->G, group + transpose_groups(g));
    int64_t together = max_i64(1, TRANSPOSE_CELLS / all); /* channels */
    for (; group < groups; group++)
        for (int64_t k = 0; k < K; k += LANES)
            for (int64_t c = first; c < end; c += together)
                transpose_channels(job, group * C + c, min_i64(together, end - c), k, min_i64(LANES, K - k),
                                   job->weight + ((group * K + k) * C + c) * all);
}

static void run_transpose(const transpose_job *job, int threads) {
    const fc_conv_geometry *g = job->g;
    if (volume(g->kernel) == 1) { /* one tap, perhaps of a phase without pixels */
        if (job->count) reorder(g->G, g->K / g->G, g->C / g->G, job->weight, job->phases->matrix, threads);
        return;
    }
    fc_parallel_for(ceil_div(g->G, transpose_groups(g)) * transpose_parts(g), threads, transpose_weight, job);
}
