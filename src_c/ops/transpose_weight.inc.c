/* transpose_weight.inc.c: the weight as input gradients read it: input channels first, the taps of a phase together. */

/* The matrix of a phase, matrix[g, c, k * taps + t] = weight[g, k, c, tap[t]]. */
typedef struct {
    int64_t taps;
    const int64_t *tap; /* flat kernel indices */
    T *matrix;
} phase_matrix;

typedef struct {
    const fc_conv_geometry *g;
    const T *weight;
    const phase_matrix *phases;
    int64_t count;
} transpose_job;

/* Writes the matrices of all phases in one pass over the weight; a task is a block of input channels of one group, or
 * several narrow groups. Blocks are copied next to one another first: a weight's rows often lie a multiple of a page
 * apart, and so many lines of one cache set would drive one another out. */
enum { TRANSPOSE_CHANNELS = 16, TRANSPOSE_PAIRS = 1024, TRANSPOSE_ROWS = 16, TRANSPOSE_CELLS = 256 };

static int64_t transpose_parts(const fc_conv_geometry *g) { return ceil_div(g->C / g->G, TRANSPOSE_CHANNELS); }

static int64_t transpose_groups(const fc_conv_geometry *g) {
    return transpose_parts(g) > 1 ? 1 : max_i64(1, TRANSPOSE_PAIRS / (g->C / g->G * (g->K / g->G)));
}

/* Output channels [k, k + rows) of one group and input channel c, the weight of the first at `weight`. */
static void transpose_rows_of(const transpose_job *job, int64_t channel, int64_t k, int64_t rows, const T *weight,
                              int64_t weight_row) {
    const fc_conv_geometry *g = job->g;
    for (const phase_matrix *p = job->phases; p < job->phases + job->count; p++) {
        T *row = p->matrix + (channel * (g->K / g->G) + k) * p->taps;
        int neighbours = p->taps > 2 && p->tap[p->taps - 1] - p->tap[0] == p->taps - 1;
        for (int64_t i = 0; neighbours && i < rows; i++)
            copy_run(row + i * p->taps, weight + i * weight_row + p->tap[0], p->taps);
        for (int64_t t = 0; !neighbours && t < p->taps; t++) {
            const T *from = weight + p->tap[t];
            for (int64_t i = 0; i < rows; i++) row[i * p->taps + t] = from[i * weight_row];
        }
    }
}

static void transpose_weight(const void *context, int64_t task, int thread) {
    (void)thread;
    const transpose_job *job = context;
    const fc_conv_geometry *g = job->g;
    int64_t C = g->C / g->G, K = g->K / g->G, all = volume(g->kernel), parts = transpose_parts(g);
    int64_t first = task % parts * TRANSPOSE_CHANNELS, end = min_i64(C, first + TRANSPOSE_CHANNELS);
    int64_t group = task / parts * transpose_groups(g), groups = min_i64(g->G, group + transpose_groups(g));
    int64_t together = all <= TRANSPOSE_CELLS ? TRANSPOSE_CELLS / all : 0; /* channels in a copy */
    T copy[TRANSPOSE_ROWS * (TRANSPOSE_CELLS + 1)];
    for (; group < groups; group++)
        for (int64_t k = 0; k < K; k += TRANSPOSE_ROWS) {
            int64_t rows = min_i64(TRANSPOSE_ROWS, K - k), row = C * all;
            for (int64_t c = first, some; c < end; c += some) {
                const T *weight = job->weight + ((group * K + k) * C + c) * all;
                some = together ? min_i64(together, end - c) : 1;
                int64_t pitch = together ? TRANSPOSE_CELLS + 1 : row;
                for (int64_t i = 0; together && i < rows; i++) copy_run(copy + i * pitch, weight + i * row, some * all);
                for (int64_t i = 0; i < some; i++)
                    transpose_rows_of(job, group * C + c + i, k, rows, (together ? copy : weight) + i * all, pitch);
            }
        }
}

static void run_transpose(const transpose_job *job, int threads) {
    const fc_conv_geometry *g = job->g;
    if (volume(g->kernel) == 1) { /* one tap, perhaps of a phase without pixels */
        if (job->count) reorder(g->G, g->K / g->G, g->C / g->G, job->weight, job->phases->matrix, threads);
        return;
    }
    fc_parallel_for(ceil_div(g->G, transpose_groups(g)) * transpose_parts(g), threads, transpose_weight, job);
}
