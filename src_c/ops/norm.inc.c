/* norm.inc.c: what normalisations over any axes are made of: moments, sums of gradients, and affine maps.
 *
 * x is seen as (A, B, L). A statistic b belongs to the A runs x[:, b, :] of L neighbours; A is 1 where rows stand
 * alone. Where L is 1 the statistics are columns, and lanes are statistics. Sums are cut into pieces that fit the
 * first-level cache by shape alone: within one in T, vector by vector, and over pieces in double, so neither length nor
 * an offset of the data costs accuracy, and bits do not depend on threads. */

enum {
    NORM_PIECE = 4096,
    NORM_ROWS = 256,
    NORM_COLUMNS = 64,
    NORM_VECS = 4,
    NORM_WORK = 16384,
    NORM_AHEAD = 512,
    NORM_SHORT = 1024
};

typedef struct {
    int64_t A, B, L, period;
    int64_t block; /* statistics or rows of one task */
    const T *g, *x, *mean, *variance, *scale, *shift, *slope, *weight, *bias, *residual, *gate, *output;
    T *passed; /* what of g the ReLU that made `output` lets through, if there is one */
    int by_row, relu;
    T eps;
    T *y, *first, *second;
} norm_job;

/* Hands out `count` rows or statistics of `each` elements, least to most of them a task. */
static void run_norm(norm_job *job, int64_t count, int64_t each, int64_t least, int64_t most, fc_task task,
                     int threads) {
    job->block = clamp_i64(NORM_WORK / max_i64(1, each), least, most);
    fc_parallel_for(ceil_div(count, job->block), count * each < 2 * NORM_WORK ? 1 : threads, task, job);
}

/* The gradient that a ReLU lets through after y = d * scale + gate. */
VEC_INLINE vec through_gate(vec g, vec d, vec scale, vec gate) { return relu_slope(g, d * scale + gate, 0, 0); }

/* Some of g; where there is an output of a ReLU, what that lets through, which is kept. */
VEC_INLINE vec gradient_at(const T *g, const T *output, T *passed, int64_t at, int64_t m) {
    vec u = load_some(g + at, m);
    if (!output) return u;
    u = relu_slope(u, load_some(output + at, m), 0, 0);
    store_some(passed + at, u, m);
    return u;
}

/* Sums of u and u * v over `runs` runs of n, where v = x - centre and u = g, or v if g is NULL, times weight if any.
 * Short runs that others follow are fetched ahead: they end before a processor sees where they lead. */
static void piece_sums(const norm_job *job, int64_t at, const T *weight, T centre, const T *scale, const T *gate,
                       int64_t runs, int64_t step, int64_t n, double sums[2]) {
    vec plain[2] = {{0}}, product[2] = {{0}};
    const T *x = job->x, *g = job->g, *output = job->output;
    T *passed = job->passed;
    const int64_t ahead = job->A > 1 && n <= NORM_SHORT ? step * ceil_div(NORM_AHEAD, n) : 0;
    for (int64_t run = 0; run < runs; run++, at += step) {
        int64_t i = 0;
        for (; i + 2 * LANES <= n; i += 2 * LANES) FC_UNROLL for (int v = 0; v < 2; v++) {
                int64_t here = at + i + v * LANES;
                if (ahead) {
                    __builtin_prefetch(x + here + ahead);
                    if (g) __builtin_prefetch(g + here + ahead);
                    if (output) __builtin_prefetch(output + here + ahead);
                }
                vec d = load(x + here) - centre, u = g ? gradient_at(g, output, passed, here, LANES) : d;
                if (weight) u *= load(weight + i + v * LANES);
                if (gate) u = through_gate(u, d, splat(*scale), splat(*gate));
                plain[v] += u;
                product[v] += u * d;
            }
        for (int64_t m; i < n; i += m) {
            m = min_i64(LANES, n - i);
            vec d = load_some(x + at + i, m) - centre, u = g ? gradient_at(g, output, passed, at + i, m) : d;
            if (weight) u *= load_some(weight + i, m);
            if (gate) u = through_gate(u, d, splat(*scale), splat(*gate));
            if (m < LANES) { /* lanes past the end count nothing */
                T lanes[LANES] = {0};
                store_part(lanes, u, m);
                u = load(lanes);
                store_part(lanes, d, m);
                d = load(lanes);
            }
            plain[0] += u;
            product[0] += u * d;
        }
    }
    sums[0] += sum_of_lanes(plain[0] + plain[1]);
    sums[1] += sum_of_lanes(product[0] + product[1]);
}

