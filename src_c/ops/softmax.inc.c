/* softmax.inc.c: softmax, its logarithm and their gradients over the middle axis of (outer, C, inner).
 *
 * A task is a block of rows (inner = 1) or a block of neighbouring positions, whose lanes are computed together. With
 * top = max x, every exponential is of x - top <= 0. A NaN, or no finite top, makes the sum NaN and so the whole row.
 */

enum { SOFTMAX_WIDTH = 256, SOFTMAX_BYTES = 128 * 1024, SOFTMAX_WORK = 8192 };

typedef struct {
    int64_t outer, C, inner;
    int64_t width, blocks; /* positions of a block; blocks of an outer index, or of rows */
    int kind;
    const T *g, *x, *scale;
    T *y;
} softmax_job;

VEC_INLINE vec larger(vec a, vec b) { return choose(b > a, b, a); }

/* The largest of n numbers that are not NaN; -inf if there is none. */
static T row_top(const T *x, int64_t n) {
    vec top = splat(-INFINITY);
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) top = larger(top, load(x + i));
    T result = -INFINITY;
    for (int64_t lane = 0; lane < LANES; lane++) result = top[lane] > result ? top[lane] : result;
    for (; i < n; i++) result = x[i] > result ? x[i] : result;
    return result;
}

/* Sum of e**(x - top); the terms go to y unless that is NULL. */
static T row_exponentials(const T *x, T top, int64_t n, T *y) {
    vec sum = {0};
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        vec e = exponential(load(x + i) - top);
        if (y) store(y + i, e);
        sum += e;
    }
    if (i < n) {
        T terms[LANES] = {0};
        store_part(terms, exponential(load_part(x + i, n - i) - top), n - i);
        if (y) copy_short(y + i, terms, n - i);
        sum += load(terms);
    }
    return sum_of_lanes(sum);
}

static void softmax_row(const softmax_job *job, int64_t row) {
    int64_t n = job->C;
    const T *x = job->x + row * n;
    T *y = job->y + row * n, top = row_top(x, n);
    T sum = row_exponentials(x, top, n, job->kind == FC_SOFTMAX ? y : NULL);
    T log_sum = logarithm(splat(sum))[0];
    switch (job->kind) {
    case FC_SOFTMAX: {
        T factor = (job->scale ? job->scale[row] : 1) / sum;
        FOR_LANES(i, m, n) store_some(y + i, load_some(y + i, m) * factor, m);
        break;
    }
    case FC_LOG_SOFTMAX: FOR_LANES(i, m, n) store_some(y + i, load_some(x + i, m) - top - log_sum, m); break;
    default: job->y[row] = top; job->y[job->outer + row] = log_sum;
    }
}

/* Positions [at, at + count) of one outer index; every class is a run. */
static void softmax_positions(const softmax_job *job, int64_t o, int64_t at, int64_t count) {
    T top[SOFTMAX_WIDTH], sum[SOFTMAX_WIDTH];
    int64_t C = job->C, inner = job->inner, position = o * inner + at;
    const T *x = job->x + o * C * inner + at, *row = x;
    T *y = job->y + o * C * inner + at, *to = y;
    int kind = job->kind;
    fill_run(top, -INFINITY, count);
    zero_run(sum, count);
    for (int64_t c = 0; c < C; c++, row += inner)
        FOR_LANES(i, m, count) store_some(top + i, larger(load_some(top + i, m), load_some(row + i, m)), m);
    row = x;
    for (int64_t c = 0; c < C; c++, row += inner, to += inner) FOR_LANES(i, m, count) {
            vec e = exponential(load_some(row + i, m) - load_some(top + i, m));
            store_some(sum + i, load_some(sum + i, m) + e, m);
            if (kind == FC_SOFTMAX) store_some(to + i, e, m);
        }
    if (kind == FC_SOFTMAX) {
        FOR_LANES(i, m, count) {
            vec scale = job->scale ? load_some(job->scale + position + i, m) : splat(1);
            store_some(sum + i, scale / load_some(sum + i, m), m);
        }
        for (int64_t c = 0; c < C; c++, y += inner)
            FOR_LANES(i, m, count) store_some(y + i, load_some(y + i, m) * load_some(sum + i, m), m);
        return;
    }
    FOR_LANES(i, m, count) store_some(sum + i, logarithm(load_some(sum + i, m)), m);
    if (kind == FC_LOG_SOFTMAX) {
        for (int64_t c = 0; c < C; c++, x += inner, y += inner) FOR_LANES(i, m, count)
        store_some(y + i, load_some(x + i, m) - load_some(top + i, m) - load_some(sum + i, m), m);
        return;
    }
    copy_run(job->y + position, top, count);
    copy_run(job->y + job->outer * inner + position, sum, count);
}

