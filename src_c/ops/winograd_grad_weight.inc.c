/* winograd_grad_weight.inc.c: the weight gradient of a 3 x 3 convolution of unit stride, by F(4x4, 3x3).
 *
 *     dg = G' [ sum over tiles of (B' d B) * (A dY A') ] G
 *
 * One block of tiles after another: both sides are transformed (a task is a channel), then 36 products over the
 * block's tiles are added to the sums (a task is a point and a part of the channels). Every sum is one chain over the
 * tiles in order, so bits do not depend on threads. If an element comes out not finite the caller computes directly. */

typedef struct {
    winograd_plan w;  /* of the input side: slices, depth, tiles, block, v_point */
    int64_t K, k_row; /* output channels of a group; rounded up to whole vectors */
    int64_t blocks;
    int64_t v_row;               /* a block, and what its last run writes too many: rows belong to different tasks */
    int64_t dy_point, sum_point; /* elements from point to point */
    int64_t cells, cell_bytes;   /* transposed gradient rows of a run of tiles */
    int64_t v_bytes, dy_bytes, sum_bytes, run_bytes, thread_bytes;
} winograd_weight_plan;

/* Multiply-adds, transforms counted at what they cost in them. */
static int use_winograd_weight(const fc_conv_geometry *g) {
    product p = forward_product(g);
    if (!has_square_taps(&p) || p.rows < LANES || p.channels < 8) return 0;
    double tiles = (double)p.images * p.pixels[0] * ceil_div(p.pixels[1], 4) * ceil_div(p.pixels[2], 4);
    double depth = (double)p.channels * (p.taps / 9), rows = p.rows, pixels = (double)p.images * volume(p.pixels);
    double direct = pixels * 9 * depth * rows;
    double winograd = tiles * (36 * depth * rows + 400 * depth + 400 * rows) + 600 * depth * rows;
    return depth <= 4096 && winograd < direct;
}

enum { WINOGRAD_WEIGHT_BYTES = 2 * 1024 * 1024, WINOGRAD_WEIGHT_PARTS = 4 };

static winograd_weight_plan plan_winograd_weight(const fc_conv_geometry *g) {
    product p = forward_product(g);
    winograd_weight_plan w = {.w = {.slices = p.taps / 9}, .K = p.rows};
    w.w.depth = p.channels * w.w.slices;
    w.k_row = ceil_div(w.K, LANES) * LANES;
    w.w.tile_rows = ceil_div(p.pixels[1], WINOGRAD_TILE);
    w.w.tile_columns = ceil_div(p.pixels[2], WINOGRAD_TILE);
    w.w.tiles = p.images * p.pixels[0] * w.w.tile_rows * w.w.tile_columns;
    int64_t size = sizeof(T), fit = WINOGRAD_WEIGHT_BYTES / (WINOGRAD_POINTS * (w.w.depth + w.k_row) * size);
    w.w.block = ceil_div(w.w.tiles, ceil_div(w.w.tiles, clamp_i64(fit, 64, 512)));
    w.blocks = ceil_div(w.w.tiles, w.w.block);
    w.w.line_row = WINOGRAD_TILE * (min_i64(w.w.block, w.w.tile_columns) + 2 * LANES);
    w.v_row = w.w.block + LANES;
    w.w.v_point = odd_lines(w.w.depth * w.v_row);
    w.dy_point = odd_lines(w.k_row * w.w.block);
    w.sum_point = odd_lines(w.w.depth * w.k_row);
    w.cells = WINOGRAD_TILE * min_i64(w.w.block, w.w.tile_columns);
    w.cells = ceil_div(w.cells, LANES) * LANES;
    w.cell_bytes = line_bytes((WINOGRAD_TILE * w.cells + w.cells) * LANES * size);
    w.w.line_bytes = line_bytes(WINOGRAD_PATCH * w.w.line_row * size);
    w.v_bytes = line_bytes(WINOGRAD_POINTS * w.w.v_point * size);
    w.dy_bytes = line_bytes(WINOGRAD_POINTS * w.dy_point * size);
    w.sum_bytes = line_bytes(WINOGRAD_POINTS * w.sum_point * size);
    w.run_bytes = line_bytes(w.w.block * (int64_t)sizeof(pixel_run));
    w.thread_bytes = max_i64(2 * w.w.line_bytes, w.cell_bytes);
    return w;
}

static int64_t winograd_weight_scratch(const fc_conv_geometry *g, int threads) {
    winograd_weight_plan w = plan_winograd_weight(g);
    return taps_bytes(g) + w.v_bytes + w.dy_bytes + w.sum_bytes + w.run_bytes + w.thread_bytes * threads;
}

typedef struct {
    const fc_conv_geometry *g;
    winograd_weight_plan w;
    product p;
    const T *grad_output;
    T *grad_weight;
    int64_t group, count, run_count;
    pixel_run *runs;
    T *v, *dy, *sums;
    char *scratch;
    int first; /* block: sums start at zero */
    int *not_finite;
} winograd_weight_job;

