/* conv_last.inc.c: forward convolutions of arrays whose channels come last, those that gain by it: depthwise ones, and
 * 1x1 at every pixel.
 *
 *     output[n, o, k] = act(bias[k] + residual[n, o, k] + sum of weight[k, c, r] * input[n, o * stride - padding + r *
 *                       dilation, c]) */

/* Most cells of a depthwise task's result, taps of a depthwise kernel, and pixels of a 1x1 task; fewer of these make so
 * many tasks. */
enum { DEPTH_CELLS = 16 * 1024, DEPTH_TAPS = 25, LAST_PIXELS = 32 * TILE_ROWS, LAST_TASKS = 8 };

/* How it is computed; FILL where the arrays had better be reordered. That costs about what transposing the weight of a
 * 1x1 convolution does, where few pixels meet many pairs of channels. Depthwise, many taps repay it, and so do pixels
 * whole pages apart, which share cache sets. */
static enum way choose_last_way(const fc_conv_geometry *g) {
    product p = forward_product(g);
    int64_t pixels = g->N * volume(g->output);
    if (g->G == 1 && pointwise(g) && g->K >= LANES && g->C * g->K <= 2 * pixels * (g->C + g->K)) return POINTS_LAST;
    int fits = g->C >= LANES && p.taps <= DEPTH_TAPS && g->C * T_BYTES % 4096 != 0;
    if (g->G == g->C && g->K == g->C && fits && !is_tall(&p)) return DEPTH_LAST;
    return FILL;
}

/* weight: depthwise [C / LANES][taps][LANES], 1x1 panels of PANEL output channels for `depth` channels at a time. */
typedef struct {
    const fc_conv_geometry *g;
    product p;
    int64_t row_blocks, column_blocks; /* depthwise: a task's pixels */
    int64_t depth, lanes;              /* 1x1: channels and output channels whose panels fit into cache together */
    int64_t pixel_blocks, lane_blocks, all_lanes;
    int64_t weight_bytes, spill_bytes;
    T *weight;
    char *spill;
} last_job;

FC_PLAN last_job plan_last(const fc_conv_geometry *g) {
    product p = forward_product(g);
    last_job job = {.g = g, .p = p};
    if (choose_last_way(g) == DEPTH_LAST) {
        int64_t P = p.pixels[1], Q = p.pixels[2], columns = clamp_i64(DEPTH_CELLS / g->C, 1, Q);
        job.column_blocks = ceil_div(Q, columns);
        job.row_blocks = ceil_div(P, clamp_i64(columns / Q, 1, P));
        job.weight_bytes = line_bytes(ceil_div(g->C, LANES) * LANES * p.taps * (int64_t)sizeof(T));
    } else {
        int64_t pixels = g->N * volume(p.pixels);
        job.depth = gather_depth(&p);
        job.all_lanes = ceil_div(g->K, LANES) * LANES;
        job.lanes = max_i64(1, GATHER_PANEL_BYTES / (job.depth * (int64_t)sizeof(T)) / PANEL) * PANEL;
        job.lane_blocks = ceil_div(g->K, job.lanes);
        job.pixel_blocks = ceil_div(pixels, clamp_i64(pixels / LAST_TASKS, 4 * TILE_ROWS, LAST_PIXELS));
        job.weight_bytes = line_bytes(g->C * job.all_lanes * (int64_t)sizeof(T));
        job.spill_bytes = line_bytes(TILE_ROWS * PANEL * (int64_t)sizeof(T));
    }
    return job;
}