/* Plain sum of a first piece, from which its centre is taken. */
static T piece_total(const T *x, int64_t runs, int64_t step, int64_t n) {
    vec sum[2] = {{0}};
    for (int64_t run = 0; run < runs; run++, x += step) {
        int64_t i = 0;
        for (; i + 2 * LANES <= n; i += 2 * LANES) {
            sum[0] += load(x + i);
            sum[1] += load(x + i + LANES);
        }
        for (int64_t m; i < n; i += m) {
            m = min_i64(LANES, n - i);
            sum[0] += load_some(x + i, m);
        }
    }
    return sum_of_lanes(sum[0] + sum[1]);
}

/* Joins a piece of `count` numbers with their mean and sum of squares about it to those before (Chan et al. 1979). */
VEC_INLINE void join_moments(double *n, double *mean, double *squares, double count, double piece_mean,
                             double piece_squares) {
    double delta = piece_mean - *mean, total = *n + count;
    *mean += delta * (count / total);
    *squares += piece_squares + delta * delta * (*n * count / total);
    *n = total;
}

/* Mean and variance (g NULL), or the two sums about a given mean, of statistic b. Later pieces have the mean so far as
 * their centre: no piece is longer than the first, so if they lie far from it their squares do not get lost in it, for
 * what the variance has from between pieces is at least half as much. */
static void row_statistic(const norm_job *job, int64_t b) {
    int64_t length = min_i64(job->L, NORM_PIECE), together = max_i64(1, NORM_PIECE / max_i64(1, job->L)),
            step = job->B * job->L;
    double n = 0, mean = 0, squares = 0, sums[2] = {0};
    for (int64_t a = 0; a < job->A; a += together) {
        int64_t runs = min_i64(together, job->A - a);
        for (int64_t i = 0; i < job->L; i += length) {
            int64_t m = min_i64(length, job->L - i), at = (a * job->B + b) * job->L + i;
            if (job->g) {
                piece_sums(job, at, job->weight ? job->weight + i : NULL, job->mean[b], job->scale + b,
                           job->gate ? job->gate + b : NULL, runs, step, m, sums);
                continue;
            }
            double count = (double)(runs * m), about[2] = {0};
            T centre = n > 0 ? (T)mean : (T)(piece_total(job->x + at, runs, step, m) / (T)count);
            piece_sums(job, at, NULL, centre, NULL, NULL, runs, step, m, about);
            join_moments(&n, &mean, &squares, count, centre + about[0] / count, about[1] - about[0] * about[0] / count);
        }
    }
    job->first[b] = (T)(job->g ? sums[0] : mean);
    job->second[b] = (T)(job->g ? sums[1] : n > 0 ? max_f64(squares, 0) / n : 0);
}

/* Sums of u and u * v over rows [first, first + rows) of n vectors of columns from b on, of which the last has `some`.
 */
