/* winograd.inc.c: a product (see product.inc.c) by Winograd's transforms.
 *
 * A task takes a block of tiles: their patches are transformed for all channels into V[point][level][tile], a small
 * product a point on the tile kernel gives M[point][row][tile], and the inverse transform writes finished rows. Many
 * levels are taken in equal chunks, which are added up in M. Filters that several blocks of tiles use are transformed
 * before, those that one block uses just before it does, a few levels at a time so that they stay in cache. A tile that
 * comes out not finite in a grain of rows is computed again directly: overflow inside the transform does no harm, and
 * NaN and Inf stay in their windows.
 */

enum {
    WINOGRAD_GRAIN = 24,
    WINOGRAD_ROWS = 21 * WINOGRAD_GRAIN,
    WINOGRAD_FILTER_ROWS = 2 * WINOGRAD_GRAIN,
    WINOGRAD_FILTER_LEVELS = 64,
    WINOGRAD_MOST_TILES = 96,
    WINOGRAD_FEW_TILES = 48,
    WINOGRAD_CACHE_BYTES = 2560 * 1024,
    WINOGRAD_DEPTH = 512,
    WINOGRAD_NEAR_BYTES = 512 * 1024,
    WINOGRAD_V_BYTES = 8 * 1024 * 1024
};

/* Where transformed filters lie: [point][row][level]. */
typedef struct {
    int64_t row; /* levels, and what the last vector of a slice writes too many */
    int64_t point, bytes;
} filter_layout;

static filter_layout lay_filters(const winograd_tiles *t, int64_t rows, int64_t levels) {
    filter_layout f = {.row = levels + LANES};
    f.point = odd_lines(rows * f.row);
    f.bytes = line_bytes(t->points * f.point * (int64_t)sizeof(T));
    return f;
}

typedef struct {
    winograd_tiles t;
    int64_t chunk, chunks;    /* levels at a time */
    int64_t block, blocks;    /* tiles per task */
    int64_t v_point, m_point; /* elements from point to point */
    int64_t grains, parts;    /* grains of rows; parts of them, a task each */
    int64_t m_rows;           /* rows multiplied at a time */
    int64_t filter_rows;      /* of filters that a task transforms at a time; 0: all are transformed before */
    int64_t filter_levels;    /* of filters at a time; sums are grouped so in any case, whoever transforms them */
    int64_t matrix_bytes, filter_bytes;
    int64_t v_bytes, m_bytes, stage_bytes, output_bytes, direct_bytes, thread_bytes;
} winograd_plan;

static int64_t all_filter_bytes(const product *p) {
    winograd_tiles t = cut_product(p);
    return p->groups * lay_filters(&t, p->rows, t.depth).bytes;
}

/* One tile computed directly. */
static product tile_product(const product *p, const winograd_tiles *t) {
    product tile = *p;
    tile.groups = tile.images = 1;
    tile.rows = min_i64(p->rows, WINOGRAD_GRAIN);
    for (int axis = 0; axis < 3; axis++) {
        const winograd_axis *a = &t->axis[axis];
        tile.pixels[axis] = min_i64(a->tile, p->pixels[axis]);
        tile.stride[axis] = a->cell;
        tile.dest_stride[axis] = p->dest_stride[axis] * a->step;
    }
    return tile;
}

/* The tiles per task and the parts of the rows that finish first, in multiply-adds. Filters that several blocks use are
 * written once and read by each block, from far away where they are many. */
