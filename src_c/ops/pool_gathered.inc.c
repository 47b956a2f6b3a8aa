/* pool_gathered.inc.c: pooling of small planes with small windows that no border cuts. */

/* Windows of a row that are gathered faster than rows are reduced one by one. */
enum { GATHERED_ROW = VECTOR_BYTES == 64 ? 2 * LANES : VECTOR_BYTES / 4 };
enum { GATHERED_WINDOWS = 4096, GATHERED_CELLS = 1 << 16, GATHERED_PLANES = 8, GATHERED_TASK_WINDOWS = 128 * LANES };

static int is_gathered(const fc_pool_geometry *g, int indexed) {
    int small = !g->adaptive && uniform_windows(g) && g->planes >= GATHERED_PLANES && g->input[0] == 1 &&
                volume(g->input) <= GATHERED_CELLS && g->output[2] <= (indexed ? GATHERED_ROW : GATHERED_ROW / 4) &&
                g->output[1] * g->output[2] <= GATHERED_WINDOWS && g->kernel[1] * g->kernel[2] <= GATHERED_TAPS;
    for (int axis = 0; axis < 3; axis++) {
        int64_t reach = (g->output[axis] - 1) * g->stride[axis] + (g->kernel[axis] - 1) * g->dilation[axis];
        small &= g->padding[axis] == 0 && reach < g->input[axis];
    }
    return small;
}

static int64_t gathered_places(const fc_pool_geometry *g) { return g->output[1] * g->output[2] + LANES; }
static int64_t gathered_scratch(const fc_pool_geometry *g) {
    return 2 * line_bytes(gathered_places(g) * (int64_t)sizeof(position));
}

typedef struct {
    const pool_kernels *kernel;
    int64_t windows; /* of all planes */
    gathered_windows window;
    const T *input;
    pool_result out;
} gathered_job;

static void gathered_task(const void *context, int64_t task, int thread) {
    (void)thread;
    const gathered_job *job = context;
    int64_t first = task * GATHERED_TASK_WINDOWS, last = min_i64(job->windows, first + GATHERED_TASK_WINDOWS);
    job->kernel->gathered(&job->window, job->input, first, last, &job->out);
}

/* Where windows are in their plane, and their cells in a window. */
FC_PLAN gathered_windows find_windows(const fc_pool_geometry *g, char *scratch) {
    int64_t Q = g->output[2], W = g->input[2], places = gathered_places(g);
    gathered_windows w = {.windows = g->output[1] * Q, .cells = volume(g->input)};
    position *from = take(&scratch, places * (int64_t)sizeof(position)), *at = (position *)(void *)scratch;
    for (int64_t i = 0; i < places; i++) {
        at[i] = i < w.windows ? (position)(i / Q * g->stride[1] * W + i % Q * g->stride[2]) : at[i - w.windows];
        from[i] = i < w.windows ? at[i] : from[i - w.windows] + (position)w.cells;
    }
    for (int64_t r = 0; r < g->kernel[1]; r++)
        for (int64_t s = 0; s < g->kernel[2]; s++)
            w.tap[w.taps++] = (position)(r * g->dilation[1] * W + s * g->dilation[2]);
    w.from = from;
    w.at = at;
    return w;
}

static void pool_gathered(const fc_pool_geometry *g, int kind, T size, const T *input, T *output, int64_t *indices,
                          void *scratch, int threads) {
    if (!size) size = row_size(g, 0, 0, 1);
    gathered_job job = {.kernel = pool_kernels_of(kind, indices != NULL),
                        .windows = g->planes * g->output[1] * g->output[2],
                        .window = find_windows(g, scratch),
                        .input = input,
                        .out = {output, indices, size, exact_inverse(size), NULL}};
    fc_parallel_for(ceil_div(job.windows, GATHERED_TASK_WINDOWS), threads, gathered_task, &job);
}