/* The first tile of a box of pixels of image n that starts `at` a pixel and is seen by the taps of a span an axis. */
static depth_arguments depth_box(const last_job *job, int64_t n, const int64_t at[3], const tap_span span[3]) {
    const product *p = &job->p;
    int64_t C = job->g->C, step = C, w_step = LANES;
    depth_arguments t = {.channels = C, .c_pixel = C, .x = p->source, .w = job->weight, .init = p->epilogue.bias};
    t.x_pixel = p->stride[2] * C;
    for (int axis = 2; axis >= 0; axis--) {
        int64_t first = span[axis].first, dilation = job->g->dilation[axis];
        t.taps[axis] = span[axis].taps;
        if (span[axis].taps > 0) t.x += (at[axis] * p->stride[axis] + p->low[axis] + first * dilation) * step;
        if (span[axis].taps > 1) t.x_tap[axis] = dilation * step; /* else the dilation may be of any size */
        t.w_tap[axis] = w_step;
        t.w += first * w_step;
        step *= p->extent[axis];
        w_step *= p->count[axis];
    }
    t.w_vector = w_step;
    t.x += n * step;
    t.c = p->dest + (((n * p->pixels[0] + at[0]) * p->pixels[1] + at[1]) * p->pixels[2] + at[2]) * C;
    return t;
}

/* A row of a box. What the next one sees anew is fetched ahead: short runs of many rows start no prefetcher. */
static void depth_row(depth_arguments t, int64_t pixels) {
    int64_t blocks = ceil_div(pixels, DEPTH_PIXELS);
    for (int64_t block = 0; block < blocks; block++) {
        int64_t count = part_start(pixels, blocks, block + 1) - part_start(pixels, blocks, block);
        const T *ahead = t.x + t.taps[1] * t.x_tap[1];
        for (int64_t i = 0; i < count * t.x_pixel; i += 64 / T_BYTES) __builtin_prefetch(ahead + i);
        depth_tiles[count - 1](&t);
        t.x += count * t.x_pixel;
        t.c += count * t.channels;
    }
}

/* Pixels [low, high) of a slice of image n, in boxes that the same taps see. */
static void depth_pixels(const last_job *job, int64_t n, const int64_t low[3], const int64_t high[3]) {
    const product *p = &job->p;
    int64_t C = job->g->C, at[3] = {low[0]};
    tap_span span[3] = {span_at(p, 0, low[0])};
    for (at[1] = low[1]; at[1] < high[1]; at[1] = span[1].end) {
        span[1] = span_at(p, 1, at[1]);
        span[1].end = min_i64(span[1].end, high[1]);
        for (at[2] = low[2]; at[2] < high[2]; at[2] = span[2].end) {
            span[2] = span_at(p, 2, at[2]);
            span[2].end = min_i64(span[2].end, high[2]);
            depth_arguments t = depth_box(job, n, at, span);
            for (int64_t y = at[1]; y < span[1].end; y++) {
                depth_row(t, span[2].end - at[2]);
                t.x += p->stride[1] * p->extent[2] * C;
                t.c += p->pixels[2] * C;
            }
        }
    }
}

static void pack_depth_task(const void *context, int64_t task, int thread) {
    (void)thread;
    const last_job *job = context;
    int64_t taps = job->p.taps, first = min_i64(task * LANES, job->g->C - LANES);
    transpose_block(job->p.matrix + first * taps, taps, LANES, taps, job->weight + task * LANES * taps, LANES);
}

static void depth_task(const void *context, int64_t task, int thread) {
    (void)thread;
    const last_job *job = context;
    const product *p = &job->p;
    int64_t column = task % job->column_blocks, row = task / job->column_blocks % job->row_blocks;
    int64_t slice = task / job->column_blocks / job->row_blocks, P = p->pixels[1], Q = p->pixels[2], C = job->g->C;
    int64_t low[3] = {slice % p->pixels[0], part_start(P, job->row_blocks, row),
                      part_start(Q, job->column_blocks, column)};
    int64_t high[3] = {low[0] + 1, part_start(P, job->row_blocks, row + 1),
                       part_start(Q, job->column_blocks, column + 1)};
    depth_pixels(job, slice / p->pixels[0], low, high);
    const T *residual = p->epilogue.residual;
    if (p->epilogue.activation == FC_NONE && !residual) return;
    for (int64_t y = low[1]; y < high[1]; y++) {
        int64_t first = ((slice * P + y) * Q + low[2]) * C;
        T *x = p->dest + first;
        finish_run(x, x, residual ? residual + first : NULL, (high[2] - low[2]) * C, 1, p->epilogue.activation);
    }
}

