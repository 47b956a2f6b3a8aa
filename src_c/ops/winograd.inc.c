/* winograd.inc.c: a product (see product.inc.c) of unit stride with 3 x 3 taps, by F(4x4, 3x3).
 *
 * A task takes a block of tiles: their patches are transformed for all channels into V[point][channel][tile], 36
 * small products on the tile kernel give M[point][row][tile], and the inverse transform writes finished rows. Depth
 * taps of a 3-D kernel count as channels. A tile that comes out not finite in a grain of rows is computed again
 * directly: overflow inside the transform does no harm, and NaN and Inf stay in their windows. */

enum {
    WINOGRAD_GRAIN = 24,
    WINOGRAD_ROWS = 21 * WINOGRAD_GRAIN,
    WINOGRAD_MOST_TILES = 96,
    WINOGRAD_V_BYTES = 8 * 1024 * 1024
};

typedef struct {
    int64_t slices, depth; /* depth taps; channels * slices */
    int64_t matrix_row;    /* depth, rounded up to whole vectors */
    int64_t tile_rows, tile_columns, tiles;
    int64_t block, blocks;                  /* tiles per task */
    int64_t line_row;                       /* cells of a run of tiles, and room for the last vectors */
    int64_t v_point, m_point, matrix_point; /* elements from point to point */
    int64_t grains, parts;                  /* grains of rows; parts of them, a task each */
    int64_t m_rows;                         /* rows multiplied at a time */
    int64_t matrix_bytes;                   /* transformed filters of all groups */
    int64_t line_bytes, v_bytes, m_bytes, stage_bytes, run_bytes, direct_bytes, thread_bytes;
} winograd_plan;

/* One tile computed directly. */
static product tile_product(const product *p) {
    product tile = *p;
    tile.groups = tile.images = 1;
    tile.rows = min_i64(p->rows, WINOGRAD_GRAIN);
    tile.pixels[0] = 1;
    tile.pixels[1] = min_i64(WINOGRAD_TILE, p->pixels[1]);
    tile.pixels[2] = min_i64(WINOGRAD_TILE, p->pixels[2]);
    return tile;
}

/* The tiles per task and the parts of the rows that finish first: transforms and reads of the matrix are counted at
 * what they cost in multiply-adds. */
static void cut_winograd(const product *p, int64_t fit, int threads, winograd_plan *w) {
    double best = 0;
    for (int64_t panels = fit / PANEL; panels > 0; panels--)
        for (int64_t parts = 1; parts <= min_i64(w->grains, threads); parts++) {
            int64_t block = min_i64(panels * PANEL, ceil_div(w->tiles, LANES) * LANES),
                    blocks = ceil_div(w->tiles, block);
            double rows = min_i64(p->rows, ceil_div(w->grains, parts) * WINOGRAD_GRAIN);
            double task = block * (36 * w->depth * rows + 400 * w->depth + 240 * rows) + 6 * 36 * w->depth * rows;
            double turns = ceil_div(blocks * parts * p->groups, threads);
            double last = (double)(w->tiles - (blocks - 1) * block) / block; /* a short last block */
            if (turns > 1 && threads == 1) turns -= 1 - last;
            if (best != 0 && turns * task >= best) continue;
            best = turns * task;
            w->block = block;
            w->blocks = blocks;
            w->parts = parts;
        }
}

static winograd_plan plan_winograd(const product *p, int threads) {
    winograd_plan w = {.slices = p->taps / 9};
    w.depth = p->channels * w.slices;
    w.matrix_row = ceil_div(w.depth, LANES) * LANES;
    w.tile_rows = ceil_div(p->pixels[1], WINOGRAD_TILE);
    w.tile_columns = ceil_div(p->pixels[2], WINOGRAD_TILE);
    w.tiles = p->images * p->pixels[0] * w.tile_rows * w.tile_columns;
    w.grains = ceil_div(p->rows, WINOGRAD_GRAIN);

    int64_t fit = WINOGRAD_V_BYTES / (WINOGRAD_POINTS * w.depth * (int64_t)sizeof(T)) / LANES * LANES;
    fit = clamp_i64(fit, PANEL, WINOGRAD_MOST_TILES / PANEL * PANEL);
    cut_winograd(p, fit, threads, &w);
    int64_t size = sizeof(T);
    w.line_row = WINOGRAD_TILE * (min_i64(w.block, w.tile_columns) + 2 * LANES);
    w.v_point = odd_lines(w.depth * w.block + LANES);
    w.m_rows = min_i64(WINOGRAD_ROWS, ceil_div(w.grains, w.parts) * WINOGRAD_GRAIN);
    w.m_point = odd_lines(w.m_rows * w.block);
    w.matrix_point = odd_lines(p->rows * w.matrix_row);
    w.matrix_bytes = line_bytes(p->groups * WINOGRAD_POINTS * w.matrix_point * size);
    w.line_bytes = line_bytes(WINOGRAD_PATCH * w.line_row * size);
    w.v_bytes = line_bytes(WINOGRAD_POINTS * w.v_point * size);
    w.m_bytes = line_bytes(WINOGRAD_POINTS * w.m_point * size);
    w.stage_bytes = line_bytes(WINOGRAD_TILE * WINOGRAD_TILE * w.block * size);
    w.run_bytes = line_bytes(w.block * (int64_t)sizeof(pixel_run));
    product tile = tile_product(p);
    w.direct_bytes = line_bytes(p->taps * 3 * (int64_t)sizeof(int64_t)) + gather_scratch(&tile, 1);
    w.thread_bytes = 2 * w.line_bytes + w.v_bytes + w.m_bytes + w.stage_bytes + w.run_bytes + w.direct_bytes +
                     line_bytes(w.block * size);
    return w;
}

