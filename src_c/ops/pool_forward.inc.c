/* pool_forward.inc.c: max, min and mean pooling of any rank, kernel, stride, padding and dilation, and adaptive.
 *
 * Windows are separable: depth and height are reduced first, whole rows at a time, into a strip of rows in L1, then
 * width, along the strip. Rows of output are numbered through all planes, so a strip of narrow rows holds several
 * planes; its rows lie `pitch` apart, a whole number of strides, and when they are narrow the width is reduced in one
 * go over the strip. Wide rows are cut into tiles of columns. */

enum {
    POOL_STRIP_BYTES = 12 * 1024,
    POOL_SHARED_BYTES = 192 * 1024,
    POOL_TILE_CELLS = 2048,  /* input columns of a tile, at least */
    POOL_SHARED_HEIGHT = 8,  /* windows of this many rows share their work */
    POOL_SHARED_LAPPED = 16, /* or of this many where four could be taken together */
    POOL_SHARED_REUSE = 4,   /* if each row is in this many windows */
};

typedef struct {
    int64_t span;         /* columns that one window covers */
    int64_t tile, tiles;  /* output columns of a tile, tiles in a row */
    int64_t pitch;        /* cells between rows of a strip, for a whole tile */
    int64_t rows, strips; /* output rows of a strip, strips in all */
    int64_t strips_per_task;
    int flat;                 /* width is reduced over whole strips */
    int shared;               /* height by reduce_rows_shared */
    int64_t inner, inner_end; /* output rows whose windows lie inside the input's height */
    int64_t row_bytes, spare_bytes, ends_bytes, sizes_bytes, windows_bytes;
    int64_t thread_bytes;
} pool_plan;

/* Cells between rows of a strip for `columns` outputs, so that the windows of a row end before the next row's outputs
 * begin. Rows that are reduced one by one, in place, may spoil a vector past their end. */
static int64_t pool_pitch(const fc_pool_geometry *g, int64_t span, int64_t columns, int flat) {
    if (g->adaptive) return g->input[2];
    int64_t s = g->stride[2];
    return (columns + ceil_div(max_i64(0, span - s), s)) * s + (flat ? 0 : LANES);
}

/* The input columns of a tile. */
typedef struct {
    int64_t first, count; /* output columns */
    int64_t left, x, n;   /* cells of padding, then n columns of input from x */
    int64_t pitch;
} pool_tile;

static pool_tile pool_tile_at(const fc_pool_geometry *g, const pool_plan *plan, int64_t index) {
    pool_tile t = {index * plan->tile, 0, 0, 0, g->input[2], 0};
    t.count = min_i64(plan->tile, g->output[2] - t.first);
    t.pitch = pool_pitch(g, plan->span, t.count, plan->flat);
    if (g->adaptive) return t;
    int64_t start = t.first * g->stride[2] - g->padding[2];
    int64_t end = start + (t.count - 1) * g->stride[2] + plan->span;
    t.left = clamp_i64(-start, 0, t.pitch);
    t.x = clamp_i64(start, 0, g->input[2]);
    t.n = max_i64(0, min_i64(end, g->input[2]) - t.x);
    return t;
}

/* Cells of a plane; a short row takes as long as a vector. */
static int64_t pool_work(const fc_pool_geometry *g) { return g->input[0] * g->input[1] * max_i64(g->input[2], LANES); }