/* dy[point][panel][tile][lane] for LANES output channels: rows are padded, transposed, then transformed. */
static void transform_gradient_lanes(const winograd_weight_job *job, int64_t k, char *scratch) {
    const winograd_weight_plan *w = &job->w;
    const product *p = &job->p;
    int64_t P = p->pixels[1], Q = p->pixels[2], plane = volume(p->pixels), inside = min_i64(LANES, w->K - k);
    int64_t panel = k / PANEL * PANEL, width = min_i64(PANEL, w->k_row - panel), row = w->cells * LANES;
    T *cells = (T *)scratch, *padded = cells + WINOGRAD_TILE * row;
    for (const pixel_run *run = job->runs; run < job->runs + job->run_count; run++) {
        const T *image =
            job->grad_output + (run->image * job->g->K + job->group * w->K + k) * plane + run->at[0] * P * Q;
        int64_t length = WINOGRAD_TILE * run->length;
        for (int i = 0; i < WINOGRAD_TILE; i++) {
            int64_t y = run->at[1] + i;
            for (int64_t lane = 0; lane < LANES; lane++) {
                if (lane < inside && y < P)
                    copy_padded(padded + lane * w->cells, image + lane * plane + y * Q, run->at[2], 1, Q, length);
                else zero_run(padded + lane * w->cells, length);
            }
            for (int64_t cell = 0; cell < length; cell += LANES)
                transpose_square(padded + cell, w->cells, LANES, cells + i * row + cell * LANES, LANES);
        }
        for (int64_t tile = 0; tile < run->length; tile++)
            transform_gradient(cells + WINOGRAD_TILE * tile * LANES, row, LANES,
                               job->dy + panel * w->w.block + (run->lane + tile) * width + k - panel, w->dy_point);
    }
}

/* Tasks are the channels and depth taps of the input, then vectors of output channels. */
static void transform_task(const void *context, int64_t task, int thread) {
    const winograd_weight_job *job = context;
    const winograd_weight_plan *w = &job->w;
    const product *p = &job->p;
    char *scratch = job->scratch + thread * w->thread_bytes;
    if (task >= w->w.depth) {
        transform_gradient_lanes(job, (task - w->w.depth) * LANES, scratch);
        return;
    }
    T *lines = (T *)scratch, *rows = (T *)(scratch + w->w.line_bytes);
    int64_t channel = task / w->w.slices, offset = p->offset[task % w->w.slices * 9][0];
    for (const pixel_run *run = job->runs; run < job->runs + job->run_count; run++) {
        const T *source =
            p->source + ((run->image * p->groups + job->group) * p->channels + channel) * volume(p->extent);
        transform_slice(p, &w->w, source, offset, run, lines, rows, job->v + task * w->v_row);
    }
}

/* sums[point][d][k] += sum over tiles of v[point][d][tile] * dy[point][tile][k] for a part of d. */
static void sum_task(const void *context, int64_t task, int thread) {
    (void)thread;
    const winograd_weight_job *job = context;
    const winograd_weight_plan *w = &job->w;
    int64_t point = task / WINOGRAD_WEIGHT_PARTS, part = task % WINOGRAD_WEIGHT_PARTS;
    int64_t row = part_start(w->w.depth, WINOGRAD_WEIGHT_PARTS, part);
    int64_t rows = part_start(w->w.depth, WINOGRAD_WEIGHT_PARTS, part + 1) - row;
    const T *dy = job->dy + point * w->dy_point;
    for (int64_t panel = 0; panel < w->k_row; panel += PANEL)
        multiply_block(job->v + point * w->w.v_point + row * w->v_row, w->v_row, rows, dy + panel * w->w.block, 0,
                       job->count, min_i64(PANEL, w->k_row - panel),
                       job->sums + point * w->sum_point + row * w->k_row + panel, w->k_row, NULL, !job->first, NULL);
}

/* Filters of one input channel and depth tap. */
static void filter_gradient_task(const void *context, int64_t d, int thread) {
    (void)thread;
    const winograd_weight_job *job = context;
    const winograd_weight_plan *w = &job->w;
    vec doubt = {0};
    for (int64_t k = 0; k < w->K; k += LANES) {
        T g[9 * LANES];
        transform_filter_gradients(job->sums + d * w->k_row + k, w->sum_point, g);
        for (int64_t lane = 0; lane < min_i64(LANES, w->K - k); lane++)
            FC_UNROLL for (int i = 0; i < 9; i++)
                job->grad_weight[((job->group * w->K + k + lane) * w->w.depth + d) * 9 + i] = g[i * LANES + lane];
        FC_UNROLL for (int i = 0; i < 9; i++) doubt += load(g + i * LANES) * 0;
    }
    for (int lane = 0; lane < LANES; lane++)
        if (doubt[lane] != 0) __atomic_store_n(job->not_finite, 1, __ATOMIC_RELAXED);
}

/* Returns whether every element is finite. */
static int run_winograd_weight(const fc_conv_geometry *g, const T *grad_output, const T *input, T *grad_weight,
                               void *scratch, int threads) {
    char *rest = scratch;
    int not_finite = 0;
    int64_t (*offset)[3] = take(&rest, taps_bytes(g));
    list_taps(g, offset);
    winograd_weight_job job = {.g = g,
                               .w = plan_winograd_weight(g),
                               .p = forward_product(g),
                               .grad_output = grad_output,
                               .grad_weight = grad_weight,
                               .not_finite = &not_finite};
    const winograd_weight_plan *w = &job.w;
    job.p.offset = (const int64_t (*)[3])offset;
    job.p.source = input;
    job.v = take(&rest, w->v_bytes);
    job.dy = take(&rest, w->dy_bytes);
    job.sums = take(&rest, w->sum_bytes);
    job.runs = take(&rest, w->run_bytes);
    job.scratch = rest;
    for (job.group = 0; job.group < g->G; job.group++) {
        for (int64_t block = 0; block < w->blocks; block++) {
            int64_t first = block * w->w.block;
            job.first = block == 0;
            job.count = min_i64(w->w.block, w->w.tiles - first);
            job.run_count = find_tile_runs(&w->w, job.p.pixels[0], first, job.count, job.runs);
            fc_parallel_for(w->w.depth + w->k_row / LANES, threads, transform_task, &job);
            fc_parallel_for(WINOGRAD_POINTS * WINOGRAD_WEIGHT_PARTS, threads, sum_task, &job);
        }
        fc_parallel_for(w->w.depth, threads, filter_gradient_task, &job);
    }
    return !not_finite;
}