VEC_INLINE void column_sums(const norm_job *job, int64_t first, int64_t rows, int64_t b, const int n, int64_t some,
                            const T *centre, T *plain, T *product) {
    vec sum[NORM_VECS], products[NORM_VECS], middle[NORM_VECS], gate[NORM_VECS], scale[NORM_VECS];
    int by_row = job->by_row, gated = job->gate != NULL;
    FC_UNROLL for (int v = 0; v < n; v++) {
        sum[v] = products[v] = (vec){0};
        middle[v] = load_some(centre + v * LANES, some);
        gate[v] = gated ? load_some(job->gate + b + v * LANES, some) : (vec){0};
        scale[v] = gated ? load_some(job->scale + b + v * LANES, some) : splat(1);
    }
    for (int64_t a = first; a < first + rows; a++) {
        const T *x = job->x + a * job->B + b, *g = job->g ? job->g + a * job->B + b : x;
        T start = by_row ? job->mean[a] : 0, factor = by_row ? job->scale[a] : 1;
        FC_UNROLL for (int v = 0; v < n; v++) {
            vec d = (load_some(x + v * LANES, some) - middle[v] - start) * factor;
            vec u = job->g ? load_some(g + v * LANES, some) : d;
            if (gated) u = through_gate(u, d, scale[v], gate[v]);
            sum[v] += u;
            products[v] += u * d;
        }
    }
    FC_UNROLL for (int v = 0; v < n; v++) {
        store_some(plain + v * LANES, sum[v], some);
        store_some(product + v * LANES, products[v], some);
    }
}

/* The same for the columns [b, b + count) of (A, B); by_row the mean and a factor belong to rows. */
static void column_statistics(const norm_job *job, int64_t b, int64_t count) {
    double n = 0, mean[NORM_COLUMNS] = {0}, squares[NORM_COLUMNS] = {0}, sums[2][NORM_COLUMNS] = {{0}};
    int64_t B = job->B;
    int graded = job->g != NULL;
    for (int64_t first = 0; first < job->A; first += NORM_ROWS) {
        T centre[NORM_COLUMNS] = {0}, plain[NORM_COLUMNS] = {0}, product[NORM_COLUMNS] = {0};
        int64_t rows = min_i64(NORM_ROWS, job->A - first);
        const T *x = job->x + first * B + b;
        if (graded && !job->by_row) copy_run(centre, job->mean + b, count);
        for (int64_t a = 0; a < rows && !graded; a++) FOR_LANES(i, m, count)
        store_some(centre + i, load_some(centre + i, m) + load_some(x + a * B + i, m) / (T)rows, m);
        int64_t i = 0;
        for (; i + NORM_VECS * LANES <= count; i += NORM_VECS * LANES)
            column_sums(job, first, rows, b + i, NORM_VECS, LANES, centre + i, plain + i, product + i);
        for (; i < count; i += LANES)
            column_sums(job, first, rows, b + i, 1, min_i64(LANES, count - i), centre + i, plain + i, product + i);
        for (int64_t i = 0; i < count; i++) {
            double u = plain[i], uv = product[i], before = n;
            sums[0][i] += u;
            sums[1][i] += uv;
            if (!graded) join_moments(&before, &mean[i], &squares[i], rows, centre[i] + u / rows, uv - u * u / rows);
        }
        n += rows;
    }
    for (int64_t i = 0; i < count; i++) {
        job->first[b + i] = (T)(graded ? sums[0][i] : mean[i]);
        job->second[b + i] = (T)(graded ? sums[1][i] : n > 0 ? max_f64(squares[i], 0) / n : 0);
    }
}

static void statistics_task(const void *context, int64_t task, int thread) {
    (void)thread;
    const norm_job *job = context;
    int64_t b = task * job->block, end = min_i64(job->B, b + job->block);
    if (job->L == 1 && !job->weight) column_statistics(job, b, end - b);
    else
        for (; b < end; b++) row_statistic(job, b);
}

static void run_statistics(norm_job *job, int threads) {
    int columns = job->L == 1 && !job->weight;
    run_norm(job, job->B, job->A * job->L, columns ? NORM_COLUMNS : 1, columns ? NORM_COLUMNS : INT64_MAX,
             statistics_task, threads);
}