static void pack_last_task(const void *context, int64_t task, int thread) {
    (void)thread;
    const last_job *job = context;
    const fc_conv_geometry *g = job->g;
    const T *weight = job->p.matrix;
    int64_t first = task * PANEL, width = min_i64(PANEL, job->all_lanes - first), rows = min_i64(PANEL, g->K - first);
    for (int64_t level = 0; level < g->C; level += job->depth) {
        int64_t depth = min_i64(job->depth, g->C - level);
        T *panel = job->weight + level * job->all_lanes + first * depth;
        if (rows < width) zero_run(panel, depth * width);
        transpose_block(weight + first * g->C + level, g->C, rows, depth, panel, width);
    }
}

/* Rows of pixels are read in place, and written with the bias in front. */
static void points_task(const void *context, int64_t task, int thread) {
    const last_job *job = context;
    const product *p = &job->p;
    int64_t C = job->g->C, K = job->g->K, pixels = job->g->N * volume(p->pixels);
    int64_t block = task % job->pixel_blocks, k = task / job->pixel_blocks * job->lanes;
    int64_t lanes = min_i64(job->lanes, K - k), row = part_start(pixels, job->pixel_blocks, block);
    int64_t rows = part_start(pixels, job->pixel_blocks, block + 1) - row;
    const T *bias = p->epilogue.bias, *residual = p->epilogue.residual;
    T *spill = (T *)(job->spill + thread * job->spill_bytes);
    for (int64_t level = 0; level < C; level += job->depth) {
        int64_t depth = min_i64(job->depth, C - level), blocks = ceil_div(rows, TILE_ROWS);
        int finished = level + depth == C && (p->epilogue.activation != FC_NONE || residual);
        for (int64_t part = 0; part < blocks; part++) {
            int64_t first = row + part_start(rows, blocks, part),
                    count = row + part_start(rows, blocks, part + 1) - first;
            T *c = p->dest + first * K + k;
            for (int64_t i = 0; level == 0 && bias && i < count; i++) copy_run(c + i * K, bias + k, lanes);
            multiply_block(&(block_product){.rows = count,
                                            .depth = depth,
                                            .count = lanes,
                                            .matrix = p->source + first * C + level,
                                            .matrix_row = C,
                                            .panels = job->weight + level * job->all_lanes + k * depth,
                                            .c = c,
                                            .c_row = K,
                                            .accumulate = bias || level > 0,
                                            .spill = spill});
            for (int64_t i = 0; finished && i < count; i++, c += K)
                finish_run(c, c, residual ? residual + (c - p->dest) : NULL, lanes, 1, p->epilogue.activation);
        }
    }
}

static int64_t conv_last_scratch(const fc_conv_geometry *g, int threads) {
    if (choose_last_way(g) == FILL) return -1;
    last_job job = plan_last(g);
    return job.weight_bytes + job.spill_bytes * threads;
}

static void conv_last(const fc_conv_geometry *g, const void *input, const void *weight, const fc_epilogue *epilogue,
                      void *output, void *scratch, int threads) {
    char *rest = scratch;
    last_job job = plan_last(g);
    job.p.source = input;
    job.p.matrix = weight;
    job.p.dest = output;
    job.p.epilogue = *epilogue;
    job.weight = take(&rest, job.weight_bytes);
    job.spill = rest;
    if (choose_last_way(g) == DEPTH_LAST) {
        fc_parallel_for(ceil_div(g->C, LANES), threads, pack_depth_task, &job);
        fc_parallel_for(g->N * job.p.pixels[0] * job.row_blocks * job.column_blocks, threads, depth_task, &job);
    } else {
        fc_parallel_for(ceil_div(g->K, PANEL), threads, pack_last_task, &job);
        fc_parallel_for(job.pixel_blocks * job.lane_blocks, threads, points_task, &job);
    }
}
