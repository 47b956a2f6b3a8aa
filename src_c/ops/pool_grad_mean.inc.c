/* pool_grad_mean.inc.c: gradient of mean pooling: each input cell gathers grad_output / size from its windows.
 *
 *     grad_input[x] = sum over windows q that see x of grad_output[q] / size(q)
 *
 * At stride 1 that is again pooling, of grad_output. Otherwise rows of windows are added up, their gradients set
 * `stride` apart with zeros between, and a sum over the kernel's width spreads them; input rows that see the same
 * windows are computed once. */

typedef struct {
    int64_t tile, tiles;              /* input columns of a tile */
    int64_t rows_per_task;            /* input rows of a task */
    int scaled;                       /* window sizes differ: grad_output is divided beforehand */
    int64_t scaled_bytes, sizes_bytes, run_bytes, spread_bytes, thread_bytes;
} spread_plan;

/* The pooling of grad_output that is the gradient where all strides are 1. */
static fc_pool_geometry transposed_pool(const fc_pool_geometry *g) {
    fc_pool_geometry t = *g;
    for (int axis = 0; axis < 3; axis++) {
        t.input[axis] = g->output[axis];
        t.output[axis] = g->input[axis];
        t.padding[axis] = g->kernel[axis] - 1 - g->padding[axis];
    }
    return t;
}

static int is_dense_pool(const fc_pool_geometry *g) {
    return !g->adaptive && g->stride[0] == 1 && g->stride[1] == 1 && g->stride[2] == 1;
}

static spread_plan plan_spread(const fc_pool_geometry *g) {
    spread_plan plan = {0};
    int64_t W = g->input[2], s = g->adaptive ? 1 : g->stride[2], S = g->adaptive ? 1 : g->kernel[2];
    plan.tile = g->adaptive ? W : min_i64(W, ceil_div(max_i64(POOL_TILE_CELLS, 4 * S), s) * s);
    plan.tiles = ceil_div(W, plan.tile);
    plan.rows_per_task = max_i64(g->input[1], POOL_TASK_CELLS / (2 * plan.tile));
    if (plan.rows_per_task * plan.tile > 4 * POOL_TASK_CELLS) plan.rows_per_task = ceil_div(2 * POOL_TASK_CELLS, plan.tile);
    plan.scaled = !uniform_windows(g);
    plan.scaled_bytes = plan.scaled ? line_bytes(g->planes * volume(g->output) * T_BYTES) : 0;
    plan.sizes_bytes = line_bytes(g->output[2] * T_BYTES);
    plan.run_bytes = line_bytes((plan.tile + 3 * LANES) * T_BYTES);
    plan.spread_bytes = line_bytes((plan.tile + S + POOL_SLACK) * T_BYTES);
    plan.thread_bytes = plan.run_bytes + 2 * plan.spread_bytes;
    return plan;
}

typedef struct {
    const fc_pool_geometry *g;
    spread_plan plan;
    const T *grad_output;
    T *grad_input, *scaled;
    const T *sizes;
    T size; /* common to all windows */
    char *scratch;
} spread_job;

/* One row of grad_output divided by its windows' sizes. */
static void scale_task(const void *context, int64_t task, int thread) {
    (void)thread;
    const spread_job *job = context;
    const fc_pool_geometry *g = job->g;
    int64_t O = g->output[0], P = g->output[1], Q = g->output[2];
    for (int64_t po = task * O * P; po < (task + 1) * O * P; po++) {
        T size = row_size(g, po / P % O, po % P, 0);
        for (int64_t q = 0; q < Q; q++) job->scaled[po * Q + q] = job->grad_output[po * Q + q] / (size * job->sizes[q]);
    }
}

/* grad_input[x0 ... x0 + n) of one row from the summed gradients `run` of windows [windows.first, ...). */
static void spread_row(const spread_job *job, T *dst, int64_t x0, int64_t n, T *run, stretch windows, T *spread,
                       T *spare) {
    const fc_pool_geometry *g = job->g;
    if (g->adaptive) {
        for (int64_t x = 0; x < n; x++) {
            stretch seen = cell_windows(g, 2, x0 + x);
            T sum = 0;
            for (int64_t q = 0; q < seen.count; q++) sum += run[seen.first - windows.first + q];
            dst[x] = sum / job->size;
        }
    } else if (g->kernel[2] == g->stride[2] && g->padding[2] == 0) {
        if (job->size != 1) divide_run(run, job->size, windows.count);
        repeat_cells(dst, run, n, g->stride[2]);
    } else {
        int64_t S = g->kernel[2], start = windows.first * g->stride[2] - g->padding[2] + S - 1 - x0;
        window_columns w = {S, 1, 1};
        pool_result out = {dst, NULL, job->size, NULL};
        insert_zeros(spread, n + S - 1, start, run, windows.count, g->stride[2]);
        pool_mean.columns(&w, (cell_run){spread, NULL}, (cell_run){spare, NULL}, &out, n);
    }
}