/* softmax: y (g - sum(g y)); its logarithm: g - e**y sum(g). Here x is the forward's result, y the gradient. */
static void softmax_grad_row(const softmax_job *job, int64_t row) {
    int64_t n = job->C;
    const T *x = job->x + row * n, *g = job->g + row * n;
    T *y = job->y + row * n;
    int log = job->kind == FC_LOG_SOFTMAX;
    vec sum = {0};
    FOR_LANES(i, m, n) sum += log ? load_some(g + i, m) : load_some(g + i, m) * load_some(x + i, m);
    T total = sum_of_lanes(sum);
    FOR_LANES(i, m, n) {
        vec v = load_some(x + i, m), slope = load_some(g + i, m);
        store_some(y + i, log ? slope - exponential(v) * total : v * (slope - total), m);
    }
}

static void softmax_grad_positions(const softmax_job *job, int64_t o, int64_t at, int64_t count) {
    T sum[SOFTMAX_WIDTH] = {0};
    int64_t C = job->C, inner = job->inner, start = o * C * inner + at;
    const T *x = job->x + start, *g = job->g + start;
    T *y = job->y + start;
    int log = job->kind == FC_LOG_SOFTMAX;
    for (int64_t c = 0; c < C; c++) FOR_LANES(i, m, count) {
            vec term = load_some(g + c * inner + i, m);
            if (!log) term *= load_some(x + c * inner + i, m);
            store_some(sum + i, load_some(sum + i, m) + term, m);
        }
    for (int64_t c = 0; c < C; c++, x += inner, g += inner, y += inner) FOR_LANES(i, m, count) {
            vec v = load_some(x + i, m), slope = load_some(g + i, m), total = load_some(sum + i, m);
            store_some(y + i, log ? slope - exponential(v) * total : v * (slope - total), m);
        }
}

static void softmax_task(const void *context, int64_t task, int thread) {
    (void)thread;
    const softmax_job *job = context;
    if (job->inner == 1) {
        int64_t end = min_i64(job->outer, (task + 1) * job->width);
        for (int64_t row = task * job->width; row < end; row++) {
            if (job->g) softmax_grad_row(job, row);
            else softmax_row(job, row);
        }
        return;
    }
    int64_t at = task % job->blocks * job->width, count = min_i64(job->width, job->inner - at);
    if (job->g) softmax_grad_positions(job, task / job->blocks, at, count);
    else softmax_positions(job, task / job->blocks, at, count);
}

static void softmax(int kind, int64_t outer, int64_t C, int64_t inner, const void *grad_output, const void *x,
                    const void *scale, void *y, int threads) {
    softmax_job job = {
        .outer = outer, .C = C, .inner = inner, .kind = kind, .g = grad_output, .x = x, .scale = scale, .y = y};
    if (inner == 1) {
        job.width = max_i64(1, SOFTMAX_WORK / C);
        job.blocks = ceil_div(outer, job.width);
        outer = 1;
    } else {
        job.width = clamp_i64(SOFTMAX_BYTES / (C * T_BYTES) / LANES * LANES, 2 * LANES, SOFTMAX_WIDTH);
        job.blocks = ceil_div(inner, job.width);
    }
    fc_parallel_for(outer * job.blocks, job.outer * C * inner < SOFTMAX_WORK ? 1 : threads, softmax_task, &job);
}
