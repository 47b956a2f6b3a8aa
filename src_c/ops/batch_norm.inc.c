/* batch_norm.inc.c: batch norms of (A, B, L) in training, forward and backward, channel by channel: what a channel's
 * statistics were made of still lies in cache when it is normalised. See norm.inc.c. */

typedef struct {
    norm_job norm; /* first: run_norm passes it on */
    const T *gain;
    T *inverse; /* 1 / sqrt(variance + eps) */
} batch_job;

/* All runs of one channel. */
VEC_INLINE void norm_channel(const norm_job *job, int64_t b, const norm_numbers *numbers) {
    for (int64_t a = 0; a < job->A; a++) norm_line(job, 0, (a * job->B + b) * job->L, b, job->L, numbers);
}

static void batch_norm_task(const void *context, int64_t task, int thread) {
    (void)thread;
    const batch_job *batch = context;
    norm_job job = batch->norm;
    int64_t end = min_i64(job.B, (task + 1) * job.block);
    job.g = job.weight = job.bias = job.gate = NULL;
    for (int64_t b = task * job.block; b < end; b++) {
        row_statistic(&batch->norm, b);
        T inverse = inverse_root(job.second[b] + job.eps);
        batch->inverse[b] = inverse;
        norm_numbers numbers = {.mean = splat(job.first[b]),
                                .scale = splat(batch->gain ? inverse * batch->gain[b] : inverse),
                                .shift = splat(job.shift ? job.shift[b] : 0)};
        norm_channel(&job, b, &numbers);
    }
}

static void norm_batch(int64_t A, int64_t B, int64_t L, const void *x, const void *gain, const void *shift,
                       const void *residual, double eps, int relu, void *mean, void *variance, void *inverse, void *y,
                       int threads) {
    norm_job norm = {.A = A,
                     .B = B,
                     .L = L,
                     .x = x,
                     .shift = shift,
                     .residual = residual,
                     .relu = relu,
                     .eps = (T)eps,
                     .first = mean,
                     .second = variance,
                     .y = y};
    batch_job batch = {norm, gain, inverse};
    run_norm(&batch.norm, B, A * L, 1, INT64_MAX, batch_norm_task, threads);
}

/* With h = (x - mean) * inverse the gradient is scale * (g - mean(g) - h * mean(g * h)). */
static void batch_norm_grad_task(const void *context, int64_t task, int thread) {
    (void)thread;
    const batch_job *batch = context;
    norm_job job = batch->norm;
    int64_t end = min_i64(job.B, (task + 1) * job.block);
    T count = (T)(job.A * job.L);
    if (job.output) job.g = job.passed;
    job.weight = job.bias = job.residual = NULL;
    job.relu = 0;
    for (int64_t b = task * job.block; b < end; b++) {
        row_statistic(&batch->norm, b);
        T scale = job.scale[b], inverse = batch->inverse[b];
        norm_numbers numbers = {.mean = splat(job.mean[b]),
                                .scale = splat(scale),
                                .slope = splat(-job.second[b] * scale * inverse * inverse / count),
                                .shift = splat(-job.first[b] * scale / count),
                                .gate = splat(job.gate ? job.gate[b] : 0)};
        norm_channel(&job, b, &numbers);
    }
}

static void norm_batch_grad(int64_t A, int64_t B, int64_t L, const void *g, const void *x, const void *mean,
                            const void *inverse, const void *scale, const void *gate, const void *output, void *total,
                            void *product, void *passed, void *y, int threads) {
    norm_job norm = {.A = A,
                     .B = B,
                     .L = L,
                     .g = g,
                     .x = x,
                     .mean = mean,
                     .scale = scale,
                     .shift = scale, /* there is one */
                     .gate = gate,
                     .output = output,
                     .passed = passed,
                     .first = total,
                     .second = product,
                     .y = y};
    batch_job batch = {norm, NULL, (T *)(intptr_t)inverse};
    run_norm(&batch.norm, B, A * L, 1, INT64_MAX, batch_norm_grad_task, threads);
}