static void cut_winograd(const product *p, int64_t fit, int threads, winograd_plan *w) {
    const winograd_tiles *t = &w->t;
    double best = INFINITY, filters = (double)t->points * t->depth * p->rows;
    double move = filters * (filters * sizeof(T) > WINOGRAD_NEAR_BYTES ? 0.75 : 0.2) * LANES;
    int64_t vectors = ceil_div(t->tiles, LANES);
    for (int64_t some = min_i64(fit / LANES, vectors); some > 0; some--)
        for (int64_t parts = 1; parts <= min_i64(w->grains, threads); parts++) {
            int64_t blocks = ceil_div(vectors, some), last = vectors - (blocks - 1) * some;
            double rows = min_i64(p->rows, ceil_div(w->grains, parts) * WINOGRAD_GRAIN);
            double vector = LANES * (t->points * t->depth * rows + t->in * t->depth + t->out * rows);
            double turns = ceil_div(blocks * parts * p->groups, threads), all = turns * some;
            if (threads == 1) all = (double)p->groups * ((blocks - 1) * some + last);
            double cost = all * vector + (blocks > 1 ? (turns * rows / p->rows + 2.0 / threads) * move : 0);
            if (cost >= best) continue;
            best = cost;
            w->block = some * LANES;
            w->blocks = blocks;
            w->parts = parts;
        }
}

static winograd_plan plan_winograd(const product *p, int threads) {
    winograd_plan w = {.t = cut_product(p)};
    const winograd_tiles *t = &w.t;
    w.chunks = ceil_div(t->depth, WINOGRAD_DEPTH);
    w.chunk = ceil_div(t->depth, w.chunks);
    w.grains = ceil_div(p->rows, WINOGRAD_GRAIN);

    int64_t size = sizeof(T), fit = WINOGRAD_V_BYTES / (t->points * w.chunk * size) / LANES * LANES;
    fit = clamp_i64(fit, PANEL, WINOGRAD_MOST_TILES);
    /* Where V and M of few tiles fit into cache together, that is worth more than reading the filters less often. */
    if (t->tiles > 2 * WINOGRAD_MOST_TILES &&
        WINOGRAD_FEW_TILES * t->points * (w.chunk + p->rows) * size <= WINOGRAD_CACHE_BYTES)
        fit = min_i64(fit, WINOGRAD_FEW_TILES);
    cut_winograd(p, fit, threads, &w);
    w.v_point = odd_lines(w.chunk * w.block + LANES);
    int64_t rows = ceil_div(w.grains, w.parts) * WINOGRAD_GRAIN;
    w.filter_rows = w.blocks == 1 ? min_i64(WINOGRAD_FILTER_ROWS, rows) : 0;
    w.m_rows = w.blocks == 1 && w.chunks == 1 ? w.filter_rows : min_i64(WINOGRAD_ROWS, rows);
    w.m_point = odd_lines(w.m_rows * w.block);
    w.filter_levels = t->tiles <= WINOGRAD_MOST_TILES ? min_i64(w.chunk, WINOGRAD_FILTER_LEVELS) : w.chunk;
    if (w.filter_rows) w.filter_bytes = lay_filters(t, w.filter_rows, w.filter_levels).bytes;
    else w.matrix_bytes = all_filter_bytes(p);
    w.v_bytes = line_bytes(t->points * w.v_point * size);
    w.m_bytes = line_bytes(t->points * w.m_point * size);
    w.stage_bytes = line_bytes(t->axis[1].tile * t->axis[2].tile * w.block * size);
    w.output_bytes = line_bytes(t->axis[line_axis(t)].tile * most_runs(t, w.block) * (int64_t)sizeof(piece));
    product tile = tile_product(p, t);
    w.direct_bytes = line_bytes(p->taps * 3 * (int64_t)sizeof(int64_t)) + gather_scratch(&tile, 1);
    w.thread_bytes = patch_room_bytes(t, w.block) + w.filter_bytes + w.v_bytes + w.m_bytes + w.stage_bytes +
                     line_bytes(w.block * size) + w.output_bytes + w.direct_bytes;
    return w;
}

static int64_t winograd_scratch(const product *p, int threads) {
    winograd_plan w = plan_winograd(p, threads);
    return w.matrix_bytes + w.thread_bytes * threads;
}

typedef struct {
    const product *p;
    winograd_plan w;
    const char *matrix; /* filters of all groups, or NULL */
    char *scratch;
} winograd_job;

