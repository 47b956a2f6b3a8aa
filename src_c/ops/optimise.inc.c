/* optimise.inc.c: one pass of an optimiser over a parameter, its gradient and its state, in place. */

enum { OPTIMISE_BLOCK = 8192 };

/* Copied by every task, so that no store can change it and its numbers stay in registers. */
typedef struct {
    fc_step step;
    int64_t n;
    T *w, *m, *v, *top;
    const T *g;
} optimise_job;

/* g = grad + decay w; m = momentum m + keep g; w -= lr (m, or g + momentum m with nesterov, or g without momentum). */
VEC_INLINE void sgd_lanes(const optimise_job *job, int64_t i, int64_t n) {
    const fc_step *s = &job->step;
    vec w = load_some(job->w + i, n), g = load_some(job->g + i, n) * (T)s->sign + w * (T)s->decay;
    if (job->m) {
        vec m = s->first ? g : load_some(job->m + i, n) * (T)s->beta1 + g * (T)s->keep;
        store_some(job->m + i, m, n);
        g = s->nesterov ? g + m * (T)s->beta1 : m;
    }
    store_some(job->w + i, w - g * (T)s->lr, n);
}

/* w *= shrink; g = grad + decay w; m += keep (g - m); v = beta2 v + (1 - beta2) g**2; w -= lr m / (sqrt(v) / correction
 * + eps). */
VEC_INLINE void adam_lanes(const optimise_job *job, int64_t i, int64_t n) {
    const fc_step *s = &job->step;
    vec w = load_some(job->w + i, n) * (T)s->shrink, g = load_some(job->g + i, n) * (T)s->sign + w * (T)s->decay;
    vec m = load_some(job->m + i, n), v = load_some(job->v + i, n) * (T)s->beta2 + g * g * (T)(1 - s->beta2);
    m += (g - m) * (T)s->keep;
    store_some(job->m + i, m, n);
    store_some(job->v + i, v, n);
    if (job->top) {
        vec top = load_some(job->top + i, n);
        v = choose((v > top) | (v != v), v, top);
        store_some(job->top + i, v, n);
    }
    store_some(job->w + i, w - m * (T)s->lr / (square_root(v) / (T)s->correction + (T)s->eps), n);
}

/* g = grad + decay w; v = beta2 v + (1 - beta2) g**2; g /= sqrt(v - top**2) + eps, top the running mean of g if any;
 * m = momentum m + g if any; w -= lr g or m. */
VEC_INLINE void rmsprop_lanes(const optimise_job *job, int64_t i, int64_t n) {
    const fc_step *s = &job->step;
    vec w = load_some(job->w + i, n), g = load_some(job->g + i, n) * (T)s->sign + w * (T)s->decay;
    vec v = load_some(job->v + i, n) * (T)s->beta2 + g * g * (T)(1 - s->beta2), square = v;
    store_some(job->v + i, v, n);
    if (job->top) {
        vec mean = load_some(job->top + i, n);
        mean += (g - mean) * (T)(1 - s->beta2);
        store_some(job->top + i, mean, n);
        square -= mean * mean;
    }
    g /= square_root(square) + (T)s->eps;
    if (job->m) {
        g += load_some(job->m + i, n) * (T)s->beta1;
        store_some(job->m + i, g, n);
    }
    store_some(job->w + i, w - g * (T)s->lr, n);
}

VEC_INLINE void optimise_lanes(const optimise_job *job, int64_t i, int64_t n) {
    switch (job->step.kind) {
    case FC_SGD: sgd_lanes(job, i, n); break;
    case FC_ADAM: adam_lanes(job, i, n); break;
    default: rmsprop_lanes(job, i, n);
    }
}

static void optimise_task(const void *context, int64_t task, int thread) {
    (void)thread;
    const optimise_job job = *(const optimise_job *)context;
    int64_t start = task * OPTIMISE_BLOCK, end = min_i64(job.n, start + OPTIMISE_BLOCK), i = start;
    for (; i + LANES <= end; i += LANES) optimise_lanes(&job, i, LANES);
    if (i < end) optimise_lanes(&job, i, end - i);
}

static void optimise(const fc_step *step, int64_t n, void *w, const void *g, void *m, void *v, void *top, int threads) {
    optimise_job job = {*step, n, w, m, v, top, g};
    int64_t tasks = ceil_div(n, OPTIMISE_BLOCK);
    fc_parallel_for(tasks, tasks > 4 ? threads : 1, optimise_task, &job);
}
