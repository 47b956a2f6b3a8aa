/* pool_grad_mean.inc.c: gradient of mean pooling: each input cell gathers grad_output / size from its windows.
 *
 *     grad_input[x] = sum over windows q that see x of grad_output[q] / size(q)
 *
 * At stride 1 that is again pooling, of grad_output. Otherwise rows of windows are added up, their gradients set
 * `stride` apart with zeros between, and a sum over the kernel's width spreads them; input rows that see the same
 * windows are computed once. */

enum { SPREAD_ROWS = 32, SPREAD_TILE_CELLS = 1024, SPREAD_STRIP_CELLS = 2048 };

typedef struct {
    int64_t tile, tiles;   /* input columns of a tile */
    int64_t rows_per_task; /* input rows of a task */
    int64_t strip_rows;    /* different rows computed together */
    int side_by_side;      /* along the width no two windows overlap and none is apart */
    int scaled;            /* window sizes differ: grad_output is divided beforehand */
    int64_t scaled_bytes, sizes_bytes, tables_bytes, run_bytes, spread_bytes, thread_bytes;
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

/* Cells between the rows of windows' gradients in a strip; `stride` times that lie between the spread rows. */
static int64_t run_pitch(const fc_pool_geometry *g, int side_by_side, int64_t n) {
    if (g->adaptive) return g->output[2];
    return ceil_div(side_by_side ? n : n + g->kernel[2] - 1, g->stride[2]);
}

FC_PLAN spread_plan plan_spread(const fc_pool_geometry *g) {
    spread_plan plan = {0};
    int64_t W = g->input[2], s = g->adaptive ? 1 : g->stride[2], S = g->adaptive ? 1 : g->kernel[2];
    plan.side_by_side = !g->adaptive && S == s && g->padding[2] == 0;
    plan.tile = g->adaptive ? W : min_i64(W, ceil_div(max_i64(SPREAD_TILE_CELLS, 4 * S), s) * s);
    plan.tiles = ceil_div(W, plan.tile);
    plan.rows_per_task = max_i64(g->input[1], ceil_div(POOL_TASK_CELLS, plan.tile));
    if (plan.rows_per_task * plan.tile > 4 * POOL_TASK_CELLS)
        plan.rows_per_task = ceil_div(2 * POOL_TASK_CELLS, plan.tile);
    int64_t pitch = run_pitch(g, plan.side_by_side, plan.tile), spread_pitch = max_i64(pitch * s, plan.tile);
    plan.strip_rows = clamp_i64(SPREAD_STRIP_CELLS / spread_pitch, 1, SPREAD_ROWS);
    plan.scaled = !uniform_windows(g);
    plan.scaled_bytes = plan.scaled ? line_bytes(g->planes * volume(g->output) * T_BYTES) : 0;
    plan.sizes_bytes = line_bytes(g->output[2] * T_BYTES);
    plan.tables_bytes = line_bytes((g->input[0] + g->input[1] + (g->adaptive ? W : 0)) * (int64_t)sizeof(stretch));
    plan.run_bytes = line_bytes((plan.strip_rows * pitch + 2 * LANES) * T_BYTES);
    plan.spread_bytes = line_bytes((plan.strip_rows * spread_pitch + 2 * S + 2 * POOL_SLACK) * T_BYTES);
    plan.thread_bytes = plan.run_bytes + 3 * plan.spread_bytes;
    return plan;
}

typedef struct {
    const fc_pool_geometry *g;
    spread_plan plan;
    const T *grad_output;
    T *grad_input, *scaled;
    const T *sizes;
    const stretch *windows[3]; /* that see each index of an axis; of the width only when adaptive */
    T size;                    /* common to all windows */
    char *scratch;
} spread_job;

typedef struct {
    T *run, *spread, *spare, *staged;
} spread_scratch;

/* One row of grad_output divided by its windows' sizes. */
static void scale_task(const void *context, int64_t task, int thread) {
    (void)thread;
    const spread_job *job = context;
    const fc_pool_geometry *g = job->g;
    int64_t O = g->output[0], P = g->output[1], Q = g->output[2];
    for (int64_t po = task * O * P; po < (task + 1) * O * P; po++) {
        T size = row_size(g, po / P % O, po % P, 0);
        FOR_LANES(q, m, Q) {
            vec gradient = load_some(job->grad_output + po * Q + q, m);
            store_some(job->scaled + po * Q + q, gradient / (size * load_some(job->sizes + q, m)), m);
        }
    }
}

/* The columns of a tile: input cells [x, x + n), the windows that see them, and the pitches of a strip. */
typedef struct {
    int64_t x, n;
    stretch windows;
    int64_t run_pitch, pitch;
} spread_tile;

/* From the sums `run` of `rows` rows of windows to rows of input, `pitch` apart, which are returned. */
static const T *spread_strip(const spread_job *job, const spread_tile *tile, int64_t rows, const spread_scratch *s) {
    const fc_pool_geometry *g = job->g;
    int64_t count = rows * tile->run_pitch;
    pool_result out = {s->staged, NULL, job->size, exact_inverse(job->size), NULL};
    window_columns w = {g->kernel[2], 1, 1, count, 1, 0, 0};
    if (g->adaptive) {
        for (int64_t row = 0; row < rows; row++)
            for (int64_t x = 0; x < tile->n; x++) {
                stretch seen = job->windows[2][x];
                T sum = 0;
                for (int64_t q = 0; q < seen.count; q++) sum += s->run[row * tile->run_pitch + seen.first + q];
                s->staged[row * tile->pitch + x] = sum / job->size;
            }
    } else if (job->plan.side_by_side) {
        w.taps = 1;
        out.value = s->spare;
        pool_mean.columns(&w, (cell_run){s->run, NULL}, (cell_run){NULL, NULL}, &out);
        repeat_cells(s->staged, s->spare, count * g->stride[2], g->stride[2]);
    } else {
        int64_t start = tile->windows.first * g->stride[2] - g->padding[2] + g->kernel[2] - 1 - tile->x;
        insert_zeros(s->spread, start, s->run, count, g->stride[2]);
        w.n = rows * tile->pitch;
        pool_mean.columns(&w, (cell_run){s->spread, NULL}, (cell_run){s->spare, NULL}, &out);
    }
    return s->staged;
}

static void spread_task(const void *context, int64_t task, int thread) {
    const spread_job *job = context;
    const fc_pool_geometry *g = job->g;
    const spread_plan *plan = &job->plan;
    char *scratch = job->scratch + thread * plan->thread_bytes;
    spread_scratch s = {take(&scratch, plan->run_bytes), take(&scratch, plan->spread_bytes),
                        take(&scratch, plan->spread_bytes), take(&scratch, plan->spread_bytes)};
    int64_t D = g->input[0], H = g->input[1], W = g->input[2], O = g->output[0], P = g->output[1], Q = g->output[2];

    spread_tile tile = {task % plan->tiles * plan->tile, 0, {0, 0}, 0, 0};
    tile.n = min_i64(plan->tile, W - tile.x);
    stretch left = cell_windows(g, 2, tile.x), right = cell_windows(g, 2, tile.x + tile.n - 1);
    tile.windows = (stretch){left.first, max_i64(0, right.first + right.count - left.first)};
    tile.run_pitch = run_pitch(g, plan->side_by_side, tile.n);
    tile.pitch = g->adaptive ? tile.n : tile.run_pitch * g->stride[2];

    const T *source = plan->scaled ? job->scaled : job->grad_output, *end = source + g->planes * volume(g->output);
    int64_t row = task / plan->tiles * plan->rows_per_task,
            last = min_i64(g->planes * D * H, row + plan->rows_per_task);
    int64_t y = row % H, z = row / H % D, plane = row / H / D;
    T *dst = job->grad_input + row * W + tile.x;
    while (row < last) {
        int64_t repeats[SPREAD_ROWS], rows = 0;
        for (; row < last && rows < plan->strip_rows; rows++) {
            stretch o = job->windows[0][z], p = job->windows[1][y];
            int64_t same = 1;
            while (row + same < last && y + same < H && job->windows[1][y + same].first == p.first &&
                   job->windows[1][y + same].count == p.count)
                same++;
            cell_run run = {s.run + rows * tile.run_pitch, NULL};
            if (o.count && p.count && tile.windows.count) {
                window_rows w = {o.count, p.count, P * Q, Q};
                const T *x = source + ((plane * O + o.first) * P + p.first) * Q + tile.windows.first;
                pool_mean.rows(run, tile.run_pitch, (row_source){x, end, 0, tile.windows.count}, 0, 1, &w);
            } else {
                pool_mean.fill(run, tile.run_pitch);
            }
            repeats[rows] = same;
            row += same;
            y += same;
            if (y == H) {
                y = 0;
                z = z + 1 == D ? 0 : z + 1;
                plane += z == 0;
            }
        }
        const T *staged = spread_strip(job, &tile, rows, &s);
        for (int64_t i = 0; i < rows; i++)
            for (; repeats[i] > 0; repeats[i]--, dst += W) copy_run(dst, staged + i * tile.pitch, tile.n);
    }
}

enum { WHOLE_PLANES_PER_TASK = 64 };

/* Planes that hold one window: each is filled with its gradient. Vectors follow one another without a gap; one that
 * lies in two planes has lanes of both. */
static void spread_whole_task(const void *context, int64_t task, int thread) {
    (void)thread;
    static const position this_plane[2 * LANES] = {[0 ... LANES - 1] = -1};
    const spread_job *job = context;
    int64_t cells = volume(job->g->input), first = task * WHOLE_PLANES_PER_TASK;
    int64_t count = min_i64(job->g->planes - first, WHOLE_PLANES_PER_TASK), at = 0;
    const T *value = job->grad_output + first;
    T *dest = job->grad_input + first * cells;
    T next = value[0] / job->size;
    for (int64_t plane = 1, end = cells; plane <= count; plane++, end += cells) {
        T x = next;
        next = plane < count ? value[plane] / job->size : 0;
        for (; at + LANES <= end; at += LANES) store(dest + at, splat(x));
        if (at < end && (plane == count || cells < LANES)) {
            fill_run(dest + at, x, end - at);
            at = end;
        } else if (at < end) {
            positions mask;
            __builtin_memcpy(&mask, this_plane + LANES - (end - at), sizeof mask);
            store(dest + at, choose(mask, splat(x), splat(next)));
            at += LANES;
        }
    }
}

static int64_t pool_grad_mean_scratch(const fc_pool_geometry *g, int threads) {
    spread_plan plan = plan_spread(g);
    int64_t bytes = plan.scaled_bytes + plan.sizes_bytes + plan.tables_bytes;
    if (!is_dense_pool(g)) return bytes + threads * plan.thread_bytes;
    fc_pool_geometry t = transposed_pool(g);
    return bytes + pool_forward_scratch(&t, 0, threads);
}

static void pool_grad_mean(const fc_pool_geometry *g, const void *grad_output, void *grad_input, void *scratch,
                           int threads) {
    char *rest = scratch;
    spread_job job = {.g = g, .plan = plan_spread(g), .grad_output = grad_output, .grad_input = grad_input, .size = 1};
    job.scaled = take(&rest, job.plan.scaled_bytes);
    T *sizes = take(&rest, job.plan.sizes_bytes);
    job.sizes = sizes;
    if (g->planes * volume(g->input) < POOL_SERIAL_CELLS) threads = 1;
    if (job.plan.scaled) {
        fill_sizes(g, sizes);
        fc_parallel_for(g->planes, threads, scale_task, &job);
    } else {
        job.size = row_size(g, 0, 0, 1);
    }
    if (is_global(g) && !job.plan.scaled) {
        fc_parallel_for(ceil_div(g->planes, WHOLE_PLANES_PER_TASK), threads, spread_whole_task, &job);
    } else if (is_dense_pool(g)) {
        fc_pool_geometry t = transposed_pool(g);
        pool_sized(&t, POOL_SUM, job.size, job.plan.scaled ? job.scaled : grad_output, grad_input, NULL, rest, threads);
    } else {
        stretch *tables = take(&rest, job.plan.tables_bytes);
        job.scratch = rest;
        for (int axis = 0; axis < (g->adaptive ? 3 : 2); axis++) {
            job.windows[axis] = tables;
            for (int64_t i = 0; i < g->input[axis]; i++) *tables++ = cell_windows(g, axis, i);
        }
        int64_t rows = g->planes * g->input[0] * g->input[1];
        fc_parallel_for(ceil_div(rows, job.plan.rows_per_task) * job.plan.tiles, threads, spread_task, &job);
    }
}