/* g[i][lane] = tap place[i] of one of `lanes` filters that lie next to one another, 0 where there is none: together
 * where these taps are close. */
static void take_filters(const T *filters, int64_t taps, int64_t lanes, const int64_t place[9], T g[9][LANES]) {
    enum { CLOSE = 16 };
    int64_t first = taps, last = 0;
    for (int i = 0; i < 9; i++) {
        if (place[i] < 0) continue;
        first = min_i64(first, place[i]);
        last = max_i64(last, place[i]);
    }
    int64_t span = last + 1 - first;
    int close = span >= 4 && span <= CLOSE;
    const T *run[LANES];
    FC_UNROLL for (int lane = 0; lane < LANES; lane++) run[lane] =
        filters + first + (lane < lanes ? lane : lanes - 1) * taps;
    vec near[CLOSE];
    if (close) take_columns(run, 0, span, near);
    for (int i = 0; i < 9; i++) {
        if (place[i] < 0) store(g[i], (vec){0});
        else if (close) store(g[i], near[place[i] - first]);
        else
            for (int lane = 0; lane < LANES; lane++) g[i][lane] = run[lane][place[i] - first];
    }
}

/* Filters of rows of the matrix of all groups, in levels [level, level + levels) -> points. */
static void transform_filters_of(const product *p, const winograd_tiles *t, int64_t first_row, int64_t rows,
                                 int64_t level, int64_t levels, const filter_layout *f, T *points) {
    for (int64_t d = level, slice_end; d < level + levels; d = slice_end) {
        int64_t slice = d / p->channels, place[9];
        slice_end = min_i64(level + levels, (slice + 1) * p->channels);
        find_slice_taps(p, t, slice, place);
        for (int64_t row = 0; row < rows; row++) {
            const T *filters = p->matrix + ((first_row + row - slice) * p->channels) * p->taps;
            for (int64_t first = d; first < slice_end; first += LANES) {
                T g[9][LANES];
                if (row + 1 < rows) fetch(filters + (p->channels + first) * p->taps, LANES * p->taps);
                take_filters(filters + first * p->taps, p->taps, min_i64(LANES, slice_end - first), place, g);
                t->transforms->filters(&g[0][0], points + row * f->row + first - level, f->point);
            }
        }
    }
}