static void spread_task(const void *context, int64_t task, int thread) {
    const spread_job *job = context;
    const fc_pool_geometry *g = job->g;
    const spread_plan *plan = &job->plan;
    char *scratch = job->scratch + thread * plan->thread_bytes;
    T *run = take(&scratch, plan->run_bytes), *spread = take(&scratch, plan->spread_bytes);
    T *spare = take(&scratch, plan->spread_bytes);

    int64_t D = g->input[0], H = g->input[1], W = g->input[2], P = g->output[1], Q = g->output[2];
    int64_t x0 = task % plan->tiles * plan->tile, n = min_i64(plan->tile, W - x0);
    stretch left = cell_windows(g, 2, x0), right = cell_windows(g, 2, x0 + n - 1);
    stretch columns = {left.first, max_i64(0, right.first + right.count - left.first)};
    const T *source = plan->scaled ? job->scaled : job->grad_output;
    const T *end = source + g->planes * volume(g->output);

    int64_t first = task / plan->tiles * plan->rows_per_task;
    int64_t last = min_i64(g->planes * D * H, first + plan->rows_per_task);
    stretch depth = {0, 0}, height = {0, 0};
    for (int64_t row = first; row < last; row++) {
        int64_t y = row % H, plane = row / H / D;
        T *dst = job->grad_input + row * W + x0;
        stretch o = cell_windows(g, 0, row / H % D), p = cell_windows(g, 1, y);
        int same = row > first && row % (D * H) && o.first == depth.first && o.count == depth.count &&
                   p.first == height.first && p.count == height.count;
        depth = o;
        height = p;
        if (same) {
            copy_run(dst, dst - W, n);
        } else if (!o.count || !p.count || !columns.count) {
            zero_run(dst, n);
        } else {
            window_rows w = {o.count, p.count, P * Q, Q};
            const T *x = source + ((plane * g->output[0] + o.first) * P + p.first) * Q + columns.first;
            row_source s = {x, end, 0, columns.count};
            pool_mean.rows((cell_run){run, NULL}, columns.count + LANES, s, 0, 1, &w);
            spread_row(job, dst, x0, n, run, columns, spread, spare);
        }
    }
}

/* Planes that hold one window: each is filled with its gradient. */
static void spread_whole_task(const void *context, int64_t plane, int thread) {
    (void)thread;
    const spread_job *job = context;
    int64_t cells = volume(job->g->input);
    fill_run(job->grad_input + plane * cells, job->grad_output[plane] / job->size, cells);
}

static int64_t pool_grad_mean_scratch(const fc_pool_geometry *g, int threads) {
    spread_plan plan = plan_spread(g);
    int64_t bytes = plan.scaled_bytes + plan.sizes_bytes;
    if (!is_dense_pool(g)) return bytes + threads * plan.thread_bytes;
    fc_pool_geometry t = transposed_pool(g);
    return bytes + pool_forward_scratch(&t, 0, threads);
}

static void pool_grad_mean(const fc_pool_geometry *g, const void *grad_output, void *grad_input, void *scratch,
                           int threads) {
    char *rest = scratch;
    spread_job job = {g, plan_spread(g), grad_output, grad_input, NULL, NULL, 1, NULL};
    job.scaled = take(&rest, job.plan.scaled_bytes);
    T *sizes = take(&rest, job.plan.sizes_bytes);
    job.sizes = sizes;
    job.scratch = rest;
    if (g->planes * volume(g->input) < POOL_SERIAL_CELLS) threads = 1;
    if (job.plan.scaled) {
        fill_sizes(g, sizes);
        fc_parallel_for(g->planes, threads, scale_task, &job);
    } else {
        job.size = row_size(g, 0, 0, 1);
    }
    if (is_global(g) && !job.plan.scaled) {
        fc_parallel_for(g->planes, threads, spread_whole_task, &job);
    } else if (is_dense_pool(g)) {
        fc_pool_geometry t = transposed_pool(g);
        pool_sized(&t, POOL_SUM, job.size, job.plan.scaled ? job.scaled : grad_output, grad_input, NULL, rest, threads);
    } else {
        int64_t rows = g->planes * g->input[0] * g->input[1];
        fc_parallel_for(ceil_div(rows, job.plan.rows_per_task) * job.plan.tiles, threads, spread_task, &job);
    }
}