static void norm_moments(int64_t A, int64_t B, int64_t L, const void *x, void *mean, void *variance, int threads) {
    norm_job job = {.A = A, .B = B, .L = L, .x = x, .first = mean, .second = variance};
    run_statistics(&job, threads);
}

static void norm_sums(int64_t A, int64_t B, int64_t L, const void *g, const void *x, const void *mean,
                      const void *scale, const void *weight, const void *gate, void *sum, void *product, int threads) {
    norm_job job = {.A = A,
                    .B = B,
                    .L = L,
                    .g = g,
                    .x = x,
                    .mean = mean,
                    .scale = scale,
                    .weight = weight,
                    .gate = gate,
                    .by_row = scale && !gate,
                    .first = sum,
                    .second = product};
    run_statistics(&job, threads);
}

/* Mean, scale, slope, shift and gate where they are one number for a run. */
typedef struct {
    vec mean, scale, slope, shift, gate;
} norm_numbers;

/* One run of n. Mean, scale, shift and slope are columns, or one number for the run; job is the caller's own copy,
 * which no store can change. Without g y = (x - mean) * scale * weight + shift + bias + residual, through a ReLU if so
 * asked; else y = g * scale * weight + (x - mean) * slope + shift, where with a gate g is what that ReLU lets through.
 */
VEC_INLINE vec norm_vector(const norm_job *job, const int columns, int64_t at, int64_t parameter, int64_t i, int64_t m,
                           const norm_numbers *numbers) {
#define PARAMETER(p) (columns ? load_some(job->p + parameter + i, m) : numbers->p)
    vec d = load_some(job->x + at + i, m) - PARAMETER(mean), scale = PARAMETER(scale), y = d;
    if (job->g) y = load_some(job->g + at + i, m);
    if (job->gate) y = through_gate(y, d, scale, PARAMETER(gate));
    y *= scale;
    if (job->weight) y *= load_some(job->weight + i, m);
    if (job->g) y += d * PARAMETER(slope);
    if (job->shift) y += PARAMETER(shift);
    if (job->bias) y += load_some(job->bias + i, m);
    if (job->residual) y += load_some(job->residual + at + i, m);
    return job->relu ? choose(y < 0, (vec){0}, y) : y;
#undef PARAMETER
}

VEC_INLINE void norm_line(const norm_job *job, const int columns, int64_t at, int64_t parameter, int64_t n,
                          const norm_numbers *numbers) {
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        store(job->y + at + i, norm_vector(job, columns, at, parameter, i, LANES, numbers));
    if (i < n) store_some(job->y + at + i, norm_vector(job, columns, at, parameter, i, n - i, numbers), n - i);
}

VEC_INLINE void norm_run(const norm_job *job, const int columns, int64_t at, int64_t parameter, int64_t n) {
    norm_numbers numbers;
#define NUMBER(p) numbers.p = job->p && !columns ? splat(job->p[parameter]) : (vec){0}
    NUMBER(mean);
    NUMBER(scale);
    NUMBER(slope);
    NUMBER(shift);
    NUMBER(gate);
#undef NUMBER
    norm_line(job, columns, at, parameter, n, &numbers);
}

VEC_INLINE void norm_rows(const norm_job *job, const int columns, int64_t row, int64_t end) {
    int64_t parameter = columns ? 0 : row % job->period;
    for (; row < end; row++) {
        norm_run(job, columns, row * job->L, parameter, job->L);
        if (!columns && ++parameter == job->period) parameter = 0;
    }
}

/* Batch norms, forward and backward, have loops of their own, without what they do not use. */
static void norm_apply_task(const void *context, int64_t task, int thread) {
    (void)thread;
    norm_job job = *(const norm_job *)context;
    int64_t row = task * job.block, end = min_i64(job.A, row + job.block);
    if (job.B) {
        norm_rows(&job, 1, row, end);
    } else if (job.weight) {
        norm_rows(&job, 0, row, end);
    } else if (job.g) {
        job.weight = job.bias = job.residual = NULL;
        job.relu = 0;
        norm_rows(&job, 0, row, end);
    } else {
        job.weight = job.bias = job.g = job.gate = NULL;
        norm_rows(&job, 0, row, end);
    }
}