static void compute_tile_directly(const product *p, const winograd_tiles *t, int64_t group, int64_t row, int64_t rows,
                                  const pixel_run *run, int64_t tile, char *scratch) {
    product direct = tile_product(p, t);
    int64_t (*offset)[3] = take(&scratch, p->taps * 3 * (int64_t)sizeof(int64_t));
    const winograd_axis *wide = &t->axis[2];
    int64_t corner[3] = {run->at[0], run->at[1], run->at[2] + tile * (wide->across ? 1 : wide->tile * wide->step)};
    for (int64_t tap = 0; tap < p->taps; tap++)
        for (int axis = 0; axis < 3; axis++) offset[tap][axis] = p->offset[tap][axis] + corner[axis] * p->stride[axis];
    for (int axis = 0; axis < 3; axis++) {
        direct.pixels[axis] =
            min_i64(direct.pixels[axis], ceil_div(p->pixels[axis] - corner[axis], t->axis[axis].step));
        direct.dest_start[axis] += corner[axis] * p->dest_stride[axis];
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

/* Lists the runs of outputs in a block of tiles: from stage[row][tile * columns] to a channel's plane. Those of whole
 * sources are stage[cell][tile]; a piece's width is the step on the stage. */
static int64_t find_outputs(const product *p, const winograd_tiles *t, const patch_room *room, int64_t block,
                            piece *outputs) {
    const winograd_axis *wide = &t->axis[2];
    int across = line_axis(t);
    int64_t found = 0, columns = wide->across ? 1 : wide->tile, step = wide->across ? 1 : wide->step;
    for (const pixel_run *run = room->runs; run < room->runs + room->run_count; run++) {
        int64_t at[3] = {run->at[0], run->at[1], run->at[2]}, from = columns * run->lane, from_row = columns * block;
        if (t->form == WINOGRAD_WHOLE) {
            from_row = wide->tile * block;
            from = run->lane + (p->low[1] + 2) * from_row + (p->low[2] + 2) * block;
        }
        for (int64_t i = 0; i < t->axis[across].tile; i++, at[across] += t->axis[across].step) {
            int64_t to = run->image * p->groups * p->rows * p->dest_extent[0];
            int64_t length = min_i64(columns * run->length, ceil_div(p->pixels[2] - at[2], step));
            if (at[1] >= p->pixels[1] || length <= 0) break;
            to += at[0] * p->dest_stride[0] + p->dest_start[0];
            for (int axis = 1; axis < 3; axis++)
                to = to * p->dest_extent[axis] + at[axis] * p->dest_stride[axis] + p->dest_start[axis];
            outputs[found++] = make_piece(from + i * from_row, to, length, t->form == WINOGRAD_WHOLE ? block : 1);
        }
    }
    return found;
}

/* m[point][row][tile] = filters * v for some levels, added where `level` is not the first of all. */
static void multiply_points(const winograd_plan *w, const T *filters, const filter_layout *layout, int64_t rows,
                            int64_t level, int64_t levels, const T *v, int64_t lanes, T *m) {
    const winograd_tiles *t = &w->t;
    int64_t columns = max_i64(t->axis[2].tile, t->axis[2].patch);
    for (int64_t i = 0; i < t->points; i++, m += w->m_point) {
        if (divide(i, columns) < t->axis[1].points && i % columns < t->axis[2].points)
            multiply_block(filters + i * layout->point, layout->row, NULL, rows, v + i * w->v_point, w->block, levels,
                           lanes, m, w->block, NULL, level > 0, NULL, NULL);
        else if (level == 0) zero_run(m, rows * w->block);
    }
}

static void winograd_task(const void *context, int64_t task, int thread) {
    const winograd_job *job = context;
    const product *p = job->p;
    const winograd_plan *w = &job->w;
    const winograd_tiles *t = &w->t;
    char *scratch = job->scratch + thread * w->thread_bytes;
    patch_room room = take_patch_room(t, w->block, &scratch);
    T *filters = take(&scratch, w->filter_bytes), *v = take(&scratch, w->v_bytes), *m = take(&scratch, w->m_bytes);
    T *stage = take(&scratch, w->stage_bytes);
    T *doubt = take(&scratch, w->block * (int64_t)sizeof(T));
    piece *outputs = take(&scratch, w->output_bytes);

    int64_t part = task % w->parts, block = task / w->parts % w->blocks, group = task / w->parts / w->blocks;
    int64_t first = block * w->block;
    room.count = min_i64(w->block, t->tiles - first);
    room.run_count = find_tile_runs(t, first, room.count, room.runs);
    int64_t lanes = ceil_div(room.count, LANES) * LANES;
    int64_t output_count = find_outputs(p, t, &room, w->block, outputs), plane = volume(p->dest_extent);
    int64_t dest_step = (t->axis[2].across ? 1 : t->axis[2].step) * p->dest_stride[2];
    int64_t stage_row = (t->axis[2].across || t->form == WINOGRAD_WHOLE ? 1 : t->axis[2].tile) * w->block;

    filter_layout layout =
        job->matrix ? lay_filters(t, p->rows, t->depth) : lay_filters(t, w->filter_rows, w->filter_levels);
    const T *bias = p->epilogue.bias, *residual = p->epilogue.residual;
    int plain = dest_step == 1 && !residual && !p->epilogue.activation;
    int64_t begin = part_start(w->grains, w->parts, part) * WINOGRAD_GRAIN;
    int64_t end = min_i64(p->rows, part_start(w->grains, w->parts, part + 1) * WINOGRAD_GRAIN);
    for (int64_t row = begin; row < end; row += w->m_rows) {
        int64_t rows = min_i64(w->m_rows, end - row), channel_row = group * p->rows + row;
        for (int64_t level = 0; level < t->depth; level += w->chunk) {
            int64_t levels = min_i64(w->chunk, t->depth - level);
            if (row == begin || w->chunks > 1)
                transform_levels(p, t, group, level, levels, &room, v, w->block, w->v_point);
            for (int64_t r = 0, some; r < rows && !fc_stopped(); r += some) {
                some = job->matrix ? rows : min_i64(w->filter_rows, rows - r);
                for (int64_t d = 0, few; d < levels; d += few) {
                    const T *from = filters;
                    few = min_i64(w->filter_levels, levels - d);
                    if (job->matrix)
                        from = (const T *)(job->matrix + group * layout.bytes) + row * layout.row + level + d;
                    else transform_filters_of(p, t, channel_row + r, some, level + d, few, &layout, filters);
                    multiply_points(w, from, &layout, some, level + d, few, v + d * w->block, lanes, m + r * w->block);
                }
            }
        }
        for (int64_t k = 0; k < rows; k++) {
            int64_t channel = channel_row + k, grain = k % WINOGRAD_GRAIN;
            if (grain == 0) zero_run(doubt, lanes);
            for (const piece *out = outputs; out < outputs + output_count; out++)
                fetch_run(p->dest + out->dest + channel * plane, out->length, dest_step);
            t->transforms->products(m + k * w->block, w->m_point, lanes, bias ? bias[channel] : 0, stage, stage_row,
                                    doubt);
            for (const piece *out = outputs; out < outputs + output_count; out++) {
                int64_t to = out->dest + channel * plane;
                T line[WINOGRAD_PATCH];
                if (out->width > 1) {
                    for (int64_t i = 0; i < out->length; i++) line[i] = stage[out->source + i * out->width];
                    finish_run(p->dest + to, line, residual ? residual + to : NULL, out->length, dest_step,
                               p->epilogue.activation);
                } else if (plain) copy_run(p->dest + to, stage + out->source, out->length);
                else
                    finish_run(p->dest + to, stage + out->source, residual ? residual + to : NULL, out->length,
                               dest_step, p->epilogue.activation);
            }
            if (grain < WINOGRAD_GRAIN - 1 && k < rows - 1) continue;
            for (const pixel_run *run = room.runs; run < room.runs + room.run_count; run++)
                for (int64_t tile = 0; tile < run->length; tile++)
                    if (doubt[run->lane + tile] != 0)
                        compute_tile_directly(p, t, group, row + k - grain, grain + 1, run, tile, scratch);
        }
    }
}

typedef struct {
    const product *p;
    winograd_tiles t;
    filter_layout filters;
    char *matrix;
} winograd_filter_job;

static void winograd_filter_task(const void *context, int64_t task, int thread) {
    (void)thread;
    const winograd_filter_job *job = context;
    T *group = (T *)(job->matrix + task / job->p->rows * job->filters.bytes);
    transform_filters_of(job->p, &job->t, task, 1, 0, job->t.depth, &job->filters,
                         group + task % job->p->rows * job->filters.row);
}

static void transform_all_filters(const product *p, void *matrix, int threads) {
    winograd_filter_job job = {.p = p, .t = cut_product(p), .matrix = matrix};
    job.filters = lay_filters(&job.t, p->rows, job.t.depth);
    fc_parallel_for(p->groups * p->rows, threads, winograd_filter_task, &job);
}

static void run_winograd(const product *p, void *scratch, int threads) {
    winograd_job job = {.p = p, .w = plan_winograd(p, threads), .matrix = p->packed};
    char *rest = scratch;
    char *matrix = take(&rest, job.w.matrix_bytes);
    job.scratch = rest;
    if (!job.matrix && !job.w.filter_rows) {
        transform_all_filters(p, matrix, threads);
        job.matrix = matrix;
    }
    fc_parallel_for(p->groups * job.w.blocks * job.w.parts, threads, winograd_task, &job);
}