FC_PLAN pool_plan plan_pool(const fc_pool_geometry *g, int indexed) {
    pool_plan plan = {0};
    int64_t Q = g->output[2], cell = indexed ? 2 * T_BYTES : T_BYTES;
    int64_t stride = g->adaptive ? 1 : g->stride[2];
    plan.span = g->adaptive ? 1 : (g->kernel[2] - 1) * g->dilation[2] + 1;
    if (!g->adaptive) {
        int64_t reach = g->input[1] - 1 - (g->kernel[1] - 1) * g->dilation[1] + g->padding[1];
        plan.inner = ceil_div(g->padding[1], g->stride[1]);
        plan.inner_end = floor_div(reach, g->stride[1]) + 1;
    }
    int lapped = !indexed && !g->adaptive && g->kernel[0] == 1 && g->kernel[1] >= LAPPED_HEIGHT &&
                 g->stride[1] == g->dilation[1] && g->input[2] >= LANES;
    int mostly_inner = 8 * (plan.inner_end - plan.inner) >= 7 * g->output[1];
    plan.shared = !g->adaptive && g->dilation[1] == 1 &&
                  g->kernel[1] >= (lapped && mostly_inner ? POOL_SHARED_LAPPED : POOL_SHARED_HEIGHT) &&
                  g->kernel[1] >= POOL_SHARED_REUSE * g->stride[1];
    int64_t together = lapped ? LAPPED_ROWS : 1, columns = lapped ? POOL_TILE_CELLS / 2 : POOL_TILE_CELLS;
    if (plan.shared) {
        together = min_i64(g->output[1], 2 * g->kernel[1] / g->stride[1]);
        columns = POOL_SHARED_BYTES / (together * cell);
    }
    plan.tile = g->adaptive ? Q : min_i64(Q, ceil_div(max_i64(columns, 4 * plan.span), stride));
    plan.tiles = ceil_div(Q, plan.tile);
    plan.flat = !g->adaptive && plan.tiles == 1 && (plan.span <= stride || Q < 2 * LANES);
    plan.pitch = pool_pitch(g, plan.span, plan.tile, plan.flat);

    int64_t total = g->planes * g->output[0] * g->output[1];
    plan.rows = clamp_i64(max_i64(POOL_STRIP_BYTES / (plan.pitch * cell), together), 1, total);
    plan.strips = ceil_div(total, plan.rows);
    int64_t cells = g->planes * pool_work(g) / (plan.strips * plan.tiles);
    int64_t tasks = ceil_div(plan.strips, max_i64(1, POOL_TASK_CELLS / max_i64(1, cells)));
    plan.strips_per_task = max_i64(1, ceil_div(plan.strips, tasks + tasks % 2)); /* for two threads to share evenly */

    plan.row_bytes = line_bytes((plan.rows * plan.pitch + plan.span + POOL_SLACK) * T_BYTES);
    plan.spare_bytes = plan.row_bytes;
    plan.ends_bytes =
        plan.shared ? line_bytes(g->kernel[1] * min_i64(SHARED_VECS, ceil_div(plan.pitch, LANES)) * VECTOR_BYTES) : 0;
    plan.sizes_bytes = line_bytes(Q * T_BYTES);
    plan.windows_bytes = g->adaptive ? line_bytes(Q * (int64_t)sizeof(stretch)) : 0;
    plan.thread_bytes = (2 * plan.row_bytes + plan.ends_bytes + (indexed ? plan.ends_bytes + plan.row_bytes : 0)) +
                        plan.spare_bytes * (indexed ? 3 : 1);
    return plan;
}

typedef struct {
    const fc_pool_geometry *g;
    int kind, indexed;
    const pool_kernels *kernel;
    pool_plan plan;
    const T *input;
    T *output;
    int64_t *indices;
    T size;                 /* of every window of a mean, or 0 where they differ */
    T inverse;              /* of size, where exact */
    const T *sizes;         /* along the width, or NULL where they are all equal there */
    const stretch *windows; /* along the width, of adaptive pooling */
    char *scratch;
} pool_job;

/* A thread's share of scratch. */
typedef struct {
    cell_run rows, spare, ends;
    pool_result staged;
} pool_scratch;

static pool_scratch split_scratch(const pool_plan *plan, char *scratch, int indexed) {
    pool_scratch s = {0};
    s.rows.value = take(&scratch, plan->row_bytes);
    s.spare.value = take(&scratch, plan->spare_bytes);
    s.ends.value = take(&scratch, plan->ends_bytes);
    s.staged.value = take(&scratch, plan->row_bytes);
    if (indexed) {
        s.rows.at = take(&scratch, plan->row_bytes);
        s.ends.at = take(&scratch, plan->ends_bytes);
        s.staged.indices = take(&scratch, 2 * plan->spare_bytes);
    }
    return s;
}