static void norm_apply(int64_t rows, int64_t L, int64_t period, const void *g, const void *x, const void *mean,
                       const void *scale, const void *slope, const void *shift, const void *weight,
                       const void *residual, const void *gate, int relu, void *y, int threads) {
    norm_job job = {.A = rows,
                    .L = L,
                    .period = period,
                    .g = g,
                    .x = x,
                    .mean = mean,
                    .scale = scale,
                    .slope = slope,
                    .shift = shift,
                    .weight = weight,
                    .residual = residual,
                    .gate = gate,
                    .relu = relu,
                    .y = y};
    if (L == 1 && !weight) { /* runs of one number each are columns of longer ones */
        job.A = rows / period;
        job.L = period;
        job.B = 1;
    }
    run_norm(&job, job.A, job.L, 1, INT64_MAX, norm_apply_task, threads);
}

static T inverse_root(T x) { return 1 / (T_BYTES == 4 ? sqrtf(x) : (T)sqrt(x)); }

/* Rows are normalised while they lie in cache. */
static void norm_layer_task(const void *context, int64_t task, int thread) {
    (void)thread;
    norm_job job = *(const norm_job *)context;
    int64_t row = task * job.block, end = min_i64(job.B, row + job.block);
    for (int64_t b = row; b < end; b++) {
        row_statistic(&job, b);
        job.second[b] = inverse_root(job.second[b] + job.eps);
    }
    job.mean = job.first;
    job.scale = job.second;
    job.g = job.slope = job.shift = job.residual = job.gate = NULL;
    job.relu = 0;
    norm_rows(&job, 0, row, end);
}

static void norm_layer(int64_t rows, int64_t L, const void *x, const void *weight, const void *bias, double eps,
                       void *mean, void *inverse, void *y, int threads) {
    norm_job job = {.A = 1,
                    .B = rows,
                    .L = L,
                    .period = rows,
                    .x = x,
                    .weight = weight,
                    .bias = bias,
                    .eps = (T)eps,
                    .y = y,
                    .first = mean,
                    .second = inverse};
    run_norm(&job, rows, L, 1, INT64_MAX, norm_layer_task, threads);
}

/* y[B][L] = x scaled by inverse deviations; first[B] is what they make of the bias. */
static void norm_fold_task(const void *context, int64_t task, int thread) {
    (void)thread;
    const norm_job *job = context;
    int64_t row = task * job->block, end = min_i64(job->B, row + job->block);
    for (; row < end; row++) {
        T scale = inverse_root(job->variance[row] + job->eps) * (job->scale ? job->scale[row] : 1);
        job->first[row] =
            ((job->bias ? job->bias[row] : 0) - job->mean[row]) * scale + (job->shift ? job->shift[row] : 0);
        const T *x = job->x + row * job->L;
        T *y = job->y + row * job->L;
        FOR_LANES(i, m, job->L) store_some(y + i, load_some(x + i, m) * scale, m);
    }
}

static void norm_fold(int64_t B, int64_t L, const void *weight, const void *bias, const void *mean,
                      const void *variance, const void *gain, const void *offset, double eps, void *folded, void *shift,
                      int threads) {
    norm_job job = {.B = B,
                    .L = L,
                    .x = weight,
                    .bias = bias,
                    .mean = mean,
                    .variance = variance,
                    .scale = gain,
                    .shift = offset,
                    .eps = (T)eps,
                    .y = folded,
                    .first = shift};
    run_norm(&job, B, L, 1, INT64_MAX, norm_fold_task, threads);
}