static int64_t winograd_scratch(const product *p, int threads) {
    winograd_plan w = plan_winograd(p, threads);
    return w.matrix_bytes + w.thread_bytes * threads;
}

typedef struct {
    const product *p;
    winograd_plan w;
    T *matrix; /* [group][point][row][depth] */
    char *scratch;
} winograd_job;

/* Transforms the filters of one row of the matrix. Taps may stand in either order on each axis. */
static void winograd_filter_task(const void *context, int64_t task, int thread) {
    (void)thread;
    const winograd_job *job = context;
    const product *p = job->p;
    const winograd_plan *w = &job->w;
    int64_t group = task / p->rows, row = task % p->rows, place[9];
    const T *filters = p->matrix + task * p->channels * p->taps;
    T *points = job->matrix + group * WINOGRAD_POINTS * w->matrix_point + row * w->matrix_row;
    for (int tap = 0; tap < 9; tap++) place[3 * (p->offset[tap][1] - p->low[1]) + p->offset[tap][2] - p->low[2]] = tap;
    for (int64_t first = 0; first < w->depth; first += LANES) {
        T g[9][LANES] = {{0}};
        for (int64_t lane = 0; lane < min_i64(LANES, w->depth - first); lane++)
            FC_UNROLL for (int i = 0; i < 9; i++) g[i][lane] = filters[(first + lane) * 9 + place[i]];
        transform_filters(&g[0][0], points + first, w->matrix_point);
    }
}

/* Tiles [first, first + count) as runs of neighbours in one row of tiles. */
static int64_t find_tile_runs(const winograd_plan *w, int64_t planes, int64_t first, int64_t count, pixel_run *runs) {
    int64_t found = 0;
    for (int64_t lane = 0; lane < count;) {
        int64_t number = first + lane, x = number % w->tile_columns, y = number / w->tile_columns % w->tile_rows;
        int64_t plane = number / w->tile_columns / w->tile_rows;
        int64_t length = min_i64(w->tile_columns - x, count - lane);
        runs[found++] =
            (pixel_run){lane, length, plane / planes, {plane % planes, y * WINOGRAD_TILE, x * WINOGRAD_TILE}};
        lane += length;
    }
    return found;
}

/* Transforms the patches of a block's tiles in one source slice -> v[point][tile]. A run writes up to a whole vector
 * of tiles; what it writes too many, the next run or the next channel overwrites. */
static void transform_slice(const product *p, const winograd_plan *w, const T *channel, int64_t offset,
                            const pixel_run *run, T *lines, T *rows, T *v) {
    int64_t W = p->extent[2], z = run->at[0] + offset, x = run->at[2] + p->low[2];
    int64_t cells = WINOGRAD_TILE * run->length + 2, reads = ceil_div(cells, LANES) * LANES;
    const T *line[WINOGRAD_PATCH];
    for (int i = 0; i < WINOGRAD_PATCH; i++) {
        int64_t y = run->at[1] + p->low[1] + i, at = (z * p->extent[1] + y) * W + x;
        line[i] = lines + i * w->line_row;
        if (z < 0 || z >= p->extent[0] || y < 0 || y >= p->extent[1]) zero_run(lines + i * w->line_row, cells);
        else if (x >= 0 && x + cells <= W && at + reads <= volume(p->extent)) line[i] = channel + at;
        else copy_padded(lines + i * w->line_row, channel + (z * p->extent[1] + y) * W, x, 1, W, cells);
    }
    transform_columns(line, cells, rows, w->line_row);
    transform_rows(rows, w->line_row, run->length, v + run->lane, w->v_point);
}

static void compute_tile_directly(const product *p, int64_t group, int64_t row, int64_t rows, const pixel_run *run,
                                  int64_t tile, char *scratch) {
    product direct = tile_product(p);
    int64_t (*offset)[3] = take(&scratch, p->taps * 3 * (int64_t)sizeof(int64_t));
    int64_t corner[3] = {run->at[0], run->at[1], run->at[2] + tile * WINOGRAD_TILE};
    for (int64_t tap = 0; tap < p->taps; tap++)
        for (int axis = 0; axis < 3; axis++) offset[tap][axis] = p->offset[tap][axis] + corner[axis];
    for (int axis = 0; axis < 3; axis++) {
        direct.pixels[axis] = min_i64(direct.pixels[axis], p->pixels[axis] - corner[axis]);
        direct.dest_start[axis] = corner[axis];
    }
    int64_t channel = group * p->rows + row,
            dest = (run->image * p->groups * p->rows + channel) * volume(p->dest_extent);
    direct.rows = rows;
    direct.offset = (const int64_t (*)[3])offset;
    direct.source = p->source + (run->image * p->groups + group) * p->channels * volume(p->extent);
    direct.matrix = p->matrix + channel * p->channels * p->taps;
    direct.dest = p->dest + dest;
    if (p->epilogue.bias) direct.epilogue.bias = (const T *)p->epilogue.bias + channel;
    if (p->epilogue.residual) direct.epilogue.residual = (const T *)p->epilogue.residual + dest;
    run_gather_here(&direct, scratch);
}

