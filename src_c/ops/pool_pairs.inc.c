/* pool_pairs.inc.c: maxima of 2 x 2 cells, of stride 2, and where they are: from two rows of input to one of output.
 *
 * Rows of output are numbered through all planes. They lie next to one another, so a vector may be written past the
 * end of a row, whose next row overwrites it. Rows that would leave much of a vector empty are reduced side by side
 * instead. */

static int is_pairs(const fc_pool_geometry *g) {
    int64_t Q = g->output[2];
    int fills = Q > 2 * LANES || 8 * Q >= 7 * LANES * ceil_div(Q, LANES);
    int pairs = !g->adaptive && fills && g->kernel[0] == 1 && g->stride[0] == 1 && g->padding[0] == 0;
    for (int axis = 1; axis < 3; axis++)
        pairs &= g->kernel[axis] == 2 && g->stride[axis] == 2 && g->padding[axis] == 0 && g->dilation[axis] == 1 &&
                 2 * g->output[axis] <= g->input[axis];
    return pairs;
}

typedef struct {
    const fc_pool_geometry *g;
    const T *input;
    T *output;
    int64_t *indices;
    int64_t rows, rows_per_task;
} pairs_job;

/* Two vectors from p on, of which nothing is read from `end` on. */
VEC_INLINE void load_pairs(const T *p, const T *end, vec x[2]) {
    FC_UNROLL for (int i = 0; i < 2; i++) x[i] = load_before(p + i * LANES, end);
}

static void pairs_task(const void *context, int64_t task, int thread) {
    (void)thread;
    const pairs_job *job = context;
    const fc_pool_geometry *g = job->g;
    int64_t P = g->output[1], Q = g->output[2], H = g->input[1], W = g->input[2];
    int64_t first = task * job->rows_per_task, last = min_i64(job->rows, first + job->rows_per_task);
    const T *end = job->input + g->planes * volume(g->input);
    int64_t p = first % P, slice = first / P, depth = slice % g->output[0];
    const T *rows = job->input + slice * H * W; /* of the slice */
    for (int64_t row = first; row < last; row++) {
        const T *x = rows + 2 * p * W;
        int64_t at = depth * H * W + 2 * p * W;
        pool_result out = {job->output + row * Q, job->indices + row * Q, 1, 1, NULL};
        for (int64_t i = 0; i < Q; i += LANES) {
            vec above[2], below[2];
            load_pairs(x + 2 * i, end, above);
            load_pairs(x + W + 2 * i, end, below);
            cells most = {evens(above[0], above[1]), splat_position(0)};
            most = then(POOL_MAX, 1, most, odds(above[0], above[1]), 1);
            most = then(POOL_MAX, 1, most, evens(below[0], below[1]), (position)W);
            most = then(POOL_MAX, 1, most, odds(below[0], below[1]), (position)(W + 1));
            most.at += 2 * (positions){LANES_COUNTED} + (position)(at + 2 * i);
            put_cells(POOL_MAX, 1, &out, i, mark_nan(POOL_MAX, 1, most), min_i64(LANES, (last - row) * Q - i));
        }
        if (++p < P) continue;
        p = 0;
        rows += H * W;
        depth = depth + 1 == g->output[0] ? 0 : depth + 1;
    }
}

static void pool_pairs(const fc_pool_geometry *g, const T *input, T *output, int64_t *indices, int threads) {
    int64_t rows = g->planes * g->output[0] * g->output[1];
    pairs_job job = {g, input, output, indices, rows, max_i64(1, POOL_TASK_CELLS / (2 * g->input[2]))};
    fc_parallel_for(ceil_div(rows, job.rows_per_task), threads, pairs_task, &job);
}
