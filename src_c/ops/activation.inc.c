/* activation.inc.c: y = f(x) and its gradient over whole arrays, in blocks that any thread may take. */

enum { ACTIVATION_BLOCK = 16384 };

typedef struct {
    int activation;
    int64_t n;
    const T *g, *x;
    T *y, a, b;
} activation_job;

static void activation_task(const void *context, int64_t task, int thread) {
    (void)thread;
    const activation_job *job = context;
    int64_t at = task * ACTIVATION_BLOCK, n = min_i64(ACTIVATION_BLOCK, job->n - at);
    if (job->g) slope_passes[job->activation](job->y + at, job->g + at, job->x + at, n, job->a, job->b);
    else value_passes[job->activation](job->y + at, job->x + at, n, job->a, job->b);
}

/* grad_output NULL: y = f(x), else y = grad_output f'(x). */
static void activation(int activation, int64_t n, const void *grad_output, const void *x, void *y, double a, double b,
                       int threads) {
    activation_job job = {activation, n, grad_output, x, y, (T)a, (T)b};
    int64_t tasks = ceil_div(n, ACTIVATION_BLOCK);
    fc_parallel_for(tasks, tasks > 2 ? threads : 1, activation_task, &job);
}
