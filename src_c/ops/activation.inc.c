/* activation.inc.c: y = f(x) and its gradient over whole arrays, in blocks that any thread may take. */

enum { ACTIVATION_BLOCK = 16384 };

typedef struct {
    int activation;
    int64_t rows, n, period, parts, together; /* parts of a row, or rows of a task */
    const T *g, *x, *slopes;
    T *y, a, b;
} activation_job;

static void activation_task(const void *context, int64_t task, int thread) {
    (void)thread;
    const activation_job *job = context;
    int64_t row = task / job->parts * job->together, end = min_i64(job->rows, row + job->together);
    int64_t first = task % job->parts * ACTIVATION_BLOCK, n = min_i64(ACTIVATION_BLOCK, job->n - first);
    for (; row < end; row++) {
        int64_t at = row * job->n + first;
        T a = job->slopes ? job->slopes[row % job->period] : job->a;
        if (job->g) slope_passes[job->activation](job->y + at, job->g + at, job->x + at, n, a, job->b);
        else value_passes[job->activation](job->y + at, job->x + at, n, a, job->b);
    }
}

static void activation(int activation, int64_t rows, int64_t n, int64_t period, const void *grad_output, const void *x,
                       const void *slopes, void *y, double a, double b, int threads) {
    activation_job job = {.activation = activation,
                          .rows = rows,
                          .n = n,
                          .period = period,
                          .parts = max_i64(1, ceil_div(n, ACTIVATION_BLOCK)),
                          .together = max_i64(1, ACTIVATION_BLOCK / max_i64(1, n)),
                          .g = grad_output,
                          .x = x,
                          .slopes = slopes,
                          .y = y,
                          .a = (T)a,
                          .b = (T)b};
    int64_t tasks = ceil_div(rows, job.together) * job.parts;
    fc_parallel_for(tasks, tasks > 2 ? threads : 1, activation_task, &job);
}