/* Reduces depth and height of output rows [p, p + count) of one plane and output depth. */
static void fill_strip(const pool_job *job, const pool_tile *tile, int64_t plane, int64_t o, int64_t p, int64_t count,
                       cell_run dst, cell_run ends) {
    const fc_pool_geometry *g = job->g;
    int64_t H = g->input[1], W = g->input[2], step = g->adaptive ? 1 : g->dilation[1];
    stretch depth = g->input[0] == 1 && g->kernel[0] == 1 ? (stretch){0, 1} : window_cells(g, 0, o);
    int64_t at = depth.first * H * W + tile->x;
    const T *x = job->input + plane * volume(g->input) + at, *end = job->input + g->planes * volume(g->input);
    window_rows w = {depth.count, g->kernel[1], (g->adaptive ? 1 : g->dilation[0]) * H * W, step * W};
    row_source source = {x, end, (position)at, tile->n};
    if (job->plan.shared && depth.count) {
        row_windows r = {p * g->stride[1] - g->padding[1], g->stride[1], H};
        job->kernel->shared(dst, tile->pitch, source, count, &r, &w, ends);
        return;
    }
    int64_t inner = job->plan.inner, inner_end = job->plan.inner_end;
    while (count > 0) {
        int whole = p >= inner && p < inner_end;
        int64_t rows = whole ? min_i64(count, inner_end - p) : 1;
        stretch height = whole ? (stretch){p * g->stride[1] - g->padding[1], g->kernel[1]} : window_cells(g, 1, p);
        w.heights = height.count;
        source.x = x + height.first * W;
        source.at = (position)(at + height.first * W);
        if (depth.count && height.count) job->kernel->rows(dst, tile->pitch, source, g->stride[1] * W, rows, &w);
        else job->kernel->fill(dst, tile->pitch);
        dst = run_from(job->indexed, dst, rows * tile->pitch);
        p += rows;
        count -= rows;
    }
}

/* out = n staged results, divided where they were not yet. */
static void copy_pool_row(const pool_job *job, const pool_result *out, T *value, const int64_t *indices, int64_t n,
                          int divide) {
    window_columns plain = {1, 1, 1, n, 1, 0, 0};
    if (divide) {
        job->kernel->columns(&plain, (cell_run){value, NULL}, (cell_run){NULL, NULL}, out);
        return;
    }
    copy_run(out->value, value, n);
    if (indices) __builtin_memcpy(out->indices, indices, (size_t)n * sizeof(int64_t));
}

/* Reduces the width of rows [row, row + rows) of a strip and writes them. */
static void finish_pool_rows(const pool_job *job, const pool_tile *tile, const pool_scratch *s, int64_t row,
                             int64_t rows, const pool_result *out) {
    const fc_pool_geometry *g = job->g;
    cell_run run = run_from(job->indexed, s->rows, row * tile->pitch);
    if (g->adaptive) {
        for (int64_t q = 0; q < tile->count; q++)
            job->kernel->one(run_from(job->indexed, run, job->windows[q].first), job->windows[q].count, out, q);
    } else {
        window_columns w = {g->kernel[2], g->dilation[2], g->stride[2], tile->count, rows, tile->pitch, g->output[2]};
        job->kernel->columns(&w, run, s->spare, out);
    }
}

static void pool_strip(const pool_job *job, int64_t strip, const pool_tile *tile, pool_scratch *s) {
    const fc_pool_geometry *g = job->g;
    const pool_plan *plan = &job->plan;
    int64_t O = g->output[0], P = g->output[1], Q = g->output[2];
    int indexed = job->indexed, sum = job->kind == POOL_SUM;
    int64_t first = strip * plan->rows, count = min_i64(plan->rows, g->planes * O * P - first);

    job->kernel->fill(s->rows, tile->left);
    int64_t p = first % P, o = first / P % O, plane = first / P / O;
    for (int64_t row = 0; row < count;) {
        int64_t run = min_i64(P - p, count - row);
        fill_strip(job, tile, plane, o, p, run, run_from(indexed, s->rows, tile->left + row * tile->pitch), s->ends);
        row += run;
        p = 0;
        o = o + 1 == O ? 0 : o + 1;
        plane += o == 0;
    }

    int uniform = !sum || job->size != 0;
    pool_result out = {job->output + first * Q + tile->first, indexed ? job->indices + first * Q + tile->first : NULL,
                       uniform ? job->size : 1, uniform ? job->inverse : 1, NULL};
    if (!plan->flat && uniform && !g->adaptive) {
        finish_pool_rows(job, tile, s, 0, count, &out);
        return;
    }
    int64_t spread = plan->flat ? tile->pitch / g->stride[2] : 0; /* outputs of a row, garbage included */
    if (plan->flat) {
        int direct = spread == Q && uniform;
        window_columns w = {g->kernel[2], g->dilation[2], g->stride[2], count * spread, 1, 0, 0};
        s->staged.size = out.size;
        s->staged.inverse = out.inverse;
        job->kernel->columns(&w, s->rows, s->spare, direct ? &out : &s->staged);
        if (direct) return;
    }
    for (int64_t row = 0; row < count; row++) {
        if (!uniform) {
            out.size = row_size(g, (first + row) / P % O, (first + row) % P, !job->sizes);
            out.inverse = 0;
            out.sizes = job->sizes ? job->sizes + tile->first : NULL;
        }
        int64_t at = row * spread;
        if (plan->flat)
            copy_pool_row(job, &out, s->staged.value + at, indexed ? s->staged.indices + at : NULL, Q, !uniform);
        else finish_pool_rows(job, tile, s, row, 1, &out);
        out.value += Q;
        if (indexed) out.indices += Q;
    }
}

