/* pool_whole.inc.c: pooling with one window that holds the whole plane. */

enum {
    POOL_SERIAL_CELLS = 64 * 1024, /* less than this is not worth waking threads for */
    POOL_TASK_CELLS = 48 * 1024,   /* input cells of a task, about */
    WHOLE_TASK_CELLS = 32 * 1024,
    WHOLE_CHUNK_CELLS = 128 * 1024, /* larger planes are reduced in chunks of this many cells, then the chunks */
};

static int is_global(const fc_pool_geometry *g) {
    int global = 1;
    for (int axis = 0; axis < 3; axis++)
        global &= g->output[axis] == 1 && window_cells(g, axis, 0).count == g->input[axis];
    return global;
}

static int64_t whole_chunks(const fc_pool_geometry *g) { return ceil_div(volume(g->input), WHOLE_CHUNK_CELLS); }

static int64_t whole_scratch(const fc_pool_geometry *g) {
    int64_t chunks = whole_chunks(g);
    return chunks > 1 ? line_bytes(g->planes * chunks * T_BYTES) : 64;
}

typedef struct {
    const pool_kernels *kernel;
    int64_t planes, cells, planes_per_task, chunks;
    T size;
    const T *input;
    T *result;
} whole_job;

static void whole_task(const void *context, int64_t task, int thread) {
    (void)thread;
    const whole_job *job = context;
    if (job->chunks > 1) { /* one chunk of one plane */
        int64_t plane = task / job->chunks, start = task % job->chunks * WHOLE_CHUNK_CELLS;
        job->kernel->planes(job->input + plane * job->cells + start, 1, min_i64(WHOLE_CHUNK_CELLS, job->cells - start),
                            1, job->result + task);
        return;
    }
    int64_t first = task * job->planes_per_task, count = min_i64(job->planes_per_task, job->planes - first);
    job->kernel->planes(job->input + first * job->cells, count, job->cells, job->size, job->result + first);
}

static void pool_whole(const fc_pool_geometry *g, int kind, T size, const T *input, T *output, T *scratch,
                       int threads) {
    int64_t cells = volume(g->input), per_task = ceil_div(max_i64(1, WHOLE_TASK_CELLS / cells), LANES) * LANES;
    whole_job job = {pool_kernels_of(kind, 0), g->planes, cells, per_task, whole_chunks(g), size, input, output};
    if (job.chunks > 1) {
        job.result = scratch;
        fc_parallel_for(g->planes * job.chunks, threads, whole_task, &job);
        job.kernel->planes(scratch, g->planes, job.chunks, size, output);
    } else {
        fc_parallel_for(ceil_div(g->planes, per_task), threads, whole_task, &job);
    }
}