static void winograd_task(const void *context, int64_t task, int thread) {
    const winograd_job *job = context;
    const product *p = job->p;
    const winograd_plan *w = &job->w;
    char *scratch = job->scratch + thread * w->thread_bytes;
    T *lines = take(&scratch, w->line_bytes), *rows_of_run = take(&scratch, w->line_bytes);
    T *v = take(&scratch, w->v_bytes), *m = take(&scratch, w->m_bytes), *stage = take(&scratch, w->stage_bytes);
    pixel_run *runs = take(&scratch, w->run_bytes);
    T *doubt = take(&scratch, w->block * (int64_t)sizeof(T));

    int64_t part = task % w->parts, block = task / w->parts % w->blocks, group = task / w->parts / w->blocks;
    int64_t first = block * w->block, count = min_i64(w->block, w->tiles - first),
            lanes = ceil_div(count, LANES) * LANES;
    int64_t run_count = find_tile_runs(w, p->pixels[0], first, count, runs), plane = volume(p->dest_extent);

    for (int64_t d = 0; d < w->depth; d++) {
        int64_t channel = d / w->slices, offset = p->offset[d % w->slices * 9][0];
        for (const pixel_run *run = runs; run < runs + run_count; run++) {
            const T *source =
                p->source + ((run->image * p->groups + group) * p->channels + channel) * volume(p->extent);
            transform_slice(p, w, source, offset, run, lines, rows_of_run, v + d * w->block);
        }
    }

    const T *matrix = job->matrix + group * WINOGRAD_POINTS * w->matrix_point;
    const T *bias = p->epilogue.bias, *residual = p->epilogue.residual;
    int64_t end = min_i64(p->rows, part_start(w->grains, w->parts, part + 1) * WINOGRAD_GRAIN);
    for (int64_t row = part_start(w->grains, w->parts, part) * WINOGRAD_GRAIN; row < end; row += w->m_rows) {
        int64_t rows = min_i64(w->m_rows, end - row);
        for (int64_t i = 0; i < WINOGRAD_POINTS; i++)
            multiply_block(matrix + i * w->matrix_point + row * w->matrix_row, w->matrix_row, rows, v + i * w->v_point,
                           w->block, w->depth, lanes, m + i * w->m_point, w->block, NULL, 0, NULL);
        for (int64_t k = 0; k < rows; k++) {
            int64_t channel = group * p->rows + row + k, grain = k % WINOGRAD_GRAIN;
            vec start = splat(bias ? bias[channel] : 0);
            if (grain == 0) zero_run(doubt, lanes);
            for (int64_t lane = 0; lane < lanes; lane += LANES)
                store(doubt + lane,
                      load(doubt + lane) + transform_products(m + k * w->block + lane, w->m_point, start,
                                                              stage + WINOGRAD_TILE * lane, WINOGRAD_TILE * w->block));
            for (const pixel_run *run = runs; run < runs + run_count; run++) {
                int64_t columns = min_i64(WINOGRAD_TILE * run->length, p->pixels[2] - run->at[2]);
                for (int64_t i = 0; i < min_i64(WINOGRAD_TILE, p->pixels[1] - run->at[1]); i++) {
                    int64_t to = (run->image * p->groups * p->rows + channel) * plane +
                                 (run->at[0] * p->dest_extent[1] + run->at[1] + i) * p->dest_extent[2] + run->at[2];
                    finish_run(p->dest + to, stage + WINOGRAD_TILE * (i * w->block + run->lane),
                               residual ? residual + to : NULL, columns, 1, p->epilogue.activation);
                }
            }
            if (grain < WINOGRAD_GRAIN - 1 && k < rows - 1) continue;
            for (const pixel_run *run = runs; run < runs + run_count; run++)
                for (int64_t tile = 0; tile < run->length; tile++)
                    if (doubt[run->lane + tile] != 0)
                        compute_tile_directly(p, group, row + k - grain, grain + 1, run, tile, scratch);
        }
    }
}

static void run_winograd(const product *p, void *scratch, int threads) {
    winograd_job job = {.p = p, .w = plan_winograd(p, threads)};
    char *rest = scratch;
    job.matrix = take(&rest, job.w.matrix_bytes);
    job.scratch = rest;
    fc_parallel_for(p->groups * p->rows, threads, winograd_filter_task, &job);
    fc_parallel_for(p->groups * job.w.blocks * job.w.parts, threads, winograd_task, &job);
}