static void pool_task(const void *context, int64_t task, int thread) {
    const pool_job *job = context;
    const pool_plan *plan = &job->plan;
    pool_scratch s = split_scratch(plan, job->scratch + thread * plan->thread_bytes, job->indexed);
    pool_tile tile = pool_tile_at(job->g, plan, task % plan->tiles);
    int64_t strip = task / plan->tiles * plan->strips_per_task;
    for (int64_t i = 0; i < plan->strips_per_task && strip + i < plan->strips; i++)
        pool_strip(job, strip + i, &tile, &s);
}

static int64_t pool_forward_scratch(const fc_pool_geometry *g, int indexed, int threads) {
    if (!indexed && is_global(g)) return whole_scratch(g);
    if (is_gathered(g, indexed)) return gathered_scratch(g);
    pool_plan plan = plan_pool(g, indexed);
    return plan.thread_bytes * threads + plan.sizes_bytes + plan.windows_bytes;
}

/* `size` divides all sums; 0: the windows' own sizes do. */
static void pool_sized(const fc_pool_geometry *g, int kind, T size, const T *input, T *output, int64_t *indices,
                       void *scratch, int threads) {
    int64_t cells = g->planes * max_i64(pool_work(g), volume(g->output));
    if (cells < POOL_SERIAL_CELLS) threads = 1;
    if (!indices && is_global(g)) {
        pool_whole(g, kind, size ? size : row_size(g, 0, 0, 1), input, output, scratch, threads);
        return;
    }
    if (indices && kind == POOL_MAX && is_pairs(g)) {
        pool_pairs(g, input, output, indices, threads);
        return;
    }
    if (is_gathered(g, indices != NULL)) {
        pool_gathered(g, kind, size, input, output, indices, scratch, threads);
        return;
    }
    char *rest = scratch;
    int indexed = indices != NULL;
    pool_job job = {.g = g,
                    .kind = kind,
                    .indexed = indexed,
                    .kernel = pool_kernels_of(kind, indexed),
                    .plan = plan_pool(g, indexed),
                    .input = input,
                    .output = output,
                    .indices = indices,
                    .size = size};
    T *sizes = take(&rest, job.plan.sizes_bytes);
    stretch *windows = take(&rest, job.plan.windows_bytes);
    if (g->adaptive) {
        for (int64_t q = 0; q < g->output[2]; q++) windows[q] = window_cells(g, 2, q);
        job.windows = windows;
    }
    if (kind == POOL_SUM && !size) {
        if (!g->adaptive && uniform_windows(g)) job.size = row_size(g, 0, 0, 1);
        if (g->adaptive || !uniform_axis(g, 2)) job.sizes = sizes;
        if (job.sizes) fill_sizes(g, sizes);
    }
    job.inverse = exact_inverse(job.size);
    job.scratch = rest;
    fc_parallel_for(ceil_div(job.plan.strips, job.plan.strips_per_task) * job.plan.tiles, threads, pool_task, &job);
}

static void pool_forward(const fc_pool_geometry *g, int kind, const void *input, void *output, int64_t *indices,
                         void *scratch, int threads) {
    pool_sized(g, kind, 0, input, output, indices, scratch, threads);
}
